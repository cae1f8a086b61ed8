//! The generic tier: any bytecode, with its stack in the frame's memory.
//!
//! It is right for everything: every `JUMPDEST` is an entry, every stretch checks the stack height
//! that it finds. Specialised code leaves for it where it cannot know where it goes; code over the
//! budget of specialisation is nothing else.
//!
//! The bytecode is cut into *segments* (a basic block, or a piece of a long one) and runs of segments
//! into *chunks*, each an IR function of bounded size, so that no code makes a backend's superlinear
//! passes hurt. Control is a pair of numbers: stack height, and a *target*, which is the offset of a
//! `JUMPDEST`, or of the first segment of a chunk with [`FALL`] set. A chunk takes it, runs until
//! control leaves the chunk, and gives the next. The dispatcher `%generic` passes it from chunk to
//! chunk by binary search over their offsets and never returns; a target that is no entry of the
//! chunk that covers it is an invalid jump.

use evmc_abi::ExitCode;
use evmc_abi::frame::STACK_WORDS;
use evmc_ir::{Block, BlockCall, Builder, Func, Function, Module, Opcode, Type, Value};
use ruint::aliases::U256;

use super::stack::add_offset;
use super::{Lowering, OperandStack, stack_needs};
use crate::frontend::evm::decode::{BlockId, Code, Exit, Operation};
use crate::frontend::evm::gas::{self, Stretch};
use crate::frontend::evm::opcode::Op;

/// Set in a target that is reached by falling from the chunk before, not by a jump.
pub const FALL: u64 = 1 << 32;

/// Operations after which a segment is cut at the next stretch.
const SEGMENT_OPERATIONS: usize = 128;

/// Operations after which a chunk is closed.
const CHUNK_OPERATIONS: usize = 400;

/// Types of control: stack height in items, target.
const CONTROL: [Type; 2] = [Type::I64, Type::I64];

/// A basic block or a piece of one.
struct Segment {
    block: BlockId,
    /// Offset of the first operation, in bytes.
    start: u32,
    /// Whether jumps may enter it.
    is_jumpdest: bool,
    stretches: Vec<Stretch>,
    operations: Vec<Operation>,
    /// Whether the block goes on in the next segment.
    continues: bool,
}

/// Lowers all of `code`; gives the dispatcher, which takes stack height and target.
pub fn lower(code: &Code<'_>, module: &mut Module) -> Func {
    let dispatcher = module.functions.push(Function::new("generic", &[]));
    let mut chunks = Vec::new();
    let mut segments = segments(code).into_iter().peekable();
    while segments.peek().is_some() {
        let (mut chunk, mut size) = (Vec::new(), 0);
        while size < CHUNK_OPERATIONS
            && let Some(segment) = segments.next()
        {
            size += segment.operations.len();
            chunk.push(segment);
        }
        chunks.push((chunk[0].start, Chunk::lower(code, module, &chunk)));
    }
    dispatch(&mut module.functions[dispatcher], &chunks);
    module.uses_memory_stack = true;
    dispatcher
}

/// Cuts the basic blocks of `code` into segments, in the order of the bytecode.
fn segments(code: &Code<'_>) -> Vec<Segment> {
    let mut segments = Vec::new();
    for (block, data) in code.blocks().iter() {
        let mut operations = code.operations(block).peekable();
        let mut segment = Segment::new(block, data.start, code.is_jumpdest(data.start as usize));
        for stretch in gas::stretches(code, block) {
            while let Some(operation) = operations.next_if(|operation| operation.pc < stretch.range.end) {
                segment.operations.push(operation);
            }
            let next = stretch.range.end;
            segment.stretches.push(stretch);
            if segment.operations.len() >= SEGMENT_OPERATIONS && operations.peek().is_some() {
                segment.continues = true;
                segments.push(std::mem::replace(&mut segment, Segment::new(block, next, false)));
            }
        }
        segments.push(segment);
    }
    segments
}

impl Segment {
    fn new(block: BlockId, start: u32, is_jumpdest: bool) -> Self {
        let (stretches, operations) = (Vec::new(), Vec::new());
        Self { block, start, is_jumpdest, stretches, operations, continues: false }
    }
}

/// Builds the dispatcher over chunks, given by the offset of their first segment.
fn dispatch(function: &mut Function, chunks: &[(u32, Func)]) {
    let mut b = Builder::new(function);
    let entry = b.create_block();
    let params = CONTROL.map(|ty| b.add_param(entry, ty));
    b.switch_to(entry);
    let next = b.create_block();
    b.jump(next, &params);
    let [height, target] = CONTROL.map(|ty| b.add_param(next, ty));
    b.switch_to(next);
    let mask = b.small(Type::I64, FALL - 1);
    let pc = b.binary(Opcode::And, target, mask);
    search(&mut b, chunks, pc, &mut |b, chunk| {
        let control = b.call(chunk, &[height, target], &CONTROL);
        b.jump(next, &control);
    });
}

