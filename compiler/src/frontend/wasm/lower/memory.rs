//! Linear memories: loads, stores, and the operations on whole parts.
//!
//! An address is its operand, zero-extended, plus a static offset; there is no check, for what is not memory traps by itself.

use evmc_abi::RuntimeFn;
use evmc_ir::{Imm, Opcode, Type, Value};
use wasmparser::{MemArg, Operator as Op};

use super::Lowering;

/// A load or store.
#[derive(Clone, Copy, Debug)]
pub(super) enum Row {
    /// A load of a type, and how it becomes the operand's type where that is wider.
    Load(MemArg, Type, Option<(Opcode, Type)>),
    /// A store of the low bits of the operand that make this type.
    Store(MemArg, Type),
}

/// The row of an operator, if it is a load or store.
pub(super) fn row(operator: &Op<'_>) -> Option<Row> {
    const S32: Option<(Opcode, Type)> = Some((Opcode::Sext, Type::I32));
    const U32: Option<(Opcode, Type)> = Some((Opcode::Zext, Type::I32));
    const S64: Option<(Opcode, Type)> = Some((Opcode::Sext, Type::I64));
    const U64: Option<(Opcode, Type)> = Some((Opcode::Zext, Type::I64));
    let load = |memarg, ty, extension| Some(Row::Load(memarg, ty, extension));
    let store = |memarg, ty| Some(Row::Store(memarg, ty));
    match *operator {
        Op::I32Load { memarg } => load(memarg, Type::I32, None),
        Op::I64Load { memarg } => load(memarg, Type::I64, None),
        Op::F32Load { memarg } => load(memarg, Type::F32, None),
        Op::F64Load { memarg } => load(memarg, Type::F64, None),
        Op::V128Load { memarg } => load(memarg, Type::V128, None),
        Op::I32Load8S { memarg } => load(memarg, Type::I8, S32),
        Op::I32Load8U { memarg } => load(memarg, Type::I8, U32),
        Op::I32Load16S { memarg } => load(memarg, Type::I16, S32),
        Op::I32Load16U { memarg } => load(memarg, Type::I16, U32),
        Op::I64Load8S { memarg } => load(memarg, Type::I8, S64),
        Op::I64Load8U { memarg } => load(memarg, Type::I8, U64),
        Op::I64Load16S { memarg } => load(memarg, Type::I16, S64),
        Op::I64Load16U { memarg } => load(memarg, Type::I16, U64),
        Op::I64Load32S { memarg } => load(memarg, Type::I32, S64),
        Op::I64Load32U { memarg } => load(memarg, Type::I32, U64),
        Op::I32Store { memarg } => store(memarg, Type::I32),
        Op::I64Store { memarg } => store(memarg, Type::I64),
        Op::F32Store { memarg } => store(memarg, Type::F32),
        Op::F64Store { memarg } => store(memarg, Type::F64),
        Op::V128Store { memarg } => store(memarg, Type::V128),
        Op::I32Store8 { memarg } | Op::I64Store8 { memarg } => store(memarg, Type::I8),
        Op::I32Store16 { memarg } | Op::I64Store16 { memarg } => store(memarg, Type::I16),
        Op::I64Store32 { memarg } => store(memarg, Type::I32),
        _ => None,
    }
}

/// Pages of a memory that uses all of its addresses. To ask for more costs what to ask for these does.
const MOST_PAGES: u64 = 1 << 16;

impl Lowering<'_, '_> {
    /// Lowers a load or store.
    pub(super) fn access(&mut self, row: Row) {
        match row {
            Row::Load(memarg, ty, extension) => {
                let value = self.load(memarg, ty);
                let value = match extension {
                    Some((opcode, to)) => self.b.convert(opcode, to, value),
                    None => value,
                };
                self.push(value);
            }
            Row::Store(memarg, ty) => {
                let value = self.pop();
                let value = self.b.convert(Opcode::Trunc, ty, value);
                self.store(memarg, value);
            }
        }
    }

