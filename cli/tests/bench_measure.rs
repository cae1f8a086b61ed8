//! How `evmc bench` measures: engines that give wrong answers are found, at the first transaction or later.

use std::{cell::Cell, rc::Rc, sync::Mutex, time::Duration};

use alloy_primitives::{Bytes, TxKind};
use evmc::{
    bench::{
        entrant::{EngineMaker, Entrant, Local},
        measure,
        report::{EngineInfo, Row},
        workload::Workload,
    },
    engine::{Counters, Engine, InterpreterEngine, TxInput, TxResult, Worker},
    fork::Fork,
    run::{CALLER, CONTRACT, Sender, Session},
    world::World,
};

/// An interpreter whose outcomes are tampered with from some transaction on.
struct Tampered {
    inner: InterpreterEngine,
    /// Transactions that are still right.
    right: Mutex<u32>,
    tamper: fn(&mut TxResult),
}

impl Engine for Tampered {
    fn name(&self) -> &'static str {
        "tampered"
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(TamperedWorker { engine: self, inner: self.inner.worker() })
    }

    fn counters(&self) -> Counters {
        Counters::default()
    }
}

struct TamperedWorker<'a> {
    engine: &'a Tampered,
    inner: Box<dyn Worker + 'a>,
}

impl Worker for TamperedWorker<'_> {
    fn transact(&mut self, input: &TxInput) -> TxResult {
        let mut result = self.inner.transact(input);
        let mut right = self.engine.right.lock().expect("no panic");
        match right.checked_sub(1) {
            Some(left) => *right = left,
            None => (self.engine.tamper)(&mut result),
        }
        result
    }
}

/// Stores a word and returns 32 bytes.
const CODE: [u8; 10] = [0x60, 0x07, 0x5f, 0x55, 0x60, 0x20, 0x5f, 0xf3, 0x00, 0x00];

fn workload() -> Workload {
    let engine = InterpreterEngine::default();
    let sender = Sender { address: CALLER, value: Default::default(), gas: 1_000_000 };
    let mut session = Session::new(&engine, Fork::Osaka, sender, World::default());
    session.install(CONTRACT, Bytes::from_static(&CODE));
    Workload::new("store".to_owned(), Fork::Osaka, session.input(TxKind::Call(CONTRACT), Bytes::new()))
}

/// Measures against an engine that is wrong after `right` transactions.
fn measure_tampered(right: u32, tamper: fn(&mut TxResult)) -> Row {
    let make: EngineMaker = Box::new(move || {
        Box::new(Tampered { inner: InterpreterEngine::default(), right: Mutex::new(right), tamper })
    });
    let tampered = Local::new(EngineInfo::new("tampered", "wrong on purpose"), make);
    let mut entrants: Vec<Box<dyn Entrant>> = vec![Box::new(Local::interpreter()), Box::new(tampered)];
    measure::row(&workload(), &mut entrants, Duration::ZERO).expect("there are no external engines")
}

/// Expects that the tampered engine is out, with these words, and that the other has figures.
#[track_caller]
fn expect_out(row: &Row, words: &str) {
    let error = row.engines["tampered"].error.as_deref().unwrap_or("no error");
    assert!(error.contains(words), "{error}");
    assert!(row.ratio("tampered").is_none());
    assert_eq!(row.ratio("interpreter"), Some(1.0));
}

fn change_slot(result: &mut TxResult) {
    if let Ok(done) = result {
        let account = done.state.get_mut(&CONTRACT).expect("the contract ran");
        account.storage.values_mut().for_each(|slot| slot.present_value += slot.present_value);
    }
}

fn drop_caller(result: &mut TxResult) {
    if let Ok(done) = result {
        done.state.remove(&CALLER);
    }
}

#[test]
fn a_right_engine_has_figures() {
    let row = measure_tampered(u32::MAX, change_slot);
    let figures = &row.engines["tampered"];
    assert_eq!((figures.error.as_deref(), row.error.as_deref()), (None, None));
    assert!(figures.rounds >= 5 && figures.transactions >= figures.rounds as u64);
    assert!(figures.ratio.is_some_and(|ratio| ratio.low <= ratio.median && ratio.median <= ratio.high));
}

#[test]
fn a_wrong_first_answer_is_found() {
    expect_out(&measure_tampered(0, change_slot), "slot 0x0");
    expect_out(&measure_tampered(0, drop_caller), "nonce");
}

#[test]
fn an_answer_that_becomes_wrong_is_found() {
    expect_out(&measure_tampered(1, change_slot), "slot 0x0");
    expect_out(&measure_tampered(40, change_slot), "slot 0x0");
}

#[test]
fn every_load_begins_with_a_new_engine() {
    let made = Rc::new(Cell::new(0));
    let count = Rc::clone(&made);
    let make: EngineMaker = Box::new(move || {
        count.set(count.get() + 1);
        Box::new(InterpreterEngine::default())
    });
    let mut local = Local::new(EngineInfo::new("counted", ""), make);
    for loads in 1..4 {
        local.load(&workload()).expect("it runs");
        assert_eq!(made.get(), 1 + loads);
    }
}
