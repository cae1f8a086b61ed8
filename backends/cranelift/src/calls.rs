//! Calls of host functions and of functions of the module.

use core::mem::offset_of;

use cranelift_codegen::ir::{FuncRef, InstBuilder, SigRef, StackSlot, Value, types};
use evmc_abi::wasm::FuncRecord;
use evmc_abi::{Effects, Field, HostFn};
use evmc_backend::Convention;
use evmc_ir::{Imm, InstData};

use crate::signature::{Interface, ResultPlaces};
use crate::translate::{Refusal, Translator};
use crate::value::Held;

/// What is called.
enum Target {
    /// A function of the module.
    Function(FuncRef),
    /// What a reference points to.
    Reference {
        /// Parameters and results.
        signature: SigRef,
        /// Its code.
        code: Value,
        /// The frame that it takes.
        frame: Value,
    },
}

impl<'a> Translator<'a, '_> {
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

    /// What a call agrees on with its callee.
    pub fn called(&self, data: &InstData) -> Option<&'a Interface> {
        match data.imm {
            Imm::Function(callee) => self.around.interfaces[callee].as_ref(),
            Imm::Signature(signature) => self.around.references[signature].as_ref(),
            _ => None,
        }
    }

    /// `call` and `call_ref`.
    pub fn call(&mut self, data: &InstData) -> Result<(), Refusal> {
        let interface = self.called(data).ok_or("without a callee")?;
        let target = self.target_of_call(data)?;
        let memory = (interface.results.memory > 0).then(|| self.returned());
        let args = self.call_args(data, interface, &target);
        let args = match memory {
            Some(slot) => [&args[..], &[self.b.ins().stack_addr(types::I64, slot, 0)]].concat(),
            None => args,
        };
        let call = match target {
            Target::Function(function) => self.b.ins().call(function, &args),
            Target::Reference { signature, code, .. } => self.b.ins().call_indirect(signature, code, &args),
        };
        let results = self.b.inst_results(call).to_vec();
        let flat = match (interface.convention, &results[..]) {
            (Convention::Metered, &[status, gas, ref rest @ ..]) => {
                let exit = self.status_exit();
                self.branch_aside(status, exit, &[status]);
                self.b.def_var(self.gas, gas);
                rest
            }
            (Convention::Counted, &[gas, ref rest @ ..]) => {
                self.b.def_var(self.gas, gas);
                rest
            }
            (_, all) => all,
        };
        self.take_results(data, &interface.results, flat, memory);
        Ok(())
    }

    /// `ret_call` and `ret_call_ref`: the results go where this function's would.
    pub fn ret_call(&mut self, data: &InstData) -> Result<(), Refusal> {
        let interface = self.called(data).ok_or("without a callee")?;
        if !matches!(self.interface.convention, Convention::Counted | Convention::Uncounted) {
            return Err("outside functions of WebAssembly");
        }
        let target = self.target_of_call(data)?;
        let mut args = self.call_args(data, interface, &target);
        args.extend(self.result_memory);
        match target {
            Target::Function(function) => self.b.ins().return_call(function, &args),
            Target::Reference { signature, code, .. } => {
                self.b.ins().return_call_indirect(signature, code, &args)
            }
        };
        Ok(())
    }

    /// What is called: a reference is the first operand.
    fn target_of_call(&mut self, data: &InstData) -> Result<Target, Refusal> {
        match data.imm {
            Imm::Function(callee) => match self.called(data).map(|interface| interface.convention) {
                None | Some(Convention::Entry) => Err("of an entry point"),
                Some(_) => self.function(callee).map(Target::Function).ok_or("without a callee"),
            },
            Imm::Signature(sig) => {
                let signature = self.reference_signature(sig).ok_or("without a signature")?;
                let record = self.one(data.args[0]);
                let [code, frame] = [offset_of!(FuncRecord, code), offset_of!(FuncRecord, frame)]
                    .map(|offset| self.b.ins().load(types::I64, self.access.record, record, offset as i32));
                Ok(Target::Reference { signature, code, frame })
            }
            _ => Err("without a callee"),
        }
    }

    /// Frame, gas and operands.
    fn call_args(&mut self, data: &InstData, interface: &Interface, target: &Target) -> Vec<Value> {
        let (frame, operands) = match *target {
            Target::Function(_) => (self.frame, &data.args[..]),
            Target::Reference { frame, .. } => (frame, &data.args[1..]),
        };
        let mut args = vec![frame];
        if matches!(interface.convention, Convention::Metered | Convention::Counted) {
            args.push(self.b.use_var(self.gas));
        }
        for &operand in operands {
            self.flat(operand, &mut args);
        }
        args
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