/// Builds a binary search for the last chunk that begins at or before `pc`.
fn search(
    b: &mut Builder<'_>,
    chunks: &[(u32, Func)],
    pc: Value,
    leaf: &mut impl FnMut(&mut Builder<'_>, Func),
) {
    if let &[(_, chunk)] = chunks {
        return leaf(b, chunk);
    }
    let (low, high) = chunks.split_at(chunks.len() / 2);
    let middle = b.small(Type::I64, high[0].0.into());
    let is_low = b.binary(Opcode::Ult, pc, middle);
    let halves = [b.create_block(), b.create_block()];
    b.branch(is_low, BlockCall::new(halves[0], &[]), BlockCall::new(halves[1], &[]));
    for (block, chunks) in halves.into_iter().zip([low, high]) {
        b.switch_to(block);
        search(b, chunks, pc, leaf);
    }
}

/// A chunk while it is lowered.
struct Chunk<'a> {
    code: &'a Code<'a>,
    segments: &'a [Segment],
    /// The IR block of each segment, which takes the stack height.
    blocks: Vec<Block>,
    /// The module's number of each stretch, segment by segment.
    stretches: Vec<Vec<evmc_ir::Stretch>>,
}

impl<'a> Chunk<'a> {
    fn lower(code: &'a Code<'a>, module: &mut Module, segments: &'a [Segment]) -> Func {
        let mut function = Function::new(format!("chunk_{:04x}", segments[0].start), &CONTROL);
        let mut b = Builder::new(&mut function);
        let entry = b.create_block();
        let blocks: Vec<Block> = segments.iter().map(|_| b.create_block()).collect();
        for &block in &blocks {
            b.add_param(block, Type::I64);
        }
        let number = |segment: &Segment| {
            segment.stretches.iter().map(|stretch| module.stretches.push(stretch.range)).collect()
        };
        let stretches = segments.iter().map(number).collect();
        let chunk = Self { code, segments, blocks, stretches };
        chunk.enter(&mut b, entry);
        for index in 0..segments.len() {
            chunk.segment(&mut function, index);
        }
        module.functions.push(function)
    }

    /// Builds the entry block: from a target to its segment.
    fn enter(&self, b: &mut Builder<'_>, entry: Block) {
        let [height, target] = CONTROL.map(|ty| b.add_param(entry, ty));
        b.switch_to(entry);
        let to = |block| BlockCall::new(block, &[height]);
        let fall = U256::from(FALL | u64::from(self.segments[0].start));
        let mut cases = vec![(fall, to(self.blocks[0]))];
        for (segment, &block) in self.segments.iter().zip(&self.blocks) {
            if segment.is_jumpdest {
                cases.push((U256::from(segment.start), to(block)));
            }
        }
        let invalid = b.create_cold_block();
        b.switch(target, cases, BlockCall::new(invalid, &[]));
        b.switch_to(invalid);
        b.exit(ExitCode::InvalidJump);
    }

    fn segment(&self, function: &mut Function, index: usize) {
        let segment = &self.segments[index];
        let mut b = Builder::new(function);
        b.switch_to(self.blocks[index]);
        let height = b.func.blocks[self.blocks[index]].params[0];
        let mut lowering = Lowering {
            b,
            stack: OperandStack::in_memory(height),
            fork: self.code.fork(),
            code_len: self.code.bytes().len() as u64,
            ensured: 0,
        };
        let mut operations = segment.operations.iter().peekable();
        for (stretch, &number) in segment.stretches.iter().zip(&self.stretches[index]) {
            check(&mut lowering, height, stretch, number);
            while let Some(operation) = operations.next_if(|operation| operation.pc < stretch.range.end) {
                self.operation(&mut lowering, index, height, operation);
            }
        }
        if !lowering.b.is_terminated() {
            self.leave(&mut lowering, index);
        }
    }

    /// Lowers an operation, jumps and halts included.
    fn operation(&self, lowering: &mut Lowering<'_>, index: usize, height: Value, operation: &Operation) {
        if lowering.halt(operation) {
            return;
        }
        match operation.op() {
            Op::Jump => {
                let target = lowering.pop();
                let height = lowering.stack.spill(&mut lowering.b);
                self.jump(&mut lowering.b, target, height);
            }
            Op::JumpI => self.jump_if(lowering, index),
            _ if operation.info.first_inputs() < operation.info.inputs => {
                check_second_step(lowering, height, operation);
                lowering.operation(operation);
            }
            op if op.has_stack_immediate() => {
                check_deep(lowering, height, operation);
                lowering.operation(operation);
            }
            _ => lowering.operation(operation),
        }
    }

