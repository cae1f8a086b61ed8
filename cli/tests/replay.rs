//! `evmc replay` as its users see it, on a block with one payment.

mod common;

use std::{fs, path::Path};

use common::evmc;
use serde_json::{Value, json};

const FROM: &str = "0x00000000000000000000000000000000000000aa";
const TO: &str = "0x00000000000000000000000000000000000000bb";
const MINER: &str = "0x00000000000000000000000000000000000000cc";
const NO_CODE: &str = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";

/// An account after the block.
fn after(balance: u64, nonce: u64) -> Value {
    json!({"balance": format!("{balance:#x}"), "nonce": format!("{nonce:#x}"), "codeHash": NO_CODE, "storage": {}})
}

/// A block in which 5 wei are paid, at one wei per gas.
fn block() -> Value {
    json!({
        "format": "evmc-mainnet-block/1",
        "number": 13_000_000,
        "chainId": 1,
        "fork": "London",
        "header": {
            "number": "0xc65d40", "miner": MINER, "timestamp": "0x61000000", "gasLimit": "0x1c9c380",
            "baseFeePerGas": "0x0", "difficulty": "0x1"
        },
        "withdrawals": [],
        "blockHashes": {},
        "transactions": [{
            "type": 0, "from": FROM, "to": TO, "nonce": "0x0", "value": "0x5", "gasLimit": "0x5208",
            "gasPrice": "0x1", "input": "0x"
        }],
        "pre": {FROM: {"balance": "0xf4240", "nonce": "0x0", "code": "0x", "storage": {}}},
        "expected": {
            "gasUsed": "0x5208",
            "logsBloom": format!("0x{}", "00".repeat(256)),
            "receiptsRoot": null,
            "receipts": [],
            "postTx": {FROM: after(1_000_000 - 5 - 21_000, 1), TO: after(5, 0), MINER: after(21_000, 0)}
        }
    })
}

/// Writes a block, with one value replaced, to a folder.
fn write(folder: &Path, pointer: &str, value: Value) -> String {
    let mut block = block();
    if !pointer.is_empty() {
        *block.pointer_mut(pointer).expect("the place exists") = value;
    }
    let path = folder.join("block.json");
    fs::write(&path, block.to_string()).expect("a file");
    path.to_str().expect("a path in UTF-8").to_owned()
}

#[test]
fn a_block_that_comes_to_what_it_should_is_a_success() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = write(folder.path(), "", Value::Null);
    for schedule in ["sequential", "bal", "optimistic"] {
        let run = evmc(&["replay", &path, "--schedule", schedule, "--threads", "2", "--json"]).expect(0, "");
        let report = run.json();
        assert_eq!((report["differing"].as_u64(), report["gas"].as_u64()), (Some(0), Some(21_000)));
    }
    let run = evmc(&["replay", folder.path().to_str().expect("a path in UTF-8"), "--engine", "interpreter"]);
    run.expect(0, "all equal what is expected");
}

#[test]
fn the_share_of_native_code_is_told_in_frames_and_gas() {
    let folder = tempfile::tempdir().expect("a folder");
    // Four operations with three, three, three and two gas.
    let pre = json!({FROM: {"balance": "0xf4240"}, TO: {"nonce": "0x1", "code": "0x600160020150"}});
    let path = write(folder.path(), "/pre", pre);
    let text = fs::read_to_string(&path).expect("the block").replace("0x5208", "0x5213");
    fs::write(&path, text).expect("a file");
    for (engine, native) in [("native", 1), ("interpreter", 0)] {
        let run = evmc(&["replay", &path, "--engine", engine, "--json"]).expect(1, "");
        let report = run.json();
        let number = |name: &str| report[name].as_u64();
        assert_eq!(number("gas"), Some(21_011));
        assert_eq!(number("frame_gas"), Some(11));
        assert_eq!(number("native_gas"), Some(11 * native));
        assert_eq!(number("frames_native"), Some(native));
        assert_eq!(number("frames_interpreted"), Some(1 - native));
        assert_eq!(report["faults"], json!({}));
        assert_eq!(report["blocks"][0]["artifacts_refused"], json!({}));
    }
    let run = evmc(&["replay", &path]).expect(1, "native: 100.0 % of 1 frames, 100.0 % of the gas");
    run.expect(1, "0 faults survived, 0 artifacts refused");
}

#[test]
fn a_block_that_differs_is_told_and_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let differing = [
        ("/expected/gasUsed", json!("0x5209"), "gas used: 21000 instead of 21001"),
        (
            "/expected/postTx/0x00000000000000000000000000000000000000bb/balance",
            json!("0x6"),
            "balance 5 instead of 6",
        ),
        ("/transactions/0/nonce", json!("0x1"), "transaction 0 is invalid"),
        (
            "/header/gasLimit",
            json!("0x5207"),
            "transaction 0 may use 21000 gas, of which the block has 20999 left",
        ),
    ];
    for (pointer, value, message) in differing {
        let path = write(folder.path(), pointer, value);
        evmc(&["replay", &path, "--engine", "interpreter"]).expect(1, message);
    }
}

