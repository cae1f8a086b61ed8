//! Calls.
//!
//! A function of the module's own is called as such, an imported one and an element of a table by reference. All are given
//! the logical depth that this function leaves; one that is called in its place, what this function was given. A function that is
//! called checks gas; here that is done for imported ones only, so that what they do is not done for nothing.

use evmc_ir::{Imm, Opcode, Sig, Value};
use wasmparser::Operator as Op;

use super::Lowering;
use super::environment::Callee;

impl Lowering<'_, '_> {
    /// Lowers a call; gives whether it is one.
    pub(super) fn call(&mut self, operator: &Op<'_>) -> bool {
        match *operator {
            Op::Call { function_index } => self.call_function(function_index, false),
            Op::ReturnCall { function_index } => self.call_function(function_index, true),
            Op::CallIndirect { type_index, table_index } => {
                self.call_indirect(type_index, table_index, false);
            }
            Op::ReturnCallIndirect { type_index, table_index } => {
                self.call_indirect(type_index, table_index, true);
            }
            _ => return false,
        }
        true
    }

    fn call_function(&mut self, function: u32, is_tail: bool) {
        let (callee, ty) = self.environment.callee(function);
        let args = self.call_args(ty, is_tail);
        match callee {
            Callee::Own(func) => {
                self.pay();
                let opcode = if is_tail { Opcode::RetCall } else { Opcode::Call };
                self.finish_call(opcode, args, Imm::Function(func), ty);
            }
            Callee::Imported(index) => {
                self.pay();
                self.check_gas();
                let reference = self.b.indexed(Opcode::FuncImported, None, index, &[]);
                self.call_reference(reference, args, ty, is_tail);
            }
        }
    }

    fn call_indirect(&mut self, ty: u32, table: u32, is_tail: bool) {
        let index = self.pop_index();
        let args = self.call_args(ty, is_tail);
        self.pay();
        let signature = self.environment.signature(ty);
        let inst = self.b.op(Opcode::FuncElement, None, &[index], Imm::Element { table, signature });
        self.trap_site();
        let reference = self.b.func.insts[inst].results.first().copied();
        self.call_reference(reference, args, ty, is_tail);
    }

    /// The logical depth for a callee, and its arguments.
    fn call_args(&mut self, ty: u32, is_tail: bool) -> Vec<Value> {
        let count = self.environment.function_type(ty).0.len();
        let depth = if is_tail { self.depth.given } else { self.depth.left };
        let operands = self.pop_many(count);
        [depth].into_iter().chain(operands).collect()
    }

    fn call_reference(&mut self, reference: Option<Value>, args: Vec<Value>, ty: u32, is_tail: bool) {
        let signature: Sig = self.environment.signature(ty);
        let opcode = if is_tail { Opcode::RetCallRef } else { Opcode::CallRef };
        let args = reference.into_iter().chain(args).collect();
        self.finish_call(opcode, args, Imm::Signature(signature), ty);
    }

    fn finish_call(&mut self, opcode: Opcode, args: Vec<Value>, imm: Imm, ty: u32) {
        if opcode.is_terminator() {
            self.b.push(opcode, None, args.into(), imm, []);
            self.end_reach();
            return;
        }
        let results = self.environment.function_type(ty).1;
        let inst = self.b.push(opcode, None, args.into(), imm, results.iter().copied());
        let results = self.b.func.insts[inst].results.clone();
        results.into_iter().for_each(|result| self.push(result));
        self.start_block();
    }
}
