//! A store of artifacts: what is found, what is refused, and that neither damage nor a killed writer matters.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use evmc_abi::descriptor::Backend;
use evmc_abi::{CpuFeatures, fork};
use evmc_compiler::link::{Metadata, link};
use evmc_revm::{CodeSource, StoreCodes};
use evmc_store::{Inserted, Refusal, Row, Signer, Store, StoreError, StoreWriter, Trust, Wanted};
use evmc_testsuite::objects::{self, ENTRY, metadata};
use revm::{bytecode::Bytecode, primitives::hardfork::SpecId};
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
/// Folder that a child process of this test fills until it is killed.
const CHILD_FOLDER: &str = "EVMC_TEST_STORE_CHILD";
const OSAKA: u16 = 13;
const ALL_FEATURES: CpuFeatures = CpuFeatures::from_bits(u64::MAX);

/// The hash that stands for the code with a number.
fn code_hash(number: u32) -> [u8; 32] {
    *blake3::hash(&number.to_le_bytes()).as_bytes()
}

/// An artifact for a code, as `change` makes it.
fn artifact(number: u32, change: impl FnOnce(&mut Metadata<'static>)) -> Vec<u8> {
    let mut metadata = Metadata { code_hash: code_hash(number), ..metadata() };
    change(&mut metadata);
    metadata.gas_table_hash = fork::rules(metadata.fork).expect("a known fork").gas_table_hash;
    link(&objects::bytes(&objects::two_functions(number)), ENTRY, &metadata).expect("a closed object")
}

/// Artifacts for the codes with these numbers.
fn artifacts(numbers: std::ops::Range<u32>) -> Vec<Vec<u8>> {
    numbers.map(|number| artifact(number, |_| {})).collect()
}

/// A store in a folder that goes away with it.
struct Scratch {
    folder: TempDir,
}

impl Scratch {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn with(artifacts: &[Vec<u8>]) -> Self {
        let scratch = Self::new();
        scratch.writer().insert(artifacts).expect("artifacts are added");
        scratch
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn writer(&self) -> StoreWriter {
        StoreWriter::open(self.path(), None).expect("a writer")
    }

    fn store(&self) -> Store {
        Store::open(self.path(), &Trust::Anyone).expect("a store")
    }

    /// Writes a file beside the store.
    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).expect("a file");
        path
    }
}

/// What a store gives for a code, and what it refuses on the way.
fn find(store: &Store, number: u32, fork: u16, features: CpuFeatures) -> (Option<Vec<u8>>, Vec<Refusal>) {
    let mut refused = Vec::new();
    let wanted = Wanted { code_hash: &code_hash(number), fork, features };
    let found = store.with_artifact(
        &wanted,
        |_, refusal| refused.push(refusal),
        |_, artifact| artifact.file().to_vec(),
    );
    (found, refused)
}

#[test]
fn what_was_added_is_found_under_every_fork_that_shares_it() {
    const CANCUN: u16 = 11;
    const PRAGUE: u16 = 12;
    let osaka = artifact(1, |_| {});
    let cancun = artifact(1, |metadata| metadata.fork = CANCUN);
    let scratch = Scratch::with(&[osaka.clone(), cancun.clone()]);
    let store = scratch.store();
    assert_eq!(store.len(), 2);
    assert_eq!(find(&store, 1, OSAKA, ALL_FEATURES), (Some(osaka), vec![]));
    assert_eq!(find(&store, 1, CANCUN, ALL_FEATURES), (Some(cancun.clone()), vec![]));
    assert_eq!(find(&store, 1, PRAGUE, ALL_FEATURES), (Some(cancun), vec![]));
    assert_eq!(find(&store, 1, 10, ALL_FEATURES), (None, vec![]), "another fork");
    assert_eq!(find(&store, 2, OSAKA, ALL_FEATURES), (None, vec![]), "another code");
    assert_eq!(find(&store, 1, 99, ALL_FEATURES), (None, vec![]), "no fork");
}

#[test]
fn the_best_artifact_that_the_processor_can_run_is_taken() {
    let slow = artifact(1, |metadata| metadata.opt_level = 0);
    let quick = artifact(1, |metadata| metadata.opt_level = 3);
    let llvm = artifact(1, |metadata| {
        metadata.backend = Backend::Llvm;
        metadata.cpu_features = CpuFeatures::X86_64_V3;
    });
    let scratch = Scratch::with(&[llvm.clone(), slow, quick.clone()]);
    let store = scratch.store();
    assert_eq!(find(&store, 1, OSAKA, ALL_FEATURES).0, Some(llvm));
    assert_eq!(find(&store, 1, OSAKA, CpuFeatures::BASELINE).0, Some(quick));
}