#[test]
fn a_file_that_is_no_block_is_refused_with_the_field() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = [
        ("/format", json!("evmc-mainnet-block/2"), "format: \"evmc-mainnet-block/2\" is not"),
        ("/fork", json!("Atlantis"), "fork: \"Atlantis\" is not a fork"),
        ("/transactions/0/gasLimit", json!("0x10000000000000000"), "transactions[0].gasLimit"),
        (
            "/transactions/0/from",
            json!("0xaa"),
            "transactions[0].from: \"0xaa\" is not an address of 20 bytes",
        ),
        ("/transactions/0/gasPrice", Value::Null, "transactions[0].gasPrice: is missing"),
        ("/transactions/0/type", json!(9), "type 9 is not known"),
        ("/transactions", json!({}), "transactions: {} is not a list"),
        ("/pre", json!({"0x1": {}}), "pre.0x1: the name is not an address"),
        ("/expected/logsBloom", json!("0x00"), "expected.logsBloom"),
    ];
    for (pointer, value, message) in refused {
        let path = write(folder.path(), pointer, value);
        evmc(&["replay", &path]).expect(2, message);
    }
    let path = folder.path().join("cut.json");
    fs::write(&path, &block().to_string()[..100]).expect("a file");
    evmc(&["replay", path.to_str().expect("a path in UTF-8")]).expect(2, "is not valid JSON");
}

#[test]
fn access_lists_are_written_and_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = write(folder.path(), "", Value::Null);
    let lists = folder.path().join("lists");
    let lists = lists.to_str().expect("a path in UTF-8");
    let list = format!("{lists}/13000000.rlp");
    evmc(&["replay", &path, "--engine", "interpreter", "--emit-bal", lists]).expect(0, "");
    let made = fs::read(&list).expect("the list");
    let by_list = ["replay", &path, "--engine", "interpreter", "--schedule", "bal", "--bal", lists];
    evmc(&by_list).expect(0, "all equal");
    fs::write(&list, &made[1..]).expect("a file");
    evmc(&by_list).expect(2, "is not an access list");
}

/// The block in which the payment is to a contract of three operations, and a fourth, STOP, behind its end.
fn block_with_a_call() -> Value {
    let mut block = block();
    block["transactions"][0]["gasLimit"] = json!("0x7530");
    block["pre"][TO] = json!({"balance": "0x0", "nonce": "0x1", "code": "0x6001600201", "storage": {}});
    block
}

#[test]
fn busy_codes_are_profiled_and_built() {
    let scratch = tempfile::tempdir().expect("a folder");
    let path = |name: &str| scratch.path().join(name).to_str().expect("a path in UTF-8").to_owned();
    let (block, profile, store) = (path("block.json"), path("profile.json"), path("store"));
    fs::write(&block, block_with_a_call().to_string()).expect("a file");
    let counted = evmc(&["profile", &block, "--output", &profile, "--json"]).expect(0, "").json();
    assert_eq!((&counted["operations"], &counted["distinct_codes"]), (&json!(4), &json!(1)));
    let code = &counted["codes"][0];
    assert_eq!((&code["address"], &code["fork"]), (&json!(TO), &json!("London")));
    assert_eq!(
        (&code["operations"], &code["frames"], &code["code"]),
        (&json!(4), &json!(1), &json!("0x6001600201"))
    );

    evmc(&["profile", &block]).expect(0, "1 of 1 codes make up 100.00 % of the 4 operations of 1 blocks");
    let none = evmc(&["profile", &block, "--share", "0", "--json"]).expect(0, "").json();
    assert_eq!(none["codes"], json!([]));
    evmc(&["profile", &block, "--share", "101"]).expect(2, "expected is a number from 0 to 100");

    let built = evmc(&["build", "--profile", &profile, "--store", &store, "--json"]).expect(0, "").json();
    assert_eq!((&built["new"], &built["forks"]), (&json!(1), &json!(["London"])));
    let replayed = evmc(&["replay", &block, "--store", &store, "--json"]);
    // The gas of the operations is not in what is expected of the block without them.
    let replayed = replayed.expect(1, "").json();
    assert_eq!(replayed["blocks"][0]["frames_native"], json!(1));

    let text = fs::read_to_string(&profile).expect("the profile");
    fs::write(&profile, text.replace("6001600201", "6001600202")).expect("a file");
    evmc(&["build", "--profile", &profile, "--store", &store]).expect(2, "codes[0].code: its hash is not");
    evmc(&["build", "--profile", &profile]).expect(2, "--store");
}
