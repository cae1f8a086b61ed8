//! Terminators.

use cranelift_codegen::ir::{Block, BlockArg, InstBuilder, Value, types};
use cranelift_frontend::Switch;
use evmc_abi::{ExitCode, Field};
use evmc_backend::Convention;
use evmc_ir as ir;
use evmc_ir::{BlockCall, Imm, InstData, Opcode};

use crate::translate::{Refusal, Translator};
use crate::value::{Held, machine_type};

impl Translator<'_, '_> {
    /// A terminator.
    pub fn leave(&mut self, data: &InstData) -> Result<(), Refusal> {
        match (data.opcode, &data.imm) {
            (_, Imm::Jump(target)) => {
                let (block, args) = self.target(target);
                self.b.ins().jump(block, &args);
            }
            (_, Imm::Branch(targets)) => {
                let condition = self.one(data.args[0]);
                let [(yes, yes_args), (no, no_args)] =
                    [&targets[0], &targets[1]].map(|call| self.target(call));
                self.b.ins().brif(condition, yes, &yes_args, no, &no_args);
            }
            (_, Imm::Switch(table)) => self.switch(data, table),
            (_, &Imm::Exit(code)) => self.exit(code),
            (Opcode::Ret, _) => self.ret(data),
            (Opcode::RetCall | Opcode::RetCallRef, _) => return self.ret_call(data),
            _ => self.exit(ExitCode::Unreachable),
        }
        Ok(())
    }

    /// The Cranelift block of a target, and its arguments.
    fn target(&mut self, call: &BlockCall) -> (Block, Vec<BlockArg>) {
        let args = call.args.iter().map(|&arg| self.passed(arg).into()).collect();
        // Blocks of the layout all have one, and targets are in the layout.
        (self.blocks[call.block].unwrap_or(Block::from_u32(0)), args)
    }

    /// A value that a branch passes on.
    fn passed(&mut self, value: ir::Value) -> Value {
        let one = self.one(value);
        match self.constant(one) {
            Some(constant) if self.around.keeps_near => {
                let ty = self.b.func.dfg.value_type(one);
                self.passed_iconst(ty, constant as i64)
            }
            _ => one,
        }
    }

    fn switch(&mut self, data: &InstData, table: &ir::SwitchTable) {
        let operand = self.one(data.args[0]);
        let mut switch = Switch::new();
        let mut edges = Vec::new();
        for (key, call) in &table.cases {
            let block = self.edge(call, &mut edges);
            switch.set_entry(u128::from(key.as_limbs()[0]), block);
        }
        let default = self.edge(&table.default, &mut edges);
        switch.emit(&mut self.b, operand, default);
        for (block, call) in edges {
            self.enter_sealed(block);
            let (target, args) = self.target(call);
            self.b.ins().jump(target, &args);
        }
    }

    /// A block without parameters that leads to a target.
    fn edge<'c>(&mut self, call: &'c BlockCall, edges: &mut Vec<(Block, &'c BlockCall)>) -> Block {
        match self.blocks[call.block] {
            Some(block) if call.args.is_empty() => block,
            _ => {
                let block = self.b.create_block();
                edges.push((block, call));
                block
            }
        }
    }

    /// `ret`: from the entry point, the end of the frame.
    fn ret(&mut self, data: &InstData) {
        let mut values = Vec::new();
        match self.interface.convention {
            Convention::Entry if self.around.instance.is_none() => return self.exit(ExitCode::Stop),
            Convention::Entry => {
                if self.is_counted() {
                    let gas = self.b.use_var(self.gas);
                    self.store_field(Field::Gas, gas);
                }
                values.push(self.iconst(types::I32, ExitCode::Stop as i64));
            }
            Convention::Metered => {
                values.push(self.iconst(types::I32, 0));
                values.push(self.b.use_var(self.gas));
            }
            Convention::Counted => values.push(self.b.use_var(self.gas)),
            Convention::Light | Convention::Uncounted => {}
        }
        let (registers, others) =
            data.args.split_at(self.interface.results.in_registers.min(data.args.len()));
        for &result in registers {
            self.flat(result, &mut values);
        }
        if let Some(address) = self.result_memory {
            for (number, &result) in others.iter().enumerate() {
                self.store_result(result, address, 16 * number as i32);
            }
        }
        self.b.ins().return_(&values);
    }

    /// Stores a result for the caller.
    fn store_result(&mut self, value: ir::Value, address: Value, offset: i32) {
        if self.func.ty(value) == ir::Type::I128 {
            let (low, high) = self.halves(value);
            self.b.ins().store(self.access.slot, low, address, offset);
            self.b.ins().store(self.access.slot, high, address, offset + 8);
        } else {
            let value = self.one(value);
            self.b.ins().store(self.access.slot, value, address, offset);
        }
    }

    /// Loads a result that a callee stored.
    pub fn load_result(&mut self, ty: ir::Type, address: Value, offset: i32) -> Held {
        let flags = self.access.slot;
        if ty == ir::Type::I128 {
            let [low, high] = [0, 8].map(|at| self.b.ins().load(types::I64, flags, address, offset + at));
            Held::Halves(low, high)
        } else {
            Held::One(self.b.ins().load(machine_type(ty), flags, address, offset))
        }
    }
}
