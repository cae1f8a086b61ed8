//! `evmc bench` on WebAssembly: what it measures, what it compares, and what it refuses.

mod common;

use std::fs;

use common::{Run, evmc, evmc_with_input, fixture};
use serde_json::{Value, json};

/// Measures `arith.wat` with as little time as possible.
fn bench(arguments: &[&str]) -> Run {
    let input = fixture("arith.wat");
    let mut all = vec!["bench", &input, "--time", "0"];
    all.extend(arguments);
    evmc(&all)
}

#[test]
fn a_call_is_measured_with_every_engine() {
    let json = bench(&["--json", "--invoke", "div", "-7", "2"]).expect(0, "").json();
    let row = &json["rows"][0];
    let reference = if cfg!(feature = "oracle") { "wasmtime" } else { "cranelift" };
    assert_eq!((&json["language"], &json["reference"]), (&json!("wasm"), &json!(reference)));
    assert_eq!((&row["label"], &row["status"]), (&json!("div"), &json!("success")));
    assert!(row["gas_used"].as_u64().is_some_and(|gas| gas > 0), "{row}");
    let mut names = vec!["cranelift", "cranelift-unmetered"];
    if cfg!(feature = "llvm") {
        names.extend(["llvm", "llvm-unmetered"]);
    }
    if cfg!(feature = "oracle") {
        names.extend(["wasmtime", "wasmtime-fuel"]);
    }
    let engines = row["engines"].as_object().expect("engines");
    assert_eq!(engines.keys().collect::<Vec<_>>(), names);
    for figures in engines.values() {
        assert_eq!(figures["error"], Value::Null, "{row}");
        assert!(figures["rounds"].as_u64().is_some_and(|rounds| rounds >= 5));
        assert!(figures["compilation"]["artifact_bytes"].as_u64().is_some_and(|bytes| bytes > 0));
        assert!(figures["time_ns"]["median"].is_number() && figures["ratio"]["median"].is_number());
    }
}

#[test]
fn the_first_engine_that_is_named_is_the_reference() {
    let arguments = ["--engine", "cranelift-unmetered,cranelift", "--invoke", "splat", "1"];
    let run = bench(&arguments).expect(0, "ratios against cranelift-unmetered, ");
    assert!(run.stdout.contains("CPU time of a call"), "{}", run.stdout);
    let json = bench(&[&arguments[..], &["--json"]].concat()).expect(0, "").json();
    assert_eq!(json["rows"][0]["engines"]["cranelift-unmetered"]["ratio"]["median"], 1.0);
    assert_eq!(
        json["geomean"].as_object().map(|means| means.keys().collect::<Vec<_>>()).unwrap_or_default(),
        ["cranelift"]
    );
}

#[test]
fn without_a_name_the_only_start_is_called() {
    let json = bench(&["--engine", "cranelift", "--json"]).expect(0, "").json();
    assert_eq!(json["rows"][0]["label"], "_start");
    let module = |text: &str| {
        evmc_with_input(&["bench", "-", "--time", "0", "--engine", "cranelift"], text.as_bytes())
    };
    module(r#"(module (func (export "run")))"#).expect(0, "run");
    let two = r#"(module (func (export "run")) (func (export "main")))"#;
    module(two).expect(2, "which function of standard input to call").expect(2, "--invoke: run, main");
    module(r#"(module (func (export "run") (param i32)))"#).expect(2, "name one of these with --invoke: run");
    module(r#"(module (import "env" "f" (func)))"#).expect(2, "unknown import: env.f");
}

#[test]
fn calls_that_cannot_be_compared_are_told() {
    bench(&["--engine", "cranelift", "--invoke", "div", "1", "0"]).expect(1, "trap: integer divide by zero");
    bench(&["--engine", "cranelift", "--invoke", "forever", "--gas", "1000"]).expect(1, "all gas consumed");
    bench(&["--engine", "cranelift", "--invoke", "grow", "1"])
        .expect(1, "gives (1) at first and (2) the second time");
}

#[test]
fn pages_and_pictures_are_written_and_made_again_from_the_result() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let read = |name: &str| fs::read_to_string(path(name)).expect("a file");
    let call = ["--engine", "cranelift,cranelift-unmetered", "--invoke", "div", "6", "2", "--json"];
    let files = ["--html", &path("a.html"), "--svg", &path("a.svg")];
    let run = bench(&[&call[..], &files].concat()).expect(0, "");
    fs::write(path("a.json"), &run.stdout).expect("a file");
    evmc(&["bench", "--from", &path("a.json"), "--html", &path("b.html"), "--svg", &path("b.svg")])
        .expect(0, "div");
    assert_eq!((read("a.html"), read("a.svg")), (read("b.html"), read("b.svg")));
    assert!(read("a.html").contains("How fast is compiled WebAssembly?"));
    assert!(read("a.svg").contains("Times as fast as cranelift<"));
    assert!(!read("a.html").contains("transaction") && !read("a.html").contains("nterpreter"));
}

#[test]
fn wrong_arguments_are_explained() {
    bench(&["--engine", "jit"]).expect(2, "there is no engine \"jit\" for WebAssembly");
    bench(&["--invoke", "sub"]).expect(2, "exports no function \"sub\"");
    bench(&["--invoke", "div", "1"]).expect(2, "div takes 2 arguments; 1 are given");
    bench(&["--sig", "f()"]).expect(2, "are about contracts of the EVM");
    bench(&["--cold"]).expect(2, "are about transactions of the EVM");
    evmc(&["bench", "0x00", "--invoke", "f"]).expect(2, "is no WebAssembly module");
    if !cfg!(feature = "oracle") {
        bench(&["--engine", "wasmtime"]).expect(2, "this evmc was built without wasmtime");
    }
    if !cfg!(feature = "llvm") {
        bench(&["--engine", "llvm"]).expect(2, "this evmc was built without LLVM");
    }
}