#[test]
fn adding_again_changes_nothing_and_mends_what_is_damaged() {
    let both = artifacts(0..2);
    let scratch = Scratch::with(&both);
    let writer = scratch.writer();
    let unchanged = Inserted { unchanged: 2, ..Inserted::default() };
    assert_eq!(writer.insert(&both).expect("added"), unchanged);
    assert_eq!(scratch.store().generation(), 1);
    let row = scratch.store().rows().next().expect("a row");
    damage(&row.pack, row.offset + 100);
    let mended = Inserted { replaced: 1, unchanged: 1, new: 0 };
    assert_eq!(writer.insert(&both).expect("added"), mended);
    assert!(scratch.store().rows().all(|row| scratch.store().verify(&row).is_ok()));
}

/// Flips a bit of a byte of a file.
fn damage(path: &Path, offset: u64) {
    let mut bytes = fs::read(path).expect("a file");
    bytes[offset as usize] ^= 0x10;
    fs::write(path, bytes).expect("a file");
}

#[test]
fn what_is_no_artifact_is_not_added() {
    let scratch = Scratch::new();
    let mut broken = artifact(1, |_| {});
    broken[200] ^= 1;
    let refused = scratch.writer().insert(&[artifact(0, |_| {}), broken]);
    assert!(matches!(refused, Err(StoreError::Artifact(_))), "{refused:?}");
    assert!(scratch.store().is_empty(), "all or none");
}

/// All files of a store that hold data.
fn data_files(store: &Path) -> Vec<PathBuf> {
    let packs = fs::read_dir(store.join("packs")).expect("packs").map(|entry| entry.expect("a pack").path());
    let mut files: Vec<_> = packs.collect();
    files.sort();
    files.push(store.join("index"));
    files
}

#[test]
fn damage_of_a_byte_never_gives_another_artifact() {
    const DAMAGES: usize = 1000;
    let whole = artifacts(0..20);
    let scratch = Scratch::with(&whole);
    let files = data_files(scratch.path());
    let mut random = fastrand::Rng::with_seed(7);
    let mut outcomes = BTreeMap::<&str, usize>::new();
    for _ in 0..DAMAGES {
        let path = &files[random.usize(..files.len())];
        let intact = fs::read(path).expect("a file");
        let mut bytes = intact.clone();
        let at = random.usize(..bytes.len());
        if random.u8(..) < 32 {
            bytes.truncate(at);
        } else {
            bytes[at] ^= random.u8(1..);
        }
        fs::write(path, &bytes).expect("a file");
        let outcome = check_damaged(scratch.path(), &whole);
        *outcomes.entry(outcome).or_default() += 1;
        fs::write(path, &intact).expect("a file");
    }
    assert!(outcomes.contains_key("no index") && outcomes.contains_key("refused"), "{outcomes:?}");
}

/// Checks that each artifact of a damaged store is refused or the one that was added.
fn check_damaged(store: &Path, whole: &[Vec<u8>]) -> &'static str {
    let Ok(store) = Store::open(store, &Trust::Anyone) else { return "no index" };
    let mut outcome = "nothing";
    for (number, expected) in whole.iter().enumerate() {
        let (found, refused) = find(&store, number as u32, OSAKA, ALL_FEATURES);
        assert!(found.is_none_or(|found| found == *expected), "another artifact");
        if !refused.is_empty() {
            outcome = "refused";
        }
    }
    outcome
}

#[test]
fn a_repair_keeps_what_is_whole() {
    let whole = artifacts(0..10);
    let scratch = Scratch::with(&whole);
    let row = scratch.store().rows().next().expect("a row");
    damage(&row.pack, row.offset + 64);
    damage(&scratch.path().join("index"), 30);
    let refused = scratch.writer().insert(&whole[..1]).expect_err("a damaged index");
    assert!(refused.to_string().contains("verify --repair"), "{refused}");
    let repaired = scratch.writer().repair().expect("repaired");
    assert_eq!((repaired.kept, repaired.damaged), (9, 1));
    let store = scratch.store();
    assert_eq!(store.len(), 9);
    assert!(store.rows().all(|row| store.verify(&row).is_ok()));
}

