//! Machine code as an engine: compiled, linked, loaded, and run as a frame inside revm.
//!
//! Only a module's entry can be entered from outside. For any other function an entry is made that
//! passes the arguments as constants, calls it, and leaves the results and the gas behind the end of
//! the VM memory, where the engine finds them.

use std::sync::{Arc, Mutex};

use evmc::backend::{self, BackendName};
use evmc_abi::{ExitCode, Field, Frame, OpRow, StretchRange};
use evmc_backend::{OptLevel, Options};
use evmc_ir::{Builder, Func, Function, Imm, Module, Opcode, Type};
use evmc_revm::{AotEvm, CodeSource, FrameCode, HostView};
use revm::bytecode::Bytecode;
use revm::context::TxEnv;
use revm::database::{CacheDB, EmptyDB};
use revm::primitives::hardfork::SpecId;
use revm::primitives::{Address, B256, Bytes, TxKind};
use revm::state::AccountInfo;
use revm::{Context, ExecuteEvm, MainContext};
use ruint::aliases::U256;

use crate::native::Native;

use super::engine::{ADDRESS, CALLER, CODE, End, Ending, Engine, VALUE, World};

/// Bytes of VM memory for each result, for the gas and for the mark.
const SLOT: u64 = 32;

/// Stands behind the gas where the function returned.
const MARK: U256 = U256::from_limbs([0x6d61_726b_6564_2121; 4]);

/// A backend at an optimisation level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine {
    pub name: &'static str,
    pub backend: BackendName,
    pub level: OptLevel,
}

impl Engine for Machine {
    fn name(&self) -> &'static str {
        self.name
    }

    fn takes(&self, module: &Module) -> bool {
        module.instance.is_none()
    }

    fn call(&self, module: &Module, func: Func, args: &[U256], world: &World) -> Result<Ending, String> {
        let is_entry = module.entry == Some(func);
        let mut module = module.clone();
        if !is_entry {
            module.entry = Some(call_and_store(&mut module, func, args));
        }
        let options = Options { level: self.level, ..Options::default() };
        let backend = backend::create(self.backend, None).map_err(|error| error.to_string())?;
        let native = Native::build(&module, &options, &*backend)?;
        let frame = run(native.code(), world)?;
        if !is_entry && let Some(ending) = frame.returned(&module.functions[func].results) {
            return Ok(ending);
        }
        let failed = (frame.exit == ExitCode::Stretch).then_some((frame.stretch, frame.height));
        Ok(Ending { gas: frame.gas, end: End::Exited(frame.exit, failed) })
    }
}

/// Adds an entry that calls `func` and stores what it returns.
fn call_and_store(module: &mut Module, func: Func, args: &[U256]) -> Func {
    let callee = &module.functions[func];
    let types: Vec<_> = callee.param_types().collect();
    let results = callee.results.clone();
    let mut function = Function::new("filetest.entry", &[]);
    let mut b = Builder::new(&mut function);
    let block = b.create_block();
    b.switch_to(block);
    let args: Vec<_> = types.iter().zip(args).map(|(&ty, &bits)| b.constant(ty, bits)).collect();
    let mut values = b.call(func, &args, &results);
    let gas = b.op(Opcode::GasRemaining, None, &[], Imm::None);
    values.push(b.func.insts[gas].results[0]);
    values.push(b.constant(Type::I256, MARK));
    let start = b.frame_get(Type::I64, Field::MemoryLen);
    let room = b.small(Type::I64, SLOT * values.len() as u64);
    let end = b.binary(Opcode::Add, start, room);
    b.effect(Opcode::MemEnsure, &[end]);
    for (index, &value) in values.iter().enumerate() {
        let distance = b.small(Type::I64, SLOT * index as u64);
        let offset = b.binary(Opcode::Add, start, distance);
        b.mem_store(offset, value);
    }
    b.exit(ExitCode::Stop);
    module.functions.push(function)
}

/// What is left of a frame when its code has come back.
#[derive(Clone, Debug)]
struct Left {
    exit: ExitCode,
    gas: u64,
    stretch: u32,
    height: u32,
    memory: Vec<u8>,
}

