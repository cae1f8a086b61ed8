//! Globals, tables, references to functions, and slots.
//!
//! Where things lie follows from the shape of the instance: a displacement from the instance area, or a pointer there
//! that never changes.

use core::mem::offset_of;

use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value, condcodes::IntCC, types};
use evmc_abi::wasm::{FuncRecord, TableDef};
use evmc_abi::{ExitCode, Field, InstanceShape};
use evmc_ir::{Imm, InstData, Opcode, Type};

use crate::translate::{Refusal, Translator};
use crate::value::{Held, machine_type};

impl Translator<'_, '_> {
    /// Instructions that work on the instance.
    pub fn instance(&mut self, data: &InstData) -> Result<(), Refusal> {
        match (data.opcode, &data.imm) {
            (Opcode::LinLoad | Opcode::LinStore | Opcode::LinRead | Opcode::LinWrite, _) => self.linear(data),
            // Cranelift drops no store.
            (Opcode::LinFence, _) => Ok(()),
            (Opcode::MemorySize, &Imm::Index(memory)) => self.memory_size(data, memory),
            (Opcode::GlobalGet | Opcode::GlobalSet, &Imm::Index(global)) => self.global(data, global),
            (Opcode::SlotGet | Opcode::SlotSet, &Imm::Index(slot)) => self.slot_access(data, slot),
            (Opcode::FuncElement, &Imm::Element { table, signature }) => {
                self.element_function(data, table, signature.as_u32())
            }
            (Opcode::FuncImported, &Imm::Index(function)) => {
                let place = self.shape()?.imported_function(function);
                let record = self.load_constant_of_instance(place);
                self.set_one(data, record);
                Ok(())
            }
            (Opcode::FuncOwn, &Imm::Index(function)) => {
                let place = self.shape()?.referenced_function(function);
                let area = self.area();
                let record = self.b.ins().iadd_imm_s(area, i64::from(place));
                self.set_one(data, record);
                Ok(())
            }
            (_, &Imm::Index(table)) => self.table(data, table),
            _ => Err("without a number"),
        }
    }

    /// What the instance has.
    pub fn shape(&self) -> Result<InstanceShape, Refusal> {
        self.around.instance.map(|instance| instance.shape).ok_or("without an instance")
    }

    fn global(&mut self, data: &InstData, global: u32) -> Result<(), Refusal> {
        let shape = self.shape()?;
        let (address, offset) = match global.checked_sub(shape.imported_globals) {
            Some(own) => (self.area(), shape.own_global(own) as i32),
            None => (self.load_constant_of_instance(shape.imported_global(global)), 0),
        };
        if data.opcode == Opcode::GlobalGet {
            self.load_slot(data, self.access.global, address, offset);
        } else {
            let value = self.slot_value(data);
            self.store_slot(self.access.global, value, address, offset);
        }
        Ok(())
    }

    /// `slot.get` and `slot.set`; what is set fills its slot.
    fn slot_access(&mut self, data: &InstData, slot: u32) -> Result<(), Refusal> {
        let offset = i32::try_from(slot).ok().and_then(|slot| slot.checked_mul(16));
        let offset = offset.filter(|&offset| offset <= i32::MAX - 8).ok_or("so far behind")?;
        let slots = self.load_field(types::I64, Field::Values);
        if data.opcode == Opcode::SlotGet {
            self.load_slot(data, self.access.value, slots, offset);
            return Ok(());
        }
        let held = self.slot_value(data);
        let held = match held {
            Held::One(value) if self.func.ty(data.args[0]) != Type::V128 => {
                let bits = self.bits(value);
                Held::Halves(bits, self.i64(0))
            }
            _ => held,
        };
        self.store_slot(self.access.value, held, slots, offset);
        Ok(())
    }

    /// An integer or float as 64 bits, zero-extended.
    fn bits(&mut self, value: Value) -> Value {
        let bits = match self.b.func.dfg.value_type(value) {
            types::F32 => self.b.ins().bitcast(types::I32, MemFlagsData::new(), value),
            types::F64 => self.b.ins().bitcast(types::I64, MemFlagsData::new(), value),
            _ => value,
        };
        self.resize(bits, types::I64)
    }