    /// Loads from the address that is the last operand.
    pub(super) fn load(&mut self, memarg: MemArg, ty: Type) -> Value {
        let address = self.pop_index();
        let inst = self.b.op(Opcode::LinLoad, Some(ty), &[address], linear(memarg));
        self.trap_site();
        self.b.func.insts[inst].results[0]
    }

    /// Stores at the address that is the last operand.
    pub(super) fn store(&mut self, memarg: MemArg, value: Value) {
        let address = self.pop_index();
        let ty = self.b.func.ty(value);
        self.b.op(Opcode::LinStore, Some(ty), &[address, value], linear(memarg));
        self.trap_site();
    }

    /// Lowers an operation on a part of a memory or table; gives whether it is one.
    pub(super) fn bulk(&mut self, operator: &Op<'_>) -> bool {
        match *operator {
            Op::MemorySize { mem, .. } => {
                let pages = self.b.indexed(Opcode::MemorySize, None, mem, &[]);
                self.push_count(pages);
            }
            Op::MemoryGrow { mem, .. } => self.memory_grow(mem),
            Op::MemoryFill { mem } => self.memory_fill(mem),
            Op::MemoryCopy { dst_mem, src_mem } => self.part(RuntimeFn::MemoryCopy, dst_mem, src_mem),
            Op::MemoryInit { data_index, mem } => self.part(RuntimeFn::MemoryInit, mem, data_index),
            Op::TableCopy { dst_table, src_table } => {
                self.part(RuntimeFn::TableCopy, dst_table, src_table);
            }
            Op::TableInit { elem_index, table } => self.part(RuntimeFn::TableInit, table, elem_index),
            Op::DataDrop { data_index } => self.drop_segment(RuntimeFn::DataDrop, data_index),
            Op::ElemDrop { elem_index } => self.drop_segment(RuntimeFn::ElemDrop, elem_index),
            _ => return false,
        }
        true
    }

    /// Calls the runtime.
    pub(super) fn runtime(&mut self, function: RuntimeFn, args: &[Value]) -> Option<Value> {
        let result = self.b.runtime(function, args);
        self.trap_site();
        result
    }

    /// A number of 64 bits, or all ones, as an operand of 32.
    pub(super) fn push_count(&mut self, count: Option<Value>) {
        if let Some(count) = count {
            let count = self.b.convert(Opcode::Trunc, Type::I32, count);
            self.push(count);
        }
    }

    fn memory_grow(&mut self, memory: u32) {
        let pages = self.pop_index();
        let most = self.number(MOST_PAGES);
        let is_too_many = self.b.binary(Opcode::Ugt, pages, most);
        let paid = self.b.select(is_too_many, most, pages);
        self.pay_units(paid, self.environment.costs.dynamic().page);
        let memory = self.number(memory.into());
        let before = self.runtime(RuntimeFn::MemoryGrow, &[memory, pages]);
        self.push_count(before);
    }

    fn memory_fill(&mut self, memory: u32) {
        let length = self.pop_index();
        let byte = self.pop_index();
        let offset = self.pop_index();
        self.pay_bytes(length);
        let low = self.number(0xff);
        let byte = self.b.binary(Opcode::And, byte, low);
        let memory = self.number(memory.into());
        self.runtime(RuntimeFn::MemoryFill, &[memory, offset, byte, length]);
    }

    /// Copies a part, of `from` (a memory, table or segment) to a memory or table.
    fn part(&mut self, function: RuntimeFn, to: u32, from: u32) {
        let length = self.pop_index();
        let source = self.pop_index();
        let destination = self.pop_index();
        match function {
            RuntimeFn::MemoryCopy | RuntimeFn::MemoryInit => self.pay_bytes(length),
            _ => self.pay_elements(length),
        }
        let (to, from) = (self.number(to.into()), self.number(from.into()));
        self.runtime(function, &[to, from, destination, source, length]);
    }

    fn drop_segment(&mut self, function: RuntimeFn, segment: u32) {
        let segment = self.number(segment.into());
        self.runtime(function, &[segment]);
    }
}

fn linear(memarg: MemArg) -> Imm {
    Imm::Linear { memory: memarg.memory, offset: memarg.offset }
}
