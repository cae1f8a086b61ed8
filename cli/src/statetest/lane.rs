//! One worker's share of a run: fixtures in, verdicts out.

use std::{
    any::Any,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use revm::context::result::EVMError;

use super::{
    Options, case,
    fixture::{Expectation, Indexes, Suite, Unit},
    outcome::OutcomeLine,
    skip,
    source::Fixture,
    summary::{Tally, Verdict},
    verdict::{Failure, judge},
};
use crate::{
    alloc,
    engine::{self, Engine, TxInput, TxResult, Worker},
    fork::{Fork, ForkRules},
    outcome::Outcome,
    world::World,
};

/// Stands for the fork of a file whose subtests are not known.
const WHOLE_FILE: &str = "(whole file)";

/// A thread's engine handles and results.
pub struct Lane<'a> {
    options: &'a Options,
    engine: &'a dyn Engine,
    reference: &'a dyn Engine,
    worker: Box<dyn Worker + 'a>,
    reference_worker: Box<dyn Worker + 'a>,
    tally: Tally,
}

/// A subtest's place: file, test, fork, indexes.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a str,
    test: &'a str,
    fork: &'a str,
    indexes: Indexes,
}

impl Place<'_> {
    /// The name that messages and `--filter` use.
    fn id(&self) -> String {
        let Indexes { data, gas, value } = self.indexes;
        format!("{}::{} [{} d{data} g{gas} v{value}]", self.file, self.test, self.fork)
    }
}

impl<'a> Lane<'a> {
    /// A lane for the calling thread.
    pub fn new(options: &'a Options, engine: &'a dyn Engine, reference: &'a dyn Engine) -> Self {
        Self {
            options,
            engine,
            reference,
            worker: engine.worker(),
            reference_worker: reference.worker(),
            tally: Tally::default(),
        }
    }

    /// What has been counted.
    pub fn into_tally(self) -> Tally {
        self.tally
    }

    /// Runs all tests of a file.
    pub fn run_file(&mut self, fixture: Fixture) {
        let skip = skip::reason(&fixture.name, self.options.slow);
        let text = match fixture.text.read() {
            Ok(text) => text,
            Err(error) => return self.fail_file(&fixture.name, Failure::Unreadable(error.to_string())),
        };
        match serde_json::from_slice::<Suite>(&text) {
            Ok(suite) => {
                self.tally.files += 1;
                for (name, unit) in &suite {
                    self.run_unit(&fixture.name, name, unit, skip);
                }
            }
            Err(_) if !fixture.named && !is_state_test(&text) => self.tally.files_ignored += 1,
            Err(error) => match skip {
                Some(reason) => self.count_file(&fixture.name, &Verdict::Skipped(reason)),
                None => self.fail_file(&fixture.name, Failure::Malformed(error.to_string())),
            },
        }
    }

    /// Counts a file that cannot be run as one failed subtest.
    fn fail_file(&mut self, name: &str, failure: Failure) {
        if self.options.outcome_lines {
            eprintln!("{}", serde_json::json!({ "file": name, "error": failure.to_string() }));
        }
        self.count_file(name, &Verdict::Failed(failure));
    }

    /// Counts a file whose subtests are not known as one.
    fn count_file(&mut self, name: &str, verdict: &Verdict) {
        self.tally.files += 1;
        self.tally.count(WHOLE_FILE, || name.to_owned(), verdict);
    }

    /// Runs all expectations of one test.
    fn run_unit(&mut self, file: &str, test: &str, unit: &Unit, skip: Option<&'static str>) {
        let world = Arc::new(alloc::world(&unit.pre));
        for (fork_name, expectations) in &unit.post {
            let fork = fork_name.parse::<Fork>().ok();
            if fork.is_some_and(|fork| !self.options.wants(fork)) {
                continue;
            }
            for (number, expectation) in expectations.iter().enumerate() {
                let place = Place { file, test, fork: fork_name, indexes: expectation.indexes };
                let sampled = self.options.samples(file, test, fork_name, number);
                if !sampled || !self.options.wants_test(|| place.id()) {
                    continue;
                }
                let verdict = match (skip, fork) {
                    (Some(reason), _) => Verdict::Skipped(reason),
                    (None, None) => Verdict::Skipped(skip::UNKNOWN_FORK),
                    (None, Some(fork)) => self.run_expectation(&place, unit, expectation, fork, &world),
                };
                self.tally.count(fork_name, || place.id(), &verdict);
            }
        }
    }

