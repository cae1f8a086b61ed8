//! Which values can be computed narrow, and how wide.

use cranelift_entity::{EntitySet, SecondaryMap};
use evmc_ir::{Block, Func, Function, Inst, InstData, Opcode, Type, Value};
use ruint::aliases::U256;

use crate::analysis::demand::Demand;
use crate::analysis::fact::{Fact, ones};
use crate::analysis::known::{Known, Scope};

use super::signature::Signatures;

/// Widths that are worth narrowing to, and the types that are narrowed.
const WIDTHS: [Type; 3] = [Type::I32, Type::I64, Type::I128];

/// How a value is computed narrow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// The type.
    pub ty: Type,
    /// What makes the old value from the narrow one.
    pub extend: Opcode,
}

/// What becomes of a function's values.
#[derive(Clone, Debug, Default)]
pub(super) struct Plans {
    /// Reachable blocks, dominators first, and then the others, whose jumps have arguments too.
    pub order: Vec<Block>,
    /// Plans for instructions.
    pub insts: SecondaryMap<Inst, Option<Plan>>,
    /// Plans for the parameters of all blocks; those of the entry block are the function's.
    pub params: SecondaryMap<Block, Vec<Option<Plan>>>,
}

impl Plans {
    /// Plans for a function at whose boundary [`Signatures`] says what is known.
    pub fn new(func: &Function, name: Func, signatures: &mut Signatures) -> Self {
        let known = Known::with_params(func, &signatures.params(func, name));
        let demand = signatures.demand(func, name);
        let mut plans = Self {
            order: known.order.iter().map(|&(block, _)| block).collect(),
            insts: SecondaryMap::with_capacity(func.insts.len()),
            params: SecondaryMap::with_capacity(func.blocks.len()),
        };
        let mut reached: EntitySet<Block> = EntitySet::new();
        plans.order.iter().for_each(|&block| {
            reached.insert(block);
        });
        plans.order.extend(func.layout.iter().filter(|&&block| !reached.contains(block)));
        let mut planner = Planner { func, known: &known, demand, scope: Scope::default() };
        for (place, &(block, depth)) in known.order.iter().enumerate() {
            planner.scope.enter(&known, func, block, depth);
            if place > 0 || signatures.may_change(name) {
                let params = func.blocks[block].params.iter();
                plans.params[block] = params.map(|&param| planner.plan_value(param)).collect();
            }
            for (inst, data) in func.block_insts(block) {
                plans.insts[inst] = planner.plan(data);
                signatures.note(name, data, |value| planner.fact(value));
                planner.scope.pass(&known, func, data);
            }
        }
        plans
    }
}

/// The walk that plans.
struct Planner<'a> {
    func: &'a Function,
    known: &'a Known,
    demand: Demand,
    scope: Scope,
}

/// The least type that values of type `ty` fit of which a fact holds.
pub(super) fn fitting(fact: &Fact, ty: Type) -> Option<Plan> {
    if !matches!(ty, Type::I256 | Type::I128) {
        return None;
    }
    WIDTHS.into_iter().filter(|narrow| narrow.bits() < ty.bits()).find_map(|ty| {
        let extend = if fits(fact, ty) { Opcode::Zext } else { Opcode::Sext };
        (fits(fact, ty) || fits_signed(fact, ty)).then_some(Plan { ty, extend })
    })
}

/// Whether a value fits a type, as an unsigned number.
fn fits(fact: &Fact, ty: Type) -> bool {
    fact.bits() <= ty.bits()
}

fn fits_signed(fact: &Fact, ty: Type) -> bool {
    fact.signed <= ty.bits()
}