    /// Goes on where the segment ends without a jump.
    fn leave(&self, lowering: &mut Lowering<'_>, index: usize) {
        let segment = &self.segments[index];
        if !segment.continues && self.code.blocks()[segment.block].exit == Exit::End {
            return lowering.b.exit(ExitCode::Stop);
        }
        let height = lowering.stack.spill(&mut lowering.b);
        self.fall(&mut lowering.b, index, height);
    }

    /// Goes on in the segment after `index`.
    fn fall(&self, b: &mut Builder<'_>, index: usize, height: Value) {
        if let Some(&next) = self.blocks.get(index + 1) {
            return b.jump(next, &[height]);
        }
        let segment = &self.segments[index];
        let end = segment.operations.last().map_or(segment.start, |operation| operation.next);
        let target = b.small(Type::I64, FALL | u64::from(end));
        b.ret(&[height, target]);
    }

    /// Goes on at a jump's target.
    fn jump(&self, b: &mut Builder<'_>, target: Value, height: Value) {
        let Some(constant) = b.func.constant(target) else {
            let target = jump_target(b, target);
            return b.ret(&[height, target]);
        };
        let Some(block) = self.code.jump_target(constant) else {
            return b.exit(ExitCode::InvalidJump);
        };
        let start = self.code.blocks()[block].start;
        match self.segments.binary_search_by_key(&start, |segment| segment.start) {
            Ok(index) => b.jump(self.blocks[index], &[height]),
            Err(_) => {
                let target = b.small(Type::I64, start.into());
                b.ret(&[height, target]);
            }
        }
    }

    fn jump_if(&self, lowering: &mut Lowering<'_>, index: usize) {
        let (target, condition) = (lowering.pop(), lowering.pop());
        let height = lowering.stack.spill(&mut lowering.b);
        let condition = lowering.truth(condition);
        let b = &mut lowering.b;
        let taken = b.create_block();
        b.branch_aside(condition, taken);
        match self.code.blocks()[self.segments[index].block].exit {
            Exit::JumpIf(None) => b.exit(ExitCode::Stop),
            _ => self.fall(b, index, height),
        }
        b.switch_to(taken);
        self.jump(b, target, height);
    }
}

/// The low bits of a jump's target; one beyond any code is an invalid jump.
pub fn jump_target(b: &mut Builder<'_>, target: Value) -> Value {
    let limit = b.small(Type::I256, FALL - 1);
    let invalid = b.binary(Opcode::Ugt, target, limit);
    b.exit_if(ExitCode::InvalidJump, invalid);
    b.convert(Opcode::Trunc, Type::I64, target)
}

/// Checks stack and gas for a stretch.
fn check(lowering: &mut Lowering<'_>, height: Value, stretch: &Stretch, number: evmc_ir::Stretch) {
    let growth = lowering.stack.growth();
    let b = &mut lowering.b;
    let height = add_offset(b, height, growth);
    if stretch.needs > 0 || stretch.grows > 0 {
        let needs = b.small(Type::I64, stretch.needs.into());
        let room = (STACK_WORDS as u64).saturating_sub(stretch.grows.into());
        let room = b.small(Type::I64, room);
        b.stack_check(number, height, needs, room);
    }
    if stretch.gas > 0 {
        b.gas_charge_at(stretch.gas, number, height);
    }
}

/// Checks that the operands of an operation's second step are there, aside.
fn check_second_step(lowering: &mut Lowering<'_>, height: Value, operation: &Operation) {
    lowering.stack.fetch(&mut lowering.b, operation.info.first_inputs().into());
    let growth = lowering.stack.growth();
    let b = &mut lowering.b;
    let height = add_offset(b, height, growth);
    let needs = b.small(Type::I64, stack_needs(operation).into());
    let is_short = b.binary(Opcode::Ult, height, needs);
    let short = b.create_cold_block();
    let next = b.branch_aside(is_short, short);
    let stack = lowering.stack.clone();
    b.switch_to(short);
    lowering.underflow_in_second_step(operation);
    lowering.stack = stack;
    lowering.b.resume(next);
}

/// Checks the stack for an EIP-8024 operation, whose needs stand in its immediate. revm reports a
/// missing item of `DUPN` as overflow.
fn check_deep(lowering: &mut Lowering<'_>, height: Value, operation: &Operation) {
    let growth = lowering.stack.growth();
    let b = &mut lowering.b;
    let height = add_offset(b, height, growth);
    let needs = b.small(Type::I64, stack_needs(operation).into());
    let missing = b.binary(Opcode::Ult, height, needs);
    if operation.op() != Op::DupN {
        return b.exit_if(ExitCode::StackUnderflow, missing);
    }
    b.exit_if(ExitCode::StackOverflow, missing);
    let room = b.small(Type::I64, STACK_WORDS as u64 - 1);
    let full = b.binary(Opcode::Ugt, height, room);
    b.exit_if(ExitCode::StackOverflow, full);
}
