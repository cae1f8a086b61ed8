//! `evmc build`, `evmc inspect` and `evmc passes`.

mod common;

use std::{fs, path::Path};

use common::{evmc, fixture};
use serde_json::json;

/// A path as an argument.
fn text(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_owned()
}

/// A folder and a file in it.
fn place(name: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = text(&folder.path().join(name));
    (folder, path)
}

#[test]
fn an_artifact_is_built_and_runs() {
    let (_folder, path) = place("Cell.so");
    let input = fixture("Cell.json");
    evmc(&["build", &input, "-o", &path]).expect(0, "Cell.sol:Cell: 791 bytes of code");
    let run = evmc(&["run", "--json", &path, "--code", &input, "--sig", "get"]).expect(0, "");
    assert_eq!(run.json()["decoded"], json!(["0", "true"]));
    evmc(&["run", &path]).expect(2, "pass the contract that it was built from as well");
    evmc(&["run", &path, "--code", "0x00"]).expect(2, "is refused: ");
    evmc(&["run", &path, "--code", &input, "--fork", "london"]).expect(2, "under the rules of Osaka");
    let run = evmc(&["inspect", "--json", &path]).expect(0, "");
    let artifact = &run.json()["artifacts"][0];
    assert_eq!((&artifact["fork"], &artifact["backend"]), (&json!("Osaka"), &json!("cranelift")));
    assert_eq!((&artifact["code_bytes"], &artifact["open_jumps"]), (&json!(791), &json!(0)));
}

#[test]
fn a_damaged_artifact_is_refused() {
    let (_folder, path) = place("Cell.so");
    evmc(&["build", &fixture("Cell.json"), "-o", &path]).expect(0, "");
    let mut bytes = fs::read(&path).expect("the artifact");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).expect("written");
    evmc(&["inspect", &path]).expect(1, "is refused: ");
    evmc(&["run", &path, "--code", &fixture("Cell.json")]).expect(2, "is refused: ");
}

#[test]
fn builds_stop_where_they_are_told_to() {
    let starts: [(&str, &[u8]); 3] = [("ir", b"entry %"), ("obj", b"\x7fELF"), ("so", b"\x7fELF")];
    for (emit, start) in starts {
        let (_folder, path) = place("out");
        evmc(&["build", "0x600160020100", "-o", &path, "--emit", emit]).expect(0, "");
        let bytes = fs::read(&path).expect("the output");
        assert!(bytes.starts_with(start), "{emit}");
    }
    let (_folder, path) = place("out.s");
    evmc(&["build", "0x600160020100", "-o", &path, "--emit", "asm"]).expect(0, "");
    assert!(fs::read_to_string(&path).expect("text").contains("ret"));
}

#[test]
fn equal_inputs_give_equal_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    for number in 0..6 {
        let code = format!("{}00", "6001600201505b".repeat(number + 1));
        fs::write(folder.path().join(format!("c{number}.hex")), code).expect("a file");
    }
    let input = text(folder.path());
    let outputs = ["1", "2"].map(|jobs| {
        let target = tempfile::tempdir().expect("a folder");
        evmc(&["build", &input, "-o", &text(target.path()), "-j", jobs]).expect(0, "6 built, 0 refused");
        let read = |number| fs::read(target.path().join(format!("c{number}.so"))).expect("an artifact");
        (0..6).map(read).collect::<Vec<_>>()
    });
    assert_eq!(outputs[0], outputs[1]);
}

#[test]
fn one_bad_contract_does_not_stop_the_others() {
    let (folder, path) = place("all.json");
    let artifact = |code: &str| json!({"evm": {"deployedBytecode": {"object": code}}});
    let unlinked = "73__$1234567890123456789012345678901234$__";
    let all =
        json!({"contracts": {"a.sol": {"A": artifact("00"), "B": artifact(unlinked), "I": artifact("")}}});
    fs::write(&path, all.to_string()).expect("a file");
    let target = text(&folder.path().join("out"));
    let run = evmc(&["build", &path, "-o", &format!("{target}/"), "--json"]);
    let run = run.expect(2, "a.sol:B is not linked");
    let json = run.json();
    assert_eq!(json["built"].as_array().map(Vec::len), Some(1));
    assert_eq!(json["refused"].as_array().map(Vec::len), Some(1));
    assert!(Path::new(&target).join("A.so").exists());
    evmc(&["build", &path, "--contract", "X"]).expect(2, "holds no contract X");
}

#[test]
fn outputs_that_cannot_be_written_are_errors() {
    evmc(&["build", "0x00", "-o", "/proc/no/such/place.so"]).expect(2, "cannot write /proc/no/such");
}

#[test]
fn statistics_cover_many_contracts() {
    let folder = tempfile::tempdir().expect("a folder");
    // A jump to what the calldata says, and one to a constant.
    fs::write(folder.path().join("t.tsv"), "name\tcode\nopen\t5f35565b00\nplain\t6003565b00\n")
        .expect("a file");
    let input = text(folder.path());
    let run = evmc(&["inspect", &input, "--stats", "--measure", "--json"]).expect(0, "");
    let stats = &run.json()["stats"];
    assert_eq!((&stats["contracts"], &stats["resolved"]), (&json!(2), &json!(1)));
    assert_eq!((&stats["jumps"], &stats["open_jumps"]), (&json!(2), &json!(1)));
    assert_eq!(stats["resolved_percent"], 50.0);
    assert!(stats["compiled"]["max_s"].as_f64().is_some_and(|seconds| seconds > 0.0));
    evmc(&["inspect", &input]).expect(0, "jumps         1 reachable, 1 open");
}

#[test]
fn graphs_are_drawn() {
    let (_folder, path) = place("graph.svg");
    evmc(&["inspect", &fixture("Cell.json"), "--cfg", &path]).expect(0, "");
    let svg = fs::read_to_string(&path).expect("a picture");
    assert!(svg.starts_with("<svg") && svg.contains("main:") && svg.trim_end().ends_with("</svg>"));
    let (_folder, path) = place("graph.dot");
    evmc(&["inspect", "0x5f35565b00", "--cfg", &path]).expect(0, "");
    assert!(fs::read_to_string(&path).expect("a graph").contains("b0 -> open"));
    evmc(&["inspect", "0x00", "--cfg", "graph.png"]).expect(2, "ends in .svg or .dot");
}

#[test]
fn passes_are_listed_in_order() {
    let run = evmc(&["passes", "--json"]).expect(0, "");
    let json = run.json();
    let names: Vec<_> =
        json["passes"].as_array().expect("a list").iter().map(|pass| pass["name"].clone()).collect();
    let place = |name: &serde_json::Value| names.iter().position(|known| known == name);
    for order in json["order"].as_array().expect("a list") {
        assert!(place(&order["before"]) < place(&order["after"]), "{order}");
    }
    evmc(&["passes"]).expect(0, "Order:");
}
