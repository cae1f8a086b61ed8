//! Quotients, remainders, and the operations that only the host has.
//!
//! LLVM divides wide integers bit by bit, or by a library function that does not exist here. So wider operands
//! than 64 bits are divided natively where both fit 64 bits, and by the host otherwise.

use evmc_abi::HostFn;
use evmc_ir::{InstData, Opcode, Type};
use inkwell::IntPredicate;
use inkwell::values::IntValue;
use ruint::aliases::U256;

use crate::translate::{Done, Translator};

/// Widest native division, in bits.
const NATIVE_BITS: u32 = 64;

impl<'c> Translator<'_, 'c> {
    /// `udiv`, `sdiv`, `urem`, `srem`.
    pub fn divide(&mut self, data: &InstData) -> Done {
        let (a, b) = self.ints(data);
        let power = self.func.constant(data.args[1]).filter(|divisor| divisor.is_power_of_two());
        let value = match (data.ty.unwrap_or(Type::I64), power) {
            (_, Some(power)) if !is_signed(data.opcode) => self.divide_by_power(data.opcode, a, power)?,
            (Type::I1, _) => self.divide_bit(data.opcode, a, b)?,
            (ty, _) if ty.bits() <= NATIVE_BITS && self.unit.instance.is_some() => {
                self.divide_checked(data.opcode, a, b)?
            }
            (ty, _) if ty.bits() <= NATIVE_BITS => self.divide_natively(data.opcode, a, b)?,
            _ if is_signed(data.opcode) => self.divide_wide_signed(data.opcode, a, b)?,
            _ => self.divide_wide(data.opcode, a, b)?,
        };
        self.set(data, value);
        Ok(())
    }

    /// Unsigned, by a power of two.
    fn divide_by_power(&mut self, op: Opcode, a: IntValue<'c>, power: U256) -> Done<IntValue<'c>> {
        let ty = a.get_type();
        if op == Opcode::Udiv {
            let by = ty.const_int(power.trailing_zeros() as u64, false);
            return Ok(self.b.build_right_shift(a, by, false, "")?);
        }
        let mask = self.unit.types.constant(ty.get_bit_width(), power - U256::ONE);
        Ok(self.b.build_and(a, mask, "")?)
    }

    /// One bit: 1 / 1 = 1, and −1 / −1 wraps to −1; there is never a remainder.
    fn divide_bit(&mut self, op: Opcode, a: IntValue<'c>, b: IntValue<'c>) -> Done<IntValue<'c>> {
        match op {
            Opcode::Udiv | Opcode::Sdiv => Ok(self.b.build_and(a, b, "")?),
            _ => Ok(self.unit.types.i1.const_zero()),
        }
    }

    /// At most 64 bits. Divisors that LLVM forbids are put aside: 0, where the result is 0, and −1, where
    /// `a / −1 = 0 − a` and no remainder is left.
    fn divide_natively(&mut self, op: Opcode, a: IntValue<'c>, b: IntValue<'c>) -> Done<IntValue<'c>> {
        let ty = b.get_type();
        let (zero, one) = (ty.const_zero(), ty.const_int(1, false));
        let is_zero = self.b.build_int_compare(IntPredicate::EQ, b, zero, "")?;
        let mut special = is_zero;
        let mut value = zero;
        if is_signed(op) {
            let is_minus_one = self.b.build_int_compare(IntPredicate::EQ, b, ty.const_all_ones(), "")?;
            special = self.b.build_or(is_zero, is_minus_one, "")?;
            if op == Opcode::Sdiv {
                let negated = self.b.build_int_neg(a, "")?;
                value = self.b.build_select(is_minus_one, negated, zero, "")?.into_int_value();
            }
        }
        let divisor = self.b.build_select(special, one, b, "")?.into_int_value();
        let divided = self.plain_division(op, a, divisor)?;
        Ok(self.b.build_select(special, value, divided, "")?.into_int_value())
    }

    /// At most 64 bits, in a program that has ended already where it would trap. The conditions are the ones of its
    /// checks, so that LLVM sees that they do not hold: a divisor of 0, and the one quotient that overflows. There, and
    /// where a remainder is 0 without division, dividing by 1 gives the right result or that of no interest.
    fn divide_checked(&mut self, op: Opcode, a: IntValue<'c>, b: IntValue<'c>) -> Done<IntValue<'c>> {
        let ty = b.get_type();
        let is_zero = self.b.build_int_compare(IntPredicate::EQ, b, ty.const_zero(), "")?;
        let mut special = is_zero;
        if is_signed(op) {
            let mut wraps = self.b.build_int_compare(IntPredicate::EQ, b, ty.const_all_ones(), "")?;
            if op == Opcode::Sdiv {
                let least = ty.const_int(1 << (ty.get_bit_width() - 1), false);
                let is_least = self.b.build_int_compare(IntPredicate::EQ, a, least, "")?;
                wraps = self.b.build_and(is_least, wraps, "")?;
            }
            special = self.b.build_or(is_zero, wraps, "")?;
        }
        let divisor = self.b.build_select(special, ty.const_int(1, false), b, "")?.into_int_value();
        let divided = self.plain_division(op, a, divisor)?;
        Ok(match op {
            Opcode::Udiv | Opcode::Sdiv => {
                self.b.build_select(is_zero, ty.const_zero(), divided, "")?.into_int_value()
            }
            _ => divided,
        })
    }

    /// A division whose divisor is one that LLVM allows.
    fn plain_division(&mut self, op: Opcode, a: IntValue<'c>, b: IntValue<'c>) -> Done<IntValue<'c>> {
        Ok(match op {
            Opcode::Udiv => self.b.build_int_unsigned_div(a, b, "")?,
            Opcode::Urem => self.b.build_int_unsigned_rem(a, b, "")?,
            Opcode::Sdiv => self.b.build_int_signed_div(a, b, "")?,
            _ => self.b.build_int_signed_rem(a, b, "")?,
        })
    }

    /// Natively where no operand has bits above 64 and the divisor is not 0.
    fn divide_wide(&mut self, op: Opcode, a: IntValue<'c>, b: IntValue<'c>) -> Done<IntValue<'c>> {
        let either = self.b.build_or(a, b, "")?;
        let limit = self.narrow_limit(a);
        let is_large = self.b.build_int_compare(IntPredicate::UGE, either, limit, "")?;
        let (x, y) = (self.low(a)?, self.low(b)?);
        let is_zero = self.b.build_int_compare(IntPredicate::EQ, y, self.i64(0), "")?;
        let aside = self.b.build_or(is_large, is_zero, "")?;
        Ok(self
            .rarely(
                aside,
                |this| this.divide_by_host(op, a, b),
                |this| {
                    let value = this.plain_division(op, x, y)?;
                    Ok(this.b.build_int_z_extend(value, a.get_type(), "")?)
                },
            )?
            .into_int_value())
    }

    /// Natively where both operands are 64-bit numbers and the divisor is neither 0 nor −1.
    fn divide_wide_signed(&mut self, op: Opcode, a: IntValue<'c>, b: IntValue<'c>) -> Done<IntValue<'c>> {
        let (x, y) = (self.low(a)?, self.low(b)?);
        let mut fits = self.unit.types.i1.const_all_ones();
        for (wide, narrow) in [(a, x), (b, y)] {
            let again = self.b.build_int_s_extend(narrow, a.get_type(), "")?;
            let same = self.b.build_int_compare(IntPredicate::EQ, wide, again, "")?;
            fits = self.b.build_and(fits, same, "")?;
        }
        let next = self.b.build_int_add(y, self.i64(1), "")?;
        let usual = self.b.build_int_compare(IntPredicate::UGT, next, self.i64(1), "")?;
        let fits = self.b.build_and(fits, usual, "")?;
        let aside = self.b.build_not(fits, "")?;
        Ok(self
            .rarely(
                aside,
                |this| this.divide_by_host(op, a, b),
                |this| {
                    let value = this.plain_division(op, x, y)?;
                    Ok(this.b.build_int_s_extend(value, a.get_type(), "")?)
                },
            )?
            .into_int_value())
    }

    /// 2^64 at the width of a value.
    fn narrow_limit(&self, value: IntValue<'c>) -> IntValue<'c> {
        let bits = value.get_type().get_bit_width();
        self.unit.types.constant(bits, U256::ONE << NATIVE_BITS as usize)
    }

    /// The low 64 bits.
    pub fn low(&mut self, value: IntValue<'c>) -> Done<IntValue<'c>> {
        Ok(self.b.build_int_truncate_or_bit_cast(value, self.unit.types.i64, "")?)
    }

    fn divide_by_host(&mut self, op: Opcode, a: IntValue<'c>, b: IntValue<'c>) -> Done<IntValue<'c>> {
        let function = match op {
            Opcode::Udiv => HostFn::Udiv,
            Opcode::Urem => HostFn::Urem,
            Opcode::Sdiv => HostFn::Sdiv,
            _ => HostFn::Srem,
        };
        self.ask(function, &[a, b], is_signed(op))
    }

    /// `addmod`, `mulmod`, `exp`.
    pub fn modular(&mut self, data: &InstData) -> Done {
        let function = match data.opcode {
            Opcode::Addmod => HostFn::Addmod,
            Opcode::Mulmod => HostFn::Mulmod,
            _ => HostFn::Exp,
        };
        let args: Vec<_> = data.args.iter().map(|&arg| self.int(arg)).collect();
        let value = self.ask(function, &args, false)?;
        self.set(data, value);
        Ok(())
    }

    /// The result of a host function without effects, at the width of its operands.
    fn ask(&mut self, function: HostFn, args: &[IntValue<'c>], signed: bool) -> Done<IntValue<'c>> {
        let (own, word) = (args[0].get_type(), self.unit.types.i256);
        let mut words = Vec::with_capacity(args.len());
        for &arg in args {
            words.push(match (own == word, signed) {
                (true, _) => arg,
                (_, true) => self.b.build_int_s_extend(arg, word, "")?,
                (_, false) => self.b.build_int_z_extend(arg, word, "")?,
            });
        }
        let value = self.call_pure(function, &words)?;
        Ok(if own == word { value } else { self.b.build_int_truncate(value, own, "")? })
    }
}

/// Whether a division is one of signed numbers.
const fn is_signed(op: Opcode) -> bool {
    matches!(op, Opcode::Sdiv | Opcode::Srem)
}
