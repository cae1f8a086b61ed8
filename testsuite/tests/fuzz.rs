//! A short differential search on every run of the tests, and every case that once differed.

#![forbid(unsafe_code)]

use std::{fs, path::Path};

use evmc_testsuite::fuzz::{
    Case,
    compare::{self, Tested},
    report,
};

/// Cases of the short search.
const CASES: u64 = 150;

#[test]
fn engines_agree_on_random_programs() {
    let found = compare::on_stack(|| {
        (0..CASES).find_map(|seed| {
            let difference = compare::run(&Case::generate(seed, &[]), &Tested::usual())?;
            Some((seed, difference))
        })
    });
    if let Some((seed, difference)) = found.expect("there is a large stack") {
        panic!("seed {seed}: {difference:?}");
    }
}

#[test]
fn engines_agree_on_what_once_differed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("a folder can be read").path();
        let text = fs::read_to_string(&path).expect("a case can be read");
        let case = report::from_json(&text).expect("a case has the known form");
        let found = compare::on_stack(|| compare::run(&case, &Tested::usual()));
        if let Some(difference) = found.expect("there is a large stack") {
            panic!("{}: {difference:?}", path.display());
        }
    }
}
