//! The gas counter, checks, and the shared ways out of a function.
//!
//! Each exit code has one cold block in a function, and so have all stretches together; what differs
//! between uses (gas, stretch, height) comes in as block parameters, so a check costs a comparison
//! and a branch.
//!
//! WebAssembly's static charges are checked late, against a counter that may be below zero; its exits are in `runtime`.

use std::collections::BTreeMap;

use cranelift_codegen::ir::{Block, InstBuilder, Value, condcodes::IntCC, types};
use evmc_abi::{ExitCode, Field};
use evmc_backend::Convention;
use evmc_ir::{Imm, InstData, Opcode};

use crate::translate::{Refusal, Translator};

/// Shared blocks, created where first needed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exits {
    /// Returns a status: parameter status.
    status: Option<Block>,
    /// Ends the frame with a code: parameter gas.
    codes: BTreeMap<u32, Block>,
    /// Ends the frame in a stretch: parameters stretch, height, gas.
    stretch: Option<Block>,
    /// Ends the runtime's innermost entry: parameters code, place in the source.
    pub leave: Option<Block>,
    /// Leads there, by code and place in the source.
    pub places: BTreeMap<(u32, u32), Block>,
}

impl Translator<'_, '_> {
    /// Instructions that check or change the gas counter, and `exit_if`.
    pub fn metering(&mut self, data: &InstData) -> Result<(), Refusal> {
        match (data.opcode, &data.imm) {
            (Opcode::ExitIf, &Imm::Exit(code)) => {
                let condition = self.one(data.args[0]);
                self.exit_where(condition, code);
                if self.around.instance.is_some() {
                    self.learn(data.args[0]);
                }
            }
            (Opcode::DepthCheck, _) => self.depth_check(data),
            _ if !self.is_counted() => return Err("in a module that is not metered"),
            (Opcode::GasPay, &Imm::Amount(gas)) => self.pay(gas),
            (Opcode::GasCheck, _) => {
                let gas = self.b.use_var(self.gas);
                let short = self.b.ins().icmp_imm_s(IntCC::SignedLessThan, gas, 0);
                self.exit_where(short, ExitCode::OutOfGas);
            }
            (Opcode::GasCharge, &Imm::Charge { gas: 0, .. }) => {}
            (Opcode::GasCharge, &Imm::Charge { gas, .. }) => {
                let amount = self.i64(gas);
                self.charge(amount);
            }
            (Opcode::GasChargeDyn, _) => {
                let amount = self.one(data.args[0]);
                self.charge(amount);
            }
            (Opcode::GasCredit, _) => {
                let amount = self.one(data.args[0]);
                let gas = self.b.use_var(self.gas);
                let sum = self.b.ins().iadd(gas, amount);
                self.b.def_var(self.gas, sum);
            }
            (Opcode::GasChargeAt, &Imm::Charge { gas, stretch }) => {
                let height = self.one(data.args[0]);
                self.charge_at(gas, stretch.as_u32(), height);
            }
            (Opcode::StackCheck, &Imm::Stretch(stretch)) => self.stack_check(data, stretch.as_u32()),
            _ => {
                let gas = self.b.use_var(self.gas);
                self.set_one(data, gas);
            }
        }
        Ok(())
    }

    /// Whether this function knows a gas counter.
    pub fn is_counted(&self) -> bool {
        self.around.instance.is_none_or(|instance| instance.metered)
    }

    /// Subtracts an amount of gas, whatever is left.
    fn pay(&mut self, amount: u64) {
        let gas = self.b.use_var(self.gas);
        // Sums with constants merge, and need no copy of the counter.
        let amount = self.i64(amount.wrapping_neg());
        let left = self.b.ins().iadd(gas, amount);
        self.b.def_var(self.gas, left);
    }

    /// One comparison for gas and depth; out of line, which of them it was.
    fn depth_check(&mut self, data: &InstData) {
        let left = self.one(data.args[0]);
        if !self.is_counted() {
            let below = self.b.ins().icmp_imm_s(IntCC::SignedLessThan, left, 0);
            return self.exit_where(below, ExitCode::CallStackExhausted);
        }
        let gas = self.b.use_var(self.gas);
        let both = self.b.ins().bor(gas, left);
        let below = self.b.ins().icmp_imm_s(IntCC::SignedLessThan, both, 0);
        let (cold, next) = (self.cold_block(&[]), self.b.create_block());
        self.b.ins().brif(below, cold, &[], next, &[]);
        self.enter_sealed(cold);
        let short = self.b.ins().icmp_imm_s(IntCC::SignedLessThan, gas, 0);
        let codes = [ExitCode::OutOfGas, ExitCode::CallStackExhausted];
        let [no_gas, no_depth] = codes.map(|code| self.leave_place(code));
        self.b.ins().brif(short, no_gas, &[], no_depth, &[]);
        self.enter_sealed(next);
    }

    /// Subtracts an amount of gas or ends the frame.
    fn charge(&mut self, amount: Value) {
        let gas = self.b.use_var(self.gas);
        let short = self.b.ins().icmp(IntCC::UnsignedLessThan, gas, amount);
        self.exit_where(short, ExitCode::OutOfGas);
        let left = self.b.ins().isub(gas, amount);
        self.b.def_var(self.gas, left);
    }

