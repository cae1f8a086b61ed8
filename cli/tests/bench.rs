//! `evmc bench`: what it measures, what it prints, and what it refuses.

mod common;

use std::{fs, path::Path};

use common::{Run, evmc, fixture};
use serde_json::{Value, json};

/// Adds up the numbers below 100 and returns the sum.
const LOOP: &str = "0x5f5f5b8091019060010180606411600257505f5260205ff3";

/// Measures with as little time as possible.
fn bench(arguments: &[&str]) -> Run {
    let mut all = vec!["bench", "--time", "0"];
    all.extend(arguments);
    evmc(&all)
}

/// The sum of the numbers below 100 as a word.
const SUM: &str = "0x0000000000000000000000000000000000000000000000000000000000001356";

/// A set of two inputs that run [`LOOP`], of which the second is in the headline, with revmc's ratio 2.
fn write_set(folder: &Path, gas_used: &str) -> String {
    let output_keccak = alloy_primitives::keccak256(alloy_primitives::hex::decode(SUM).expect("hex"));
    let bench = |name: &str| {
        json!({
            "name": name, "fork": "Osaka",
            "env": {"number": "0x1", "timestamp": "0x1", "coinbase": format!("{:#042x}", 1),
                "gasLimit": "0x1000000", "baseFee": "0x0", "prevRandao": format!("{:#066x}", 0)},
            "tx": {"from": format!("{:#042x}", 0xca11), "to": format!("{:#042x}", 0xc0de), "input": "0x",
                "value": "0x0", "gasLimit": "0x100000", "gasPrice": "0x0", "nonce": "0x0"},
            "pre": {format!("{:#042x}", 0xc0de):
                {"balance": "0x0", "nonce": "0x1", "code": LOOP, "storage": {}}},
            "expected": {"status": "success", "gasUsed": gas_used, "outputLen": 32,
                "outputKeccak": output_keccak, "logs": [], "storageWrites": {}},
        })
    };
    let set =
        json!({"format": "evmc-bench-set/1", "benches": [bench("a/first"), bench("ipsilon/main/second")]});
    let path = folder.join("set.json");
    fs::write(&path, set.to_string()).expect("a file");
    fs::write(folder.join("HEADLINE.txt"), "# name ratio\nipsilon/main/second 2.0\n").expect("a file");
    path.into_os_string().into_string().expect("a path in UTF-8")
}

#[test]
fn a_contract_is_measured_with_every_engine() {
    let run = bench(&[LOOP, "--json"]).expect(0, "");
    let json = run.json();
    let row = &json["rows"][0];
    assert_eq!(json["rows"].as_array().map(Vec::len), Some(1));
    assert_eq!((&row["status"], &row["peer"]), (&json!("success"), &Value::Null));
    assert_eq!(row["engines"]["interpreter"]["ratio"]["median"], 1.0);
    let native = &row["engines"]["cranelift"];
    let number = |value: &Value| value.as_f64().expect("a number");
    assert!(number(&native["time_ns"]["low"]) <= number(&native["time_ns"]["median"]));
    assert!(number(&native["time_ns"]["median"]) <= number(&native["time_ns"]["high"]));
    assert!(number(&native["compilation"]["cpu_ns"]) > 0.0);
    assert!(number(&native["compilation"]["artifact_bytes"]) > 0.0);
    assert_eq!((&native["frames_interpreted"], &native["compilation"]["codes"]), (&json!(0), &json!(1)));
    assert!(number(&native["rounds"]) >= 5.0);
    // One row, so the mean is its ratio.
    let difference = number(&json["geomean"]["cranelift"]) - number(&native["ratio"]["median"]);
    assert!(difference.abs() < 1e-9, "{json}");
    assert_eq!(json["geomean"].as_object().and_then(|means| means.get("interpreter")), None);
}

#[test]
fn calls_are_described_as_for_run() {
    let input = fixture("Cell.json");
    let run = bench(&["--json", &input, "--create", "--constructor-arg", "5", "--sig", "set", "8"]);
    let json = run.expect(0, "").json();
    assert_eq!(json["rows"][0]["name"], "Cell.sol:Cell set(uint256)");
    let run = bench(&[&input, "--create", "--constructor-arg", "5", "--json"]).expect(0, "");
    assert_eq!(run.json()["rows"][0]["name"], "Cell.sol:Cell");
    // A transaction that reverts is measured as well.
    let run =
        bench(&["--json", &input, "--create", "--constructor-arg", "5", "--sig", "set", "7"]).expect(0, "");
    assert_eq!(run.json()["rows"][0]["status"], "revert");
}

