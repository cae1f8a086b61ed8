//! The walk over one function.

use std::collections::BTreeMap;

use cranelift_entity::SecondaryMap;
use evmc_abi::HostFn;
use evmc_backend::{BackendError, Convention, Family};
use evmc_ir as ir;
use evmc_ir::{Dominators, Imm, InstData};
use inkwell::basic_block::BasicBlock;
use inkwell::builder::{Builder, BuilderError};
use inkwell::values::{BasicValue, BasicValueEnum, FunctionValue, IntValue, PhiValue, PointerValue};

use crate::alias::attach;
use crate::attributes::WORD_ALIGN;
use crate::calls::passes_by_value;
use crate::compile::Unit;
use crate::gas::Exits;
use crate::signature::Interface;

/// Failure of a single instruction; the walk adds the place.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It is not available under circumstances that are named as the end of a sentence.
    Unavailable(&'static str),
    /// LLVM's builder was used wrongly: a defect of the backend.
    Builder(BuilderError),
}

impl From<BuilderError> for Refusal {
    fn from(error: BuilderError) -> Self {
        Self::Builder(error)
    }
}

/// What translating something gives.
pub(crate) type Done<T = ()> = Result<T, Refusal>;

/// State that flows through a function as values: stack variables that LLVM's first pass makes values of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variables<'c> {
    /// The gas counter.
    pub gas: PointerValue<'c>,
    /// First byte of VM memory.
    pub memory: PointerValue<'c>,
    /// Length of VM memory, in bytes.
    pub length: PointerValue<'c>,
    /// The status with which the function is left.
    pub status: PointerValue<'c>,
    /// The stretch whose check failed.
    pub stretch: PointerValue<'c>,
    /// Stack height at its start.
    pub height: PointerValue<'c>,
    /// Gas that a shared end of the frame pays first.
    pub due: PointerValue<'c>,
    /// Where in the source a function of WebAssembly is left; the code is the status.
    pub source: PointerValue<'c>,
}

/// The translation of one function.
pub(crate) struct Translator<'a, 'c> {
    /// The module.
    pub unit: &'a mut Unit<'c>,
    /// The function of the IR.
    pub func: &'a ir::Function,
    /// LLVM's function.
    pub function: FunctionValue<'c>,
    /// LLVM's builder.
    pub b: Builder<'c>,
    /// How this function is left.
    pub interface: Interface<'c>,
    /// What values have become.
    pub held: SecondaryMap<ir::Value, Option<BasicValueEnum<'c>>>,
    /// What blocks have become.
    pub blocks: SecondaryMap<ir::Block, Option<BasicBlock<'c>>>,
    /// What parameters of blocks have become.
    pub params: SecondaryMap<ir::Value, Option<PhiValue<'c>>>,
    /// The frame pointer.
    pub frame: PointerValue<'c>,
    /// Where results go that no register holds.
    pub result_memory: Option<PointerValue<'c>>,
    /// State that flows through the function.
    pub variables: Variables<'c>,
    /// Words for host functions.
    pub words: PointerValue<'c>,
    /// Memory for results of callees.
    pub returned: PointerValue<'c>,
    /// Shared exits.
    pub exits: Exits<'c>,
    /// Gas of a charge that is left to the shared end of the frame behind it.
    pub due: Option<u64>,
    /// Where the current instruction's operation stands in the source of WebAssembly, as an offset in bytes.
    pub source: u32,
    /// First bytes of the linear memories that the function accesses.
    pub bases: BTreeMap<u32, PointerValue<'c>>,
}

impl<'a, 'c> Translator<'a, 'c> {
    /// Translates a function into LLVM's, which has no blocks yet.
    pub fn run(
        unit: &'a mut Unit<'c>,
        func: &'a ir::Function,
        function: FunctionValue<'c>,
        interface: Interface<'c>,
    ) -> Result<(), BackendError> {
        let context = unit.context;
        let b = context.create_builder();
        b.position_at_end(context.append_basic_block(function, ""));
        let result = Self::new(unit, func, function, interface, b).and_then(|translator| translator.walk());
        result.map_err(|(data, refusal)| located(func, data, refusal))
    }

