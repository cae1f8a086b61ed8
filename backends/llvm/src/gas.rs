//! The gas counter, checks, and the shared ways out of a function.
//!
//! Each exit code has one cold block in a function, and so have all stretches together; what differs between
//! uses flows in through variables.

use std::collections::BTreeMap;

use evmc_abi::{ExitCode, Field, HostFn};
use evmc_backend::Convention;
use evmc_ir::{Imm, InstData, Opcode};
use inkwell::IntPredicate;
use inkwell::basic_block::BasicBlock;
use inkwell::values::{BasicValue, IntValue};
use ruint::aliases::U256;

use crate::translate::{Done, Translator};

/// A host function that never comes back, and its arguments.
type HostExit = (HostFn, Vec<U256>);

/// Shared blocks, created where first needed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exits<'c> {
    /// Returns the status in the variable; in modules of WebAssembly, leaves to the runtime.
    status: Option<BasicBlock<'c>>,
    /// End the frame with a code.
    codes: BTreeMap<u32, BasicBlock<'c>>,
    /// Ends the frame in the stretch of the variables.
    stretch: Option<BasicBlock<'c>>,
    /// Ends of the frame by host functions with constant arguments, in the order of their first use. Each pays
    /// first what is due.
    host: Vec<(HostExit, BasicBlock<'c>)>,
}

