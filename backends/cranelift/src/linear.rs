//! Linear memories.
//!
//! No access is checked: addresses of 32 bits and static offsets stay within what a memory reserves, and what is not
//! memory faults. So accesses are instructions that can trap, which Cranelift neither removes nor moves; a fault is
//! found by its place in the code, see `sites`.

use cranelift_codegen::ir::{InstBuilder, MemFlagsData, SourceLoc, Value, types};
use evmc_abi::Field;
use evmc_ir as ir;
use evmc_ir::{Function, Imm, InstData, Opcode, Type};
use std::collections::HashMap;

use crate::sites;
use crate::translate::{Refusal, Translator};
use crate::value::{Held, machine_type};

/// Largest displacement in an instruction: the last byte of an access has one of 31 bits as well.
const DISPLACEMENT_LIMIT: u64 = i32::MAX as u64 - 15;

/// An extension that a load does on the way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extension {
    /// `zext` or `sext`.
    opcode: Opcode,
    /// To which type.
    ty: Type,
    /// Its result.
    result: ir::Value,
}

/// For narrow loads whose value is extended somewhere, the first extension.
pub(crate) fn extensions(func: &Function) -> HashMap<ir::Value, Extension> {
    let mut extensions = HashMap::new();
    for (_, data) in func.layout.iter().flat_map(|&block| func.block_insts(block)) {
        let (Opcode::Zext | Opcode::Sext, Some(ty @ (Type::I16 | Type::I32 | Type::I64))) =
            (data.opcode, data.ty)
        else {
            continue;
        };
        let narrow = data.args[0];
        let is_narrow = matches!(func.ty(narrow), Type::I8 | Type::I16 | Type::I32) && func.ty(narrow) < ty;
        let loads = func
            .defining_inst(narrow)
            .is_some_and(|def| matches!(def.opcode, Opcode::LinLoad | Opcode::LinRead));
        if is_narrow && loads {
            let extension = Extension { opcode: data.opcode, ty, result: data.results[0] };
            extensions.entry(narrow).or_insert(extension);
        }
    }
    extensions
}

impl Translator<'_, '_> {
    /// `lin.load` and `lin.store`, `lin.read` and `lin.write`.
    pub fn linear(&mut self, data: &InstData) -> Result<(), Refusal> {
        let &Imm::Linear { memory, offset } = &data.imm else { return Err("without a memory") };
        let (address, at) = self.linear_address(data.args[0], memory, offset)?;
        let flags = match data.opcode {
            Opcode::LinLoad | Opcode::LinStore => self.linear_flags(),
            _ => self.access.linear.with_notrap(),
        };
        if matches!(data.opcode, Opcode::LinLoad | Opcode::LinRead) {
            self.linear_load(data, flags, address, at);
        } else {
            self.linear_store(data, flags, address, at);
        }
        Ok(())
    }

    /// Address and displacement.
    fn linear_address(
        &mut self,
        address: ir::Value,
        memory: u32,
        offset: u64,
    ) -> Result<(Value, i32), Refusal> {
        let address = self.one(address);
        let place = self.shape()?.memory_base(memory);
        let base = self.load_constant_of_instance(place);
        let constant = self.constant(address).and_then(|address| address.checked_add(offset));
        if let Some(at) = constant.filter(|&at| at <= DISPLACEMENT_LIMIT) {
            return Ok((base, at as i32));
        }
        if offset <= DISPLACEMENT_LIMIT {
            return Ok((self.b.ins().iadd(base, address), offset as i32));
        }
        let offset = self.i64(offset);
        let beyond = self.b.ins().iadd(address, offset);
        Ok((self.b.ins().iadd(base, beyond), 0))
    }

    /// Flags for the next access, which gets a number.
    fn linear_flags(&mut self) -> MemFlagsData {
        let number = self.accesses.len() as u32;
        self.accesses.push(self.source);
        self.b.set_srcloc(SourceLoc::new(number));
        self.access.linear.with_trap_code(sites::trap_code(number))
    }

    fn linear_load(&mut self, data: &InstData, flags: MemFlagsData, address: Value, at: i32) {
        let held = match data.ty.unwrap_or(Type::I64) {
            Type::I128 => {
                let [low, high] = [0, 8].map(|half| self.b.ins().load(types::I64, flags, address, at + half));
                Held::Halves(low, high)
            }
            Type::I1 => {
                let byte = self.b.ins().load(types::I8, flags, address, at);
                Held::One(self.mask_bit(byte))
            }
            ty => match self.extensions.get(&data.results[0]).copied() {
                Some(extension) => {
                    let wide = self.extending_load(extension, ty, flags, address, at);
                    self.held[extension.result] = Held::One(wide);
                    Held::One(self.b.ins().ireduce(machine_type(ty), wide))
                }
                None => Held::One(self.b.ins().load(machine_type(ty), flags, address, at)),
            },
        };
        self.set(data, held);
    }

    /// A load of type `from` with its extension.
    fn extending_load(
        &mut self,
        to: Extension,
        from: Type,
        flags: MemFlagsData,
        address: Value,
        at: i32,
    ) -> Value {
        let ty = machine_type(to.ty);
        let ins = self.b.ins();
        match (to.opcode, from) {
            (Opcode::Zext, Type::I8) => ins.uload8(ty, flags, address, at),
            (Opcode::Zext, Type::I16) => ins.uload16(ty, flags, address, at),
            (Opcode::Zext, _) => ins.uload32(flags, address, at),
            (_, Type::I8) => ins.sload8(ty, flags, address, at),
            (_, Type::I16) => ins.sload16(ty, flags, address, at),
            _ => ins.sload32(flags, address, at),
        }
    }

    /// The last byte first, where there are two instructions: a memory has no gaps, so both fault or none.
    fn linear_store(&mut self, data: &InstData, flags: MemFlagsData, address: Value, at: i32) {
        if data.ty == Some(Type::I128) {
            let (low, high) = self.halves(data.args[1]);
            self.b.ins().store(flags, high, address, at + 8);
            self.b.ins().store(flags, low, address, at);
        } else {
            let value = self.one(data.args[1]);
            self.b.ins().store(flags, value, address, at);
        }
    }

    /// `memory.size`.
    pub fn memory_size(&mut self, data: &InstData, memory: u32) -> Result<(), Refusal> {
        let place = self.shape()?.memory(memory);
        let definition = self.load_constant_of_instance(place);
        let offset = core::mem::offset_of!(evmc_abi::wasm::MemoryDef, len) as i32;
        let bytes = self.b.ins().load(types::I64, self.access.definition, definition, offset);
        let shift = self.i64(evmc_abi::wasm::PAGE_BYTES.trailing_zeros().into());
        let pages = self.b.ins().ushr(bytes, shift);
        self.set_one(data, pages);
        Ok(())
    }

    /// The instance area.
    pub fn area(&mut self) -> Value {
        self.load_field(types::I64, Field::Instance)
    }

    /// A word of the instance area that never changes.
    pub fn load_constant_of_instance(&mut self, place: u32) -> Value {
        let area = self.area();
        self.b.ins().load(types::I64, self.access.constant, area, place as i32)
    }
}
