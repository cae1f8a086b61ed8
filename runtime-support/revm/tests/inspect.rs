//! With an inspector everything is interpreted, and the trace is the interpreter's.

#[allow(dead_code, reason = "shared with tests that compare outcomes")]
mod common;

use std::sync::Arc;

use common::{A, B, World, text, walker::Walkers};
use evmc_revm::AotEvm;
use revm::{
    ExecuteEvm, InspectEvm, Inspector, MainBuilder, SystemCallEvm,
    bytecode::opcode::*,
    context_interface::{ContextTr, JournalTr},
    inspector::InspectSystemCallEvm,
    interpreter::{
        CallInputs, CallOutcome, Interpreter,
        interpreter_types::{Jumps, MemoryTr},
    },
    primitives::Log,
};

/// Writes down all that it sees.
#[derive(Default)]
struct Lines(Vec<String>);

impl<CTX: ContextTr> Inspector<CTX> for Lines {
    fn step(&mut self, interpreter: &mut Interpreter, context: &mut CTX) {
        let code = &interpreter.bytecode;
        let (gas, memory) = (interpreter.gas.remaining(), interpreter.memory.size());
        let depth = context.journal().depth();
        self.0.push(format!(
            "{depth} {} {:#x} {gas} {memory} {:?}",
            code.pc(),
            code.opcode(),
            interpreter.stack.data()
        ));
    }

    fn step_end(&mut self, interpreter: &mut Interpreter, _: &mut CTX) {
        self.0.push(format!("{}", interpreter.gas.remaining()));
    }

    fn log(&mut self, _: &mut CTX, log: Log) {
        self.0.push(format!("{log:?}"));
    }

    fn call(&mut self, _: &mut CTX, inputs: &mut CallInputs) -> Option<CallOutcome> {
        self.0.push(format!("{inputs:?}"));
        None
    }

    fn call_end(&mut self, _: &mut CTX, _: &CallInputs, outcome: &mut CallOutcome) {
        self.0.push(format!("{outcome:?}"));
    }
}

/// A contract that calls another, which logs and fails or not by its calldata.
fn world() -> World {
    let call = [PUSH1, 0, PUSH1, 0, PUSH1, 32, PUSH1, 0, PUSH1, 0, PUSH2, 0xbb, 0xbb, GAS, CALL];
    let store = [PUSH1, 9, PUSH1, 0, MSTORE];
    let a = [&call[..], &store, &call, &[ADD, PUSH1, 1, SSTORE]].concat();
    let log = [PUSH1, 32, PUSH1, 0, LOG0, PUSH1, 0, CALLDATALOAD];
    World::new(&[
        (A, a),
        (B, [&log[..], &[PUSH1, 16, JUMPI, STOP], &[INVALID; 4], &[JUMPDEST, INVALID]].concat()),
    ])
}

#[test]
fn the_trace_is_the_interpreters() {
    let world = world();
    let mut stock = world.context(world.database()).build_mainnet_with_inspector(Lines::default());
    let expected = text(stock.inspect_tx(world.transaction()));
    let source = Arc::new(Walkers { native_stack_bytes: 4096 });
    let mut evm = AotEvm::new(world.context(world.database()), source);
    for _ in 0..2 {
        let mut lines = Lines::default();
        let outcome = text(evm.inspected(&mut lines).transact(world.transaction()));
        assert_eq!(outcome, expected);
        assert_eq!(lines.0, stock.inspector.0);
        assert!(lines.0.len() > 80);
        let counts = evm.take_counts();
        assert_eq!((counts.native, counts.interpreted(), counts.inspected), (0, 0, 1));
        // The same EVM without the inspector runs natively again.
        assert_eq!(text(evm.transact(world.transaction())), expected);
        assert_eq!((evm.take_counts().native, evm.counts().inspected), (3, 0));
    }
}

#[test]
fn system_calls_with_and_without_an_inspector() {
    let world = world();
    let mut stock = world.context(world.database()).build_mainnet_with_inspector(Lines::default());
    let caller = common::CALLER;
    let expected = text(stock.inspect_system_call_with_caller(caller, A, [1, 2].into()));
    let source = Arc::new(Walkers { native_stack_bytes: 4096 });
    let mut evm = AotEvm::new(world.context(world.database()), source);
    let mut lines = Lines::default();
    let result = evm.inspected(&mut lines).system_call_one_with_caller(caller, A, [1, 2].into());
    let state = evm.finalize();
    let outcome = result.map(|result| revm::context::result::ExecResultAndState::new(result, state));
    assert_eq!(text(outcome), expected);
    assert_eq!(lines.0, stock.inspector.0);
    assert_eq!(text(evm.system_call_with_caller(caller, A, [1, 2].into())), expected);
    assert_eq!(evm.counts().native, 3);
}