#[test]
fn the_index_is_trusted_by_signature() {
    let scratch = Scratch::new();
    let secret = scratch.file("secret.pem", SECRET_KEY);
    let public = scratch.file("public.pem", PUBLIC_KEY);
    let trust = Trust::Anyone.and_key_of(&public).expect("a key");
    scratch.writer().insert(&artifacts(0..2)).expect("added");
    assert!(matches!(Store::open(scratch.path(), &trust), Err(StoreError::Unsigned(_))));

    let signer = Signer::read(&secret).expect("a key");
    let writer = StoreWriter::open(scratch.path(), Some(signer)).expect("a writer");
    writer.insert(&artifacts(0..2)).expect("signed, though nothing is new");
    assert_eq!(Store::open(scratch.path(), &trust).expect("a signed store").len(), 2);
    assert!(matches!(scratch.writer().insert(&artifacts(2..3)), Err(StoreError::NeedsKey(_))));
    let others = Trust::Keys(vec![[7; 32]]);
    assert!(matches!(Store::open(scratch.path(), &others), Err(StoreError::Untrusted { .. })));

    let index = scratch.path().join("index");
    let len = fs::metadata(&index).expect("an index").len();
    damage(&index, len - 1);
    for trust in [trust, Trust::Anyone] {
        assert!(matches!(Store::open(scratch.path(), &trust), Err(StoreError::Signature(_))));
    }
    assert!(matches!(Signer::read(&public), Err(StoreError::Key { .. })));
}

#[test]
fn an_empty_store_is_not_a_signed_one() {
    let scratch = Scratch::new();
    assert!(scratch.store().is_empty());
    let refused = Store::open(scratch.path(), &Trust::Keys(vec![[7; 32]]));
    assert!(matches!(refused, Err(StoreError::Unsigned(_))));
    let absent = Store::open(&scratch.path().join("absent"), &Trust::Anyone);
    assert!(matches!(absent, Err(StoreError::Io { .. })));
}

#[test]
fn quarantine_lasts_until_the_garbage_is_collected() {
    let scratch = Scratch::with(&artifacts(0..2));
    let store = scratch.store();
    let row = store.rows().find(|row| row.key.code_hash == code_hash(1)).expect("a row");
    store.quarantine(&row.checksum, "it crashed").expect("a note is written");
    for store in [store, scratch.store()] {
        assert_eq!(find(&store, 1, OSAKA, ALL_FEATURES), (None, vec![Refusal::Quarantined]));
        assert!(find(&store, 0, OSAKA, ALL_FEATURES).0.is_some());
    }
    scratch.file("quarantine/.tmp-now", "half a note");
    let left = scratch.file("quarantine/.tmp-left", "half a note");
    let long_ago = SystemTime::now() - Duration::from_secs(3600);
    File::options().write(true).open(left).and_then(|file| file.set_modified(long_ago)).expect("a time");
    let collected = scratch.writer().collect_garbage(None).expect("collected");
    assert_eq!(collected.artifacts, 1);
    let notes = fs::read_dir(scratch.path().join("quarantine")).expect("a folder");
    let notes: Vec<_> = notes.map(|note| note.expect("a note").file_name()).collect();
    assert_eq!(notes, [".tmp-now"], "a node may be writing it");
    assert_eq!(scratch.store().len(), 1);
    scratch.writer().insert(&artifacts(1..2)).expect("added");
    assert!(find(&scratch.store(), 1, OSAKA, ALL_FEATURES).0.is_some());
}

#[test]
fn failing_code_is_given_out_no_more() {
    let scratch = Scratch::with(&artifacts(0..2));
    let open = || StoreCodes::open(scratch.path(), Trust::Anyone).expect("a store");
    let find = |codes: &StoreCodes, number| {
        codes.lookup(code_hash(number).into(), &Bytecode::new(), SpecId::OSAKA, false)
    };
    let codes = open();
    assert!(find(&codes, 0).is_some() && find(&codes, 1).is_some());
    let source: &dyn CodeSource = &codes;
    let before = source.epoch();
    source.quarantine(code_hash(1).into(), SpecId::OSAKA, "it crashed");
    assert_ne!(source.epoch(), before, "whoever was given the code asks again");
    for codes in [codes, open()] {
        assert!(find(&codes, 0).is_some() && find(&codes, 1).is_none());
    }
}

