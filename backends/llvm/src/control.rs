//! Terminators.

use evmc_abi::ExitCode;
use evmc_backend::Convention;
use evmc_ir::{BlockCall, Imm, InstData, Opcode, SwitchTable};
use inkwell::IntPredicate;
use inkwell::basic_block::BasicBlock;
use inkwell::values::{BasicValue, BasicValueEnum, IntValue};
use ruint::aliases::U256;

use crate::alias::{Region, attach};
use crate::attributes::WORD_ALIGN;
use crate::translate::{Done, Translator};

impl<'c> Translator<'_, 'c> {
    /// A terminator.
    pub fn leave(&mut self, data: &InstData) -> Done {
        match (data.opcode, &data.imm) {
            (_, Imm::Jump(target)) => self.jump(target),
            (_, Imm::Branch(targets)) => self.branch(data, targets),
            (_, Imm::Switch(table)) => self.switch(data, table),
            (_, &Imm::Exit(code)) => self.exit(code),
            (Opcode::Ret, _) => self.ret(data),
            (Opcode::RetCall | Opcode::RetCallRef, _) => self.ret_call(data),
            _ => self.exit(ExitCode::Unreachable),
        }
    }

    /// Goes to a target from the end of the current block.
    fn jump(&mut self, target: &BlockCall) -> Done {
        let (Some(block), Some(from)) = (self.blocks[target.block], self.b.get_insert_block()) else {
            return Ok(());
        };
        let func = self.func;
        for (&param, &arg) in func.blocks[target.block].params.iter().zip(&target.args) {
            if let Some(phi) = self.params[param] {
                phi.add_incoming(&[(&self.value(arg), from)]);
            }
        }
        self.b.build_unconditional_branch(block)?;
        Ok(())
    }

    fn branch(&mut self, data: &InstData, targets: &[BlockCall; 2]) -> Done {
        let condition = self.int(data.args[0]);
        let [yes, no] = [&targets[0], &targets[1]];
        let (yes_block, no_block) = (self.edge(yes), self.edge(no));
        let branch = self.b.build_conditional_branch(condition, yes_block, no_block)?;
        let weights = &self.unit.weights;
        match [yes, no].map(|target| self.func.blocks[target.block].cold) {
            [true, false] => attach(branch, weights.rarely, weights.kind),
            [false, true] => attach(branch, weights.usually, weights.kind),
            _ => {}
        }
        self.finish_edges(&[(yes_block, yes), (no_block, no)])
    }

    /// The block to branch to for a target: its own, or a new one where arguments are to be passed.
    fn edge(&mut self, target: &BlockCall) -> BasicBlock<'c> {
        match self.blocks[target.block] {
            Some(block) if target.args.is_empty() => block,
            _ => self.new_block(),
        }
    }

    /// Fills the blocks that were made for targets with arguments.
    fn finish_edges(&mut self, edges: &[(BasicBlock<'c>, &BlockCall)]) -> Done {
        for &(block, target) in edges {
            if !target.args.is_empty() {
                self.b.position_at_end(block);
                self.jump(target)?;
            }
        }
        Ok(())
    }

    /// A switch; on wide numbers, on their low 64 bits behind a check of the others.
    fn switch(&mut self, data: &InstData, table: &SwitchTable) -> Done {
        let mut operand = self.int(data.args[0]);
        let default = self.edge(&table.default);
        let width = operand.get_type().get_bit_width();
        let limit = U256::ONE << 64;
        let (small, large): (Vec<_>, Vec<_>) = table.cases.iter().partition(|(key, _)| *key < limit);
        let mut edges = vec![(default, &table.default)];
        if width > 64 {
            for (key, target) in large {
                let edge = self.edge(target);
                edges.push((edge, target));
                let key = self.unit.types.constant(width, *key);
                let equal = self.b.build_int_compare(IntPredicate::EQ, operand, key, "")?;
                let next = self.new_block();
                self.b.build_conditional_branch(equal, edge, next)?;
                self.b.position_at_end(next);
            }
            let limit = self.unit.types.constant(width, limit);
            let beyond = self.b.build_int_compare(IntPredicate::UGE, operand, limit, "")?;
            let next = self.new_block();
            self.b.build_conditional_branch(beyond, default, next)?;
            self.b.position_at_end(next);
            operand = self.low(operand)?;
        }
        let ty = operand.get_type();
        let mut cases: Vec<(IntValue<'c>, BasicBlock<'c>)> = Vec::with_capacity(small.len());
        for (key, target) in small {
            let edge = self.edge(target);
            edges.push((edge, target));
            cases.push((ty.const_int(key.as_limbs()[0], false), edge));
        }
        self.b.build_switch(operand, default, &cases)?;
        self.finish_edges(&edges)
    }

    /// `ret`: from the entry point, the end of the frame.
    fn ret(&mut self, data: &InstData) -> Done {
        let mut values: Vec<BasicValueEnum<'c>> = Vec::new();
        match self.interface.convention {
            Convention::Entry if self.unit.instance.is_some() => return self.stop(),
            Convention::Entry => return self.exit(ExitCode::Stop),
            Convention::Metered => {
                values.push(self.i32(0).as_basic_value_enum());
                values.push(self.gas()?.into());
            }
            Convention::Counted => values.push(self.gas()?.into()),
            Convention::Light | Convention::Uncounted => {}
        }
        let (registers, others) = data.args.split_at(self.interface.in_registers.min(data.args.len()));
        for &result in registers {
            values.push(self.passed(result)?);
        }
        if let Some(memory) = self.result_memory {
            for (number, &result) in others.iter().enumerate() {
                let place = self.interface.place(registers.len() + number);
                let place = self.offset(memory, self.i64(place.into()))?;
                self.store_typed(result, place, WORD_ALIGN, Region::Words)?;
            }
        }
        self.b.build_aggregate_return(&values)?;
        Ok(())
    }
}
