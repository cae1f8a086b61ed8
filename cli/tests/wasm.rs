//! `evmc run`, `build`, `inspect` and `wast` on WebAssembly.

mod common;

use std::fs;

use common::{Run, evmc, evmc_with_input, fixture};
use serde_json::json;

/// Calls a function of `arith.wat`, behind the options, with an engine.
fn invoke(engine: &str, call: &[&str]) -> Run {
    let input = fixture("arith.wat");
    let mut args = vec!["run", &input, "--engine", engine, "--invoke"];
    args.extend(call);
    evmc(&args)
}

#[test]
fn results_are_printed_one_a_line() {
    for engine in ["native", "ir"] {
        let printed = |call: &[&str]| invoke(engine, call).expect(0, "").stdout;
        assert_eq!(printed(&["div", "-7", "2"]), "-3\n");
        assert_eq!(printed(&["both", "0xffffffffffffffff", "1.5"]), "1.5\n-1\n");
        assert_eq!(printed(&["splat", "1"]), "79228162532711081671548469249\n");
        assert_eq!(printed(&["null"]), "<null funcref>\n<null externref>\n");
        assert_eq!(printed(&["_start"]), "");
    }
}

#[test]
fn negative_words_are_arguments_and_options_may_follow() {
    let both = |call: &[&str]| invoke("native", &[&["both"], call].concat()).expect(0, "").stdout;
    assert_eq!(both(&["-1", "-inf"]), "-inf\n-1\n");
    assert_eq!(both(&["-1", "-nan:0x1", "--gas", "100000"]), "NaN\n-1\n");
    invoke("native", &["both", "1", "-i"]).expect(2, "unexpected argument '-i'");
}

#[test]
fn modules_come_through_standard_input_and_in_archives() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let module = fs::read(fixture("arith.wat")).expect("a file");
    let run = evmc_with_input(&["run", "-", "--invoke", "div", "9", "3"], &module).expect(0, "");
    assert_eq!(run.stdout, "3\n");
    evmc_with_input(&["inspect", "-"], &module).expect(0, "memory 1 to 4 pages");
    evmc_with_input(&["build", "-", "-o", &path("stdin.so")], &module).expect(0, "standard input: ");
    evmc(&["run", &path("stdin.so"), "--invoke", "div", "9", "0"]).expect(1, "integer divide by zero");
    evmc_with_input(&["run", "-"], b"0x00").expect(0, "contract  stdin");

    let archive = |name: &str, files: &[(&str, &[u8])]| {
        let file = fs::File::create(path(name)).expect("a file");
        let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(file, Default::default()));
        for (name, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, *bytes).expect("written");
        }
        builder.into_inner().and_then(|gzip| gzip.finish()).expect("written");
        path(name)
    };
    let two = archive("two.tar.gz", &[("a/one.wat", &module), ("two.wat", b"(module)"), ("x.txt", b"?")]);
    let built = evmc(&["build", &two, "-o", &path("out"), "--json"]).expect(0, "").json();
    assert_eq!(built["built"][0]["module"], format!("{two}!a/one.wat"));
    assert_eq!(built["built"].as_array().map(Vec::len), Some(2));
    let wrong = archive("wrong.tar.gz", &[("wrong.wat", b"(module")]);
    evmc(&["build", &wrong, "-o", &path("out")]).expect(2, "wrong.tar.gz!wrong.wat");
    evmc(&["build", &fixture("arith.wat"), "--store", &path("store")])
        .expect(2, "stores are keyed by the code hash and fork of contracts");
}

#[test]
fn traps_name_reason_function_and_offset() {
    for engine in ["native", "ir"] {
        let run = invoke(engine, &["div", "1", "0"]).expect(1, "integer divide by zero");
        assert!(run.stderr.contains("function 0 (div) at offset 0x"), "{}", run.stderr);
        invoke(engine, &["div", "-2147483648", "-1"]).expect(1, "integer overflow");
        let json = invoke(engine, &["div", "1", "0", "--json"]).expect(1, "").json();
        assert_eq!(json["trap"]["name"], "div");
        assert_eq!(json["results"], json!(null));
    }
}

#[test]
fn gas_and_memory_are_limited() {
    for engine in ["native", "ir"] {
        invoke(engine, &["forever", "--gas", "100000"]).expect(1, "all gas consumed");
        let run = invoke(engine, &["div", "8", "2", "--print-gas"]).expect(0, "gas used: ");
        let used = |run: &Run| run.stderr.trim().rsplit(' ').next().map(str::to_owned);
        assert_eq!(used(&run), used(&invoke("native", &["div", "8", "2", "--print-gas"])));
        assert_eq!(invoke(engine, &["grow", "3", "--max-pages", "4"]).stdout, "1\n");
        assert_eq!(invoke(engine, &["grow", "3", "--max-pages", "3"]).stdout, "-1\n");
    }
    let unmetered = invoke("native", &["div", "8", "2", "--no-meter", "--json"]).expect(0, "").json();
    assert_eq!(unmetered["gas_used"], json!(null));
    assert_eq!(unmetered["results"], json!([{ "type": "i32", "value": "4" }]));
}