    /// A translator whose builder stands in the prologue.
    fn new(
        unit: &'a mut Unit<'c>,
        func: &'a ir::Function,
        function: FunctionValue<'c>,
        interface: Interface<'c>,
        b: Builder<'c>,
    ) -> Result<Self, Failure<'a>> {
        let own = |refusal| (None, refusal);
        let variables = variables(unit, &b).map_err(own)?;
        let words = room(unit, &b, words_needed(func)).map_err(own)?;
        let returned = room(unit, &b, results_needed(unit, func)).map_err(own)?;
        let frame = function.get_first_param().map(BasicValueEnum::into_pointer_value);
        let frame = frame.unwrap_or(unit.types.pointer.const_null());
        Ok(Self {
            unit,
            func,
            function,
            b,
            interface,
            held: SecondaryMap::with_capacity(func.values.len()),
            blocks: SecondaryMap::new(),
            params: SecondaryMap::new(),
            frame,
            result_memory: None,
            variables,
            words,
            returned,
            exits: Exits::default(),
            due: None,
            source: 0,
            bases: BTreeMap::new(),
        })
    }

    /// Translates what can be reached, each block behind those that dominate it.
    fn walk(mut self) -> Result<(), Failure<'a>> {
        let own = |refusal| (None, refusal);
        let dominators = Dominators::new(self.func);
        self.enter(dominators.rpo()).map_err(own)?;
        for &block in dominators.rpo() {
            let targets = self.func.terminator(block).map(InstData::targets).unwrap_or_default();
            let checks =
                |block| self.func.block_insts(block).any(|(_, data)| data.opcode == ir::Opcode::GasCheck);
            let repeats =
                |target: &ir::BlockCall| dominators.dominates(target.block, block) && checks(target.block);
            let repeats = targets.into_iter().any(repeats);
            self.block(block, repeats)?;
        }
        self.finish_exits().map_err(own)
    }

    /// Creates the blocks and takes the parameters.
    fn enter(&mut self, order: &[ir::Block]) -> Done {
        let prologue = self.b.get_insert_block();
        for &block in order {
            let own = self.unit.context.append_basic_block(self.function, "");
            self.blocks[block] = Some(own);
            if Some(block) == self.func.entry() {
                continue;
            }
            self.b.position_at_end(own);
            for &param in &self.func.blocks[block].params {
                let phi = self.b.build_phi(self.unit.types.of(self.func.ty(param)), "")?;
                self.params[param] = Some(phi);
                self.held[param] = Some(phi.as_basic_value());
            }
        }
        if let Some(prologue) = prologue {
            self.b.position_at_end(prologue);
        }
        self.receive()?;
        if let Some(entry) = self.func.entry().and_then(|entry| self.blocks[entry]) {
            self.b.build_unconditional_branch(entry)?;
        }
        Ok(())
    }

    /// Takes gas, parameters and the pointer for results, and reads the bounds of memory.
    fn receive(&mut self) -> Done {
        let mut given = self.function.get_params().into_iter().skip(1);
        let gas = match self.interface.convention {
            Convention::Metered | Convention::Counted => given.next(),
            Convention::Entry => Some(self.load_field(evmc_abi::Field::Gas)?.into()),
            _ => None,
        };
        if let Some(gas) = gas {
            self.b.build_store(self.variables.gas, gas)?;
        }
        match self.unit.instance {
            Some(shape) => self.load_bases(shape)?,
            None => self.load_bounds()?,
        }
        let params = self.func.entry().map_or(&[][..], |entry| &self.func.blocks[entry].params);
        for &param in params {
            if let Some(passed) = given.next() {
                self.held[param] = Some(self.received(self.func.ty(param), passed)?);
            }
        }
        self.result_memory = given.next().map(BasicValueEnum::into_pointer_value);
        Ok(())
    }

    /// Translates a block; `repeats` where a loop that checks gas goes back from its end.
    fn block(&mut self, block: ir::Block, repeats: bool) -> Result<(), Failure<'a>> {
        let Some(own) = self.blocks[block] else { return Ok(()) };
        self.b.position_at_end(own);
        let func = self.func;
        let insts: Vec<_> = func.blocks[block].insts.iter().map(|&inst| &func.insts[inst]).collect();
        for (number, &data) in insts.iter().enumerate() {
            if self.is_left_to_exit(data, &insts[number + 1..]) {
                continue;
            }
            if repeats && self.unit.is_metered && data.opcode.is_terminator() {
                self.hide_gas().map_err(|refusal| (Some(data), refusal))?;
            }
            self.locate(func.blocks[block].insts[number]);
            self.inst(data).map_err(|refusal| (Some(data), refusal))?;
        }
        Ok(())
    }

    /// Whether an instruction is a charge that the shared end of the frame right behind it pays; notes the amount.
    fn is_left_to_exit(&mut self, data: &InstData, rest: &[&InstData]) -> bool {
        let (ir::Opcode::GasCharge, Imm::Charge { gas, .. }) = (data.opcode, &data.imm) else { return false };
        let next = rest.iter().find(|data| data.opcode != ir::Opcode::Const);
        let is_left = next.is_some_and(|next| self.shared_exit(next).is_some());
        if is_left {
            self.due = Some(*gas);
        }
        is_left
    }

    /// Dispatches one instruction to its family.
    fn inst(&mut self, data: &InstData) -> Done {
        match Family::of(data.opcode) {
            Family::Constant => self.constant(data),
            Family::Arithmetic => self.arithmetic(data),
            Family::Division => self.divide(data),
            Family::Modular => self.modular(data),
            Family::Shift => self.shift(data),
            Family::Bits => self.bits(data),
            Family::Byte => self.pick_byte(data),
            Family::Comparison => self.comparison(data),
            Family::Conversion => self.conversion(data),
            Family::Float => self.float(data),
            Family::Vector => self.vector(data),
            Family::Memory => self.memory(data),
            Family::Instance => self.of_instance(data),
            Family::Metering => self.metering(data),
            Family::Host => self.host(data),
            Family::Call => self.call(data),
            Family::Leave => self.leave(data),
        }
    }

    fn constant(&mut self, data: &InstData) -> Done {
        let Imm::Constant(constant) = data.imm else { return Ok(()) };
        let (ty, bits) = (data.ty.unwrap_or(ir::Type::I64), self.func.constants[constant]);
        let int = self.unit.types.constant(ty.bits(), bits);
        if ty.is_int() {
            self.set(data, int);
        } else {
            let value = self.b.build_bit_cast(int, self.unit.types.of(ty), "")?;
            self.set(data, value);
        }
        Ok(())
    }

    /// A new block behind all others.
    pub fn new_block(&self) -> BasicBlock<'c> {
        self.unit.context.append_basic_block(self.function, "")
    }

    /// Branches where the condition holds, which is rare, and goes on otherwise.
    pub fn branch_aside(&mut self, condition: IntValue<'c>, cold: BasicBlock<'c>) -> Done {
        let next = self.new_block();
        self.branch_rarely(condition, cold, next)?;
        self.b.position_at_end(next);
        Ok(())
    }

    /// Branches to one of two blocks of which the first is rarely run.
    pub fn branch_rarely(
        &mut self,
        condition: IntValue<'c>,
        cold: BasicBlock<'c>,
        other: BasicBlock<'c>,
    ) -> Done {
        let branch = self.b.build_conditional_branch(condition, cold, other)?;
        attach(branch, self.unit.weights.rarely, self.unit.weights.kind);
        Ok(())
    }

    /// A value that is one of two, by a condition that rarely holds: where it does, `slow` makes it.
    pub fn rarely<V: BasicValue<'c>>(
        &mut self,
        condition: IntValue<'c>,
        slow: impl FnOnce(&mut Self) -> Done<V>,
        fast: impl FnOnce(&mut Self) -> Done<V>,
    ) -> Done<BasicValueEnum<'c>> {
        let [cold, usual, join] = [(); 3].map(|()| self.new_block());
        self.branch_rarely(condition, cold, usual)?;
        self.b.position_at_end(usual);
        let fast = self.then_jump(fast, join)?;
        self.b.position_at_end(cold);
        let slow = self.then_jump(slow, join)?;
        self.b.position_at_end(join);
        let phi = self.b.build_phi(fast.0.get_type(), "")?;
        phi.add_incoming(&[(&fast.0, fast.1), (&slow.0, slow.1)]);
        Ok(phi.as_basic_value())
    }

    /// Makes a value and jumps; gives the value and the block that it comes from.
    fn then_jump<V: BasicValue<'c>>(
        &mut self,
        make: impl FnOnce(&mut Self) -> Done<V>,
        to: BasicBlock<'c>,
    ) -> Done<(BasicValueEnum<'c>, BasicBlock<'c>)> {
        let value = make(self)?.as_basic_value_enum();
        let from = self.b.get_insert_block().unwrap_or(to);
        self.b.build_unconditional_branch(to)?;
        Ok((value, from))
    }
}