impl<'c> Translator<'_, 'c> {
    /// Instructions that check or change the gas counter, and `exit_if`.
    pub fn metering(&mut self, data: &InstData) -> Done {
        match (data.opcode, &data.imm) {
            (Opcode::GasCharge, &Imm::Charge { gas, .. }) => self.charge(self.i64(gas)),
            (Opcode::GasChargeDyn, _) => self.charge(self.int(data.args[0])),
            (Opcode::GasCredit, _) => {
                let gas = self.gas()?;
                let sum = self.b.build_int_add(gas, self.int(data.args[0]), "")?;
                self.set_gas(sum)
            }
            (Opcode::GasChargeAt, &Imm::Charge { gas, stretch }) => {
                self.charge_at(gas, stretch.as_u32(), self.int(data.args[0]))
            }
            (Opcode::GasPay, &Imm::Amount(amount)) => {
                let gas = self.gas()?;
                let left = self.b.build_int_sub(gas, self.i64(amount), "")?;
                self.set_gas(left)
            }
            (Opcode::GasCheck, _) => self.gas_check(),
            (Opcode::DepthCheck, _) => self.depth_check(self.int(data.args[0])),
            (Opcode::StackCheck, &Imm::Stretch(stretch)) => self.stack_check(data, stretch.as_u32()),
            (Opcode::ExitIf, &Imm::Exit(code)) => self.exit_where(self.int(data.args[0]), code),
            _ => {
                let gas = self.gas()?;
                self.set(data, gas);
                Ok(())
            }
        }
    }

    /// The gas counter.
    pub fn gas(&mut self) -> Done<IntValue<'c>> {
        Ok(self.b.build_load(self.unit.types.i64, self.variables.gas, "")?.into_int_value())
    }

    /// Changes the gas counter.
    pub fn set_gas(&mut self, gas: IntValue<'c>) -> Done {
        self.b.build_store(self.variables.gas, gas)?;
        Ok(())
    }

    /// Subtracts an amount of gas or ends the frame: one subtraction, whose borrow tells. The gas from before is
    /// not needed any more, since a frame out of gas leaves none.
    fn charge(&mut self, amount: IntValue<'c>) -> Done {
        let gas = self.gas()?;
        let both = self.intrinsic(
            "llvm.usub.with.overflow",
            amount.get_type().into(),
            &[gas.into(), amount.into()],
        )?;
        let both = both.into_struct_value();
        let left = self.b.build_extract_value(both, 0, "")?.into_int_value();
        let short = self.b.build_extract_value(both, 1, "")?.into_int_value();
        self.exit_where(short, ExitCode::OutOfGas)?;
        self.set_gas(left)
    }

    fn charge_at(&mut self, amount: u64, stretch: u32, height: IntValue<'c>) -> Done {
        let (gas, amount) = (self.gas()?, self.i64(amount));
        let short = self.b.build_int_compare(IntPredicate::ULT, gas, amount, "")?;
        self.stretch_exit_where(short, stretch, height)?;
        let left = self.b.build_int_sub(gas, amount, "")?;
        self.set_gas(left)
    }

    /// `needs ≤ height ≤ room`.
    fn stack_check(&mut self, data: &InstData, stretch: u32) -> Done {
        let [height, needs, room] = [0, 1, 2].map(|n| self.int(data.args[n]));
        let below = self.b.build_int_compare(IntPredicate::ULT, height, needs, "")?;
        let above = self.b.build_int_compare(IntPredicate::UGT, height, room, "")?;
        let outside = self.b.build_or(below, above, "")?;
        self.stretch_exit_where(outside, stretch, height)
    }

    fn stretch_exit_where(&mut self, condition: IntValue<'c>, stretch: u32, height: IntValue<'c>) -> Done {
        let exit = *self
            .exits
            .stretch
            .get_or_insert_with(|| self.unit.context.append_basic_block(self.function, ""));
        let aside = self.new_block();
        self.branch_aside(condition, aside)?;
        let next = self.b.get_insert_block();
        self.b.position_at_end(aside);
        self.b.build_store(self.variables.stretch, self.i32(stretch))?;
        self.b.build_store(self.variables.height, height)?;
        self.b.build_unconditional_branch(exit)?;
        if let Some(next) = next {
            self.b.position_at_end(next);
        }
        Ok(())
    }

    /// Ends the frame with a code where a condition holds.
    pub fn exit_where(&mut self, condition: IntValue<'c>, code: ExitCode) -> Done {
        if self.unit.instance.is_some() {
            return self.trap_where(condition, code);
        }
        let block = self.code_exit(code);
        self.branch_aside(condition, block)
    }

    /// Ends the frame with a code.
    pub fn exit(&mut self, code: ExitCode) -> Done {
        if self.unit.instance.is_some() {
            return self.trap(code);
        }
        let block = self.code_exit(code);
        self.b.build_unconditional_branch(block)?;
        Ok(())
    }

    fn code_exit(&mut self, code: ExitCode) -> BasicBlock<'c> {
        let new = || self.unit.context.append_basic_block(self.function, "");
        *self.exits.codes.entry(code as u32).or_insert_with(new)
    }

    /// Goes to the block that pays what is due and ends the frame by a host function with constant arguments.
    pub fn host_exit(&mut self, function: HostFn, args: Vec<U256>) -> Done {
        let due = self.due.take().unwrap_or(0);
        let due = self.i64(due);
        self.b.build_store(self.variables.due, due)?;
        let exit = (function, args);
        let known = self.exits.host.iter().find(|(other, _)| *other == exit).map(|&(_, block)| block);
        let block = known.unwrap_or_else(|| self.new_block());
        if known.is_none() {
            self.exits.host.push((exit, block));
        }
        self.b.build_unconditional_branch(block)?;
        Ok(())
    }

    /// The block that returns the status in the variable, or leaves to the runtime.
    pub fn status_exit(&mut self) -> BasicBlock<'c> {
        let new = || self.unit.context.append_basic_block(self.function, "");
        *self.exits.status.get_or_insert_with(new)
    }

    /// Leaves where a status is not 0.
    pub fn leave_on(&mut self, status: IntValue<'c>) -> Done {
        let failed = self.b.build_int_compare(IntPredicate::NE, status, self.i32(0), "")?;
        if self.unit.instance.is_some() {
            return self.aside(failed, |this| this.end(status));
        }
        self.b.build_store(self.variables.status, status)?;
        let exit = self.status_exit();
        self.branch_aside(failed, exit)
    }

    /// Leaves with a status.
    pub fn leave_with(&mut self, status: IntValue<'c>) -> Done {
        self.b.build_store(self.variables.status, status)?;
        let exit = self.status_exit();
        self.b.build_unconditional_branch(exit)?;
        Ok(())
    }

    /// Fills the shared blocks, after the last use of any of them.
    pub fn finish_exits(&mut self) -> Done {
        if let Some(block) = self.exits.stretch {
            self.b.position_at_end(block);
            let types = self.unit.types;
            let stretch = self.b.build_load(types.i32, self.variables.stretch, "")?.into_int_value();
            self.store_field(Field::ExitStretch, stretch)?;
            let height = self.b.build_load(types.i64, self.variables.height, "")?.into_int_value();
            let height = self.b.build_int_truncate(height, types.i32, "")?;
            self.store_field(Field::ExitHeight, height)?;
            self.exit(ExitCode::Stretch)?;
        }
        for ((function, args), block) in std::mem::take(&mut self.exits.host) {
            self.b.position_at_end(block);
            let due = self.b.build_load(self.unit.types.i64, self.variables.due, "")?.into_int_value();
            self.charge(due)?;
            let args: Vec<_> = args.iter().map(|&arg| self.unit.types.constant(256, arg)).collect();
            let results = self.call_metered(function, &args)?;
            let status = self.b.build_extract_value(results, 0, "")?.into_int_value();
            self.leave_with(status)?;
        }
        for (code, block) in std::mem::take(&mut self.exits.codes) {
            self.b.position_at_end(block);
            let gas = if code == ExitCode::OutOfGas as u32 { self.i64(0) } else { self.gas()? };
            self.store_field(Field::Gas, gas)?;
            self.leave_with(self.i32(code))?;
        }
        if let Some(block) = self.exits.status {
            self.b.position_at_end(block);
            match self.unit.instance {
                Some(_) => self.leave_to_runtime()?,
                None => self.return_status()?,
            }
        }
        Ok(())
    }

    /// Returns the status in the variable, which is not 0; the results mean nothing.
    fn return_status(&mut self) -> Done {
        let status = self.b.build_load(self.unit.types.i32, self.variables.status, "")?.into_int_value();
        if self.interface.convention == Convention::Metered {
            let mut values = vec![status.as_basic_value_enum()];
            let fields =
                self.interface.ty.get_return_type().map(|ty| ty.into_struct_type().get_field_types());
            values.extend(fields.unwrap_or_default().iter().skip(1).map(|ty| poison(*ty)));
            self.b.build_aggregate_return(&values)?;
        } else {
            self.b.build_return(Some(&status))?;
        }
        Ok(())
    }
}

/// A value of which nothing is said.
fn poison(ty: inkwell::types::BasicTypeEnum<'_>) -> inkwell::values::BasicValueEnum<'_> {
    use inkwell::types::BasicTypeEnum as Type;
    match ty {
        Type::IntType(ty) => ty.get_poison().into(),
        Type::FloatType(ty) => ty.get_poison().into(),
        Type::VectorType(ty) => ty.get_poison().into(),
        other => other.const_zero(),
    }
}
