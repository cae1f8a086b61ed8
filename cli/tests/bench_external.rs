//! `evmc bench --external`: other programs in a run, those that behave and those that do not.

mod common;

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Instant};

use common::{Run, evmc, evmc_with_input};
use serde_json::{Value, json};

/// Adds up the numbers below 100 and returns the sum.
const LOOP: &str = "0x5f5f5b8091019060010180606411600257505f5260205ff3";

/// The answer to `hello`.
const HELLO: &str = r#"{"op":"hello","protocol":"evmc-bench-external/1","name":"other","version":"7"}"#;

/// Measures [`LOOP`] with another program.
fn bench(command: &str) -> Run {
    let arguments =
        ["bench", "--time", "0", "--json", "--external-timeout", "0.5", "--external", command, LOOP];
    evmc(&arguments)
}

/// The command that serves one of our engines.
fn served(engine: &str) -> String {
    format!("{} bench --serve --engine {engine}", env!("CARGO_BIN_EXE_evmc"))
}

/// A program that reads a request, writes the next of `answers`, and so on; then it waits.
fn program(folder: &Path, answers: &[&str]) -> String {
    let mut script = "#!/bin/sh\n".to_owned();
    for answer in answers {
        script += &format!("read -r request\ncat <<'END'\n{answer}\nEND\n");
    }
    script += "read -r request\nsleep 60\n";
    let path = folder.join("program");
    fs::write(&path, script).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a permission");
    path.into_os_string().into_string().expect("a path in UTF-8")
}

/// The answers that the interpreter gives to `load` and `run`.
fn right_answers() -> (Value, Value) {
    let set = json!({
        "op": "load", "name": "loop", "fork": "Osaka",
        "env": {"number": "0x1", "timestamp": "0x1", "coinbase": format!("{:#042x}", 0),
            "gasLimit": "0x10000000000", "baseFee": "0x0", "prevRandao": format!("{:#066x}", 0)},
        "tx": {"from": "0xca11000000000000000000000000000000000000",
            "to": "0xc0de000000000000000000000000000000000000", "input": "0x",
            "value": "0x0", "gasLimit": "0x3b9aca00", "gasPrice": "0x0", "nonce": "0x0"},
        "pre": {
            "0xca11000000000000000000000000000000000000":
                {"balance": "0x100000000000000000000000000000000", "nonce": "0x0", "code": "0x", "storage": {}},
            "0xc0de000000000000000000000000000000000000":
                {"balance": "0x0", "nonce": "0x1", "code": LOOP, "storage": {}},
        },
    });
    let requests = format!("{set}\n{{\"op\":\"run\",\"count\":2}}\n");
    let run = evmc_with_input(&["bench", "--serve", "--engine", "interpreter"], requests.as_bytes());
    let mut lines = run.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    (lines.next().expect("an answer to load"), lines.next().expect("an answer to run"))
}

#[test]
fn our_own_engines_answer_from_another_process() {
    for engine in ["interpreter", "cranelift"] {
        let json = bench(&served(engine)).expect(0, "").json();
        let row = &json["rows"][0]["engines"][format!("{engine}-2")];
        assert!(row["ratio"]["median"].as_f64().expect("a ratio") > 0.0, "{json}");
        assert_eq!(row["compilation"].is_object(), engine == "cranelift");
        assert!(json["geomean"][format!("{engine}-2")].is_number());
    }
}

#[test]
fn what_the_protocol_promises_is_answered() {
    let (loaded, ran) = right_answers();
    assert_eq!((&loaded["op"], &ran["op"]), (&json!("loaded"), &json!("ran")));
    assert_eq!(loaded["outcome"], ran["outcome"]);
    assert_eq!((&ran["outcome"]["status"], &ran["outcome"]["gasUsed"]), (&json!("success"), &json!(25119)));
    let requests = b"{\"op\":\"run\",\"count\":1}\nwhat?\n{\"op\":\"hello\",\"protocol\":\"x\"}\n";
    let run = evmc_with_input(&["bench", "--serve", "--engine", "interpreter"], requests);
    let said: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(said[0], json!({"op": "error", "message": "nothing is loaded"}));
    assert_eq!((&said[1]["op"], &said[2]["name"]), (&json!("error"), &json!("interpreter")));
}

#[test]
fn a_wrong_outcome_takes_the_engine_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut loaded, _) = right_answers();
    loaded["outcome"]["gasUsed"] = json!(25120);
    let run = bench(&program(folder.path(), &[HELLO, &loaded.to_string()]));
    let json = run.expect(1, "differs from the interpreter: gas used: 25120 instead of 25119").json();
    assert_eq!(json["geomean"]["other"], Value::Null);
    assert!(json["geomean"]["cranelift"].is_number());
    loaded["outcome"]["gasUsed"] = json!(25119);
    loaded["outcome"]["stateRoot"] = json!(format!("{:#066x}", 1));
    bench(&program(folder.path(), &[HELLO, &loaded.to_string()])).expect(1, "state root:");
}

#[test]
fn a_workload_may_be_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let answer = r#"{"op":"error","message":"no such fork here"}"#;
    bench(&program(folder.path(), &[HELLO, answer])).expect(1, "no such fork here");
}

#[test]
fn what_is_no_answer_is_shown_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let (loaded, ran) = right_answers();
    let loaded = loaded.to_string();
    let mut impossible = ran.clone();
    impossible["cpuNs"] = json!(1e12);
    let impossible = impossible.to_string();
    let cases: [(&[&str], &str); 7] = [
        (&["hi there"], "line 1 of its output: expected value at line 1 column 1: hi there"),
        (&[&HELLO.replace("external/1", "external/9")], "line 1 of its output: the protocol is not"),
        (&[&HELLO.replace("other", "")], "line 1 of its output: a name has 1 to 24"),
        (&[HELLO, HELLO], "line 2 of its output: this does not answer load"),
        (&[HELLO, &loaded, &loaded], "line 3 of its output: this does not answer run"),
        (&[HELLO, &loaded, &impossible], "line 3 of its output: the CPU time is impossible"),
        (&[&format!("{HELLO}\nmore")], "line 2 of its output"),
    ];
    for (answers, said) in cases {
        bench(&program(folder.path(), answers)).expect(2, said);
    }
}

#[test]
fn programs_that_stop_are_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    bench("true").expect(2, "ended instead of answering hello (exit status: 0)");
    bench("/nowhere/program").expect(2, "ended instead of answering hello (exit status: 127)");
    bench(&format!("read -r request; echo '{HELLO}'; exit 3"))
        .expect(2, "instead of answering load (exit status: 3)");
    bench("read -r request; printf '{\"op\"'").expect(2, "line 1 of its output: the line has no end");
    let start = Instant::now();
    bench(&program(folder.path(), &[HELLO])).expect(2, "did not answer load within 0.5 s");
    bench("exec sleep 60").expect(2, "did not answer hello within 0.5 s");
    assert!(start.elapsed().as_secs() < 30, "programs are ended, not waited for");
}

#[test]
fn serving_needs_one_engine() {
    evmc(&["bench", "--serve"]).expect(2, "required");
    evmc(&["bench", "--serve", "--engine", "interpreter,cranelift"]).expect(2, "--serve is for one engine");
    evmc(&["bench", "--serve", "--engine", "jit"]).expect(2, "there is no engine");
    evmc(&["bench", "--serve", "--engine", "interpreter", LOOP]).expect(2, "cannot be used with");
}
