//! What belongs to an instance of WebAssembly: linear memories, globals, tables, references to functions, slots.
//!
//! **Linear memory.** The base is read once in a function, at its start. An address is the base, the index and the constant
//! displacement, in this order, which is the form of the processor's addresses; nothing is checked, since what is no
//! memory faults. An access that faults is a trap, and what the program has stored before is seen after it. So
//! accesses are volatile: LLVM then drops none of them, moves none before or behind another one, and makes none
//! that the program would not have made. Writes to globals and tables are volatile for the same reason; reads of
//! them are not, since they do not trap. Accesses that are known to be inside are like any other program's: LLVM may
//! combine and vectorise them, up to the next `lin.fence`.
//!
//! **References** are addresses of records, which do not change.

use std::mem::offset_of;

use evmc_abi::wasm::{FuncRecord, MemoryDef, PAGE_BYTES, TableDef};
use evmc_abi::{ExitCode, Field, InstanceShape};
use evmc_ir::{Imm, InstData, Opcode, Type, Value};
use inkwell::IntPredicate;
use inkwell::values::{BasicValueEnum, InstructionValue, IntValue, PointerValue};

use crate::alias::Region;
use crate::attributes::WORD_ALIGN;
use crate::translate::{Done, Translator};

/// Alignment of linear memory, in bytes.
const BYTE_ALIGN: u32 = 1;

/// Length of a slot, in bytes.
const SLOT_BYTES: u64 = size_of::<evmc_abi::wasm::Slot>() as u64;

