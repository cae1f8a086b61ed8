//! The two sides of a rule, and what its names stand for.

use evmc_ir::{Opcode, Type, eval};
use ruint::aliases::U256;
use smallvec::SmallVec;

/// Names for values: `x`, `y`, `z`, and `p` for a flag.
pub const VALUES: [char; 4] = ['x', 'y', 'z', 'p'];

/// Number of the name that stands for flags alone.
pub const FLAG: usize = 3;

/// Names for constants.
pub const CONSTANTS: [char; 2] = ['c', 'd'];

/// What a condition may ask of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query {
    /// An upper bound, unsigned.
    Max,
    /// A lower bound, unsigned.
    Min,
    /// A mask of bits that are zero.
    Zeros,
}

/// A side of a rule, or a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// Any value, by its place in [`VALUES`].
    Value(usize),
    /// A constant, by its place in [`CONSTANTS`].
    Constant(usize),
    /// A number.
    Number(i32),
    /// The width in bits, divided by this.
    Width(u32),
    /// What is known of a value.
    Known(Query, usize),
    /// An operation.
    Op(Opcode, Vec<Term>),
}

/// A rewrite rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What is replaced.
    pub left: Term,
    /// By what.
    pub right: Term,
    /// When: all of these are non-zero.
    pub conditions: Vec<Term>,
}

impl Rule {
    /// The operation at the root of the left side.
    ///
    /// # Panics
    /// Where the left side is no operation; the parser refuses such rules.
    pub fn root(&self) -> Opcode {
        match self.left {
            Term::Op(op, _) => op,
            _ => unreachable!("the left side of a rule is an operation"),
        }
    }
}

/// What constants and conditions need to know.
pub trait Env {
    /// The bits of a constant with its type, once it is bound.
    fn constant(&self, name: usize) -> Option<(U256, Type)>;
    /// The bits of a value with its type, where it is known.
    fn value(&self, name: usize) -> Option<(U256, Type)>;
    /// The type of a value, once it is bound.
    fn type_of(&self, name: usize) -> Option<Type>;
    /// What is known of a value.
    fn known(&self, query: Query, name: usize) -> Option<U256>;
}

/// Whether an operation compares.
pub fn is_comparison(op: Opcode) -> bool {
    use Opcode as Op;
    matches!(
        op,
        Op::Eq | Op::Ne | Op::Ult | Op::Ule | Op::Ugt | Op::Uge | Op::Slt | Op::Sle | Op::Sgt | Op::Sge
    )
}

impl Term {
    /// The type that the term has by itself, numbers having that of their surroundings.
    pub fn type_in(&self, env: &dyn Env) -> Option<Type> {
        match self {
            Self::Value(name) | Self::Known(_, name) => env.type_of(*name),
            Self::Constant(name) => env.constant(*name).map(|(_, ty)| ty),
            Self::Number(_) | Self::Width(_) => None,
            Self::Op(op, _) if is_comparison(*op) => Some(Type::I1),
            Self::Op(Opcode::Select, args) => args[1..].iter().find_map(|arg| arg.type_in(env)),
            Self::Op(_, args) => args.iter().find_map(|arg| arg.type_in(env)),
        }
    }

    /// The controlling type of an operation that is to give `wanted`.
    pub fn operand_type(op: Opcode, args: &[Self], env: &dyn Env, wanted: Type) -> Type {
        if is_comparison(op) {
            args.iter().find_map(|arg| arg.type_in(env)).unwrap_or(wanted)
        } else {
            wanted
        }
    }

    /// The bits of a term of type `ty` made of constants; `None` where a value in it is not known or
    /// a number does not fit.
    pub fn evaluate(&self, env: &dyn Env, ty: Type) -> Option<U256> {
        let fitting = |bits: U256| (bits <= eval::mask(ty)).then_some(bits);
        match self {
            Self::Value(name) => env.value(*name).map(|(bits, _)| bits),
            Self::Constant(name) => env.constant(*name).map(|(bits, _)| bits),
            Self::Known(query, name) => env.known(*query, *name),
            Self::Number(-1) => Some(eval::mask(ty)),
            Self::Number(number) => fitting(U256::from(u32::try_from(*number).ok()?)),
            Self::Width(unit) => fitting(U256::from(ty.bits() / unit)),
            Self::Op(op, args) => {
                let inner = Self::operand_type(*op, args, env, ty);
                let mut bits: SmallVec<[U256; 3]> = SmallVec::new();
                for (number, arg) in args.iter().enumerate() {
                    let flag = *op == Opcode::Select && number == 0;
                    bits.push(arg.evaluate(env, if flag { Type::I1 } else { inner })?);
                }
                if !op.row().types.contains(inner) {
                    return None;
                }
                Some(eval::eval(*op, inner, inner, &bits)?[0])
            }
        }
    }

    /// Whether a condition holds; its numbers have the type of the values in it, or else `ty`.
    pub fn holds(&self, env: &dyn Env, ty: Type) -> bool {
        let flag = match self {
            Self::Op(op, args) if is_comparison(*op) => {
                let inner = args.iter().find_map(|arg| arg.type_in(env)).unwrap_or(ty);
                let bits: Option<SmallVec<[U256; 2]>> =
                    args.iter().map(|arg| arg.evaluate(env, inner)).collect();
                bits.and_then(|bits| Some(eval::eval(*op, inner, inner, &bits)?[0]))
            }
            _ => self.evaluate(env, ty),
        };
        flag.is_some_and(|flag| !flag.is_zero())
    }
}
