//! Shifts, rotations, bit counts and byte order.
//!
//! LLVM shifts words by a variable amount through the stack. So those are taken apart: the limbs are moved by
//! selections on two bits of the amount, and funnel shifts of neighbouring limbs do the rest.

use evmc_ir::{InstData, Opcode, Type};
use inkwell::IntPredicate;
use inkwell::types::BasicTypeEnum;
use inkwell::values::{BasicMetadataValueEnum, BasicValueEnum, IntValue};

use crate::translate::{Done, Translator};

/// Four 64-bit limbs, least significant first.
type Limbs<'c> = [IntValue<'c>; 4];

impl<'c> Translator<'_, 'c> {
    /// Shifts and rotations.
    pub fn shift(&mut self, data: &InstData) -> Done {
        let (a, amount) = self.ints(data);
        let value = match (data.opcode, data.ty.unwrap_or(Type::I64)) {
            (Opcode::Rotl | Opcode::Rotr, Type::I1) => a,
            (op @ (Opcode::Rotl | Opcode::Rotr), Type::I256) if !amount.is_const() => {
                self.rotate_word(op, a, amount)?
            }
            (Opcode::Rotl, _) => self.int_intrinsic("llvm.fshl", &[a, a, amount])?,
            (Opcode::Rotr, _) => self.int_intrinsic("llvm.fshr", &[a, a, amount])?,
            (op, _) => self.shift_by(op, a, amount)?,
        };
        self.set(data, value);
        Ok(())
    }

    /// A shift; from the width on nothing is left, or the sign.
    pub fn shift_by(&mut self, op: Opcode, a: IntValue<'c>, amount: IntValue<'c>) -> Done<IntValue<'c>> {
        let (ty, bits) = (a.get_type(), a.get_type().get_bit_width());
        if bits == 1 {
            let shifted = if op == Opcode::Ashr { a } else { ty.const_zero() };
            return Ok(self.b.build_select(amount, shifted, a, "")?.into_int_value());
        }
        let (fill, shifted) = match (op, bits == 256 && !amount.is_const()) {
            (Opcode::Ashr, is_word) => {
                let last = ty.const_int(u64::from(bits) - 1, false);
                let amount = self.int_intrinsic("llvm.umin", &[amount, last])?;
                return match is_word {
                    true => self.shift_word(op, a, amount),
                    false => Ok(self.b.build_right_shift(a, amount, true, "")?),
                };
            }
            (_, true) => (ty.const_zero(), self.shift_word(op, a, amount)?),
            (Opcode::Shl, _) => (ty.const_zero(), self.b.build_left_shift(a, amount, "")?),
            _ => (ty.const_zero(), self.b.build_right_shift(a, amount, false, "")?),
        };
        let width = ty.const_int(bits.into(), false);
        let inside = self.b.build_int_compare(IntPredicate::ULT, amount, width, "")?;
        Ok(self.b.build_select(inside, shifted, fill, "")?.into_int_value())
    }

    /// A word shifted by the low 8 bits of a variable amount.
    fn shift_word(&mut self, op: Opcode, a: IntValue<'c>, amount: IntValue<'c>) -> Done<IntValue<'c>> {
        let amount = self.low(amount)?;
        let mut limbs = self.limbs(a)?;
        let fill = match op {
            Opcode::Ashr => self.b.build_right_shift(limbs[3], self.i64(63), true, "")?,
            _ => self.i64(0),
        };
        let left = op == Opcode::Shl;
        for (bit, distance) in [(7, 2), (6, 1)] {
            let is_set = self.bit(amount, bit)?;
            let moved = moved(limbs, distance, left, fill);
            limbs = self.select_limbs(is_set, moved, limbs)?;
        }
        let neighbours = moved(limbs, 1, left, fill);
        self.funnel(limbs, neighbours, left, amount)
    }

    /// A word rotated by a variable amount.
    fn rotate_word(&mut self, op: Opcode, a: IntValue<'c>, amount: IntValue<'c>) -> Done<IntValue<'c>> {
        let amount = self.low(amount)?;
        let mut limbs = self.limbs(a)?;
        let left = op == Opcode::Rotl;
        let turned = |mut limbs: Limbs<'c>, distance| {
            if left {
                limbs.rotate_right(distance)
            } else {
                limbs.rotate_left(distance)
            }
            limbs
        };
        for (bit, distance) in [(7, 2), (6, 1)] {
            let is_set = self.bit(amount, bit)?;
            limbs = self.select_limbs(is_set, turned(limbs, distance), limbs)?;
        }
        self.funnel(limbs, turned(limbs, 1), left, amount)
    }

    /// Shifts each limb by the low 6 bits of the amount, filling from its neighbour.
    fn funnel(
        &mut self,
        limbs: Limbs<'c>,
        neighbours: Limbs<'c>,
        left: bool,
        amount: IntValue<'c>,
    ) -> Done<IntValue<'c>> {
        let mut shifted = limbs;
        for (own, neighbour) in shifted.iter_mut().zip(neighbours) {
            *own = match left {
                true => self.int_intrinsic("llvm.fshl", &[*own, neighbour, amount])?,
                false => self.int_intrinsic("llvm.fshr", &[neighbour, *own, amount])?,
            };
        }
        self.join(shifted)
    }

    /// One bit of a 64-bit number.
    fn bit(&mut self, value: IntValue<'c>, number: u64) -> Done<IntValue<'c>> {
        let masked = self.b.build_and(value, self.i64(1 << number), "")?;
        Ok(self.b.build_int_compare(IntPredicate::NE, masked, self.i64(0), "")?)
    }

    fn select_limbs(&mut self, condition: IntValue<'c>, yes: Limbs<'c>, no: Limbs<'c>) -> Done<Limbs<'c>> {
        let mut chosen = no;
        for (chosen, yes) in chosen.iter_mut().zip(yes) {
            *chosen = self.b.build_select(condition, yes, *chosen, "")?.into_int_value();
        }
        Ok(chosen)
    }

    /// The limbs of a word.
    fn limbs(&mut self, word: IntValue<'c>) -> Done<Limbs<'c>> {
        let mut limbs = [self.i64(0); 4];
        for (number, limb) in limbs.iter_mut().enumerate() {
            let by = word.get_type().const_int(64 * number as u64, false);
            let shifted = self.b.build_right_shift(word, by, false, "")?;
            *limb = self.low(shifted)?;
        }
        Ok(limbs)
    }

    /// The word of four limbs.
    fn join(&mut self, limbs: Limbs<'c>) -> Done<IntValue<'c>> {
        let ty = self.unit.types.i256;
        let mut word = ty.const_zero();
        for (number, limb) in limbs.into_iter().enumerate() {
            let wide = self.b.build_int_z_extend(limb, ty, "")?;
            let placed = self.b.build_left_shift(wide, ty.const_int(64 * number as u64, false), "")?;
            word = self.b.build_or(word, placed, "")?;
        }
        Ok(word)
    }

    /// Leading and trailing zeros, ones, and byte order.
    pub fn bits(&mut self, data: &InstData) -> Done {
        let a = self.int(data.args[0]);
        let exact = self.unit.types.i1.const_zero();
        let value = match (data.opcode, data.ty.unwrap_or(Type::I64)) {
            (Opcode::Popcnt, Type::I1) | (Opcode::Bswap, Type::I8) => a,
            (_, Type::I1) => self.b.build_not(a, "")?,
            (Opcode::Popcnt, _) => self.int_intrinsic("llvm.ctpop", &[a])?,
            (Opcode::Bswap, _) => self.int_intrinsic("llvm.bswap", &[a])?,
            (Opcode::Clz, _) => self.int_intrinsic("llvm.ctlz", &[a, exact])?,
            _ => self.int_intrinsic("llvm.cttz", &[a, exact])?,
        };
        self.set(data, value);
        Ok(())
    }

    /// `byte` and `sign_extend`.
    pub fn pick_byte(&mut self, data: &InstData) -> Done {
        let (index, value) = self.ints(data);
        let value = match data.opcode {
            Opcode::Byte => self.byte(index, value)?,
            _ => self.sign_extend(index, value)?,
        };
        self.set(data, value);
        Ok(())
    }

    /// The byte at `index` from the most significant; 0 beyond.
    fn byte(&mut self, index: IntValue<'c>, value: IntValue<'c>) -> Done<IntValue<'c>> {
        let ty = value.get_type();
        let bytes = u64::from(ty.get_bit_width() / 8);
        let from_low = self.b.build_int_sub(ty.const_int(bytes - 1, false), index, "")?;
        let by = self.b.build_left_shift(from_low, ty.const_int(3, false), "")?;
        let shifted = self.shift_by(Opcode::Lshr, value, by)?;
        let masked = self.b.build_and(shifted, ty.const_int(0xff, false), "")?;
        let limit = ty.const_int(bytes, false);
        let inside = self.b.build_int_compare(IntPredicate::ULT, index, limit, "")?;
        Ok(self.b.build_select(inside, masked, ty.const_zero(), "")?.into_int_value())
    }

    /// Extends the sign of the byte at `index` from the least significant; from the last one on, nothing changes.
    fn sign_extend(&mut self, index: IntValue<'c>, value: IntValue<'c>) -> Done<IntValue<'c>> {
        let ty = value.get_type();
        let last = ty.const_int(u64::from(ty.get_bit_width() / 8) - 1, false);
        let inside = self.b.build_int_compare(IntPredicate::ULT, index, last, "")?;
        let above = self.b.build_int_sub(last, index, "")?;
        let by = self.b.build_left_shift(above, ty.const_int(3, false), "")?;
        let by = self.b.build_select(inside, by, ty.const_zero(), "")?.into_int_value();
        let up = self.shift_by(Opcode::Shl, value, by)?;
        self.shift_by(Opcode::Ashr, up, by)
    }

    /// Calls an intrinsic of integers that is overloaded by the type of its first operand.
    fn int_intrinsic(&mut self, name: &'static str, args: &[IntValue<'c>]) -> Done<IntValue<'c>> {
        let ty = args[0].get_type();
        let args: Vec<_> = args.iter().map(|&arg| arg.into()).collect();
        Ok(self.intrinsic(name, ty.into(), &args)?.into_int_value())
    }

    /// Calls an intrinsic that is overloaded by one type.
    pub fn intrinsic(
        &mut self,
        name: &'static str,
        ty: BasicTypeEnum<'c>,
        args: &[BasicMetadataValueEnum<'c>],
    ) -> Done<BasicValueEnum<'c>> {
        let function = self.unit.intrinsic(name, &[ty])?;
        let call = self.b.build_call(function, args, "")?;
        Ok(call.try_as_basic_value().unwrap_basic())
    }
}

/// Limbs moved by so many places; `fill` comes in.
fn moved<'c>(limbs: Limbs<'c>, distance: usize, left: bool, fill: IntValue<'c>) -> Limbs<'c> {
    std::array::from_fn(|place| {
        let from = if left { place.checked_sub(distance) } else { Some(place + distance) };
        from.and_then(|from| limbs.get(from).copied()).unwrap_or(fill)
    })
}
