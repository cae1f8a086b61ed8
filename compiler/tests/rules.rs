//! Every rewrite rule is an identity: both sides are compared by the meaning of the IR's operations,
//! exhaustively at 8 bits where there are few enough names, and at edges and random values at every
//! width.

use evmc_compiler::rules::term::{CONSTANTS, FLAG, VALUES};
use evmc_compiler::rules::{Env, Query, Rule, TABLES, Term, rules_for};
use evmc_ir::{Opcode, Type, eval};
use ruint::aliases::U256;

/// Values for the names of a rule, and bounds that hold of them.
#[derive(Clone, Debug)]
struct Case {
    ty: Type,
    values: [U256; VALUES.len()],
    constants: [U256; CONSTANTS.len()],
    max: [U256; VALUES.len()],
    min: [U256; VALUES.len()],
    zeros: [U256; VALUES.len()],
}

impl Env for Case {
    fn constant(&self, name: usize) -> Option<(U256, Type)> {
        Some((self.constants[name], self.ty))
    }

    fn value(&self, name: usize) -> Option<(U256, Type)> {
        Some((self.values[name], self.type_of(name)?))
    }

    fn type_of(&self, name: usize) -> Option<Type> {
        Some(if name == FLAG { Type::I1 } else { self.ty })
    }

    fn known(&self, query: Query, name: usize) -> Option<U256> {
        Some(match query {
            Query::Max => self.max[name],
            Query::Min => self.min[name],
            Query::Zeros => self.zeros[name],
        })
    }
}

impl Case {
    fn exact(ty: Type, values: [U256; VALUES.len()], constants: [U256; CONSTANTS.len()]) -> Self {
        let zeros = values.map(|bits| !bits & eval::mask(ty));
        Self { ty, values, constants, max: values, min: values, zeros }
    }
}

/// All rules, with their number.
fn rules() -> impl Iterator<Item = &'static Rule> {
    Opcode::ALL.iter().flat_map(|&op| rules_for(op))
}

/// The type of both sides of a rule on values of type `ty`.
fn result_type(rule: &Rule, case: &Case) -> Type {
    rule.left.type_in(case).unwrap_or(case.ty)
}

/// Whether the operation at the root exists at this type.
fn exists_at(rule: &Rule, ty: Type) -> bool {
    let root = rule.root();
    root.row().types.contains(ty) && (root != Opcode::Not || !has_comparison(&rule.left) || ty != Type::I1)
}

fn has_comparison(term: &Term) -> bool {
    match term {
        Term::Op(op, args) => {
            evmc_compiler::rules::term::is_comparison(*op) || args.iter().any(has_comparison)
        }
        _ => false,
    }
}

/// Checks one case; gives whether the rule applies to it.
fn check(rule: &Rule, case: &Case) -> bool {
    if !rule.conditions.iter().all(|condition| condition.holds(case, case.ty)) {
        return false;
    }
    let ty = result_type(rule, case);
    let (Some(left), Some(right)) = (rule.left.evaluate(case, ty), rule.right.evaluate(case, ty)) else {
        return false;
    };
    assert_eq!(left, right, "{rule:?}\n{case:x?}");
    true
}

/// Names that occur in a rule: values, then constants.
fn names(rule: &Rule) -> Vec<usize> {
    let text = format!("{rule:?}");
    let values = (0..VALUES.len()).filter(|n| text.contains(&format!("Value({n})")));
    let constants = (0..CONSTANTS.len()).filter(|n| text.contains(&format!("Constant({n})")));
    values.chain(constants.map(|n| n + VALUES.len())).collect()
}

#[test]
fn rules_hold_at_8_bits_exhaustively() {
    for rule in rules().filter(|rule| exists_at(rule, Type::I8)) {
        let names = names(rule);
        let exhaustive = names.len().min(2);
        for number in 0..1u32 << (8 * exhaustive) {
            let mut all = [U256::from(0x5a); VALUES.len() + CONSTANTS.len()];
            all[FLAG] = U256::ZERO;
            for (place, &name) in names[..exhaustive].iter().enumerate() {
                let bits = U256::from(number >> (8 * place) & 0xff);
                all[name] = if name == FLAG { bits & U256::ONE } else { bits };
            }
            let (values, constants) = all.split_at(VALUES.len());
            check(rule, &Case::exact(Type::I8, values.try_into().unwrap(), constants.try_into().unwrap()));
        }
    }
}

/// Numbers at which rules could go wrong.
fn number(rng: &mut fastrand::Rng, ty: Type) -> U256 {
    let random = U256::from_limbs(std::array::from_fn(|_| rng.u64(..)));
    let width = ty.bits() as usize;
    let bits = match rng.u32(..8) {
        0 => random,
        1 => U256::from(rng.u64(..4)),
        2 => U256::from(rng.u64(..ty.bits() as u64 + 2)),
        3 => U256::ONE << rng.usize(..width),
        4 => (U256::ONE << rng.usize(..width)).wrapping_sub(U256::ONE),
        5 => !U256::ZERO << rng.usize(..width),
        6 => !U256::from(rng.u64(..3)),
        _ => random >> rng.usize(..256),
    };
    eval::truncate(ty, bits)
}

/// A case whose bounds are weaker than its values, at random.
fn random_case(rng: &mut fastrand::Rng, ty: Type) -> Case {
    let mut values = std::array::from_fn(|_| number(rng, ty));
    values[FLAG] &= U256::ONE;
    let mut case = Case::exact(ty, values, std::array::from_fn(|_| number(rng, ty)));
    // Constants that depend on each other as conditions ask.
    if rng.bool() {
        case.constants[1] = match rng.u32(..3) {
            0 => eval::truncate(ty, U256::from(ty.bits()).wrapping_sub(case.constants[0])),
            1 => case.constants[0],
            _ => eval::truncate(ty, !case.constants[0]),
        };
    }
    for name in 0..VALUES.len() {
        if rng.bool() {
            case.max[name] = eval::truncate(ty, case.max[name] | number(rng, ty));
            case.min[name] &= number(rng, ty);
            case.zeros[name] &= number(rng, ty);
        }
    }
    case
}

/// Every rule applies to some of the cases: a rule that never does is wrong as well.
#[test]
fn rules_hold_at_random_at_every_width() {
    let mut rng = fastrand::Rng::with_seed(7);
    for rule in rules() {
        let mut applied = 0;
        for ty in [Type::I1, Type::I8, Type::I16, Type::I32, Type::I64, Type::I128, Type::I256] {
            if exists_at(rule, ty) {
                applied += (0..4000).filter(|_| check(rule, &random_case(&mut rng, ty))).count();
            }
        }
        assert!(applied > 0, "{rule:?}");
    }
}

#[test]
fn no_rule_stands_twice() {
    let mut texts: Vec<_> = TABLES.iter().flat_map(|(_, rules)| *rules).collect();
    texts.sort_unstable();
    assert!(texts.windows(2).all(|pair| pair[0] != pair[1]));
}
