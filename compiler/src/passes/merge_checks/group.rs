//! Checks of one block that are made together.

use cranelift_entity::SecondaryMap;
use cranelift_entity::packed_option::PackedOption;
use evmc_ir::{Block, Function, Imm, Inst, Opcode, Stretch, Value, ValueDef};

use crate::analysis::check::Check;
use crate::analysis::place::{Place, Places};

use super::helpers::MOST_AT_ONCE;
use super::{Pending, ends_group};

/// Most checks of a group.
pub(super) const MOST_CHECKS: usize = 32;

/// A charge or a check, in the order in which they may fail.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Pays for a stretch.
    Charge(u64, Stretch),
    /// A check.
    Check(Check),
}

/// What the checks of a group need, of one root.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    /// The lowest place among them.
    pub start: Place,
    /// Bytes from there that are ensured; `None` where nothing is.
    pub length: Option<u64>,
    /// Whether the root is a word that may be too large.
    pub may_exceed: bool,
}

impl Reach {
    /// What both need; they have one root.
    fn and(self, other: Self) -> Self {
        let start = if self.start.offset < other.start.offset { self.start } else { other.start };
        let end = |reach: Self| Some(reach.start.offset.saturating_add_unsigned(reach.length?));
        let length = end(self).max(end(other)).map(|end| end.saturating_sub(start.offset).unsigned_abs());
        Self { start, length, may_exceed: self.may_exceed | other.may_exceed }
    }
}

/// What is known of a function before it is changed.
#[derive(Debug)]
pub(super) struct Known {
    /// Places of its values.
    pub places: Places,
    /// Block of each instruction, and its index there.
    position: SecondaryMap<Inst, (PackedOption<Block>, u32)>,
}

impl Known {
    /// Looks at the blocks of a function, each behind those that dominate it.
    pub fn new(function: &Function, blocks: &[Block]) -> Self {
        let mut position = SecondaryMap::new();
        for &block in blocks {
            for (index, &inst) in function.blocks[block].insts.iter().enumerate() {
                position[inst] = (block.into(), index as u32);
            }
        }
        Self { places: Places::new(function, blocks), position }
    }

    /// Whether `a`, whose results are used in the block of `b` or where it leads, is defined when `b` is
    /// reached.
    fn is_before(&self, a: Inst, b: Inst) -> bool {
        let ((block_a, index_a), (block_b, index_b)) = (self.position[a], self.position[b]);
        block_a != block_b || index_a < index_b
    }
}

/// Checks that are made where the first of them stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    /// What happens until the last check of the group.
    pub steps: Vec<Step>,
    /// What is needed, by root.
    pub reaches: Vec<Reach>,
    /// Index behind the last of the checks in the block.
    pub end: usize,
    /// Number of `mem.ensure` among them.
    pub ensures: usize,
}

impl Group {
    /// The group that begins with the check at index `at` of a block's instructions. It ends before what
    /// could observe it, and before a check of a root that is not there yet.
    pub fn starting_at(function: &Function, known: &Known, insts: &[Inst], at: usize) -> Self {
        let (mut group, mut charges) = (Self::default(), Vec::new());
        let is_there = |root: Value| match function.values[root].def {
            ValueDef::Result(inst, _) => known.is_before(inst, insts[at]),
            ValueDef::Param(..) => true,
        };
        for (index, &inst) in insts.iter().enumerate().skip(at) {
            let data = &function.insts[inst];
            if let (Opcode::GasCharge, &Imm::Charge { gas, stretch }) = (data.opcode, &data.imm) {
                charges.push(Step::Charge(gas, stretch));
            } else if let Some(check) = Check::of(function, &known.places, data) {
                if group.checks() == MOST_CHECKS || !check.place().root.is_none_or(is_there) {
                    break;
                }
                group.steps.append(&mut charges);
                group.steps.push(Step::Check(check));
                group.end = index + 1;
                group.extend_reach(check);
            } else if ends_group(data) {
                break;
            }
        }
        group
    }

    /// Number of checks.
    fn checks(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step, Step::Check(_))).count()
    }

    /// Whether every range is short enough to be priced.
    pub fn is_short(&self) -> bool {
        self.reaches.iter().all(|reach| reach.length.is_none_or(|length| length <= MOST_AT_ONCE))
    }

    /// Gas of the charges among the steps.
    pub fn charges(&self) -> u64 {
        let gas = self.steps.iter().map(|step| match step {
            Step::Charge(gas, _) => *gas,
            Step::Check(_) => 0,
        });
        gas.sum()
    }

    fn extend_reach(&mut self, check: Check) {
        let start = check.place();
        let (length, may_exceed) = match check {
            Check::Fits { .. } => (None, true),
            Check::Ensure { length, .. } => (Some(length), false),
        };
        self.ensures += usize::from(!may_exceed);
        let own = Reach { start, length, may_exceed };
        match self.reaches.iter_mut().find(|reach| reach.start.root == start.root) {
            Some(reach) => *reach = reach.and(own),
            None => self.reaches.push(own),
        }
    }

    /// Whether the group is better than its first check alone and as it stands.
    pub fn is_better(&self, pending: Pending) -> bool {
        let any_may_exceed = self.reaches.iter().any(|reach| reach.may_exceed);
        self.ensures > 1 || pending.gas > 0 || (self.ensures > 0 && any_may_exceed)
    }
}
