//! Integers as a root and a constant distance: what tells two memory addresses apart.
//!
//! Compilers of contracts address memory as "this pointer plus a constant" in chains of additions. A
//! [`Place`] is the value at the start of such a chain and the sum of its constants. Two places of one
//! root lie a known distance apart, whatever the root is.
//!
//! The equation `value = root + offset` holds modulo 2^64, and modulo 2^256 where value and root are
//! both words. Truncation of a word to 64 bits keeps the word's root; extension begins a new one, since
//! a 64-bit sum may have wrapped before it. Places are computed once, in an order in which definitions
//! come before uses: linear, also for long chains.

use cranelift_entity::SecondaryMap;
use evmc_ir::{Block, Function, InstData, Opcode, Type, Value};
use ruint::aliases::U256;

/// Largest offset of a place, in either direction, in bytes. Sums of offsets and lengths stay far from
/// the limits of 64 bits.
pub const MOST_OFFSET: i64 = 1 << 40;

/// A value as root and offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Where the chain of additions starts; `None` for a constant, whose offset is not negative.
    pub root: Option<Value>,
    /// What is added, signed, in bytes.
    pub offset: i64,
}

impl Place {
    /// The place that is `bytes` further on, if it is near enough.
    pub fn plus(self, bytes: i64) -> Option<Self> {
        let least = if self.root.is_some() { -MOST_OFFSET } else { 0 };
        let offset = self.offset + bytes;
        (least..=MOST_OFFSET).contains(&offset).then_some(Self { offset, ..self })
    }
}

/// The places of a function's values.
#[derive(Clone, Debug, Default)]
pub struct Places {
    known: SecondaryMap<Value, Option<Place>>,
}

impl Places {
    /// Computes the places of what is defined in `blocks`, where every block comes after those that
    /// dominate it.
    pub fn new(function: &Function, blocks: &[Block]) -> Self {
        let mut places = Self::default();
        for &block in blocks {
            for (_, data) in function.block_insts(block) {
                if let [result] = data.results[..] {
                    places.known[result] = places.of_result(function, data);
                }
            }
        }
        places
    }

    /// The place of a value: itself, where no more is known.
    pub fn get(&self, value: Value) -> Place {
        self.known[value].unwrap_or(Place { root: Some(value), offset: 0 })
    }

    fn of_result(&self, function: &Function, data: &InstData) -> Option<Place> {
        let ty = data.ty.filter(|ty| matches!(ty, Type::I64 | Type::I256))?;
        match (data.opcode, &data.args[..]) {
            (Opcode::Const, _) => {
                let constant = function.constant(data.results[0])?;
                let offset = distance(constant, ty).filter(|&offset| offset >= 0)?;
                Some(Place { root: None, offset })
            }
            (Opcode::Add, &[a, b]) => self.sum(function, ty, a, b).or_else(|| self.sum(function, ty, b, a)),
            (Opcode::Sub, &[a, b]) => self.get(a).plus(-distance(function.constant(b)?, ty)?),
            (Opcode::Trunc, &[word]) if function.ty(word) == Type::I256 => Some(self.get(word)),
            _ => None,
        }
    }

    fn sum(&self, function: &Function, ty: Type, value: Value, constant: Value) -> Option<Place> {
        self.get(value).plus(distance(function.constant(constant)?, ty)?)
    }
}

/// A constant as a signed distance, if it is a short one.
fn distance(constant: U256, ty: Type) -> Option<i64> {
    let most = U256::from(MOST_OFFSET);
    let modulus = if ty == Type::I64 { U256::ONE << 64 } else { U256::ZERO };
    let negated = modulus.wrapping_sub(constant);
    let short = |number: U256| number.as_limbs()[0] as i64;
    if constant <= most { Some(short(constant)) } else { (negated <= most).then(|| -short(negated)) }
}

#[cfg(test)]
mod tests {
    use evmc_ir::Builder;

    use super::*;

    #[test]
    fn chains_are_followed() {
        let mut function = Function::new("f", &[]);
        let mut b = Builder::new(&mut function);
        let block = b.create_block();
        let x = b.add_param(block, Type::I256);
        b.switch_to(block);
        let [step, back] = [U256::from(32), U256::ZERO - U256::from(64)].map(|c| b.constant(Type::I256, c));
        let one = b.binary(Opcode::Add, step, x);
        let two = b.binary(Opcode::Sub, one, step);
        let three = b.binary(Opcode::Add, two, back);
        let low = b.convert(Opcode::Trunc, Type::I64, three);
        let wide = b.convert(Opcode::Zext, Type::I256, low);
        b.ret(&[]);
        let places = Places::new(&function, &[block]);
        let at = |value, offset| Place { root: Some(value), offset };
        assert_eq!(
            [one, two, three, low].map(|value| places.get(value)),
            [32, 0, -64, -64].map(|c| at(x, c))
        );
        assert_eq!(places.get(wide), at(wide, 0));
        assert_eq!(places.get(step), Place { root: None, offset: 32 });
        assert_eq!(places.get(back), at(back, 0));
    }
}