#[test]
fn mistakes_in_a_call_are_explained() {
    invoke("native", &["div", "1"]).expect(2, "div takes 2 arguments; 1 are given");
    invoke("native", &["div", "1", "4294967296"]).expect(2, "argument 2: \"4294967296\" is not an i32");
    invoke("native", &["sub", "1"]).expect(2, "name one of these with --invoke: div, both, splat");
    invoke("interpreter", &["div", "1", "1"]).expect(2, "the interpreter runs EVM code only");
    evmc(&["run", "0x00", "--invoke", "f"]).expect(2, "is no WebAssembly module");
}

#[test]
fn modules_that_are_wrong_are_refused_with_file_offset_and_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let text = path("text.wat");
    fs::write(&text, "(module\n  (func (result i33)))").expect("written");
    evmc(&["run", &text]).expect(2, "text.wat: ").expect(2, "at offset 24");
    let cut = path("cut.wasm");
    fs::write(&cut, b"\0asm\x01\0\0\0\x01\x05").expect("written");
    for command in ["run", "build", "inspect"] {
        let run = evmc(&[command, &cut]);
        assert_ne!(run.code, 0);
        run.expect(if command == "run" { 2 } else { 1 }, "at offset 0x");
    }
    let typed = path("typed.wat");
    fs::write(&typed, "(module (func (result i32)))").expect("written");
    evmc(&["build", &typed, "-o", &path("out.so")]).expect(1, "type mismatch");
    let imports = path("imports.wat");
    fs::write(&imports, r#"(module (import "env" "f" (func)) (func (export "_start")))"#).expect("written");
    evmc(&["run", &imports]).expect(2, "unknown import: env.f");
}

#[test]
fn artifacts_run_and_tell_what_they_hold() {
    let folder = tempfile::tempdir().expect("a folder");
    let artifact = folder.path().join("arith.so").display().to_string();
    evmc(&["build", &fixture("arith.wat"), "-o", &artifact]).expect(0, "bytes ->");
    assert_eq!(evmc(&["run", &artifact, "--invoke", "div", "9", "3"]).expect(0, "").stdout, "3\n");
    evmc(&["run", &artifact, "--invoke", "div", "9", "0"]).expect(1, "function 0 (div) at offset 0x");
    let report = evmc(&["inspect", &artifact, "--json"]).expect(0, "").json();
    assert_eq!(report["modules"][0]["functions"][0]["signature"], "(i32, i32) -> i32");
    assert_eq!(report["artifacts"][0]["language"], "wasm");
    evmc(&["run", &artifact, "--engine", "ir", "--invoke", "div", "9", "3"]).expect(2, "runs natively");
}

#[test]
fn steps_of_the_compiler_can_be_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    for (emit, part) in [("ir", "%div"), ("asm", "div"), ("obj", "ELF")] {
        let output = folder.path().join(emit).display().to_string();
        evmc(&["build", &fixture("arith.wat"), "--emit", emit, "-o", &output]).expect(0, "");
        let written = fs::read(&output).expect("a file");
        assert!(String::from_utf8_lossy(&written).contains(part), "{emit}");
    }
}

#[test]
fn inspect_tells_what_is_in_a_module() {
    let run = evmc(&["inspect", &fixture("arith.wat")]).expect(0, "memory 1 to 4 pages");
    assert!(run.stdout.contains("div (i32, i32) -> i32"), "{}", run.stdout);
    let json = evmc(&["inspect", &fixture("arith.wat"), "--json"]).expect(0, "").json();
    let functions = &json["modules"][0]["functions"];
    assert_eq!(functions[5]["name"], "forever");
    assert!(functions[0]["gas"].as_u64().is_some_and(|gas| gas > 0), "{functions}");
}

#[test]
fn scripts_are_told_line_by_line() {
    for engine in ["native", "ir"] {
        let run = evmc(&["wast", &fixture("mixed.wast"), "--engine", engine]);
        let run = run.expect(1, "mixed.wast:4: failed: i32 2 expected, got i32 1");
        assert!(run.stdout.contains("mixed.wast:6: skipped: outside the profile"), "{}", run.stdout);
        assert!(run.stdout.contains("  1 skipped: needs a module that was skipped\n"), "{}", run.stdout);
        assert!(run.stdout.ends_with("\n7 passed, 1 failed, 2 skipped\n"), "{}", run.stdout);
        let json = evmc(&["wast", &fixture("mixed.wast"), "--engine", engine, "--json"]).expect(1, "").json();
        assert_eq!(json["failures"][0]["line"], 4);
        assert_eq!(json["passed"], 7);
    }
    evmc(&["wast", "nowhere.wast"]).expect(2, "nowhere.wast");
}
