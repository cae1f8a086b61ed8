//! What interpreted code has used in gas, for a source that compiles what is worth it.
//!
//! A frame is interpreted piece by piece: up to a call, from there to the next, to its end. What a piece has used
//! by itself, without what its calls were given, is added up by code in a small table of the EVM's own, and told to
//! [`CodeSource::interpreted`] once per transaction, so nothing is shared between threads for each frame. A code whose place
//! another one takes is told at once.
//!
//! What is counted is what the gas counter lost: constant and dynamic gas of the operations, and all of the rest where a
//! frame runs out of gas. The 2,300 that a call with value gets for free are missing from its cost. Code without a known hash,
//! which is that of creations where the source does not serve any, is not counted, nor is what an inspector sees.

use std::sync::Arc;

use revm::{
    bytecode::Bytecode,
    interpreter::{FrameInput, Interpreter, InterpreterAction},
    primitives::{B256, hardfork::SpecId},
};

use crate::code::CodeSource;

/// Places in the table, one for each bit of [`Tally::used`].
const PLACES: usize = 64;

/// A code and its gas since it was last told.
struct Entry {
    code_hash: B256,
    spec: SpecId,
    code: Bytecode,
    gas: u64,
}

/// Gas by code that is not told yet.
pub(crate) struct Tally {
    source: Arc<dyn CodeSource>,
    entries: [Option<Entry>; PLACES],
    /// One bit for each place that is not empty.
    used: u64,
}

impl Tally {
    /// An empty table, if the source wants to be told.
    pub(crate) fn new(source: &Arc<dyn CodeSource>) -> Option<Box<Self>> {
        let source = Arc::clone(source);
        let entries = [const { None }; PLACES];
        source.counts_gas().then(|| Box::new(Self { source, entries, used: 0 }))
    }

    /// Adds what a piece of a frame has used, which began with the gas counter at `before` and ended in `action`.
    pub(crate) fn add(&mut self, interpreter: &Interpreter, before: u64, action: &InterpreterAction) {
        let Some(code_hash) = interpreter.bytecode.hash() else { return };
        let gone = before.saturating_sub(interpreter.gas.remaining());
        let gas = gone.saturating_sub(given(action));
        let spec = interpreter.runtime_flag.spec_id;
        let place = usize::from(code_hash[0]) % PLACES;
        match &mut self.entries[place] {
            Some(entry) if entry.code_hash == code_hash && entry.spec == spec => {
                entry.gas = entry.gas.saturating_add(gas);
            }
            _ => {
                let code = Bytecode::clone(&interpreter.bytecode);
                self.tell(place);
                self.entries[place] = Some(Entry { code_hash, spec, code, gas });
                self.used |= 1 << place;
            }
        }
    }

    /// Tells the source all that was counted; to be called between transactions.
    pub(crate) fn flush(&mut self) {
        while self.used != 0 {
            self.tell(self.used.trailing_zeros() as usize);
        }
    }

    /// Tells the source what was counted in a place, which is empty then.
    fn tell(&mut self, place: usize) {
        self.used &= !(1 << place);
        if let Some(Entry { code_hash, spec, code, gas }) = self.entries[place].take() {
            self.source.interpreted(code_hash, &code, spec, gas);
        }
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Gas that a frame has handed on with the call or creation that it asks for.
fn given(action: &InterpreterAction) -> u64 {
    match action {
        InterpreterAction::NewFrame(FrameInput::Call(inputs)) => inputs.gas_limit,
        InterpreterAction::NewFrame(FrameInput::Create(inputs)) => inputs.gas_limit(),
        InterpreterAction::NewFrame(FrameInput::Empty) | InterpreterAction::Return(_) => 0,
    }
}
