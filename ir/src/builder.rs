//! Building functions: one method that adds any instruction, and short names for the common ones.

use ruint::aliases::U256;
use smallvec::{SmallVec, smallvec};

use evmc_abi::{ExitCode, Field, HostFn, RuntimeFn};

use crate::entities::{Block, Func, Inst, Sig, Stretch, Value};
use crate::function::{BlockCall, Function, Imm, InstData, SwitchTable, ValueData, ValueDef, Values};
use crate::opcode::{Opcode, Slot};
use crate::shape::LaneShape;
use crate::types::Type;

/// Appends instructions to the current block of a function.
#[derive(Debug)]
pub struct Builder<'f> {
    /// The function that is built.
    pub func: &'f mut Function,
    current: Option<Block>,
}

impl<'f> Builder<'f> {
    /// A builder without a current block.
    pub fn new(func: &'f mut Function) -> Self {
        Self { func, current: None }
    }

    /// A new block, not yet in the layout.
    pub fn create_block(&mut self) -> Block {
        self.func.blocks.push(Default::default())
    }

    /// A new block that is rarely run.
    pub fn create_cold_block(&mut self) -> Block {
        let block = self.create_block();
        self.func.blocks[block].cold = true;
        block
    }

    /// Adds a parameter to a block.
    pub fn add_param(&mut self, block: Block, ty: Type) -> Value {
        let number = self.func.blocks[block].params.len() as u32;
        let value = self.func.values.push(ValueData { ty, def: ValueDef::Param(block, number) });
        self.func.blocks[block].params.push(value);
        value
    }

    /// Appends `block` to the layout and makes it current.
    pub fn switch_to(&mut self, block: Block) {
        self.func.layout.push(block);
        self.current = Some(block);
    }

    /// Makes `block`, which is in the layout already, current again.
    pub fn resume(&mut self, block: Block) {
        self.current = Some(block);
    }

    /// The current block.
    ///
    /// # Panics
    /// Where none was entered.
    pub fn current(&self) -> Block {
        self.current.expect("a block was entered")
    }

    /// Whether the current block, if any, has its terminator.
    pub fn is_terminated(&self) -> bool {
        self.current.is_none_or(|block| self.func.terminator(block).is_some())
    }

    /// Appends an instruction with results of the given types.
    pub fn push(
        &mut self,
        opcode: Opcode,
        ty: Option<Type>,
        args: Values,
        imm: Imm,
        results: impl IntoIterator<Item = Type>,
    ) -> Inst {
        let inst = self.func.insts.push(InstData { opcode, ty, args, imm, results: SmallVec::new() });
        for (number, ty) in results.into_iter().enumerate() {
            let def = ValueDef::Result(inst, number as u32);
            let value = self.func.values.push(ValueData { ty, def });
            self.func.insts[inst].results.push(value);
        }
        let block = self.current();
        self.func.blocks[block].insts.push(inst);
        inst
    }

    /// Appends an operation whose results follow from its row; gives the instruction.
    pub fn op(&mut self, opcode: Opcode, ty: Option<Type>, args: &[Value], imm: Imm) -> Inst {
        let results = opcode.row().results.iter().map(|slot| match slot {
            Slot::Is(ty) => *ty,
            _ => ty.expect("an operation with a typed result has a controlling type"),
        });
        self.push(opcode, ty, args.into(), imm, results)
    }

    /// Appends an operation of controlling type `ty` with one result.
    pub fn value(&mut self, opcode: Opcode, ty: Type, args: &[Value]) -> Value {
        let inst = self.op(opcode, Some(ty), args, Imm::None);
        self.func.insts[inst].results[0]
    }

    /// Appends an operation with two results.
    pub fn pair(&mut self, opcode: Opcode, ty: Type, args: &[Value]) -> (Value, Value) {
        let inst = self.op(opcode, Some(ty), args, Imm::None);
        let results = &self.func.insts[inst].results;
        (results[0], results[1])
    }

    /// A binary operation of the first operand's type.
    pub fn binary(&mut self, opcode: Opcode, a: Value, b: Value) -> Value {
        self.value(opcode, self.func.ty(a), &[a, b])
    }

