//! Every kind of input, and every mistake in one, as `evmc run` tells it.

mod common;

use std::{fs, path::Path};

use common::{Run, evmc, evmc_with_input};
use serde_json::{Value, json};

/// Runtime code that returns 42.
const RUNTIME: &str = "602a5f5260205ff3";

/// Initcode that deploys [`RUNTIME`].
const INITCODE: &str = "60088060095f395ff3602a5f5260205ff3";

/// A placeholder of solc since 0.5.
const PLACEHOLDER: &str = "__$1234567890123456789012345678901234$__";

/// A folder for a test's files.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// Writes a file and gives its path.
    fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> String {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(&path, contents).expect("a file");
        text(&path)
    }

    fn json(&self, name: &str, json: &Value) -> String {
        self.file(name, json.to_string())
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_owned()
}

/// Asserts that an input runs and returns 42.
#[track_caller]
fn returns_42(run: Run) {
    let run = run.expect(0, "");
    assert!(run.json()["output"].as_str().expect("text").ends_with("2a"), "{}", run.stdout);
}

#[test]
fn code_comes_as_text_or_bytes() {
    let folder = Folder::new();
    returns_42(evmc(&["run", "--json", &format!("0x{RUNTIME}")]));
    returns_42(evmc(&["run", "--json", &folder.file("a.hex", format!("0x{RUNTIME}\n"))]));
    returns_42(evmc(&["run", "--json", &folder.file("a.bin", "602a 5f52\n\t60205F F3\n")]));
    let bytes = hex::decode(RUNTIME).expect("digits");
    returns_42(evmc(&["run", "--json", &folder.file("a.evm", &bytes)]));
    returns_42(evmc_with_input(&["run", "--json", "-"], RUNTIME.as_bytes()));
    returns_42(evmc_with_input(&["run", "--json", "-"], &bytes));
}

