//! Calls of host functions and of functions of the module.

use cranelift_codegen::ir::{InstBuilder, StackSlot, Value, types};
use evmc_abi::{Effects, Field, HostFn};
use evmc_backend::Convention;
use evmc_ir::{Imm, InstData};

use crate::signature::ResultPlaces;
use crate::translate::Translator;
use crate::value::Held;

impl Translator<'_, '_> {
    /// `host`.
    pub fn host(&mut self, data: &InstData) {
        let Imm::Host(function) = data.imm else { return };
        let mut limbs = Vec::with_capacity(4 * function.args());
        for &half in &data.args {
            let (low, high) = self.halves(half);
            limbs.extend([low, high]);
        }
        let words = self.call_host(function, &limbs);
        if self.ended {
            return;
        }
        for (number, pair) in data.results.chunks_exact(2).enumerate() {
            let [a, b, c, d] = self.load_limbs(words, 32 * number as i32);
            self.held[pair[0]] = Held::Halves(a, b);
            self.held[pair[1]] = Held::Halves(c, d);
        }
    }

    /// Calls a host function with words given as limbs; gives the slot with its result words.
    ///
    /// Writes the gas counter to the frame and reads it back where the function's effects say so,
    /// and returns from this function where the host function ends the frame.
    pub fn call_host(&mut self, function: HostFn, limbs: &[Value]) -> StackSlot {
        let words = self.words();
        let address = self.b.ins().stack_addr(types::I64, words, 0);
        for (number, &limb) in limbs.iter().enumerate() {
            self.b.ins().store(self.access.slot, limb, address, 8 * number as i32);
        }
        let effects = function.effects();
        if effects.intersects(Effects::READS_GAS.union(Effects::MAY_EXIT)) {
            let gas = self.b.use_var(self.gas);
            self.store_field(Field::Gas, gas);
        }
        let table = self.load_field(types::I64, Field::Host);
        let target =
            self.b.ins().load(types::I64, self.access.constant, table, function.table_offset() as i32);
        let signature = self.host_signature();
        let call = self.b.ins().call_indirect(signature, target, &[self.frame, address]);
        let status = self.b.inst_results(call)[0];
        let exit = if effects.contains(Effects::MAY_EXIT) { Some(self.status_exit()) } else { None };
        match exit {
            Some(exit) if function.always_exits() => {
                self.b.ins().jump(exit, &[status.into()]);
                self.ended = true;
                return words;
            }
            Some(exit) => self.branch_aside(status, exit, &[status]),
            None => {}
        }
        if effects.contains(Effects::WRITES_GAS) {
            let gas = self.load_field(types::I64, Field::Gas);
            self.b.def_var(self.gas, gas);
        }
        words
    }

    /// The limbs of a word in a slot, at an offset in bytes.
    pub fn load_limbs(&mut self, slot: StackSlot, offset: i32) -> [Value; 4] {
        let address = self.b.ins().stack_addr(types::I64, slot, 0);
        [0, 8, 16, 24].map(|at| self.b.ins().load(types::I64, self.access.slot, address, offset + at))
    }

    /// `call`.
    pub fn call(&mut self, data: &InstData) {
        let Imm::Function(callee) = data.imm else { return };
        let interfaces = self.around.interfaces;
        let (Some(interface), Some(function)) = (interfaces[callee].as_ref(), self.function(callee)) else {
            return;
        };
        let metered = interface.convention == Convention::Metered;
        let mut args = vec![self.frame];
        if metered {
            args.push(self.b.use_var(self.gas));
        }
        for &arg in &data.args {
            self.flat(arg, &mut args);
        }
        let memory = (interface.results.memory > 0).then(|| self.returned());
        if let Some(slot) = memory {
            args.push(self.b.ins().stack_addr(types::I64, slot, 0));
        }
        let call = self.b.ins().call(function, &args);
        let results = self.b.inst_results(call).to_vec();
        let mut flat = &results[..];
        if let (true, &[status, gas, ref rest @ ..]) = (metered, flat) {
            let exit = self.status_exit();
            self.branch_aside(status, exit, &[status]);
            self.b.def_var(self.gas, gas);
            flat = rest;
        }
        self.take_results(data, &interface.results, flat, memory);
    }

    /// Notes the results of a call: from registers, then from memory.
    fn take_results(
        &mut self,
        data: &InstData,
        places: &ResultPlaces,
        mut flat: &[Value],
        memory: Option<StackSlot>,
    ) {
        let (registers, others) = data.results.split_at(places.in_registers.min(data.results.len()));
        for &result in registers {
            self.held[result] = Self::take_flat(self.func.ty(result), &mut flat);
        }
        let Some(slot) = memory else { return };
        let address = self.b.ins().stack_addr(types::I64, slot, 0);
        for (number, &result) in others.iter().enumerate() {
            self.held[result] = self.load_result(self.func.ty(result), address, 16 * number as i32);
        }
    }
}