    /// A unary operation of the operand's type.
    pub fn unary(&mut self, opcode: Opcode, a: Value) -> Value {
        self.value(opcode, self.func.ty(a), &[a])
    }

    /// A conversion to `ty`; the value itself where it has that type.
    pub fn convert(&mut self, opcode: Opcode, ty: Type, a: Value) -> Value {
        if self.func.ty(a) == ty { a } else { self.value(opcode, ty, &[a]) }
    }

    /// A constant.
    pub fn constant(&mut self, ty: Type, value: U256) -> Value {
        let constant = self.func.constants.push(value);
        let inst = self.op(Opcode::Const, Some(ty), &[], Imm::Constant(constant));
        self.func.insts[inst].results[0]
    }

    /// A small constant.
    pub fn small(&mut self, ty: Type, value: u64) -> Value {
        self.constant(ty, U256::from(value))
    }

    /// `select condition, a, b`.
    pub fn select(&mut self, condition: Value, a: Value, b: Value) -> Value {
        self.value(Opcode::Select, self.func.ty(a), &[condition, a, b])
    }

    /// Reads a field of the frame.
    pub fn frame_get(&mut self, ty: Type, field: Field) -> Value {
        let inst = self.op(Opcode::FrameGet, Some(ty), &[], Imm::Field(field));
        self.func.insts[inst].results[0]
    }

    /// Loads from VM memory, little-endian.
    pub fn mem_load(&mut self, ty: Type, offset: Value) -> Value {
        self.value(Opcode::MemLoad, ty, &[offset])
    }

    /// Stores to VM memory, little-endian.
    pub fn mem_store(&mut self, offset: Value, value: Value) {
        let ty = self.func.ty(value);
        self.op(Opcode::MemStore, Some(ty), &[offset, value], Imm::None);
    }

    /// Loads item `height + offset` of the memory stack.
    pub fn stack_load(&mut self, height: Value, offset: i32) -> Value {
        let inst = self.op(Opcode::StackLoad, Some(Type::I256), &[height], Imm::Offset(offset));
        self.func.insts[inst].results[0]
    }

    /// Stores item `height + offset` of the memory stack.
    pub fn stack_store(&mut self, height: Value, offset: i32, value: Value) {
        self.op(Opcode::StackStore, Some(Type::I256), &[height, value], Imm::Offset(offset));
    }

    /// Checks a dynamic stack height at the start of a stretch.
    pub fn stack_check(&mut self, stretch: Stretch, height: Value, needs: Value, room: Value) {
        self.op(Opcode::StackCheck, None, &[height, needs, room], Imm::Stretch(stretch));
    }

    /// Charges a stretch's static gas.
    pub fn gas_charge(&mut self, gas: u64, stretch: Stretch) {
        self.op(Opcode::GasCharge, None, &[], Imm::Charge { gas, stretch });
    }

    /// Charges a stretch's static gas where the stack height is dynamic.
    pub fn gas_charge_at(&mut self, gas: u64, stretch: Stretch, height: Value) {
        self.op(Opcode::GasChargeAt, None, &[height], Imm::Charge { gas, stretch });
    }

    /// An operation without controlling type, immediate and results.
    pub fn effect(&mut self, opcode: Opcode, args: &[Value]) {
        self.op(opcode, None, args, Imm::None);
    }

    /// Ends the frame where `condition` holds.
    pub fn exit_if(&mut self, code: ExitCode, condition: Value) {
        self.op(Opcode::ExitIf, None, &[condition], Imm::Exit(code));
    }

    /// Calls a host function; gives its result words.
    pub fn host(&mut self, function: HostFn, args: &[Value]) -> SmallVec<[Value; 2]> {
        let results = std::iter::repeat_n(Type::I256, function.results());
        let inst = self.push(Opcode::Host, None, args.into(), Imm::Host(function), results);
        self.func.insts[inst].results.clone()
    }

    /// Calls a function of the runtime; gives its result, if it has one.
    pub fn runtime(&mut self, function: RuntimeFn, args: &[Value]) -> Option<Value> {
        let results = std::iter::repeat_n(Type::I64, function.results());
        let inst = self.push(Opcode::Runtime, None, args.into(), Imm::Runtime(function), results);
        self.func.insts[inst].results.first().copied()
    }