/// A refusal and the instruction that it is about, if it is about one.
type Failure<'a> = (Option<&'a InstData>, Refusal);

/// The error for a refusal.
fn located(func: &ir::Function, data: Option<&InstData>, refusal: Refusal) -> BackendError {
    let function = func.name.clone();
    match (refusal, data) {
        (Refusal::Unavailable(reason), Some(data)) => {
            BackendError::Unsupported { function, opcode: data.opcode, ty: data.ty, reason }
        }
        (Refusal::Unavailable(reason), None) => BackendError::Internal { function, reason: reason.into() },
        (Refusal::Builder(error), _) => BackendError::Internal { function, reason: error.to_string() },
    }
}

/// Creates the variables of a function.
fn variables<'c>(unit: &Unit<'c>, b: &Builder<'c>) -> Done<Variables<'c>> {
    let types = &unit.types;
    Ok(Variables {
        gas: b.build_alloca(types.i64, "gas")?,
        memory: b.build_alloca(types.pointer, "memory")?,
        length: b.build_alloca(types.i64, "length")?,
        status: b.build_alloca(types.i32, "status")?,
        stretch: b.build_alloca(types.i32, "stretch")?,
        height: b.build_alloca(types.i64, "height")?,
        due: b.build_alloca(types.i64, "due")?,
        source: b.build_alloca(types.i32, "source")?,
    })
}

