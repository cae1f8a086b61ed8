//! VM memory, the memory stack, calldata and the fields of the frame.
//!
//! Base and length of VM memory are values: read at the start of a function and after what may grow memory.

use evmc_abi::{Field, FieldKind};
use evmc_ir::{Imm, InstData, Opcode, Type};
use inkwell::IntPredicate;
use inkwell::builder::Builder;
use inkwell::types::BasicTypeEnum;
use inkwell::values::{BasicValue, BasicValueEnum, IntValue, PointerValue};

use crate::alias::Region;
use crate::attributes::WORD_ALIGN;
use crate::compile::Unit;
use crate::translate::{Done, Translator};

/// Alignment of VM memory and calldata, in bytes.
const BYTE_ALIGN: u32 = 1;

impl<'c> Unit<'c> {
    /// The address so many bytes behind another one of the same object.
    pub fn offset(
        &self,
        b: &Builder<'c>,
        base: PointerValue<'c>,
        bytes: IntValue<'c>,
    ) -> Done<PointerValue<'c>> {
        self.address(b, base, bytes, false)
    }

    /// The same; `is_inside` where it is proved to be in the memory that the base points into, so that LLVM may rely on it.
    #[allow(unsafe_code)]
    pub fn address(
        &self,
        b: &Builder<'c>,
        base: PointerValue<'c>,
        bytes: IntValue<'c>,
        is_inside: bool,
    ) -> Done<PointerValue<'c>> {
        let (ty, index) = (self.types.i8, [bytes]);
        // SAFETY: one index for a pointer to bytes. Where the address is not proved to be inside an object, it is not
        // marked so, and then no offset makes LLVM's result undefined.
        Ok(unsafe {
            match is_inside {
                true => b.build_in_bounds_gep(ty, base, &index, "")?,
                false => b.build_gep(ty, base, &index, "")?,
            }
        })
    }

    /// Loads a value of an LLVM type.
    pub fn load(
        &self,
        b: &Builder<'c>,
        ty: BasicTypeEnum<'c>,
        from: PointerValue<'c>,
        align: u32,
        region: Region,
    ) -> Done<BasicValueEnum<'c>> {
        let value = b.build_load(ty, from, "")?;
        if let Some(load) = value.as_instruction_value() {
            // The one failure is an alignment that is no power of two.
            let _ = load.set_alignment(align);
            self.regions.mark_access(load, region);
            if region == Region::Constant {
                self.regions.mark_invariant(load);
            }
        }
        Ok(value)
    }

    /// Stores a value.
    pub fn store(
        &self,
        b: &Builder<'c>,
        value: BasicValueEnum<'c>,
        to: PointerValue<'c>,
        align: u32,
        region: Region,
    ) -> Done {
        let store = b.build_store(to, value)?;
        // As above.
        let _ = store.set_alignment(align);
        self.regions.mark_access(store, region);
        Ok(())
    }
}

