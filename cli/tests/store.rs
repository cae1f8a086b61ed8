//! `evmc build --store` and `evmc store`.

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
};

use common::{evmc, fixture};
use serde_json::json;
use tempfile::TempDir;

/// The example key of RFC 8410, section 10.3, and its public part from section 10.1.
const SECRET_KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
";

/// A folder with room for stores and keys.
struct Scratch(TempDir);

impl Scratch {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// A path in it.
    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().expect("a path in UTF-8").to_owned()
    }

    /// A file in it.
    fn file(&self, name: &str, text: &str) -> String {
        fs::write(self.0.path().join(name), text).expect("written");
        self.path(name)
    }

    /// Its address.
    fn url(&self, name: &str) -> String {
        format!("file://{}", self.path(name))
    }
}

/// A store's only pack.
fn pack(store: &str) -> PathBuf {
    let mut packs = fs::read_dir(Path::new(store).join("packs")).expect("packs");
    packs.next().expect("a pack").expect("a pack").path()
}

#[test]
fn a_store_is_built_once_and_looked_into() {
    let scratch = Scratch::new();
    let store = scratch.path("store");
    let build = ["build", "--store", &store, "--json", &fixture("Cell.json"), "0x6001", "0x6001"];
    let run = evmc(&build).expect(0, "");
    let answer = run.json();
    assert_eq!((&answer["new"], &answer["same_code"], &answer["skipped"]), (&json!(2), &json!(1), &json!(0)));
    let again = evmc(&build).expect(0, "").json();
    assert_eq!((&again["new"], &again["unchanged"], &again["skipped"]), (&json!(0), &json!(0), &json!(2)));
    let forced = evmc(&[&build[..], &["--force"]].concat()).expect(0, "").json();
    assert_eq!((&forced["new"], &forced["unchanged"]), (&json!(0), &json!(2)));

    let listed = evmc(&["store", "ls", "--json", &store]).expect(0, "").json();
    assert_eq!(listed.as_array().map(Vec::len), Some(2));
    assert_eq!(listed[0]["fork_class"], json!("Osaka"));
    evmc(&["store", "ls", &store]).expect(0, "2 artifacts");
    evmc(&["store", "verify", &store]).expect(0, "2 whole, 0 damaged");
    let numbers = evmc(&["store", "stats", "--json", &store]).expect(0, "").json();
    assert_eq!((&numbers["artifacts"], &numbers["by_backend"]), (&json!(2), &json!({"cranelift": 2})));
    evmc(&["store", "gc", "--other-compilers", &store]).expect(0, "0 artifacts and 0 files removed");
}

#[test]
fn damage_is_found_mended_and_built_again() {
    let scratch = Scratch::new();
    let store = scratch.path("store");
    evmc(&["build", "--store", &store, "0x6001", "0x6002"]).expect(0, "2 built (2 new)");
    let path = pack(&store);
    let mut bytes = fs::read(&path).expect("a pack");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, &bytes).expect("written");
    evmc(&["store", "verify", &store]).expect(1, "1 whole, 1 damaged");
    evmc(&["store", "verify", "--repair", &store]).expect(0, "1 whole, 0 damaged, 1 lost in the repair");
    evmc(&["build", "--store", &store, "0x6001", "0x6002"]).expect(0, "1 built (1 new), 1 were in the store");
    evmc(&["store", "verify", &store]).expect(0, "2 whole");
    fs::write(Path::new(&store).join("index"), b"EVMC").expect("written");
    evmc(&["build", "--store", &store, "0x6003"]).expect(2, "damaged at byte 4");
    evmc(&["store", "verify", "--repair", &store]).expect(0, "2 whole");
}

#[test]
fn a_signed_store_takes_the_key_to_change() {
    let scratch = Scratch::new();
    let (store, secret) = (scratch.path("store"), scratch.file("secret.pem", SECRET_KEY));
    let public = scratch.file("public.pem", PUBLIC_KEY);
    evmc(&["build", "--store", &store, "0x6001"]).expect(0, "1 new");
    evmc(&["store", "verify", &store, "--trust", &public]).expect(2, "the index is not signed");
    evmc(&["build", "--store", &store, "--sign", &secret, "0x6002"]).expect(0, "1 new");
    evmc(&["store", "verify", &store, "--trust", &public]).expect(0, "2 whole");
    evmc(&["build", "--store", &store, "0x6003"]).expect(2, "pass --sign KEY");
    evmc(&["build", "--store", &store, "--sign", &public, "0x6003"]).expect(2, "not an Ed25519 key");
}

#[test]
fn shards_together_are_the_whole() {
    let scratch = Scratch::new();
    let codes: Vec<String> = (0..20).map(|number| format!("0x60{number:02x}")).collect();
    let (whole, parts) = (scratch.path("whole"), scratch.path("parts"));
    let build = |store: &str, shard: &[&str]| {
        let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
        evmc(&[&["build", "--store", store], shard, &codes].concat()).expect(0, "0 refused");
    };
    build(&whole, &[]);
    for shard in ["1/3", "2/3", "3/3"] {
        build(&parts, &["--shard", shard]);
    }
    let hashes = |store: &str| -> Vec<String> {
        let listed = evmc(&["store", "ls", "--json", store]).expect(0, "").json();
        let rows = listed.as_array().expect("rows").iter();
        rows.map(|row| row["code_hash"].to_string()).collect()
    };
    assert_eq!(hashes(&whole), hashes(&parts));
    evmc(&["build", "--store", &parts, "--shard", "4/3", "0x00"]).expect(2, "I from 1 to N");
}

#[test]
fn a_store_travels_by_object_storage() {
    let scratch = Scratch::new();
    let (one, two, here) = (scratch.path("one"), scratch.path("two"), scratch.path("here"));
    let (url, secret) = (scratch.url("remote/store"), scratch.file("secret.pem", SECRET_KEY));
    let public = scratch.file("public.pem", PUBLIC_KEY);
    fs::create_dir_all(scratch.path("remote")).expect("a folder");
    evmc(&["build", "--store", &one, "0x6001", "0x6002"]).expect(0, "2 new");
    evmc(&["build", "--store", &two, "0x6002", "0x6003"]).expect(0, "2 new");
    evmc(&["store", "push", &one, &url]).expect(0, "1 packs transferred");
    evmc(&["store", "push", &two, &url]).expect(0, "3 artifacts now");
    evmc(&["store", "push", &two, &url]).expect(0, "0 packs transferred");
    evmc(&["build", "--store", &url, "--sign", &secret, "0x6004"]).expect(0, "1 new");
    evmc(&["store", "pull", &url, &here, "--trust", &public]).expect(0, "4 artifacts now");
    evmc(&["store", "verify", &here, "--trust", &public]).expect(0, "4 whole");
    evmc(&["store", "pull", &url, &here]).expect(0, "0 packs transferred");
    evmc(&["store", "push", &one, "gopher://x/y"]).expect(2, "file:///FOLDER");
    evmc(&["store", "ls", &scratch.path("absent")]).expect(2, "absent");
}
