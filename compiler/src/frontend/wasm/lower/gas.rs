//! Where gas is paid and checked.
//!
//! The cost of operators adds up while nothing can see the counter, and is paid at once before a branch or call: that is the cost
//! of one basic block, or of several that always run one after another. Where the IR is split, that has happened
//! before. Whether there was enough is checked by `depth.check` where a function starts, at the head of each
//! loop that is branched to, and before calls of imported functions; an amount that depends on operands is
//! paid before the operation, and checks. In code that traps, nothing is paid: a trap takes all gas.

use evmc_ir::{Imm, Opcode, Type, Value};
use ruint::aliases::U256;
use wasmparser::Operator;

use super::Lowering;

/// What is to be paid yet.
#[derive(Debug, Default)]
pub(super) struct Gas {
    pending: u64,
}

impl Lowering<'_, '_> {
    /// Adds the cost of an operator.
    pub(super) fn charge(&mut self, operator: &Operator<'_>) {
        if self.environment.is_metered() {
            self.gas.pending += self.environment.costs.operator(operator);
        }
    }

    /// Adds the cost of a basic block that starts.
    pub(super) fn start_block(&mut self) {
        if self.environment.is_metered() {
            self.gas.pending += self.environment.costs.block();
        }
    }

    /// Pays what has added up.
    pub(super) fn pay(&mut self) {
        let amount = self.take_pending();
        if amount > 0 {
            self.b.op(Opcode::GasPay, None, &[], Imm::Amount(amount));
        }
    }

    /// Forgets what has added up, where code goes on that is reached from elsewhere.
    pub(super) fn take_pending(&mut self) -> u64 {
        std::mem::take(&mut self.gas.pending)
    }

    /// Checks that there was enough.
    pub(super) fn check_gas(&mut self) {
        if self.environment.is_metered() {
            self.b.effect(Opcode::GasCheck, &[]);
            self.trap_site();
        }
    }

    /// Pays `each` for every unit.
    pub(super) fn pay_units(&mut self, units: Value, each: u16) {
        if !self.environment.is_metered() || each == 0 {
            return;
        }
        let each = self.number(each.into());
        let amount = self.b.binary(Opcode::Mul, units, each);
        self.check_gas();
        self.b.effect(Opcode::GasChargeDyn, &[amount]);
        self.trap_site();
    }

    /// Pays for a part of a memory, by begun chunks.
    pub(super) fn pay_bytes(&mut self, bytes: Value) {
        let costs = self.environment.costs.dynamic();
        if !self.environment.is_metered() || costs.chunk == 0 {
            return;
        }
        let round_up = self.number(u64::from(costs.chunk_bytes) - 1);
        let bytes = self.b.binary(Opcode::Add, bytes, round_up);
        let shift = self.b.constant(Type::I64, U256::from(costs.chunk_bytes.trailing_zeros()));
        let chunks = self.b.binary(Opcode::Lshr, bytes, shift);
        self.pay_units(chunks, costs.chunk);
    }
}