impl<'c> Translator<'_, 'c> {
    /// Instructions that read or write memory of any kind.
    pub fn memory(&mut self, data: &InstData) -> Done {
        match data.opcode {
            Opcode::MemLoad => {
                let address = self.memory_address(self.int(data.args[0]))?;
                let ty = data.ty.unwrap_or(Type::I64);
                let value = self.load_typed(ty, address, BYTE_ALIGN, Region::Memory)?;
                self.set(data, value);
            }
            Opcode::MemStore => {
                let address = self.memory_address(self.int(data.args[0]))?;
                self.store_typed(data.args[1], address, BYTE_ALIGN, Region::Memory)?;
            }
            Opcode::MemEnsure => self.mem_ensure(self.int(data.args[0]))?,
            Opcode::CalldataLoad => self.calldata_load(data)?,
            Opcode::FrameGet => self.frame_get(data)?,
            Opcode::StackLoad => {
                let address = self.stack_item(data)?;
                let value = self.load_typed(Type::I256, address, WORD_ALIGN, Region::Stack)?;
                self.set(data, value);
            }
            _ => {
                let address = self.stack_item(data)?;
                self.store_typed(data.args[1], address, WORD_ALIGN, Region::Stack)?;
            }
        }
        Ok(())
    }

    /// The address so many bytes behind another one of the same object.
    pub fn offset(&self, base: PointerValue<'c>, bytes: IntValue<'c>) -> Done<PointerValue<'c>> {
        self.unit.offset(&self.b, base, bytes)
    }

    /// Loads a value of an LLVM type.
    pub fn load(
        &self,
        ty: impl Into<BasicTypeEnum<'c>>,
        from: PointerValue<'c>,
        align: u32,
        region: Region,
    ) -> Done<BasicValueEnum<'c>> {
        self.unit.load(&self.b, ty.into(), from, align, region)
    }

    /// Stores a value.
    pub fn store(&self, value: BasicValueEnum<'c>, to: PointerValue<'c>, align: u32, region: Region) -> Done {
        self.unit.store(&self.b, value, to, align, region)
    }

    /// Loads a value of the IR; of a byte for `i1` the lowest bit counts.
    pub fn load_typed(
        &mut self,
        ty: Type,
        from: PointerValue<'c>,
        align: u32,
        region: Region,
    ) -> Done<BasicValueEnum<'c>> {
        if ty != Type::I1 {
            return self.load(self.unit.types.of(ty), from, align, region);
        }
        let byte = self.load(self.unit.types.i8, from, align, region)?.into_int_value();
        Ok(self.b.build_int_truncate(byte, self.unit.types.i1, "")?.into())
    }

    /// Stores a value of the IR.
    pub fn store_typed(
        &mut self,
        value: evmc_ir::Value,
        to: PointerValue<'c>,
        align: u32,
        region: Region,
    ) -> Done {
        let mut held = self.value(value);
        if self.func.ty(value) == Type::I1 {
            held = self.b.build_int_z_extend(held.into_int_value(), self.unit.types.i8, "")?.into();
        }
        self.store(held, to, align, region)
    }

    /// The address of a field of the frame.
    fn field(&self, field: Field) -> Done<PointerValue<'c>> {
        self.offset(self.frame, self.i64(field.offset() as u64))
    }

    /// Loads a field that is a number.
    pub fn load_field(&self, field: Field) -> Done<IntValue<'c>> {
        let ty = if field.kind() == FieldKind::U32 { self.unit.types.i32 } else { self.unit.types.i64 };
        let value = self.load(ty, self.field(field)?, ty.get_bit_width() / 8, Region::of_field(field))?;
        Ok(value.into_int_value())
    }

    /// Loads a field that is a pointer, to be followed.
    pub fn load_pointer(&self, field: Field) -> Done<PointerValue<'c>> {
        let ty = self.unit.types.pointer;
        let value = self.load(ty, self.field(field)?, WORD_ALIGN, Region::of_field(field))?;
        Ok(value.into_pointer_value())
    }

    /// Stores a field of the frame.
    pub fn store_field(&self, field: Field, value: IntValue<'c>) -> Done {
        let align = value.get_type().get_bit_width() / 8;
        self.store(value.into(), self.field(field)?, align, Region::of_field(field))
    }

    fn frame_get(&mut self, data: &InstData) -> Done {
        let Imm::Field(field) = data.imm else { return Ok(()) };
        if field.kind() == FieldKind::Word {
            let word =
                self.load(self.unit.types.i256, self.field(field)?, WORD_ALIGN, Region::of_field(field))?;
            self.set(data, word);
            return Ok(());
        }
        let wanted = self.unit.types.int(data.ty.unwrap_or(Type::I64).bits());
        let value = self.load_field(field)?;
        let value = if value.get_type().get_bit_width() < wanted.get_bit_width() {
            self.b.build_int_z_extend(value, wanted, "")?
        } else {
            self.b.build_int_truncate_or_bit_cast(value, wanted, "")?
        };
        self.set(data, value);
        Ok(())
    }

    /// Reads base and length of VM memory.
    pub fn load_bounds(&mut self) -> Done {
        let base = self.load_pointer(Field::Memory)?;
        self.b.build_store(self.variables.memory, base)?;
        let length = self.load_field(Field::MemoryLen)?;
        self.b.build_store(self.variables.length, length)?;
        Ok(())
    }

    /// The address of a byte of VM memory.
    fn memory_address(&mut self, offset: IntValue<'c>) -> Done<PointerValue<'c>> {
        let base = self.b.build_load(self.unit.types.pointer, self.variables.memory, "")?;
        self.offset(base.into_pointer_value(), offset)
    }

    /// The address of an item of the memory stack.
    fn stack_item(&mut self, data: &InstData) -> Done<PointerValue<'c>> {
        let Imm::Offset(items) = data.imm else { return Ok(self.frame) };
        let base = self.load_pointer(Field::Stack)?;
        let bytes = self.b.build_left_shift(self.int(data.args[0]), self.i64(5), "")?;
        let item = self.offset(base, bytes)?;
        self.offset(item, self.i64((i64::from(items) * 32) as u64))
    }

    /// Calls the host where the memory is too short.
    fn mem_ensure(&mut self, end: IntValue<'c>) -> Done {
        let types = self.unit.types;
        let length = self.b.build_load(types.i64, self.variables.length, "")?.into_int_value();
        let short = self.b.build_int_compare(IntPredicate::UGT, end, length, "")?;
        let (grow, next) = (self.new_block(), self.new_block());
        self.branch_rarely(short, grow, next)?;
        self.b.position_at_end(grow);
        self.grow(end)?;
        self.b.build_unconditional_branch(next)?;
        self.b.position_at_end(next);
        Ok(())
    }

    /// Loads natively where all 32 bytes are inside the calldata, else asks the host.
    fn calldata_load(&mut self, data: &InstData) -> Done {
        let offset = self.int(data.args[0]);
        let types = self.unit.types;
        let length = self.load_field(Field::CalldataLen)?;
        // One more than the last offset at which a word lies inside, 0 where there is none.
        let saturated =
            self.intrinsic("llvm.usub.sat", types.i64.into(), &[length.into(), self.i64(31).into()])?;
        let limit = self.b.build_int_z_extend(saturated.into_int_value(), types.i256, "")?;
        let outside = self.b.build_int_compare(IntPredicate::UGE, offset, limit, "")?;
        let value = self
            .rarely(
                outside,
                |this| this.call_pure(evmc_abi::HostFn::CalldataLoad, &[offset]),
                |this| {
                    let base = this.load_pointer(Field::Calldata)?;
                    let low = this.low(offset)?;
                    let address = this.offset(base, low)?;
                    let word = this.load(types.i256, address, BYTE_ALIGN, Region::Constant)?;
                    Ok(this.intrinsic("llvm.bswap", types.i256.into(), &[word.into()])?.into_int_value())
                },
            )?
            .into_int_value();
        self.set(data, value);
        Ok(())
    }
}