    fn charge_at(&mut self, amount: u64, stretch: u32, height: Value) {
        if amount == 0 {
            return;
        }
        let gas = self.b.use_var(self.gas);
        let amount = self.i64(amount);
        let short = self.b.ins().icmp(IntCC::UnsignedLessThan, gas, amount);
        self.stretch_exit_where(short, stretch, height);
        let left = self.b.ins().isub(gas, amount);
        self.b.def_var(self.gas, left);
    }

    /// `needs ≤ height ≤ room`, in one comparison where both bounds are constants.
    fn stack_check(&mut self, data: &InstData, stretch: u32) {
        let [height, needs, room] = [0, 1, 2].map(|n| self.one(data.args[n]));
        let outside = match (self.constant(needs), self.constant(room)) {
            (Some(low), Some(high)) if low <= high => {
                let above = self.b.ins().isub(height, needs);
                let span = self.i64(high - low);
                self.b.ins().icmp(IntCC::UnsignedGreaterThan, above, span)
            }
            _ => {
                let below = self.b.ins().icmp(IntCC::UnsignedLessThan, height, needs);
                let above = self.b.ins().icmp(IntCC::UnsignedGreaterThan, height, room);
                self.b.ins().bor(below, above)
            }
        };
        self.stretch_exit_where(outside, stretch, height);
    }

    /// Ends the frame with a code where the condition holds.
    pub fn exit_where(&mut self, condition: Value, code: ExitCode) {
        if self.around.instance.is_some() {
            let place = self.leave_place(code);
            return self.branch_aside(condition, place, &[]);
        }
        let block = self.code_exit(code);
        let gas = self.gas_left(code);
        self.branch_aside(condition, block, gas.as_slice());
    }

    /// What the block that ends the frame with a code is told of the gas: out of gas, none is left.
    fn gas_left(&mut self, code: ExitCode) -> Option<Value> {
        (code != ExitCode::OutOfGas).then(|| self.b.use_var(self.gas))
    }

    fn stretch_exit_where(&mut self, condition: Value, stretch: u32, height: Value) {
        let block = match self.exits.stretch {
            Some(block) => block,
            None => self.cold_block(&[types::I32, types::I64, types::I64]),
        };
        self.exits.stretch = Some(block);
        let stretch = self.iconst(types::I32, i64::from(stretch));
        let gas = self.b.use_var(self.gas);
        self.branch_aside(condition, block, &[stretch, height, gas]);
    }

    /// Ends the frame with a code.
    pub fn exit(&mut self, code: ExitCode) {
        if self.around.instance.is_some() {
            let place = self.leave_place(code);
            self.b.ins().jump(place, &[]);
            return;
        }
        let block = self.code_exit(code);
        let gas = self.gas_left(code).map(Into::into);
        self.b.ins().jump(block, gas.as_slice());
    }

    fn code_exit(&mut self, code: ExitCode) -> Block {
        match self.exits.codes.get(&(code as u32)) {
            Some(&block) => block,
            None => {
                let gas = if code == ExitCode::OutOfGas { &[][..] } else { &[types::I64] };
                let block = self.cold_block(gas);
                self.exits.codes.insert(code as u32, block);
                block
            }
        }
    }

    /// The block that returns a status, its parameter.
    pub fn status_exit(&mut self) -> Block {
        let block = match self.exits.status {
            Some(block) => block,
            None => self.cold_block(&[types::I32]),
        };
        self.exits.status = Some(block);
        block
    }

    /// A new block that is rarely run, with parameters.
    pub fn cold_block(&mut self, params: &[types::Type]) -> Block {
        let block = self.next_block(params);
        self.b.set_cold_block(block);
        block
    }

    /// Fills the shared blocks, after the last use of any of them.
    pub fn finish_exits(&mut self) {
        if let Some(block) = self.exits.stretch {
            self.enter_sealed(block);
            let &[stretch, height, gas] = self.b.block_params(block) else { return };
            self.store_field(Field::ExitStretch, stretch);
            let height = self.b.ins().ireduce(types::I32, height);
            self.store_field(Field::ExitHeight, height);
            let next = self.code_exit(ExitCode::Stretch);
            self.b.ins().jump(next, &[gas.into()]);
        }
        for (code, block) in std::mem::take(&mut self.exits.codes) {
            self.enter_sealed(block);
            let gas = self.b.block_params(block).first().copied();
            let gas = gas.unwrap_or_else(|| self.i64(0));
            self.store_field(Field::Gas, gas);
            let code = self.iconst(types::I32, i64::from(code));
            let next = self.status_exit();
            self.b.ins().jump(next, &[code.into()]);
        }
        if let Some(block) = self.exits.status {
            self.enter_sealed(block);
            let &[status] = self.b.block_params(block) else { return };
            self.return_status(status);
        }
        self.finish_leaves();
    }

    /// Returns a status other than 0; the results mean nothing.
    fn return_status(&mut self, status: Value) {
        let mut values = vec![status];
        if self.interface.convention == Convention::Metered {
            values.push(self.i64(0));
            for &ty in &self.interface.results.registers {
                let zero = self.zero(ty);
                values.push(zero);
            }
        }
        self.b.ins().return_(&values);
    }
}
