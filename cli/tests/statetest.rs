//! `evmc statetest` as its users see it.
//!
//! `store.json`: a contract writes one slot and one log; on Cancun there is a second subtest whose
//! transaction has too little gas to be valid, and one post is for a fork that does not exist here.

mod common;

use std::{fs, io::Write, path::Path};

use common::{evmc, evmc_with_input, fixture};
use serde_json::{Value, json};

/// The state root after the transaction of `store.json`.
const ROOT: &str = "0x6d80910f50d16a653bfe196b8fe29b7e0eae47f7b6d13dc54539908c0ca12586";

/// A folder with a test, and a JSON file that is none.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("sub")).expect("a folder");
    fs::copy(fixture("store.json"), folder.path().join("sub/store.json")).expect("a copy");
    fs::write(folder.path().join("index.json"), r#"{"files": 1}"#).expect("a file");
    folder
}

/// Packs a folder into a tar archive.
fn tar(folder: &Path) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_dir_all("tests", folder).expect("a folder");
    builder.into_inner().expect("an archive")
}

/// `store.json` with one value replaced.
fn changed(pointer: &str, value: Value) -> tempfile::NamedTempFile {
    let text = fs::read(fixture("store.json")).expect("the fixture");
    let mut json: Value = serde_json::from_slice(&text).expect("JSON");
    *json.pointer_mut(pointer).expect("the place exists") = value;
    let mut file = tempfile::Builder::new().suffix(".json").tempfile().expect("a file");
    file.write_all(json.to_string().as_bytes()).expect("written");
    file
}

/// A temporary file's path as an argument.
fn path(file: &tempfile::NamedTempFile) -> &str {
    file.path().to_str().expect("a path in UTF-8")
}

#[test]
fn counts_what_passes_and_what_is_skipped() {
    let engine = ["--engine", "interpreter", "--summary", "-"];
    let run = evmc(&[&["statetest", &fixture("store.json")], &engine[..]].concat()).expect(0, "");
    let summary = run.json();
    assert_eq!(summary["passed"], 3);
    assert_eq!(summary["failed"], 0);
    assert_eq!(summary["skipped"], 1);
    assert_eq!(summary["skipped_by_reason"], json!({"fork is not supported": 1}));
    assert_eq!(summary["frames"]["native"], 0);
    assert_eq!(summary["frames"]["interpreted"], 2);
    assert_eq!(summary["codes"]["compiled"], 0);
    assert_eq!(summary["codes"]["refused"], 0);
    assert_eq!(summary["compile_cpu_s"], 0.0);
}

#[test]
fn compiled_code_runs_the_frames() {
    for engine in ["native", "ir"] {
        let file = fixture("store.json");
        let run = evmc(&["statetest", &file, "--engine", engine, "--summary", "-"]).expect(0, "");
        let summary = run.json();
        assert_eq!((&summary["passed"], &summary["failed"]), (&json!(3), &json!(0)), "{engine}");
        assert_eq!(summary["frames"]["native"], 2, "{engine}");
        assert_eq!(summary["frames"]["interpreted"], 0, "{engine}");
        // One code under two forks.
        assert_eq!(summary["codes"]["compiled"], 2, "{engine}");
        assert!(summary["compile_cpu_s"].as_f64().is_some_and(|seconds| seconds > 0.0), "{engine}");
    }
}

#[test]
fn initcode_is_interpreted_on_request() {
    let text = fs::read(fixture("store.json")).expect("the fixture");
    let mut json: Value = serde_json::from_slice(&text).expect("JSON");
    json["store"]["transaction"]["to"] = json!("");
    json["store"]["transaction"]["data"] = json!(["0x5f5ff3"]);
    let file = changed("/store", json["store"].clone());
    let run = evmc(&["statetest", path(&file), "--no-initcode", "--summary", "-"]);
    let by_reason = &run.expect(1, "").json()["frames"]["interpreted_by_reason"];
    assert_eq!(*by_reason, json!({"initcode is not compiled": 2}));
}