#[test]
fn garbage_is_what_no_index_names_and_what_nothing_runs() {
    let scratch = Scratch::with(&artifacts(0..8));
    let other = artifact(9, |metadata| metadata.compiler_build = [b'x'; 32]);
    scratch.writer().insert(&[other]).expect("added");
    scratch.file("packs/.tmp-left", "half a pack");
    let mine = metadata().compiler_build;
    let collected = scratch.writer().collect_garbage(Some(&mine)).expect("collected");
    assert_eq!((collected.artifacts, collected.files), (1, 2));
    let rows: Vec<Row> = scratch.store().rows().collect();
    assert_eq!(rows.len(), 8);
    assert!(rows.iter().all(|row| scratch.store().verify(row).is_ok()));
    assert_eq!(data_files(scratch.path()).len(), 2, "a pack and the index");
}

#[test]
fn the_compiler_that_was_used_last_is_the_one_that_counts() {
    let scratch = Scratch::with(&artifacts(0..3));
    for compiler in [b'z', b'a'] {
        let other = artifact(1, |metadata| metadata.compiler_build = [compiler; 32]);
        let inserted = scratch.writer().insert(&[other]).expect("added");
        assert_eq!((inserted.new, inserted.replaced), (0, 1));
        let compilers = |number| {
            let rows = scratch.store().rows().filter(|row| row.key.code_hash == code_hash(number)).collect();
            let rows: Vec<Row> = rows;
            rows.iter().map(|row| row.key.compiler_build).collect::<Vec<_>>()
        };
        assert_eq!(compilers(1), [[compiler; 32]]);
        scratch.writer().repair().expect("repaired");
        assert_eq!(compilers(1), [[compiler; 32]], "the older ones are in packs still");
        assert_eq!(compilers(0), [metadata().compiler_build]);
    }
}

#[test]
fn a_pack_hardly_in_use_is_written_anew() {
    let scratch = Scratch::with(&artifacts(0..8));
    let store = scratch.store();
    for row in store.rows().skip(1) {
        store.quarantine(&row.checksum, "for the test").expect("a note is written");
    }
    let collected = scratch.writer().collect_garbage(None).expect("collected");
    assert_eq!((collected.artifacts, collected.files), (7, 1));
    assert!(collected.bytes > 0);
    let store = scratch.store();
    assert_eq!(store.rows().filter(|row| store.verify(row).is_ok()).count(), 1);
}

#[test]
fn writers_at_once_lose_nothing() {
    const WRITERS: u32 = 4;
    const EACH: u32 = 25;
    let scratch = Scratch::new();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let scratch = &scratch;
            scope.spawn(move || {
                for number in writer * EACH..(writer + 1) * EACH {
                    scratch.writer().insert(&[artifact(number, |_| {})]).expect("added");
                }
            });
        }
    });
    let store = scratch.store();
    assert_eq!(store.len(), (WRITERS * EACH) as usize);
    assert!(store.rows().all(|row| store.verify(&row).is_ok()));
}

/// Run as a child process: adds artifacts until it is killed. Without the variable there is nothing to do.
#[test]
fn child_that_writes_until_it_is_killed() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER) else { return };
    let writer = StoreWriter::open(Path::new(&folder), None).expect("a writer");
    for number in 0.. {
        let some = artifacts(number * 3..number * 3 + 3);
        writer.insert(&some).expect("added");
        writer.collect_garbage(None).expect("collected");
    }
}

#[test]
fn a_killed_writer_leaves_a_valid_store() {
    const KILLS: usize = 100;
    let scratch = Scratch::new();
    let mut random = fastrand::Rng::with_seed(11);
    let mut most = 0;
    for _ in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "child_that_writes_until_it_is_killed"])
            .env(CHILD_FOLDER, scratch.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a child");
        std::thread::sleep(Duration::from_micros(random.u64(1_000..60_000)));
        child.kill().expect("killed");
        child.wait().expect("waited for");
        let store = scratch.store();
        let rows: Vec<Row> = store.rows().collect();
        assert!(rows.iter().all(|row| store.verify(row).is_ok()));
        most = most.max(rows.len());
    }
    assert!(most > 3, "the children wrote");
    scratch.writer().collect_garbage(None).expect("collected");
    assert_eq!(data_files(scratch.path()).len(), 1 + scratch.store().statistics().packs as usize);
}
