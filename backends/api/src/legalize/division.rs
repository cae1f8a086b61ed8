//! Division and modular arithmetic of words.
//!
//! The general case leaves for the host table. In front of it, where nothing better is known
//! statically, stands one test and a native 64-bit division; operands that are known to be small
//! are divided natively without a test, powers of two become shifts and masks.

use evmc_abi::HostFn;
use evmc_ir::{BlockCall, Opcode, Type, Value};
use ruint::aliases::U256;
use smallvec::SmallVec;

use super::emit::Emit;
use super::part::{Part, Word};

const I1: Type = Type::I1;
const I64: Type = Type::I64;
const I128: Type = Type::I128;

/// The host function of a division or modular operation, or `None` for other operations.
pub(super) const fn host_function(op: Opcode) -> Option<HostFn> {
    Some(match op {
        Opcode::Udiv => HostFn::Udiv,
        Opcode::Sdiv => HostFn::Sdiv,
        Opcode::Urem => HostFn::Urem,
        Opcode::Srem => HostFn::Srem,
        Opcode::Addmod => HostFn::Addmod,
        Opcode::Mulmod => HostFn::Mulmod,
        Opcode::Exp => HostFn::Exp,
        _ => return None,
    })
}

impl Emit<'_> {
    /// Quotient or remainder. Gives `None` where the operation has no short form, so that the
    /// caller may put the long one elsewhere.
    pub fn short_division(&mut self, op: Opcode, a: Word, b: Word) -> Option<Word> {
        let (bits_a, bits_b) = (self.word_bits(a), self.word_bits(b));
        if let Some(divisor) = b.as_constant()
            && (matches!(op, Opcode::Udiv | Opcode::Urem) || bits_a < 256 && bits_b < 256)
        {
            if divisor.is_zero() {
                return Some(Word::ZERO);
            }
            if divisor.is_power_of_two() {
                return Some(self.divide_by_power(op, a, divisor));
            }
        }
        let signed = matches!(op, Opcode::Sdiv | Opcode::Srem);
        if bits_a.max(bits_b) <= if signed { 63 } else { 64 } {
            let args = [self.half(a.lo, 0), self.half(b.lo, 0)];
            let result = self.binary(op, I64, args[0], args[1]);
            return Some(Word::low(self.zext(I128, I64, result)));
        }
        None
    }

    /// Unsigned quotient or remainder by a power of two.
    fn divide_by_power(&mut self, op: Opcode, a: Word, divisor: U256) -> Word {
        match op {
            Opcode::Udiv | Opcode::Sdiv => self.word_shift(Opcode::Lshr, a, divisor.trailing_zeros() as u32),
            _ => self.word_bitwise(Opcode::And, a, Word::constant(divisor - U256::from(1))),
        }
    }

    /// Quotient or remainder: natively where both operands fit 64 bits, else by the host.
    pub fn word_divide(&mut self, op: Opcode, a: Word, b: Word) -> Word {
        let signed = matches!(op, Opcode::Sdiv | Opcode::Srem);
        let small = if signed { self.both_fit_signed(a, b) } else { self.both_fit_unsigned(a, b) };
        let (join, results) = self.block(&[I128, I128]);
        let (fast, _) = self.block(&[]);
        let slow = self.b.create_cold_block();
        let condition = self.value(I1, small);
        self.b.branch(condition, BlockCall::new(fast, &[]), BlockCall::new(slow, &[]));

        self.b.switch_to(fast);
        let args = [self.half(a.lo, 0), self.half(b.lo, 0)];
        let result = self.binary(op, I64, args[0], args[1]);
        let lo = if signed { self.sext(I128, I64, result) } else { self.zext(I128, I64, result) };
        let hi = if signed { self.shift(Opcode::Ashr, I128, lo, 127) } else { Part::ZERO };
        self.jump_with(join, Word { lo, hi });

        self.b.switch_to(slow);
        if let Some(function) = host_function(op) {
            let result = self.host_word(function, &[a, b]);
            self.jump_with(join, result);
        }
        self.b.switch_to(join);
        Word { lo: Part::Value(results[0]), hi: Part::Value(results[1]) }
    }

    fn jump_with(&mut self, join: evmc_ir::Block, word: Word) {
        let args = self.word_values(word);
        self.b.jump(join, &args);
    }

    /// Whether both words are below 2^64.
    fn both_fit_unsigned(&mut self, a: Word, b: Word) -> Part {
        let mut any = Part::ZERO;
        for word in [a, b] {
            let high = self.half(word.lo, 1);
            let high = self.zext(I128, I64, high);
            let high = self.binary(Opcode::Or, I128, high, word.hi);
            any = self.binary(Opcode::Or, I128, any, high);
        }
        self.compare(Opcode::Eq, I128, any, Part::ZERO)
    }

    /// Whether both words are sign extensions of 64 bits and the divisor is not −1, by which the
    /// least 64-bit number has no 64-bit quotient.
    fn both_fit_signed(&mut self, a: Word, b: Word) -> Part {
        let mut any = Part::ZERO;
        for word in [a, b] {
            let [low, upper @ ..] = self.limbs(word);
            let sign = self.shift(Opcode::Ashr, I64, low, 63);
            for limb in upper {
                let differs = self.binary(Opcode::Xor, I64, limb, sign);
                any = self.binary(Opcode::Or, I64, any, differs);
            }
        }
        let fits = self.compare(Opcode::Eq, I64, any, Part::ZERO);
        let divisor = self.half(b.lo, 0);
        let usual = self.compare(Opcode::Ne, I64, divisor, Part::Const(u64::MAX.into()));
        self.binary(Opcode::And, I1, fits, usual)
    }

    /// `base^exponent` where the base is a power of two or the exponent at most 2.
    pub fn short_exp(&mut self, base: Word, exponent: Word) -> Option<Word> {
        if let Some(exponent) = exponent.as_constant() {
            match exponent.saturating_to::<u64>() {
                0 => return Some(Word::constant(U256::from(1))),
                1 => return Some(base),
                2 => return Some(self.word_mul(base, base)),
                _ => {}
            }
        }
        let base = base.as_constant().filter(|base| base.is_power_of_two())?;
        let log = base.trailing_zeros() as u128;
        // From 256 on every power is 0 (or 1 for base 1, whose logarithm is 0), so the exponent may
        // be cut to nine bits before it is multiplied.
        let large = self.word_compare(Opcode::Ugt, exponent, Word::low(Part::Const(256)));
        let exponent = self.select(I128, large, Part::Const(256), exponent.lo);
        let amount = self.trunc(I64, I128, exponent);
        let amount = self.binary(Opcode::Mul, I64, amount, Part::Const(log));
        let amount = self.zext(I128, I64, amount);
        Some(self.word_shift_by(Opcode::Shl, Word::constant(U256::from(1)), Word::low(amount)))
    }

    /// Calls a host function of one result.
    pub fn host_word(&mut self, function: HostFn, args: &[Word]) -> Word {
        self.host(function, args).first().copied().unwrap_or(Word::ZERO)
    }

    /// Calls a host function.
    pub fn host(&mut self, function: HostFn, args: &[Word]) -> SmallVec<[Word; 1]> {
        let args: SmallVec<[Value; 8]> = args.iter().flat_map(|&word| self.word_values(word)).collect();
        let types = std::iter::repeat_n(I128, 2 * function.results());
        let imm = evmc_ir::Imm::Host(function);
        let inst = self.b.push(Opcode::Host, None, SmallVec::from_slice(&args), imm, types);
        pairs(&self.b.func.insts[inst].results)
    }

    /// Both halves in the instruction stream.
    pub fn word_values(&mut self, word: Word) -> [Value; 2] {
        [self.value(I128, word.lo), self.value(I128, word.hi)]
    }
}

/// Values of type `i128`, two by two.
pub(super) fn pairs(values: &[Value]) -> SmallVec<[Word; 1]> {
    let word = |pair: &[Value]| Word { lo: Part::Value(pair[0]), hi: Part::Value(pair[1]) };
    values.chunks_exact(2).map(word).collect()
}
