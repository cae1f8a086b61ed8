//! Types of the IR as LLVM's, constants, and the values that operations have given.
//!
//! Every integer type is LLVM's of the same width, floats are floats, a vector is `<16 x i8>`. A native
//! pointer is an `i64`: code computes addresses only from the frame, never from such a value.

use std::num::NonZeroU32;

use evmc_ir as ir;
use inkwell::AddressSpace;
use inkwell::context::Context;
use inkwell::types::{BasicTypeEnum, FloatType, IntType, PointerType, StructType, VectorType, VoidType};
use inkwell::values::{BasicValueEnum, FloatValue, IntValue};
use ruint::aliases::U256;

use crate::translate::{Done, Translator};

/// LLVM's types.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Types<'c> {
    pub i1: IntType<'c>,
    pub i8: IntType<'c>,
    pub i32: IntType<'c>,
    pub i64: IntType<'c>,
    pub i256: IntType<'c>,
    pub pointer: PointerType<'c>,
    pub void: VoidType<'c>,
    f32: FloatType<'c>,
    f64: FloatType<'c>,
    vector: VectorType<'c>,
    context: &'c Context,
}

impl<'c> Types<'c> {
    pub fn new(context: &'c Context) -> Self {
        Self {
            i1: context.bool_type(),
            i8: context.i8_type(),
            i32: context.i32_type(),
            i64: context.i64_type(),
            i256: wide(context, 256),
            pointer: context.ptr_type(AddressSpace::default()),
            void: context.void_type(),
            f32: context.f32_type(),
            f64: context.f64_type(),
            vector: context.i8_type().vec_type(16),
            context,
        }
    }

    /// The integer type of a width in bits.
    pub fn int(&self, bits: u32) -> IntType<'c> {
        match bits {
            64 => self.i64,
            256 => self.i256,
            _ => wide(self.context, bits),
        }
    }

    /// The type of a value.
    pub fn of(&self, ty: ir::Type) -> BasicTypeEnum<'c> {
        match ty {
            ir::Type::F32 => self.f32.into(),
            ir::Type::F64 => self.f64.into(),
            ir::Type::V128 => self.vector.into(),
            _ => self.int(ty.bits()).into(),
        }
    }

    /// The type as which functions of an EVM module pass a value to one another, see [`crate::signature`].
    pub fn passed(&self, ty: ir::Type) -> BasicTypeEnum<'c> {
        if ty.is_int() && ty.bits() < 64 { self.i64.into() } else { self.of(ty) }
    }

    /// A structure of these types.
    pub fn structure(&self, fields: &[BasicTypeEnum<'c>]) -> StructType<'c> {
        self.context.struct_type(fields, false)
    }

    /// A constant of an integer type by its bits.
    pub fn constant(&self, bits: u32, value: U256) -> IntValue<'c> {
        let limbs = value.as_limbs();
        match bits {
            ..=64 => self.int(bits).const_int(limbs[0], false),
            _ => self.int(bits).const_int_arbitrary_precision(&limbs[..(bits / 64) as usize]),
        }
    }
}

/// An integer type of any width.
fn wide(context: &Context, bits: u32) -> IntType<'_> {
    let bits = NonZeroU32::new(bits).unwrap_or(NonZeroU32::MIN);
    context.custom_width_int_type(bits).unwrap_or_else(|_| context.i64_type())
}

impl<'c> Translator<'_, 'c> {
    /// What a value has become.
    pub fn value(&self, value: ir::Value) -> BasicValueEnum<'c> {
        // Only what is never reached is used before it is defined.
        self.held[value].unwrap_or_else(|| self.unit.types.of(self.func.ty(value)).const_zero())
    }

    /// A value as functions of a module pass it to one another.
    pub fn passed(&self, value: ir::Value) -> Done<BasicValueEnum<'c>> {
        let held = self.value(value);
        if self.unit.instance.is_some() {
            return Ok(held);
        }
        match self.unit.types.passed(self.func.ty(value)) {
            wider if wider == held.get_type() => Ok(held),
            wider => Ok(self.b.build_int_z_extend(held.into_int_value(), wider.into_int_type(), "")?.into()),
        }
    }

    /// A value of a type that was passed.
    pub fn received(&self, ty: ir::Type, passed: BasicValueEnum<'c>) -> Done<BasicValueEnum<'c>> {
        match self.unit.types.of(ty) {
            own if own == passed.get_type() => Ok(passed),
            own => Ok(self.b.build_int_truncate(passed.into_int_value(), own.into_int_type(), "")?.into()),
        }
    }

    /// A value that the table gives an integer type.
    pub fn int(&self, value: ir::Value) -> IntValue<'c> {
        self.value(value).into_int_value()
    }

    /// The integer operands of an instruction; a missing second one is the first.
    pub fn ints(&self, data: &ir::InstData) -> (IntValue<'c>, IntValue<'c>) {
        let first = data.args[0];
        (self.int(first), self.int(*data.args.get(1).unwrap_or(&first)))
    }

    /// A value of floating point.
    pub fn float_value(&self, value: ir::Value) -> FloatValue<'c> {
        self.value(value).into_float_value()
    }

    /// A 64-bit constant.
    pub fn i64(&self, value: u64) -> IntValue<'c> {
        self.unit.types.i64.const_int(value, false)
    }

    /// A 32-bit constant.
    pub fn i32(&self, value: u32) -> IntValue<'c> {
        self.unit.types.i32.const_int(value.into(), false)
    }

    /// Notes the first result of an instruction.
    pub fn set(&mut self, data: &ir::InstData, value: impl Into<BasicValueEnum<'c>>) {
        if let Some(&result) = data.results.first() {
            self.held[result] = Some(value.into());
        }
    }

    /// Notes the second result of an instruction.
    pub fn set_second(&mut self, data: &ir::InstData, value: IntValue<'c>) {
        if let Some(&result) = data.results.get(1) {
            self.held[result] = Some(value.into());
        }
    }
}