    /// Runs one subtest.
    fn run_expectation(
        &mut self,
        place: &Place<'_>,
        unit: &Unit,
        expectation: &Expectation,
        fork: Fork,
        world: &Arc<World>,
    ) -> Verdict {
        match case::input(unit, expectation, fork, world) {
            Ok(input) => match self.run_input(place, unit, expectation, fork, &input) {
                Ok(()) => Verdict::Passed,
                Err(failure) => Verdict::Failed(failure),
            },
            // What cannot be encoded is rejected by everyone.
            Err(_) if expectation.expect_exception.is_some() => Verdict::Passed,
            Err(error) => Verdict::Failed(Failure::Unbuildable(error)),
        }
    }

    /// Runs a transaction, judges it, and compares it with the reference.
    fn run_input(
        &mut self,
        place: &Place<'_>,
        unit: &Unit,
        expectation: &Expectation,
        fork: Fork,
        input: &TxInput,
    ) -> Result<(), Failure> {
        let traced = self.options.trace.then(|| engine::trace(input, io::stderr()));
        let (outcome, reference) = if self.engine.is_reference() {
            let result = match traced {
                Some(result) => result,
                None => self.transact(input)?,
            };
            (Outcome::new(result, &input.world), None)
        } else {
            let outcome = Outcome::new(self.transact(input)?, &input.world);
            let reference =
                traced.or_else(|| self.options.compare.then(|| self.reference_worker.transact(input)));
            (outcome, reference)
        };
        let state_root = outcome.world.state_root();
        let judged = judge(&outcome, state_root, expectation, unit.out.as_ref());
        let verdict = judged.and_then(|()| compare(&outcome, reference, input));
        if self.options.outcome_lines {
            let error = verdict.as_ref().err().map(ToString::to_string);
            let (spec, indexes) = (fork.spec(), place.indexes);
            OutcomeLine::new(place.test, spec, indexes, &outcome, state_root, error).emit();
        }
        verdict
    }

    /// Runs a transaction; a panic of the engine becomes a failure, and the worker is made anew.
    fn transact(&mut self, input: &TxInput) -> Result<TxResult, Failure> {
        let run = AssertUnwindSafe(|| self.worker.transact(input));
        catch_unwind(run).map_err(|panic| {
            self.worker = self.engine.worker();
            self.reference_worker = self.reference.worker();
            Failure::Panicked(panic_message(panic.as_ref()))
        })
    }
}

/// Compares an outcome with the reference's, where there is one.
fn compare(outcome: &Outcome, reference: Option<TxResult>, input: &TxInput) -> Result<(), Failure> {
    // An engine's own failure is no outcome of a transaction.
    if let Err(error @ (EVMError::Custom(_) | EVMError::CustomAny(_))) = &outcome.result {
        return Err(Failure::Differs(error.to_string()));
    }
    let Some(reference) = reference else { return Ok(()) };
    match outcome.difference(&Outcome::new(reference, &input.world)) {
        Some(difference) => Err(Failure::Differs(difference)),
        None => Ok(()),
    }
}

/// The text of a panic.
fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message").to_owned()
}

/// Whether a JSON text means to be a state test although it could not be read as one.
fn is_state_test(text: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(text) else { return true };
    let is_unit =
        |unit: &serde_json::Value| ["pre", "post", "transaction"].iter().all(|key| unit.get(key).is_some());
    value.as_object().is_some_and(|units| units.values().any(is_unit))
}
