//! Counting operations by code, while revm's interpreter executes blocks.

use std::collections::HashMap;

use alloy_primitives::{Address, B256, Bytes};
use evmc_abi::fork;
use evmc_parallel::Block;
use revm::{
    Context, DatabaseCommit, DatabaseRef, InspectCommitEvm, InspectSystemCallEvm, Inspector, MainBuilder,
    MainContext,
    database::CacheDB,
    interpreter::{
        CallInputs, CallOutcome, CreateInputs, CreateOutcome, Interpreter, interpreter_types::InputsTr,
    },
};

use super::ProfiledCode;
use crate::fork::Fork;

/// A code and the first fork of a class.
type Key = (B256, u16);

/// What was counted for a code.
#[derive(Debug)]
struct Counted {
    address: Address,
    frames: u64,
    operations: u64,
    code: Bytes,
}

/// Where the operations of a frame are counted.
#[derive(Clone, Copy, Debug)]
enum Place {
    Initcode,
    /// No code has been run yet; a precompile has none.
    Unknown,
    Code(usize),
}

/// Counts operations of blocks.
#[derive(Debug, Default)]
pub struct Counter {
    /// Blocks that were executed.
    pub(super) blocks: u64,
    /// Operations of initcode.
    pub(super) initcode_operations: u64,
    /// What was counted, and where for which code.
    counted: Vec<(Key, Counted)>,
    places: HashMap<Key, usize>,
    /// The class of forks that the block is of.
    class: u16,
    /// The frames from the outermost to the one that runs.
    frames: Vec<Place>,
}

impl Counter {
    /// Executes a block, system calls before the transactions included, and counts. What a transaction of an
    /// invalid block was, stays counted.
    ///
    /// # Errors
    /// Why the block is invalid, in words.
    pub fn execute<D>(&mut self, block: &Block, state: &D, fork: Fork) -> Result<(), String>
    where
        D: DatabaseRef<Error: std::error::Error + Send + Sync + 'static>,
    {
        self.class = fork::rules(fork as u16).map_or(fork as u16, |rules| rules.class);
        self.blocks += 1;
        let context = Context::mainnet()
            .with_db(CacheDB::new(state))
            .with_cfg(block.cfg.clone())
            .with_block(block.env.clone());
        let mut evm = context.build_mainnet_with_inspector(&mut *self);
        for (contract, data) in evmc_parallel::system_calls_before(block) {
            let called = evm.inspect_system_call(contract, data);
            evm.ctx.journaled_state.database.commit(called.map_err(|error| error.to_string())?.state);
        }
        for (index, tx) in block.transactions.iter().enumerate() {
            let done = evm.inspect_tx_commit(tx.clone());
            done.map_err(|error| format!("transaction {index}: {error}"))?;
        }
        Ok(())
    }

    /// Operations that were counted, those of initcode too.
    pub(super) fn operations(&self) -> u64 {
        let of_code: u64 = self.counted.iter().map(|(_, counted)| counted.operations).sum();
        of_code + self.initcode_operations
    }

    /// What was counted for each code, in no useful order.
    pub(super) fn codes(&self) -> impl Iterator<Item = ProfiledCode> {
        self.counted.iter().map(|((code_hash, class), counted)| ProfiledCode {
            code_hash: *code_hash,
            fork: u8::try_from(*class).ok().and_then(Fork::from_number).map_or("", Fork::name).to_owned(),
            address: counted.address,
            frames: counted.frames,
            operations: counted.operations,
            code: counted.code.clone(),
        })
    }

    /// Where the operations of the code that `interpreter` is about to run are counted.
    fn place(&mut self, interpreter: &mut Interpreter) -> usize {
        let key = (interpreter.bytecode.get_or_calculate_hash(), self.class);
        *self.places.entry(key).or_insert_with(|| {
            let input = &interpreter.input;
            let counted = Counted {
                address: input.bytecode_address().copied().unwrap_or(input.target_address()),
                frames: 0,
                operations: 0,
                code: interpreter.bytecode.original_bytes(),
            };
            self.counted.push((key, counted));
            self.counted.len() - 1
        })
    }
}

impl<CTX> Inspector<CTX> for Counter {
    fn initialize_interp(&mut self, interpreter: &mut Interpreter, _: &mut CTX) {
        // Calls that run no code, such as those of precompiles, do not come here.
        if matches!(self.frames.last(), Some(Place::Initcode)) {
            return;
        }
        let place = self.place(interpreter);
        self.counted[place].1.frames += 1;
        if let Some(last) = self.frames.last_mut() {
            *last = Place::Code(place);
        }
    }

    fn step(&mut self, _: &mut Interpreter, _: &mut CTX) {
        match self.frames.last() {
            Some(Place::Code(place)) => self.counted[*place].1.operations += 1,
            Some(Place::Initcode | Place::Unknown) | None => self.initcode_operations += 1,
        }
    }

    fn call(&mut self, _: &mut CTX, _: &mut CallInputs) -> Option<CallOutcome> {
        self.frames.push(Place::Unknown);
        None
    }

    fn call_end(&mut self, _: &mut CTX, _: &CallInputs, _: &mut CallOutcome) {
        self.frames.pop();
    }

    fn create(&mut self, _: &mut CTX, _: &mut CreateInputs) -> Option<CreateOutcome> {
        self.frames.push(Place::Initcode);
        None
    }

    fn create_end(&mut self, _: &mut CTX, _: &CreateInputs, _: &mut CreateOutcome) {
        self.frames.pop();
    }
}
