//! Numbers of 32 bits as sums.

use evmc_ir::{Function, Imm, Opcode, Type, Value};
use smallvec::SmallVec;

/// Operations that a sum is made of at most.
const MOST_STEPS: u32 = 32;

/// Terms of a sum at most.
const MOST_TERMS: usize = 4;

/// Leaves of a sum with their factors, by number of the leaf; no factor is 0.
pub(super) type Terms = SmallVec<[(Value, u32); 2]>;

/// A sum modulo 2³²: a constant, and leaves times factors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Affine {
    /// The leaves.
    pub terms: Terms,
    /// The constant.
    pub constant: u32,
}

impl Affine {
    fn constant(constant: u32) -> Self {
        Self { terms: SmallVec::new(), constant }
    }

    fn leaf(value: Value) -> Self {
        Self { terms: SmallVec::from_slice(&[(value, 1)]), constant: 0 }
    }

    fn times(mut self, factor: u32) -> Self {
        self.terms.iter_mut().for_each(|(_, own)| *own = own.wrapping_mul(factor));
        self.terms.retain(|(_, own)| *own != 0);
        self.constant = self.constant.wrapping_mul(factor);
        self
    }

    fn plus(mut self, other: &Self) -> Option<Self> {
        for &(leaf, factor) in &other.terms {
            match self.terms.binary_search_by_key(&leaf, |&(leaf, _)| leaf) {
                Ok(at) => self.terms[at].1 = self.terms[at].1.wrapping_add(factor),
                Err(at) => self.terms.insert(at, (leaf, factor)),
            }
        }
        self.terms.retain(|(_, own)| *own != 0);
        self.constant = self.constant.wrapping_add(other.constant);
        Some(self).filter(|sum| sum.terms.len() <= MOST_TERMS)
    }

    /// The sum less another one; `None` where it has too many terms.
    pub fn minus(self, other: &Self) -> Option<Self> {
        self.plus(&other.clone().times(u32::MAX))
    }
}

/// What a value is in terms of leaves: `leaf` tells whether a value is one (true), is no sum of any (false), or has a
/// definition to look at (`None`).
pub(super) fn affine(
    function: &Function,
    value: Value,
    leaf: &impl Fn(Value) -> Option<bool>,
) -> Option<Affine> {
    let mut steps = MOST_STEPS;
    sum(function, value, leaf, &mut steps)
}

fn sum(
    function: &Function,
    value: Value,
    leaf: &impl Fn(Value) -> Option<bool>,
    steps: &mut u32,
) -> Option<Affine> {
    *steps = steps.checked_sub(1)?;
    if function.ty(value) != Type::I32 {
        return None;
    }
    if let Some(constant) = constant(function, value) {
        return Some(Affine::constant(constant));
    }
    match leaf(value) {
        Some(true) => return Some(Affine::leaf(value)),
        Some(false) => return None,
        None => {}
    }
    let data = function.defining_inst(value)?;
    let (&a, &b) = (data.args.first()?, data.args.last()?);
    match data.opcode {
        Opcode::Add => sum(function, a, leaf, steps)?.plus(&sum(function, b, leaf, steps)?),
        Opcode::Sub => sum(function, a, leaf, steps)?.minus(&sum(function, b, leaf, steps)?),
        Opcode::Mul => match (constant(function, a), constant(function, b)) {
            (Some(factor), _) => Some(sum(function, b, leaf, steps)?.times(factor)),
            (_, Some(factor)) => Some(sum(function, a, leaf, steps)?.times(factor)),
            _ => None,
        },
        Opcode::Shl => {
            let factor = 1_u32.checked_shl(constant(function, b)?)?;
            Some(sum(function, a, leaf, steps)?.times(factor))
        }
        _ => None,
    }
}

/// A constant of 32 bits.
fn constant(function: &Function, value: Value) -> Option<u32> {
    match function.defining_inst(value)?.imm {
        Imm::Constant(constant) if function.ty(value) == Type::I32 => {
            Some(function.constants[constant].as_limbs()[0] as u32)
        }
        _ => None,
    }
}