#[test]
fn the_set_has_a_headline_and_the_rest() {
    let folder = tempfile::tempdir().expect("a folder");
    let set = write_set(folder.path(), "0x621f");
    let names = |arguments: &[&str]| {
        let json = bench(&[&["--json", "--set", &set], arguments].concat()).expect(0, "").json();
        let rows = json["rows"].as_array().cloned().unwrap_or_default();
        let names: Vec<_> = rows.iter().map(|row| row["label"].as_str().unwrap_or("").to_owned()).collect();
        (names.join(" "), json["geomean_rows"].clone(), json["geomean_peer"].clone())
    };
    assert_eq!(names(&[]), ("second".to_owned(), json!(1), json!(2.0)));
    assert_eq!(names(&["--all"]), ("second a/first".to_owned(), json!(1), json!(2.0)));
    assert_eq!(names(&["--all", "--sort", "name"]), ("a/first second".to_owned(), json!(1), json!(2.0)));
    assert_eq!(names(&["--all", "--filter", "fi[r]st"]), ("a/first".to_owned(), json!(1), Value::Null));
    bench(&["--set", &set]).expect(0, "second").expect(0, "2.00x").expect(0, "geometric mean");
    bench(&["--set", &set, "--filter", "third"]).expect(2, "no workload matches \"third\"");
}

#[test]
fn an_outcome_that_is_not_expected_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let set = write_set(folder.path(), "0x5208");
    bench(&["--set", &set]).expect(1, "not as the bench set expects: gas used");
    let json = bench(&["--set", &set, "--json"]).expect(1, "").json();
    assert_eq!(json["geomean"]["cranelift"], Value::Null);
}

#[test]
fn pages_and_pictures_are_written_and_made_again_from_the_result() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).into_os_string().into_string().expect("a path in UTF-8");
    let read = |name: &str| fs::read_to_string(path(name)).expect("a file");
    let run = bench(&[LOOP, "--json", "--html", &path("a.html"), "--svg", &path("a.svg")]).expect(0, "");
    fs::write(path("a.json"), &run.stdout).expect("a file");
    evmc(&["bench", "--from", &path("a.json"), "--html", &path("b.html"), "--svg", &path("b.svg")])
        .expect(0, "run time")
        .expect(0, "cranelift");
    assert!(read("a.html").starts_with("<!DOCTYPE html>") && read("a.svg").starts_with("<svg "));
    assert_eq!((read("a.html"), read("a.svg")), (read("b.html"), read("b.svg")));
    bench(&[LOOP, "--html", "/nowhere/page.html"]).expect(2, "cannot write /nowhere/page.html");
    evmc(&["bench", "--from", &path("a.svg")]).expect(2, "is not a result");
    evmc(&["bench", "--from", &path("a.json"), LOOP]).expect(2, "cannot be used with");
}

#[test]
fn wrong_arguments_are_explained() {
    bench(&[LOOP, "--engine", "jit"]).expect(2, "there is no engine \"jit\"");
    bench(&["--calldata", "0x00"]).expect(2, "required");
    bench(&[LOOP, "--all"]).expect(2, "cannot be used with");
    evmc(&["bench", LOOP, "--time", "-1"]).expect(2, "expected is a number of seconds");
    bench(&["--set", "/nowhere/set.json"]).expect(2, "cannot use the bench set: /nowhere/set.json");
    bench(&["0x", "--create"]).expect(2, "");
    bench(&[LOOP, "--gas", "21000", "--json"]).expect(0, "halt");
    bench(&[LOOP, "--gas", "1000"]).expect(1, "the transaction is rejected");
}

#[test]
fn a_cold_run_says_so() {
    let setting = |arguments: &[&str]| bench(arguments).expect(0, "").json()["setting"]["cold"].clone();
    assert_eq!(setting(&[LOOP, "--cold", "--json"]), true);
    assert_eq!(setting(&[LOOP, "--json"]), false);
}

#[test]
fn the_configuration_of_llvm_is_read_before_anything_is_measured() {
    let said = if cfg!(feature = "llvm") { "no-such.toml" } else { "without LLVM" };
    bench(&[LOOP, "--llvm-config", "no-such.toml"]).expect(2, said);
}