/// Each kind of JSON with one contract called `Answer`.
fn documents() -> [(&'static str, Value); 7] {
    let code = |object: &str| json!({"object": object, "linkReferences": {}});
    let standard = json!({"contracts": {"a.sol": {"Answer": {
        "abi": [], "evm": {"bytecode": code(INITCODE), "deployedBytecode": code(RUNTIME)}}}}});
    [
        (
            "combined",
            json!({"contracts": {"a.sol:Answer":
            {"abi": "[]", "bin": INITCODE, "bin-runtime": RUNTIME}}, "version": "0.8.30"}),
        ),
        ("standard", standard.clone()),
        ("build-info", json!({"id": "1", "input": {"language": "Solidity"}, "output": standard})),
        (
            "hardhat",
            json!({"contractName": "Answer", "sourceName": "a.sol", "abi": [],
            "bytecode": format!("0x{INITCODE}"), "deployedBytecode": format!("0x{RUNTIME}"),
            "linkReferences": {}, "deployedLinkReferences": {}}),
        ),
        ("foundry", json!({"abi": [], "bytecode": code(INITCODE), "deployedBytecode": code(RUNTIME)})),
        (
            "truffle",
            json!({"contractName": "Answer", "abi": [], "bytecode": INITCODE,
            "deployedBytecode": RUNTIME, "ast": {"nodes": [1, 2]}}),
        ),
        ("runtime-only", json!({"deployedBytecode": RUNTIME})),
    ]
}

#[test]
fn code_comes_in_the_json_of_compilers() {
    let folder = Folder::new();
    for (kind, json) in documents() {
        let path = folder.json(&format!("{kind}.json"), &json);
        returns_42(evmc(&["run", "--json", &path]));
        if kind != "runtime-only" {
            let run = evmc(&["run", "--json", "--create", "--calldata", "0x", &path]);
            assert!(run.json()["deployment"]["created"].is_string(), "{kind}");
            returns_42(run);
        }
    }
}

#[test]
fn a_contract_is_chosen_by_name() {
    let folder = Folder::new();
    let artifact = |code: &str| json!({"evm": {"deployedBytecode": {"object": code}}});
    let path = folder.json(
        "out.json",
        &json!({"contracts": {
        "a.sol": {"A": artifact("00"), "I": artifact("")},
        "b.sol": {"B": artifact(RUNTIME), "A": artifact("00")}}}),
    );
    evmc(&["run", &path]).expect(2, "several contracts: a.sol:A, b.sol:A, b.sol:B");
    evmc(&["run", &path, "--contract", "A"]).expect(2, "several contracts: a.sol:A, b.sol:A");
    evmc(&["run", &path, "--contract", "C"])
        .expect(2, "holds no contract C; there are: a.sol:A, a.sol:I, b.sol:A, b.sol:B");
    evmc(&["run", &path, "--contract", "I"]).expect(2, "a.sol:I has no code");
    evmc(&["run", &path, "--contract", "a.sol:A"]).expect(0, "Stop");
    returns_42(evmc(&["run", "--json", &path, "--contract", "B"]));
}

#[test]
fn folders_are_searched() {
    let folder = Folder::new();
    folder.file("notes.txt", "not code");
    folder.json("cache/solidity-files-cache.json", &json!({"paths": {}}));
    folder.json(
        "out/I.json",
        &json!({"contractName": "I", "abi": [],
        "bytecode": "0x", "deployedBytecode": "0x"}),
    );
    let path = text(folder.0.path());
    evmc(&["run", &path]).expect(2, "no contracts in");
    folder.json("out/A.json", &documents()[3].1);
    returns_42(evmc(&["run", "--json", &path]));
}

#[test]
fn mistakes_in_hexadecimal_text_have_an_offset() {
    evmc(&["run", "0x60zz"]).expect(2, "'z' at offset 4 is not a hexadecimal digit");
    evmc(&["run", "0x600"]).expect(2, "odd number of hexadecimal digits (3)");
    evmc(&["run", "0x"]).expect(2, "argument has no code");
    evmc_with_input(&["run", "-"], b"").expect(2, "stdin has no code");
    evmc(&["run", "0x00", "--calldata", "0x1"]).expect(2, "odd number of hexadecimal digits (1)");
    evmc(&["run", "no-such-file"]).expect(2, "cannot read no-such-file");
}

#[test]
fn libraries_that_are_not_linked_are_named() {
    let folder = Folder::new();
    let unlinked = format!("73{PLACEHOLDER}00");
    evmc(&["run", &format!("0x{unlinked}")])
        .expect(2, "is not linked: $1234567890123456789012345678901234$ at byte 1");
    let path = folder.json(
        "a.json",
        &json!({"deployedBytecode": {"object": unlinked,
        "linkReferences": {"lib/Math.sol": {"Math": [{"start": 1, "length": 20}]}}}}),
    );
    evmc(&["run", &path]).expect(2, "is not linked: lib/Math.sol:Math at byte 1");
}

#[test]
fn missing_parts_are_told() {
    let folder = Folder::new();
    let no_runtime = json!({"contracts": {"a.sol:A": {"bin": INITCODE}}});
    let path = folder.json("combined.json", &no_runtime);
    evmc(&["run", &path]).expect(2, "a.sol:A has no runtime code (`deployedBytecode`)");
    evmc(&["run", &path, "--create"]).expect(0, "created");
    let path = folder.json("runtime.json", &json!({"deployedBytecode": RUNTIME}));
    evmc(&["run", &path, "--create"]).expect(2, "runtime has no initcode (`bytecode`)");
    let path = folder.json("other.json", &json!({"hello": "world"}));
    evmc(&["run", &path]).expect(2, "holds no contracts in a form that is known");
    let path = folder.file("cut.json", "{\"contracts\": {");
    evmc(&["run", &path]).expect(2, "is not valid JSON");
    let failed = json!({"errors": [{"severity": "error", "message": "Expected ';'"}]});
    let path = folder.json("failed.json", &failed);
    evmc(&["run", &path]).expect(2, "of a compilation that failed: Expected ';'");
}

#[test]
fn odd_code_causes_warnings() {
    evmc(&["run", &format!("0x{INITCODE}")]).expect(0, "looks like initcode, not like runtime code");
    let quiet = evmc(&["run", "--create", &format!("0x{INITCODE}")]).expect(0, "created");
    assert_eq!(quiet.stderr, "");
    let large = format!("0x{}", "5b".repeat(24_577));
    let folder = Folder::new();
    let path = folder.file("large.hex", large);
    evmc(&["run", &path, "--engine", "interpreter"])
        .expect(0, "has 24577 bytes, beyond the 24576 of EIP-170");
    let path = folder.file("larger.hex", "5b".repeat((1 << 20) + 1));
    evmc(&["run", &path]).expect(2, "has 1048577 bytes; at most 1048576 are accepted");
    let json = json!({"deployedBytecode": RUNTIME, "abi": [{"type": "nonsense"}]});
    let path = folder.json("abi.json", &json);
    evmc(&["run", &path]).expect(0, "the ABI of abi cannot be read");
}