#[test]
fn reads_folders_and_archives() {
    let folder = folder();
    let packed = tar(folder.path());
    let gz = folder.path().join("tests.tar.gz");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&packed).expect("compressed");
    fs::write(&gz, encoder.finish().expect("compressed")).expect("a file");
    let zst = folder.path().join("tests.tar.zst");
    fs::write(&zst, zstd::encode_all(packed.as_slice(), 1).expect("compressed")).expect("a file");
    for archive in [&gz, &zst] {
        let archive = archive.to_str().expect("a path in UTF-8");
        evmc(&["statetest", archive]).expect(0, "3 passed, 0 failed, 1 skipped in 1 files");
    }
    let all = folder.path().to_str().expect("a path in UTF-8");
    evmc(&["statetest", all, "-j", "2"]).expect(0, "9 passed, 0 failed, 3 skipped in 3 files");
}

#[test]
fn names_what_failed() {
    let file = changed("/store/post/Shanghai/0/hash", json!(format!("0x{}", "11".repeat(32))));
    evmc(&["statetest", path(&file)])
        .expect(1, "store [Shanghai d0 g0 v0]")
        .expect(1, &format!("state root {ROOT} instead of 0x1111"));
    let file = changed("/store/post/Cancun/1/indexes/gas", json!(0));
    evmc(&["statetest", path(&file)]).expect(1, "not rejected, expected was TransactionException");
    let file = changed("/store/post/Cancun/0/indexes/gas", json!(7));
    evmc(&["statetest", path(&file)]).expect(1, "index 7 is outside of the 2 alternatives");
}

#[test]
fn a_malformed_test_fails() {
    let file = changed("/store/pre", json!("nothing"));
    evmc(&["statetest", path(&file)]).expect(1, "not a valid state test");
    evmc(&["statetest", "no-such-file.json"]).expect(2, "cannot read no-such-file.json");
}

#[test]
fn chooses_by_fork_and_by_name() {
    let file = fixture("store.json");
    evmc(&["statetest", &file, "--fork", "Cancun"]).expect(0, "2 passed, 0 failed, 1 skipped");
    evmc(&["statetest", &file, "--filter", "Shanghai d0"]).expect(0, "1 passed, 0 failed, 0 skipped");
    evmc(&["statetest", &file, "--fork", "Atlantis"]).expect(2, "unknown fork; known are Frontier");
}

#[test]
fn writes_outcome_lines_for_fuzzers() {
    let run = evmc(&["statetest", "--json-outcome", &fixture("store.json"), "--fork", "shanghai"]);
    let line = run.expect(0, "").stderr;
    assert!(line.starts_with(&format!("{{\"stateRoot\":\"{ROOT}\",\"logsRoot\":\"0x")), "{line}");
    let line: Value = serde_json::from_str(&line).expect("one line of JSON");
    assert_eq!(line["pass"], true);
    assert_eq!(line["gasUsed"], 43755);
    assert_eq!(line["evmResult"], "Success: Stop");
    assert_eq!((&line["d"], &line["g"], &line["v"]), (&json!(0), &json!(0), &json!(0)));
}

#[test]
fn traces_each_operation() {
    let run = evmc(&["statetest", "--json", &fixture("store.json"), "--fork", "shanghai"]);
    let stderr = run.expect(0, "").stderr;
    let lines: Vec<Value> = stderr.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 11);
    assert_eq!(lines[2]["opName"], "SSTORE");
    assert_eq!(lines[2]["stack"], json!(["0x1", "0x2"]));
    assert_eq!(lines[10]["stateRoot"], ROOT);
}

#[test]
fn answers_a_batch_line_by_line() {
    let file = fixture("store.json");
    let input = format!("{file}\nno-such-file.json\n\n{file}\n");
    let run = evmc_with_input(&["statetest", "--json-outcome"], input.as_bytes());
    let run = run.expect(1, "6 passed, 1 failed");
    assert_eq!(run.stderr.matches("\"stateRoot\":\"0x").count(), 6);
}