impl Planner<'_> {
    fn fact(&self, value: Value) -> Fact {
        self.scope.fact(self.known, self.func, value)
    }

    /// How to narrow a value of which any low part can be computed from low parts.
    fn plan_value(&self, value: Value) -> Option<Plan> {
        self.narrower(value, |_| true)
    }

    /// The least type for a value for which `allowed` holds as well.
    fn narrower(&self, value: Value, allowed: impl Fn(Type) -> bool) -> Option<Plan> {
        let (width, demand) = (self.func.ty(value), self.demand.bits(value));
        if !matches!(width, Type::I256 | Type::I128) || demand == 0 {
            return None;
        }
        let fact = self.known.fact(self.func, value);
        let types = WIDTHS.into_iter().filter(|ty| ty.bits() < width.bits());
        types.filter(|&ty| allowed(ty)).find_map(|ty| {
            if fits(&fact, ty) || demand <= ty.bits() {
                Some(Plan { ty, extend: Opcode::Zext })
            } else {
                fits_signed(&fact, ty).then_some(Plan { ty, extend: Opcode::Sext })
            }
        })
    }

    /// How to compute an instruction narrow, if that is possible.
    fn plan(&self, data: &InstData) -> Option<Plan> {
        use Opcode as Op;
        let ty = data.ty.filter(|ty| matches!(ty, Type::I256 | Type::I128))?;
        let &[result] = &data.results[..] else { return None };
        let fact = |n: usize| self.fact(data.args[n]);
        match data.opcode {
            Op::Add | Op::Sub | Op::Mul | Op::And | Op::Or | Op::Xor | Op::Not | Op::Select => {
                self.plan_value(result)
            }
            Op::Shl => self.narrower(result, |ty| fits(&fact(1), ty)),
            Op::Lshr | Op::Ashr => self.shift_right(data, result),
            Op::Udiv | Op::Urem => self.exact(ty, Op::Zext, |ty| fits(&fact(0), ty) && fits(&fact(1), ty)),
            Op::Sdiv => self.exact(ty, Op::Sext, |ty| {
                // The least number of a type divided by -1 does not fit it.
                let [a, b] = [fact(0), fact(1)];
                let width = self.func.ty(result);
                let usual =
                    a.signed < ty.bits() || b.known().is_some_and(|b| b != ones(width.bits() as usize));
                usual && fits_signed(&a, ty) && fits_signed(&b, ty)
            }),
            Op::Srem => self.exact(ty, Op::Sext, |ty| fits_signed(&fact(0), ty) && fits_signed(&fact(1), ty)),
            Op::Eq | Op::Ne => self.exact(ty, Op::Zext, |ty| {
                let [a, b] = [fact(0), fact(1)];
                fits(&a, ty) && fits(&b, ty) || fits_signed(&a, ty) && fits_signed(&b, ty)
            }),
            Op::Ult | Op::Ule | Op::Ugt | Op::Uge => {
                self.exact(ty, Op::Zext, |ty| fits(&fact(0), ty) && fits(&fact(1), ty))
            }
            Op::Slt | Op::Sle | Op::Sgt | Op::Sge => {
                self.exact(ty, Op::Zext, |ty| fits_signed(&fact(0), ty) && fits_signed(&fact(1), ty))
            }
            Op::Bswap => {
                let asked = self.demand.bits(result);
                self.exact(ty, Op::Zext, |ty| asked > 0 && asked <= ty.bits())
            }
            _ => None,
        }
    }

    /// The least type that `allowed` allows.
    fn exact(&self, width: Type, extend: Opcode, allowed: impl Fn(Type) -> bool) -> Option<Plan> {
        let mut types = WIDTHS.into_iter().filter(|ty| ty.bits() < width.bits());
        types.find(|&ty| allowed(ty)).map(|ty| Plan { ty, extend })
    }

    /// A shift to the right takes bits from above: the value must fit, or what is looked at must not
    /// reach above the type.
    fn shift_right(&self, data: &InstData, result: Value) -> Option<Plan> {
        let (value, amount) = (self.fact(data.args[0]), self.fact(data.args[1]));
        let reach = amount.known().map(|by| by.min(U256::from(256)).to::<u32>() + self.demand.bits(result));
        let arithmetic = data.opcode == Opcode::Ashr;
        let extend = if arithmetic { Opcode::Sext } else { Opcode::Zext };
        self.exact(self.func.ty(result), extend, |ty| {
            let whole = if arithmetic { fits_signed(&value, ty) } else { fits(&value, ty) };
            fits(&amount, ty) && (whole || reach.is_some_and(|reach| reach <= ty.bits()))
        })
    }
}