impl<'c> Translator<'_, 'c> {
    /// Instructions about the instance.
    pub fn of_instance(&mut self, data: &InstData) -> Done {
        match data.imm {
            Imm::Linear { memory, offset } => self.linear(data, memory, offset),
            Imm::Element { table, signature } => {
                let shape = self.shape();
                self.func_element(data, table, shape.type_id(signature.as_u32()))
            }
            Imm::Index(index) => self.indexed(data, index),
            _ => self.fence(),
        }
    }

    fn shape(&self) -> InstanceShape {
        self.unit.instance.unwrap_or_default()
    }

    /// Operations on something with a number.
    fn indexed(&mut self, data: &InstData, index: u32) -> Done {
        let shape = self.shape();
        match data.opcode {
            Opcode::MemorySize => {
                let memory = self.instance_pointer(shape.memory(index))?;
                let length = self.number(memory, offset_of!(MemoryDef, len), Region::Bounds)?;
                let shift = self.i64(PAGE_BYTES.trailing_zeros().into());
                let pages = self.b.build_right_shift(length, shift, false, "")?;
                self.set(data, pages);
            }
            Opcode::GlobalGet => {
                let place = self.global(shape, index)?;
                let ty = data.ty.unwrap_or(Type::I64);
                let value = self.load_typed(ty, place, WORD_ALIGN, Region::Instance)?;
                self.set(data, value);
            }
            Opcode::GlobalSet => {
                let place = self.global(shape, index)?;
                self.store_volatile(data.args[0], place, WORD_ALIGN, Region::Instance)?;
            }
            Opcode::TableSize => {
                let table = self.instance_pointer(shape.table(index))?;
                let length = self.number(table, offset_of!(TableDef, len), Region::Instance)?;
                self.set(data, length);
            }
            Opcode::TableGet => {
                let element = self.element(index, data.args[0], ExitCode::TableOutOfBounds)?;
                let reference = self.number(element, 0, Region::Instance)?;
                self.set(data, reference);
            }
            Opcode::TableSet => {
                let element = self.element(index, data.args[0], ExitCode::TableOutOfBounds)?;
                self.store_volatile(data.args[1], element, WORD_ALIGN, Region::Instance)?;
            }
            Opcode::FuncImported => {
                let record = self.instance_pointer(shape.imported_function(index))?;
                self.set_reference(data, record)?;
            }
            Opcode::FuncOwn => {
                let record = self.instance_place(shape.referenced_function(index))?;
                self.set_reference(data, record)?;
            }
            Opcode::SlotGet => {
                let place = self.slot(index)?;
                let ty = data.ty.unwrap_or(Type::I64);
                let value = self.load_typed(ty, place, WORD_ALIGN, Region::Words)?;
                self.set(data, value);
            }
            _ => self.slot_set(index, data.args[0])?,
        }
        Ok(())
    }

    fn set_reference(&mut self, data: &InstData, record: PointerValue<'c>) -> Done {
        let reference = self.b.build_ptr_to_int(record, self.unit.types.i64, "")?;
        self.set(data, reference);
        Ok(())
    }

    /// The address of a place in the instance area.
    fn instance_place(&self, offset: u32) -> Done<PointerValue<'c>> {
        let area = self.load_pointer(Field::Instance)?;
        self.offset(area, self.i64(offset.into()))
    }

    /// A pointer that the instance area holds.
    fn instance_pointer(&self, offset: u32) -> Done<PointerValue<'c>> {
        let place = self.instance_place(offset)?;
        let pointer = self.load(self.unit.types.pointer, place, WORD_ALIGN, Region::Constant)?;
        Ok(pointer.into_pointer_value())
    }

    /// A number of 64 bits at an offset from a pointer.
    fn number(&self, from: PointerValue<'c>, offset: usize, region: Region) -> Done<IntValue<'c>> {
        let place = self.offset(from, self.i64(offset as u64))?;
        Ok(self.load(self.unit.types.i64, place, WORD_ALIGN, region)?.into_int_value())
    }

    /// A pointer of the record that a reference points to.
    pub fn record_pointer(&self, reference: Value, offset: usize) -> Done<PointerValue<'c>> {
        let record = self.b.build_int_to_ptr(self.int(reference), self.unit.types.pointer, "")?;
        let place = self.offset(record, self.i64(offset as u64))?;
        let pointer = self.load(self.unit.types.pointer, place, WORD_ALIGN, Region::Constant)?;
        Ok(pointer.into_pointer_value())
    }

    /// Reads the bases of the linear memories that the function accesses.
    pub fn load_bases(&mut self, shape: InstanceShape) -> Done {
        let func = self.func;
        for (_, data) in func.layout.iter().flat_map(|&block| func.block_insts(block)) {
            if let Imm::Linear { memory, .. } = data.imm
                && !self.bases.contains_key(&memory)
            {
                let base = self.instance_pointer(shape.memory_base(memory))?;
                self.bases.insert(memory, base);
            }
        }
        Ok(())
    }

    /// `lin.load` and `lin.store`, which can trap, `lin.read` and `lin.write`.
    fn linear(&mut self, data: &InstData, memory: u32, offset: u64) -> Done {
        let Some(&base) = self.bases.get(&memory) else { return Ok(()) };
        let can_trap = matches!(data.opcode, Opcode::LinLoad | Opcode::LinStore);
        let start = self.unit.address(&self.b, base, self.int(data.args[0]), !can_trap)?;
        let place = self.unit.address(&self.b, start, self.i64(offset), !can_trap)?;
        if matches!(data.opcode, Opcode::LinStore | Opcode::LinWrite) {
            let store = self.store_instance(data.args[1], place, BYTE_ALIGN, Region::Memory)?;
            // The one failure is an instruction that accesses no memory.
            let _ = store.set_volatile(can_trap);
            return Ok(());
        }
        let types = self.unit.types;
        let ty = data.ty.unwrap_or(Type::I64);
        let loaded = if ty == Type::I1 { types.i8.into() } else { types.of(ty) };
        let value = self.load(loaded, place, BYTE_ALIGN, Region::Memory)?;
        if let Some(load) = as_instruction(value) {
            // The one failure is an instruction that accesses no memory.
            let _ = load.set_volatile(can_trap);
        }
        let value = match ty {
            Type::I1 => self.b.build_int_truncate(value.into_int_value(), types.i1, "")?.into(),
            _ => value,
        };
        self.set(data, value);
        Ok(())
    }

    /// `lin.fence`: no instruction, but one that LLVM takes to read and write all memory.
    pub fn fence(&mut self) -> Done {
        let ty = self.unit.types.void.fn_type(&[], false);
        let effect = "~{memory}".to_owned();
        let nothing =
            self.unit.context.create_inline_asm(ty, String::new(), effect, true, false, None, false);
        self.b.build_indirect_call(ty, nothing, &[], "")?;
        Ok(())
    }

    /// Stores a value of the IR in a way that LLVM neither drops nor moves.
    fn store_volatile(&mut self, value: Value, to: PointerValue<'c>, align: u32, region: Region) -> Done {
        let store = self.store_instance(value, to, align, region)?;
        // The one failure is an instruction that accesses no memory.
        let _ = store.set_volatile(true);
        Ok(())
    }

    /// Stores a value of the IR in memory that belongs to the instance.
    fn store_instance(
        &mut self,
        value: Value,
        to: PointerValue<'c>,
        align: u32,
        region: Region,
    ) -> Done<InstructionValue<'c>> {
        let mut held = self.value(value);
        if self.func.ty(value) == Type::I1 {
            held = self.b.build_int_z_extend(held.into_int_value(), self.unit.types.i8, "")?.into();
        }
        let store = self.b.build_store(to, held)?;
        // The one failure is an alignment that is no power of two.
        let _ = store.set_alignment(align);
        self.unit.regions.mark_access(store, region);
        Ok(store)
    }

    /// Where a global lies.
    fn global(&self, shape: InstanceShape, index: u32) -> Done<PointerValue<'c>> {
        match index.checked_sub(shape.imported_globals) {
            Some(own) => self.instance_place(shape.own_global(own)),
            None => self.instance_pointer(shape.imported_global(index)),
        }
    }

    /// Where an element of a table lies; ends the frame with the code where the table has no such element.
    fn element(&mut self, table: u32, index: Value, outside: ExitCode) -> Done<PointerValue<'c>> {
        let index = self.int(index);
        let table = self.instance_pointer(self.shape().table(table))?;
        let length = self.number(table, offset_of!(TableDef, len), Region::Instance)?;
        let is_outside = self.b.build_int_compare(IntPredicate::UGE, index, length, "")?;
        self.exit_where(is_outside, outside)?;
        let place = self.offset(table, self.i64(offset_of!(TableDef, elements) as u64))?;
        let elements = self.load(self.unit.types.pointer, place, WORD_ALIGN, Region::Instance)?;
        let bytes = self.b.build_left_shift(index, self.i64(3), "")?;
        self.offset(elements.into_pointer_value(), bytes)
    }

    /// `func.element`: the record in an element, whose type must be the one whose number lies at `type_id`.
    fn func_element(&mut self, data: &InstData, table: u32, type_id: u32) -> Done {
        let element = self.element(table, data.args[0], ExitCode::UndefinedElement)?;
        let reference = self.number(element, 0, Region::Instance)?;
        let is_null = self.b.build_int_compare(IntPredicate::EQ, reference, self.i64(0), "")?;
        self.exit_where(is_null, ExitCode::UninitializedElement)?;
        let record = self.b.build_int_to_ptr(reference, self.unit.types.pointer, "")?;
        let found = self.number(record, offset_of!(FuncRecord, type_id), Region::Constant)?;
        let wanted = self.number(self.instance_place(type_id)?, 0, Region::Constant)?;
        let differs = self.b.build_int_compare(IntPredicate::NE, found, wanted, "")?;
        self.exit_where(differs, ExitCode::IndirectCallTypeMismatch)?;
        self.set(data, reference);
        Ok(())
    }

    /// Where a slot lies.
    fn slot(&self, index: u32) -> Done<PointerValue<'c>> {
        let slots = self.load_pointer(Field::Values)?;
        self.offset(slots, self.i64(SLOT_BYTES * u64::from(index)))
    }

    /// `slot.set`: the bits of a value, with zeros above them.
    fn slot_set(&mut self, index: u32, value: Value) -> Done {
        let types = self.unit.types;
        let place = self.slot(index)?;
        let bits = self.b.build_bit_cast(self.value(value), types.int(self.func.ty(value).bits()), "")?;
        let slot = match bits.into_int_value() {
            full if full.get_type().get_bit_width() == 128 => full,
            part => self.b.build_int_z_extend(part, types.int(128), "")?,
        };
        self.store(slot.into(), place, WORD_ALIGN, Region::Words)
    }
}

/// The instruction that a value comes from.
fn as_instruction(value: BasicValueEnum<'_>) -> Option<InstructionValue<'_>> {
    use inkwell::values::BasicValue;
    value.as_instruction_value()
}