impl Left {
    /// Results and gas, where the made entry has put them.
    fn returned(&self, types: &[Type]) -> Option<Ending> {
        let start = self.memory.len().checked_sub(SLOT as usize * (types.len() + 2))?;
        let mut slots = self.memory[start..].chunks(SLOT as usize);
        let mut read = |ty: Type| {
            let bytes = slots.next().unwrap_or_default();
            U256::from_le_slice(&bytes[..ty.bytes() as usize])
        };
        let results = types.iter().map(|&ty| read(ty)).collect();
        let gas = read(Type::I64).as_limbs()[0];
        let is_marked = self.exit == ExitCode::Stop && read(Type::I256) == MARK;
        is_marked.then_some(Ending { gas, end: End::Returned(results) })
    }
}

/// Code that runs with a given gas and keeps what it leaves.
struct Recorder {
    code: Arc<dyn FrameCode>,
    gas: u64,
    left: Mutex<Option<Left>>,
}

impl FrameCode for Recorder {
    fn run(&self, view: &mut HostView<'_>) -> ExitCode {
        view.set_gas(self.gas);
        let exit = self.code.run(view);
        let &Frame { gas, exit_stretch: stretch, exit_height: height, .. } = view.fields();
        let memory = view.memory().to_vec();
        *self.left.lock().expect("nobody panics with it") = Some(Left { exit, gas, stretch, height, memory });
        exit
    }

    fn uses_memory_stack(&self) -> bool {
        self.code.uses_memory_stack()
    }

    fn native_stack_bytes(&self) -> usize {
        self.code.native_stack_bytes()
    }

    fn op_rows(&self) -> &[OpRow; 256] {
        self.code.op_rows()
    }

    fn stretch(&self, number: u32) -> Option<StretchRange> {
        self.code.stretch(number)
    }
}

/// A source of one code.
struct Only(Arc<Recorder>);

impl CodeSource for Only {
    fn lookup(&self, _: B256, _: &Bytecode, _: SpecId, _: bool) -> Option<Arc<dyn FrameCode>> {
        Some(self.0.clone())
    }
}

/// Runs code as the frame of a transaction. What the transaction makes of its end does not matter:
/// the modules of tests are not the bytecode's.
fn run(code: Arc<dyn FrameCode>, world: &World) -> Result<Left, String> {
    let address = |number: u64| Address::left_padding_from(&number.to_be_bytes());
    let mut db = CacheDB::new(EmptyDB::new());
    let balance = U256::from(1_000_000);
    db.insert_account_info(address(CALLER), AccountInfo { balance, ..AccountInfo::default() });
    let bytecode = Bytecode::new_raw(Bytes::copy_from_slice(&CODE));
    db.insert_account_info(address(ADDRESS), AccountInfo::from_bytecode(bytecode));
    for &(key, value) in &world.storage {
        let inserted = db.insert_account_storage(address(ADDRESS), key, value);
        inserted.map_err(|error| format!("{error:?}"))?;
    }
    let context = Context::mainnet()
        .modify_cfg_chained(|cfg| {
            cfg.set_spec_and_mainnet_gas_params(SpecId::OSAKA);
            cfg.tx_gas_limit_cap = Some(u64::MAX);
        })
        .modify_block_chained(|block| block.gas_limit = u64::MAX)
        .with_db(db);
    let recorder = Arc::new(Recorder { code, gas: world.gas, left: Mutex::new(None) });
    let transaction = TxEnv {
        caller: address(CALLER),
        gas_limit: world.gas.saturating_add(1_000_000),
        kind: TxKind::Call(address(ADDRESS)),
        data: Bytes::copy_from_slice(&world.calldata),
        value: U256::from(VALUE),
        ..TxEnv::default()
    };
    let mut evm = AotEvm::new(context, Arc::new(Only(recorder.clone())));
    evm.recover_from_faults(false);
    let outcome = evm.transact(transaction);
    let left = recorder.left.lock().map_err(|error| error.to_string())?.take();
    left.ok_or_else(|| format!("the frame did not run: {outcome:?}"))
}
