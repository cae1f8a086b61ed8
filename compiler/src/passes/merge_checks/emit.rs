//! The code of a group of checks: hot tests, and cold blocks behind them.

use evmc_abi::{ExitCode, Field};
use evmc_ir::{Block, BlockCall, Imm, Opcode, Type, Value};
use ruint::aliases::U256;

use crate::analysis::check::Check;
use crate::analysis::place::Place;

use super::group::{Group, Reach, Step};
use super::helpers::Helper;
use super::{Merge, Pending};

/// Offsets up to here are tested for being in memory without regard to sums that wrap. All ones: such a
/// comparison of a word is cheap.
const MOST_START: u64 = (1 << 62) - 1;

/// Charges, in gas, up to which memory grows at once.
const MOST_CHARGED: u64 = 1 << 40;

impl Merge<'_> {
    /// Makes all checks of a group, with `pending` still to be paid; goes on in a new block.
    pub(super) fn check_all(&mut self, group: &Group, pending: Pending) {
        let b = &mut self.b;
        let cold = b.create_cold_block();
        for reach in &group.reaches {
            self.test(reach, cold);
        }
        let next = self.b.current();
        self.b.resume(cold);
        self.cold.push(cold);
        let charged = pending.gas + group.charges();
        if group.ensures > 1 && charged <= MOST_CHARGED && group.is_short() {
            self.grow_at_once(group, charged, next);
        }
        self.step_by_step(group, pending);
        if charged > 0 {
            let credit = self.b.small(Type::I64, charged);
            self.b.effect(Opcode::GasCredit, &[credit]);
        }
        self.b.jump(next, &[]);
        self.b.resume(next);
    }

    /// Leaves for `cold` unless memory reaches over `reach`; else goes on in a new block.
    fn test(&mut self, reach: &Reach, cold: Block) {
        let start = self.at(reach.start);
        let low = self.b.convert(Opcode::Trunc, Type::I64, start);
        let is_constant = reach.start.root.is_none();
        if reach.may_exceed {
            self.leave_above(start, MOST_START, cold);
        } else if !is_constant && reach.length.is_some_and(|length| length > 0) {
            self.leave_above(low, MOST_START, cold);
        }
        if let Some(length) = reach.length {
            let end = self.plus(low, length);
            let length = self.b.frame_get(Type::I64, Field::MemoryLen);
            let is_short = self.b.binary(Opcode::Ugt, end, length);
            self.b.branch_aside(is_short, cold);
        }
    }

    /// Leaves for `cold` where a value is above a limit; else goes on in a new block.
    fn leave_above(&mut self, value: Value, most: u64, cold: Block) {
        let most = self.b.small(self.b.func.ty(value), most);
        let is_above = self.b.binary(Opcode::Ugt, value, most);
        self.b.branch_aside(is_above, cold);
    }

    /// The value of a place.
    fn at(&mut self, place: Place) -> Value {
        let b = &mut self.b;
        let Some(root) = place.root else { return b.small(Type::I64, place.offset as u64) };
        if place.offset == 0 {
            return root;
        }
        let ty = b.func.ty(root);
        let distance = U256::from(place.offset.unsigned_abs());
        let opcode = if place.offset < 0 { Opcode::Sub } else { Opcode::Add };
        let distance = b.constant(ty, distance);
        b.binary(opcode, root, distance)
    }

    fn plus(&mut self, value: Value, bytes: u64) -> Value {
        if bytes == 0 {
            return value;
        }
        if let Some(constant) = self.b.func.constant(value).and_then(|constant| u64::try_from(constant).ok())
        {
            return self.b.small(Type::I64, constant + bytes);
        }
        let bytes = self.b.small(Type::I64, bytes);
        self.b.binary(Opcode::Add, value, bytes)
    }

    /// In a cold block: where the gas certainly pays for all, grows to the final length and goes on in
    /// `next`. Goes on itself where it may not.
    fn grow_at_once(&mut self, group: &Group, charged: u64, next: Block) {
        let mut price = self.b.small(Type::I64, charged);
        let mut ends = Vec::with_capacity(group.reaches.len());
        for reach in &group.reaches {
            let Some(length) = reach.length else { continue };
            let start = self.at(reach.start);
            let low = self.b.convert(Opcode::Trunc, Type::I64, start);
            let start = self.b.convert(Opcode::Zext, Type::I256, start);
            let bytes = self.b.small(Type::I64, length);
            price = self.b.call(self.helpers.get(Helper::Price), &[price, start, bytes], &[Type::I64])[0];
            ends.push(self.plus(low, length));
        }
        let gas = self.b.op(Opcode::GasRemaining, None, &[], Imm::None);
        let gas = self.b.func.insts[gas].results[0];
        let is_enough = self.b.binary(Opcode::Ugt, gas, price);
        let [grow, step] = [self.b.create_cold_block(), self.b.create_cold_block()];
        self.cold.extend([grow, step]);
        self.b.branch(is_enough, BlockCall::new(grow, &[]), BlockCall::new(step, &[]));
        self.b.resume(grow);
        for end in ends {
            self.b.effect(Opcode::MemEnsure, &[end]);
        }
        self.b.jump(next, &[]);
        self.b.resume(step);
    }

    /// In a cold block: what happens up to the last check of the group, in its order.
    fn step_by_step(&mut self, group: &Group, pending: Pending) {
        self.pay(pending);
        let mut steps = group.steps.iter().copied().peekable();
        while let Some(step) = steps.next() {
            match step {
                Step::Charge(gas, stretch) => self.b.gas_charge(gas, stretch),
                Step::Check(Check::Fits { place }) => match steps.peek() {
                    Some(&Step::Check(Check::Ensure { place: same, length })) if same == place => {
                        steps.next();
                        self.access(place, length);
                    }
                    _ => self.fits(place),
                },
                Step::Check(Check::Ensure { place, length }) => self.ensure(place, length),
            }
        }
    }

    /// Both checks of an access.
    fn access(&mut self, place: Place, length: u64) {
        let word = self.at(place);
        let length = self.b.small(Type::I64, length);
        self.b.call(self.helpers.get(Helper::Access), &[word, length], &[]);
    }

    /// The first check of an access alone.
    fn fits(&mut self, place: Place) {
        let word = self.at(place);
        let most = self.b.small(Type::I256, u64::MAX);
        let exceeds = self.b.binary(Opcode::Ugt, word, most);
        self.b.exit_if(ExitCode::InvalidOperand, exceeds);
    }

    /// The second check of an access alone.
    fn ensure(&mut self, place: Place, length: u64) {
        let start = self.at(place);
        let low = self.b.convert(Opcode::Trunc, Type::I64, start);
        if length == 0 || place.root.is_none() {
            let end = self.plus(low, length);
            return self.b.effect(Opcode::MemEnsure, &[end]);
        }
        let word = self.b.convert(Opcode::Zext, Type::I256, low);
        let length = self.b.small(Type::I64, length);
        self.b.call(self.helpers.get(Helper::Access), &[word, length], &[]);
    }
}
