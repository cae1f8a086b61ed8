//! Instructions on values of at most 128 bits, conversions, and what moves words to and from
//! memory.

use evmc_ir::{Imm, InstData, Opcode, Type};
use smallvec::SmallVec;

use super::division::host_function;
use super::function::{Results, Walk, legal_types, mapped, narrow};
use super::part::{Mapped, Part, Word};

const I128: Type = Type::I128;

impl Walk<'_> {
    /// A conversion from or to a word.
    pub fn convert(&mut self, data: &InstData) -> Results {
        let (from, arg) = (self.func.ty(data.args[0]), data.args[0]);
        let to = data.ty.unwrap_or(from);
        let word = match (from, to, data.opcode) {
            (Type::I256, Type::I256, _) => self.word(arg),
            (Type::I256, ..) => {
                let low = self.word(arg).lo;
                return narrow(self.emit.trunc(to, I128, low));
            }
            (_, _, Opcode::Sext) => {
                let part = self.part(arg);
                let lo = self.emit.sext(I128, from, part);
                Word { lo, hi: self.emit.shift(Opcode::Ashr, I128, lo, 127) }
            }
            _ => {
                let part = self.part(arg);
                Word::low(self.emit.zext(I128, from, part))
            }
        };
        SmallVec::from_elem(Mapped::Word(word), 1)
    }

    /// A constant or a word from memory.
    pub fn load(&mut self, data: &InstData) -> Word {
        match data.imm {
            Imm::Constant(constant) => Word::constant(self.func.constants[constant]),
            Imm::Field(field) => self.emit.frame_word(data, field),
            _ => {
                let args = self.all_values(data.args.iter().copied());
                self.emit.load_word(data, &args)
            }
        }
    }

    /// A word to memory.
    pub fn store(&mut self, data: &InstData) -> Results {
        let address = self.values(data.args[0])[0];
        let word = self.word(data.args[1]);
        self.emit.store_word(data, address, word);
        Results::new()
    }

    /// An instruction that is not about words.
    pub fn narrow_inst(&mut self, data: &InstData) -> Results {
        match data.opcode {
            Opcode::Host => return self.host(data),
            Opcode::MemEnsure => return self.ensure(data),
            Opcode::Const => return self.narrow_constant(data),
            _ => {}
        }
        match data.ty.filter(|ty| ty.is_int()).and_then(|ty| self.narrow_integer(data, ty)) {
            Some(part) => narrow(part),
            None => self.same(data),
        }
    }

    fn narrow_constant(&self, data: &InstData) -> Results {
        let Imm::Constant(constant) = data.imm else { return Results::new() };
        let [low, high, ..] = *self.func.constants[constant].as_limbs();
        narrow(Part::Const(u128::from(low) | u128::from(high) << 64))
    }

    /// An integer operation that is folded or expanded; `None` where it stays as it is.
    fn narrow_integer(&mut self, data: &InstData, ty: Type) -> Option<Part> {
        let op = data.opcode;
        let arg = |walk: &Self, n: usize| walk.part(data.args[n]);
        Some(match op {
            Opcode::Add
            | Opcode::Sub
            | Opcode::Mul
            | Opcode::And
            | Opcode::Or
            | Opcode::Xor
            | Opcode::Shl
            | Opcode::Lshr
            | Opcode::Ashr => {
                let (a, b) = (arg(self, 0), arg(self, 1));
                self.emit.binary(op, ty, a, b)
            }
            Opcode::Not => self.emit.not(ty, arg(self, 0)),
            Opcode::Eq
            | Opcode::Ne
            | Opcode::Ult
            | Opcode::Ule
            | Opcode::Ugt
            | Opcode::Uge
            | Opcode::Slt
            | Opcode::Sle
            | Opcode::Sgt
            | Opcode::Sge => {
                let (a, b) = (arg(self, 0), arg(self, 1));
                self.emit.compare(op, ty, a, b)
            }
            Opcode::Select => {
                let (condition, a, b) = (arg(self, 0), arg(self, 1), arg(self, 2));
                self.emit.select(ty, condition, a, b)
            }
            Opcode::Zext => self.emit.zext(ty, self.func.ty(data.args[0]), arg(self, 0)),
            Opcode::Sext => self.emit.sext(ty, self.func.ty(data.args[0]), arg(self, 0)),
            Opcode::Trunc => self.emit.trunc(ty, self.func.ty(data.args[0]), arg(self, 0)),
            Opcode::Byte => {
                let (index, a) = (arg(self, 0), arg(self, 1));
                self.emit.narrow_byte(ty, index, a)
            }
            Opcode::SignExtend => {
                let (index, a) = (arg(self, 0), arg(self, 1));
                self.emit.narrow_sign_extend(ty, index, a)
            }
            _ => return self.narrow_division(data, ty),
        })
    }

    /// Division and modular arithmetic that goes through words.
    fn narrow_division(&mut self, data: &InstData, ty: Type) -> Option<Part> {
        let op = data.opcode;
        let function = host_function(op)?;
        let signed = matches!(op, Opcode::Sdiv | Opcode::Srem);
        let division = signed || matches!(op, Opcode::Udiv | Opcode::Urem);
        if division && ty.bits() <= 64 {
            return None;
        }
        let words: SmallVec<[Word; 3]> = data.args.iter().map(|&arg| self.widen(ty, arg, signed)).collect();
        let word = match words[..] {
            [a, b] if division => match self.emit.short_division(op, a, b) {
                Some(word) => word,
                None => self.emit.word_divide(op, a, b),
            },
            _ => self.emit.host_word(function, &words),
        };
        Some(self.emit.trunc(ty, I128, word.lo))
    }

    /// A narrow value as a word.
    fn widen(&mut self, ty: Type, value: evmc_ir::Value, signed: bool) -> Word {
        let part = self.part(value);
        if signed {
            let lo = self.emit.sext(I128, ty, part);
            Word { lo, hi: self.emit.shift(Opcode::Ashr, I128, lo, 127) }
        } else {
            Word::low(self.emit.zext(I128, ty, part))
        }
    }

    /// An instruction that stays as it is, with legal operands and results.
    fn same(&mut self, data: &InstData) -> Results {
        // A condition that is known to be false exits nowhere.
        if data.opcode == Opcode::ExitIf && self.part(data.args[0]).is_zero() {
            return Results::new();
        }
        let args = self.all_values(data.args.iter().copied());
        let types = data.results.iter().map(|&result| self.func.ty(result));
        let legal: SmallVec<[Type; 4]> = types.flat_map(legal_types).copied().collect();
        let inst = self.emit.b.push(data.opcode, data.ty, args, data.imm.clone(), legal);
        let values = self.emit.b.func.insts[inst].results.clone();
        let mut rest = &values[..];
        let mut results = Results::new();
        for &result in &data.results {
            let ty = self.func.ty(result);
            let (own, others) = rest.split_at(legal_types(ty).len());
            results.push(mapped(ty, own));
            rest = others;
        }
        results
    }
}