    /// Calls the function that a reference points to, whose results have the given types.
    pub fn call_ref(
        &mut self,
        signature: Sig,
        reference: Value,
        args: &[Value],
        results: &[Type],
    ) -> SmallVec<[Value; 2]> {
        let operands = [reference].iter().chain(args).copied().collect();
        let results = results.iter().copied();
        let inst = self.push(Opcode::CallRef, None, operands, Imm::Signature(signature), results);
        self.func.insts[inst].results.clone()
    }

    /// Reads something of the instance by its number.
    pub fn indexed(&mut self, opcode: Opcode, ty: Option<Type>, index: u32, args: &[Value]) -> Option<Value> {
        let inst = self.op(opcode, ty, args, Imm::Index(index));
        self.func.insts[inst].results.first().copied()
    }

    /// Appends a vector operation that sees its operands in a shape; gives its result.
    pub fn shaped(&mut self, opcode: Opcode, shape: LaneShape, args: &[Value]) -> Value {
        let inst = self.op(opcode, None, args, Imm::Shape(shape));
        self.func.insts[inst].results[0]
    }

    /// Reads a lane of type `ty`.
    pub fn extract_lane(&mut self, ty: Type, vector: Value, lane: u8) -> Value {
        let inst = self.op(Opcode::Vextract, Some(ty), &[vector], Imm::Lane(lane));
        self.func.insts[inst].results[0]
    }

    /// The vector with another value in a lane of that value's type.
    pub fn insert_lane(&mut self, vector: Value, value: Value, lane: u8) -> Value {
        let ty = self.func.ty(value);
        let inst = self.op(Opcode::Vinsert, Some(ty), &[vector, value], Imm::Lane(lane));
        self.func.insts[inst].results[0]
    }

    /// Notes where in the source the last instruction of the current block comes from, as an offset in bytes.
    pub fn source(&mut self, offset: u32) {
        let block = self.current();
        if let Some(&inst) = self.func.blocks[block].insts.last() {
            self.func.sources[inst] = offset;
        }
    }

    /// Calls a function of the module whose results have the given types.
    pub fn call(&mut self, function: Func, args: &[Value], results: &[Type]) -> SmallVec<[Value; 2]> {
        let results = results.iter().copied();
        let inst = self.push(Opcode::Call, None, args.into(), Imm::Function(function), results);
        self.func.insts[inst].results.clone()
    }

    /// Ends the block: goes on in `block`.
    pub fn jump(&mut self, block: Block, args: &[Value]) {
        self.op(Opcode::Jump, None, &[], Imm::Jump(BlockCall::new(block, args)));
    }

    /// Ends the block: goes on in one of two blocks.
    pub fn branch(&mut self, condition: Value, yes: BlockCall, no: BlockCall) {
        self.op(Opcode::Branch, None, &[condition], Imm::Branch(Box::new([yes, no])));
    }

    /// Ends the block: goes on in the block for the operand's value.
    pub fn switch(&mut self, operand: Value, cases: Vec<(U256, BlockCall)>, default: BlockCall) {
        let imm = Imm::Switch(Box::new(SwitchTable { cases, default }));
        self.op(Opcode::Switch, Some(self.func.ty(operand)), &[operand], imm);
    }

    /// Ends the block: returns to the caller in the module.
    pub fn ret(&mut self, results: &[Value]) {
        self.op(Opcode::Ret, None, results, Imm::None);
    }

    /// Ends the block: ends the frame.
    pub fn exit(&mut self, code: ExitCode) {
        self.op(Opcode::Exit, None, &[], Imm::Exit(code));
    }

    /// Ends the block behind something that never comes back.
    pub fn unreachable(&mut self) {
        self.effect(Opcode::Unreachable, &[]);
    }

    /// Branches to a new block where `condition` holds and goes on in another new block.
    pub fn branch_aside(&mut self, condition: Value, aside: Block) -> Block {
        let next = self.create_block();
        let targets = [BlockCall::new(aside, &[]), BlockCall { block: next, args: smallvec![] }];
        let [yes, no] = targets;
        self.branch(condition, yes, no);
        self.switch_to(next);
        next
    }
}