    /// The operand that is to be stored.
    fn slot_value(&mut self, data: &InstData) -> Held {
        if self.func.ty(data.args[0]) == Type::I128 {
            let (low, high) = self.halves(data.args[0]);
            return Held::Halves(low, high);
        }
        Held::One(self.one(data.args[0]))
    }

    fn store_slot(&mut self, flags: MemFlagsData, held: Held, address: Value, offset: i32) {
        match held {
            Held::One(value) => {
                self.b.ins().store(flags, value, address, offset);
            }
            Held::Halves(low, high) => {
                self.b.ins().store(flags, low, address, offset);
                self.b.ins().store(flags, high, address, offset + 8);
            }
            Held::Nothing => {}
        }
    }

    fn load_slot(&mut self, data: &InstData, flags: MemFlagsData, address: Value, offset: i32) {
        let held = match data.ty.unwrap_or(Type::I64) {
            Type::I128 => {
                let [low, high] = [0, 8].map(|at| self.b.ins().load(types::I64, flags, address, offset + at));
                Held::Halves(low, high)
            }
            ty => Held::One(self.b.ins().load(machine_type(ty), flags, address, offset)),
        };
        self.set(data, held);
    }

    /// `table.get`, `table.set` and `table.size`.
    fn table(&mut self, data: &InstData, table: u32) -> Result<(), Refusal> {
        let definition = self.table_definition(table)?;
        if data.opcode == Opcode::TableSize {
            let length = self.table_field(definition, offset_of!(TableDef, len));
            self.set_one(data, length);
            return Ok(());
        }
        let index = self.one(data.args[0]);
        let element = self.element(definition, index, ExitCode::TableOutOfBounds);
        if data.opcode == Opcode::TableGet {
            let value = self.b.ins().load(types::I64, self.access.element, element, 0);
            self.set_one(data, value);
        } else {
            let value = self.one(data.args[1]);
            self.b.ins().store(self.access.element, value, element, 0);
        }
        Ok(())
    }

    fn table_definition(&mut self, table: u32) -> Result<Value, Refusal> {
        let place = self.shape()?.table(table);
        Ok(self.load_constant_of_instance(place))
    }

    fn table_field(&mut self, definition: Value, offset: usize) -> Value {
        self.b.ins().load(types::I64, self.access.definition, definition, offset as i32)
    }

    /// The address of an element; leaves with a code outside the table.
    fn element(&mut self, definition: Value, index: Value, outside: ExitCode) -> Value {
        let length = self.table_field(definition, offset_of!(TableDef, len));
        let beyond = self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, index, length);
        self.exit_where(beyond, outside);
        let elements = self.table_field(definition, offset_of!(TableDef, elements));
        let shift = self.i64(3);
        let bytes = self.b.ins().ishl(index, shift);
        self.b.ins().iadd(elements, bytes)
    }

    /// `func.element`.
    fn element_function(&mut self, data: &InstData, table: u32, signature: u32) -> Result<(), Refusal> {
        let definition = self.table_definition(table)?;
        let index = self.one(data.args[0]);
        let element = self.element(definition, index, ExitCode::UndefinedElement);
        let record = self.b.ins().load(types::I64, self.access.element, element, 0);
        let is_null = self.b.ins().icmp_imm_s(IntCC::Equal, record, 0);
        self.exit_where(is_null, ExitCode::UninitializedElement);
        let place = self.shape()?.type_id(signature);
        let wanted = self.load_constant_of_instance(place);
        let offset = offset_of!(FuncRecord, type_id) as i32;
        let found = self.b.ins().load(types::I64, self.access.record, record, offset);
        let is_other = self.b.ins().icmp(IntCC::NotEqual, found, wanted);
        self.exit_where(is_other, ExitCode::IndirectCallTypeMismatch);
        self.set_one(data, record);
        Ok(())
    }
}
