//! The runtime of WebAssembly: its functions, and the end of its innermost entry.
//!
//! Who leaves never comes back, so a function has one block for it, out of line, which is told the code and the place
//! in the source. Of a frame that is left that way all gas is gone, so the counter is not kept for it.

use cranelift_codegen::ir::{Block, InstBuilder, Value, condcodes::IntCC, types};
use evmc_abi::wasm::RuntimeTable;
use evmc_abi::{Effects, ExitCode, Field};
use evmc_ir::{Imm, InstData};

use crate::signature::leave_signature;
use crate::sites::NEVER;
use crate::translate::{Refusal, Translator};
use crate::value::Held;

impl Translator<'_, '_> {
    /// `runtime`.
    pub fn runtime(&mut self, data: &InstData) -> Result<(), Refusal> {
        let Imm::Runtime(function) = data.imm else { return Err("without a function") };
        if self.around.instance.is_none() {
            return Err("without an instance");
        }
        let words = self.words();
        let address = self.b.ins().stack_addr(types::I64, words, 0);
        for (number, &arg) in data.args.iter().enumerate() {
            let arg = self.one(arg);
            self.b.ins().store(self.access.slot, arg, address, 8 * number as i32);
        }
        let effects = function.effects();
        if self.is_counted() && effects.contains(Effects::READS_GAS) {
            let gas = self.b.use_var(self.gas);
            self.store_field(Field::Gas, gas);
        }
        let table = self.load_field(types::I64, Field::Runtime);
        let offset = function.table_offset() as i32;
        let target = self.b.ins().load(types::I64, self.access.constant, table, offset);
        let signature = self.host_signature();
        let call = self.b.ins().call_indirect(signature, target, &[self.frame, address]);
        let status = self.b.inst_results(call)[0];
        if effects.contains(Effects::MAY_EXIT) {
            self.leave_unless_zero(status);
        }
        if self.is_counted() && effects.contains(Effects::WRITES_GAS) {
            let gas = self.load_field(types::I64, Field::Gas);
            self.b.def_var(self.gas, gas);
        }
        if let Some(&result) = data.results.first() {
            let value = self.b.ins().load(types::I64, self.access.slot, address, 0);
            self.held[result] = Held::One(value);
        }
        Ok(())
    }

    /// Leaves with a status of the runtime, unless it is 0.
    fn leave_unless_zero(&mut self, status: Value) {
        let next = self.b.create_block();
        let aside = if self.around.keeps_near {
            // The second target's block is laid out right behind the branch, where the status is at hand.
            let aside = self.next_block(&[]);
            let is_fine = self.b.ins().icmp_imm_s(IntCC::Equal, status, 0);
            self.b.ins().brif(is_fine, next, &[], aside, &[]);
            aside
        } else {
            let aside = self.cold_block(&[]);
            self.b.ins().brif(status, aside, &[], next, &[]);
            aside
        };
        self.enter_sealed(aside);
        self.leave_from(status, self.source);
        self.enter_sealed(next);
    }

    /// The block that leaves with a code from this place in the source. Each has its own, so that nothing is prepared
    /// before it is known that the code leaves.
    pub fn leave_place(&mut self, code: ExitCode) -> Block {
        let key = (code as u32, self.source);
        match self.exits.places.get(&key) {
            Some(&block) => block,
            None => {
                let block = self.cold_block(&[]);
                self.exits.places.insert(key, block);
                block
            }
        }
    }

    fn leave_from(&mut self, code: Value, source: u32) {
        let block = match self.exits.leave {
            Some(block) => block,
            None => self.cold_block(&[types::I32, types::I32]),
        };
        self.exits.leave = Some(block);
        let source = self.passed_iconst(types::I32, source.into());
        self.b.ins().jump(block, &[code.into(), source.into()]);
    }

    /// Fills the blocks that leave, after the last use of any of them.
    pub fn finish_leaves(&mut self) {
        for ((code, source), block) in std::mem::take(&mut self.exits.places) {
            self.enter_sealed(block);
            let code = self.passed_iconst(types::I32, code.into());
            self.leave_from(code, source);
        }
        let Some(block) = self.exits.leave else { return };
        self.enter_sealed(block);
        let &[code, source] = self.b.block_params(block) else { return };
        let table = self.load_field(types::I64, Field::Runtime);
        let offset = core::mem::offset_of!(RuntimeTable, leave) as i32;
        let target = self.b.ins().load(types::I64, self.access.constant, table, offset);
        let signature = self.b.import_signature(leave_signature());
        self.b.ins().call_indirect(signature, target, &[self.frame, code, source]);
        self.b.ins().trap(NEVER);
    }
}