/// Memory on the native stack of so many bytes, aligned for words.
pub(crate) fn room<'c>(unit: &Unit<'c>, b: &Builder<'c>, bytes: u32) -> Done<PointerValue<'c>> {
    let room = b.build_alloca(unit.types.i8.array_type(bytes), "")?;
    if let Some(alloca) = room.as_instruction() {
        // The one failure is an alignment that is no power of two.
        let _ = alloca.set_alignment(WORD_ALIGN);
    }
    Ok(room)
}

/// Bytes of words that a function needs for its calls of host functions, and of functions of the runtime.
fn words_needed(func: &ir::Function) -> u32 {
    let insts = func.layout.iter().flat_map(|&block| func.block_insts(block));
    let bytes = insts.map(|(_, data)| match data.imm {
        Imm::Host(function) if !passes_by_value(function) => 32 * HostFn::words(function),
        Imm::Runtime(function) => 8 * function.args().max(function.results()),
        _ => 0,
    });
    bytes.max().unwrap_or(0) as u32
}

/// Bytes of memory that a function needs for results of what it calls.
fn results_needed(unit: &Unit<'_>, func: &ir::Function) -> u32 {
    let insts = func.layout.iter().flat_map(|&block| func.block_insts(block));
    let bytes = insts.map(|(_, data)| match data.imm {
        _ if data.opcode.is_terminator() => 0,
        Imm::Function(callee) => unit.interfaces[callee].as_ref().map_or(0, |interface| interface.memory),
        Imm::Signature(callee) => unit.signatures[callee].as_ref().map_or(0, |interface| interface.memory),
        _ => 0,
    });
    bytes.max().unwrap_or(0)
}
