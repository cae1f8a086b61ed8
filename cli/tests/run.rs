//! `evmc run`: calls, deployments, and what is told about them.
//!
//! `Cell.json` is what solc makes of `Cell.sol`, with standard JSON.

mod common;

use std::fs;

use common::{Run, evmc, fixture};
use serde_json::json;

/// Deploys a `Cell` that holds 5 and calls it.
fn call(arguments: &[&str]) -> Run {
    let input = fixture("Cell.json");
    let mut all = vec!["run", "--json", "--create", "--constructor-arg", "5"];
    all.extend(arguments);
    all.insert(5, &input);
    evmc(&all)
}

#[test]
fn a_call_by_name_is_decoded() {
    let run = call(&["--sig", "get"]).expect(0, "");
    let json = run.json();
    assert_eq!(json["status"], "success");
    assert_eq!(json["decoded"], json!(["5", "false"]));
    assert_eq!(json["contract"], "Cell.sol:Cell");
    assert_eq!(json["deployment"]["status"], "success");
    let slot = &json["deployment"]["state_changes"][address(&json)]["storage"]["0x0"];
    assert_eq!(*slot, json!({"from": "0x0", "to": "0x5"}));
}

/// The address of the deployed contract.
fn address(json: &serde_json::Value) -> String {
    json["deployment"]["created"].as_str().expect("an address").to_owned()
}

#[test]
fn logs_and_state_changes_are_shown() {
    let run = call(&["--sig", "set", "8"]).expect(0, "");
    let json = run.json();
    assert_eq!(json["decoded"], json!(["5"]));
    assert_eq!(json["logs"][0]["event"], "Set(old: 5, value: 8)");
    assert_eq!(json["state_changes"][address(&json)]["storage"]["0x0"], json!({"from": "0x5", "to": "0x8"}));
}

#[test]
fn reverts_are_explained() {
    let reason = |arguments: &[&str]| {
        let json = call(arguments).expect(1, "").json();
        assert_eq!(json["status"], "revert");
        json["reason"].as_str().expect("text").to_owned()
    };
    assert_eq!(reason(&["--sig", "set", "7"]), "\"not seven\"");
    assert_eq!(reason(&["--sig", "set", "1001"]), "TooLarge(1001, \"at most 1000\")");
    assert_eq!(reason(&["--sig", "div(uint256)", "0"]), "panic 0x12: division by zero");
}

#[test]
fn signatures_and_arguments_have_many_forms() {
    let decoded = |arguments: &[&str]| call(arguments).expect(0, "").json()["decoded"].clone();
    assert_eq!(decoded(&["--sig", "sum", "[1, 2, 3]", "-7"]), json!(["-1"]));
    assert_eq!(decoded(&["--sig", "sum(uint256[],int8)(int256)", "[]", "4"]), json!(["4"]));
    assert_eq!(decoded(&["--sig", "div(uint256) returns (bool)", "4"]), json!(["true"]));
    assert_eq!(decoded(&["--calldata", "0x6d4ce63c"]), json!(["5", "false"]));
    call(&["--sig", "gets"]).expect(2, "the contract's ABI has no function gets");
    call(&["--sig", "div"]).expect(2, "div takes 1 arguments, 0 are given");
    call(&["--sig", "div", "-1"]).expect(2, "\"-1\" is not a value of type uint256");
    call(&["--sig", "div(uint", "1"]).expect(2, "is not a function signature");
}

#[test]
fn a_state_can_be_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.json");
    let state = json!({"0x00000000000000000000000000000000000000aa": {"storage": {"0x00": "0x2a"}}});
    fs::write(&path, state.to_string()).expect("a file");
    let path = path.to_str().expect("a path in UTF-8");
    let input = fixture("Cell.json");
    let at = "0x00000000000000000000000000000000000000aa";
    let args = ["run", "--json", &input, "--sig", "get", "--state", path, "--address", at];
    assert_eq!(evmc(&args).expect(0, "").json()["decoded"], json!(["42", "true"]));
    fs::write(path, "{\"0xaa\": 1}").expect("a file");
    evmc(&args).expect(2, "is not a state");
}

#[test]
fn forks_and_gas_have_an_effect() {
    // PUSH0 exists since Shanghai.
    evmc(&["run", "0x5f00", "--fork", "shanghai"]).expect(0, "success (Stop)");
    evmc(&["run", "0x5f00", "--fork", "london"]).expect(1, "halt (NotActivated)");
    evmc(&["run", "0x5b5f56", "--gas", "30000"]).expect(1, "halt (OutOfGas");
    evmc(&["run", "0x00", "--gas", "100"]).expect(1, "rejected");
    evmc(&["run", "0x5f5f5f5f5f335af1", "--value", "0x10"]).expect(0, "balance 0 -> 16");
}

#[test]
fn a_trace_goes_to_standard_error() {
    let run = evmc(&["run", "0x5f00", "--trace", "--json"]).expect(0, "");
    assert_eq!(run.stderr.lines().count(), 2);
    assert!(run.stderr.contains("\"opName\":\"PUSH0\""));
    assert!(run.json()["time_ns"].is_u64());
}

#[test]
fn completions_exist_for_shells() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        evmc(&["completions", shell]).expect(0, "statetest");
    }
}
