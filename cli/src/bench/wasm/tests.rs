use std::{collections::VecDeque, time::Duration};

use super::{Answer, Call, Engine, Problem, row};
use crate::bench::{
    entrant::{Batch, Lane, Loaded},
    measure::Ready,
    report::{EngineInfo, Row},
};

/// Gives the answers in the list, the last one forever; without any it refuses.
struct Scripted(&'static str, Vec<Answer>);

struct ScriptedLane(VecDeque<Answer>);

impl ScriptedLane {
    fn next(&mut self) -> Answer {
        if self.0.len() > 1 { self.0.pop_front().unwrap_or_default() } else { self.0[0].clone() }
    }
}

impl Engine for Scripted {
    fn info(&self) -> EngineInfo {
        EngineInfo::new(self.0, "")
    }

    fn load(&self, _: &Call) -> Result<Ready<'static, Answer>, Problem> {
        if self.1.is_empty() {
            return Err(Problem::Refused("trap: on purpose".to_owned()));
        }
        let mut lane = ScriptedLane(self.1.clone().into());
        let loaded = Loaded { answer: lane.next(), compilation: None, frames_interpreted: 0 };
        Ok(Ready { loaded, lane: Box::new(lane) })
    }
}

impl Lane<Answer> for ScriptedLane {
    fn run(&mut self, count: u32) -> Result<Batch<Answer>, Problem> {
        let cpu = Duration::from_millis(6) * count;
        Ok(Batch { cpu, answer: self.next() })
    }
}

/// Results alone.
fn gives(result: &str) -> Answer {
    Answer { results: vec![result.to_owned()], ..Answer::default() }
}

/// What becomes of an engine with these answers beside one that is right.
fn beside(answers: Vec<Answer>) -> Row {
    let right = Answer { gas_used: Some(7), memory: Some([1; 32]), ..gives("1") };
    let engines: [Box<dyn Engine>; 2] =
        [Box::new(Scripted("right", vec![right])), Box::new(Scripted("other", answers))];
    measured(&engines)
}

fn measured(engines: &[Box<dyn Engine>]) -> Row {
    let call = Call {
        origin: "m.wasm".to_owned(),
        module: vec![0; 8],
        function: "f".to_owned(),
        arguments: Vec::new(),
        memories: Vec::new(),
        gas: 100,
    };
    row(&call, engines, Duration::ZERO).expect("no other program takes part")
}

/// The error of the engine that is compared.
fn error(row: &Row) -> &str {
    row.engines["other"].error.as_deref().unwrap_or("none")
}

#[test]
fn equal_answers_have_figures() {
    let row = beside(vec![gives("1")]);
    assert_eq!((error(&row), row.ratio("other"), row.gas_used), ("none", Some(1.0), 7));
    assert_eq!((row.name.as_str(), row.code_bytes), ("m.wasm f", 8));
}

#[test]
fn every_part_of_an_answer_is_compared() {
    let differs = |answer| error(&beside(vec![answer])).to_owned();
    assert_eq!(differs(gives("2")), "differs from right: results: (2) instead of (1)");
    let gas = Answer { gas_used: Some(8), ..gives("1") };
    assert_eq!(differs(gas), "differs from right: gas used: 8 instead of 7");
    let memory = Answer { memory: Some([2; 32]), ..gives("1") };
    assert_eq!(differs(memory), "differs from right: exported memories");
}

#[test]
fn an_answer_that_becomes_wrong_is_found() {
    let row = beside(vec![gives("1"), gives("1"), gives("1"), gives("2")]);
    assert_eq!(error(&row), "differs from right: results: (2) instead of (1)");
    assert!(row.engines["right"].ratio.is_some() && row.engines["other"].time_ns.is_none());
}

#[test]
fn who_refuses_is_out_and_the_reference_must_not() {
    assert_eq!(error(&beside(Vec::new())), "trap: on purpose");
    let row = measured(&[Box::new(Scripted("first", Vec::new())), Box::new(Scripted("x", vec![gives("1")]))]);
    assert_eq!(row.error.as_deref(), Some("first: trap: on purpose"));
    let row = measured(&[Box::new(Scripted("first", vec![gives("1"), gives("2")]))]);
    assert!(row.error.is_some_and(|error| error.contains("gives (1) at first and (2) the second time")));
}
