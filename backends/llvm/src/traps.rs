//! WebAssembly: checks of gas and depth, calls of the runtime, and the end of a frame.
//!
//! A frame that ends for another reason than its return does not come back through its callers: it calls
//! [`RuntimeTable::leave`] with a code and the offset of the operation in the source. A function has one block for
//! that, into which both flow, each as a number of 32 bits: a wider constant LLVM would make in front of
//! loops, and keep in a register. From there it goes on in a function of the backend's own, in the
//! place of this one, so that a function that calls nothing else needs no native frame.
//!
//! Gas is paid by a subtraction without a check, and a counter below zero is found later. The check at the start of
//! a function is one of two numbers in one: neither gas nor depth is below zero where their bitwise or is not.

use evmc_abi::wasm::RuntimeTable;
use evmc_abi::{Effects, ExitCode, Field, RuntimeFn};
use evmc_backend::Convention;
use evmc_ir::{Imm, InstData};
use inkwell::IntPredicate;
use inkwell::builder::Builder;
use inkwell::types::BasicMetadataTypeEnum;
use inkwell::values::{
    BasicMetadataValueEnum, BasicValueEnum, FunctionValue, IntValue, LLVMTailCallKind, PointerValue,
};

use crate::alias::Region;
use crate::attributes::WORD_ALIGN;
use crate::compile::Unit;
use crate::signature::{convention, host_type, leave_type};
use crate::translate::{Done, Translator, Variables};

/// Name of the functions that end the runtime's innermost entry; LLVM puts a number behind it where there are several.
pub(crate) const LEAVE: &str = "evmc.leave";

/// Whether a frame that ends with the code has no gas left, whatever it counted.
const fn takes_gas(code: ExitCode) -> bool {
    !matches!(code, ExitCode::Stop | ExitCode::Host)
}

impl<'c> Unit<'c> {
    /// A function of the runtime, by the offset of its pointer in the table.
    fn runtime_function(
        &self,
        b: &Builder<'c>,
        frame: PointerValue<'c>,
        offset: usize,
    ) -> Done<PointerValue<'c>> {
        let number = |bytes: usize| self.types.i64.const_int(bytes as u64, false);
        let pointer = self.types.pointer.into();
        let field = self.offset(b, frame, number(Field::Runtime.offset()))?;
        let table = self.load(b, pointer, field, WORD_ALIGN, Region::Constant)?.into_pointer_value();
        let entry = self.offset(b, table, number(offset))?;
        Ok(self.load(b, pointer, entry, WORD_ALIGN, Region::Constant)?.into_pointer_value())
    }

    /// Ends the runtime's innermost entry with a code and an offset in the source.
    fn call_leave(&self, b: &Builder<'c>, frame: PointerValue<'c>, why: [IntValue<'c>; 2]) -> Done {
        let leave = self.runtime_function(b, frame, std::mem::offset_of!(RuntimeTable, leave))?;
        let [code, source] = why.map(BasicMetadataValueEnum::from);
        let args = [frame.into(), code, source];
        let call = b.build_indirect_call(leave_type(&self.types), leave, &args, "")?;
        call.set_call_convention(convention::C);
        self.attributes.mark_end(call);
        b.build_unreachable()?;
        Ok(())
    }

    /// A function that ends the runtime's innermost entry, with the results of a function that it can replace.
    fn leave_function(&mut self, replaced: FunctionValue<'c>) -> Done<FunctionValue<'c>> {
        let types = self.types;
        let params: [BasicMetadataTypeEnum<'c>; 3] =
            [types.pointer.into(), types.i32.into(), types.i32.into()];
        let results = replaced.get_type().get_return_type();
        let results = results.map_or(types.structure(&[]), |ty| ty.into_struct_type());
        let key = results.print_to_string().to_string();
        if let Some(&function) = self.leaves.get(&key) {
            return Ok(function);
        }
        let (function, b) = self.start(LEAVE, results.fn_type(&params, false), convention::TAIL);
        self.attributes.mark_outlined(function, true);
        let why = [1, 2].map(|number| function.get_nth_param(number));
        let why = why.map(|param| param.map_or(types.i32.const_zero(), BasicValueEnum::into_int_value));
        self.call_leave(&b, crate::outlined::frame_of(function), why)?;
        self.leaves.insert(key, function);
        Ok(function)
    }
}

impl<'c> Translator<'_, 'c> {
    /// Ends the frame with a code.
    pub fn trap(&mut self, code: ExitCode) -> Done {
        if self.unit.is_metered && !takes_gas(code) {
            let gas = self.gas()?;
            self.store_field(Field::Gas, gas)?;
        }
        self.end(self.i32(code as u32))
    }

    /// Ends the frame with the number of a code.
    pub fn end(&mut self, code: IntValue<'c>) -> Done {
        self.b.build_store(self.variables.status, code)?;
        self.b.build_store(self.variables.source, self.i32(self.source))?;
        let exit = self.status_exit();
        self.b.build_unconditional_branch(exit)?;
        Ok(())
    }

    /// Ends the frame with a code where a condition holds.
    pub fn trap_where(&mut self, condition: IntValue<'c>, code: ExitCode) -> Done {
        self.aside(condition, |this| this.trap(code))
    }

    /// Runs something that does not come back where a condition holds.
    pub fn aside(&mut self, condition: IntValue<'c>, run: impl FnOnce(&mut Self) -> Done) -> Done {
        let (cold, next) = (self.new_block(), self.new_block());
        self.branch_rarely(condition, cold, next)?;
        self.b.position_at_end(cold);
        run(self)?;
        self.b.position_at_end(next);
        Ok(())
    }

    /// Whether a number of 64 bits is below zero.
    fn is_negative(&self, value: IntValue<'c>) -> Done<IntValue<'c>> {
        Ok(self.b.build_int_compare(IntPredicate::SLT, value, self.i64(0), "")?)
    }

    /// `gas.check`.
    pub fn gas_check(&mut self) -> Done {
        let gas = self.gas()?;
        let is_spent = self.is_negative(gas)?;
        self.trap_where(is_spent, ExitCode::OutOfGas)
    }

    /// At the end of a loop, makes the gas counter a number of which LLVM does not know what it comes from, for no instruction. LLVM
    /// would reduce the counters of a loop to one another, and each check would take a sum.
    pub fn hide_gas(&mut self) -> Done {
        let (gas, ty) = (self.gas()?, self.unit.types.i64);
        let ty = ty.fn_type(&[ty.into()], false);
        let nothing =
            self.unit.context.create_inline_asm(ty, String::new(), "=r,0".into(), false, false, None, false);
        let call = self.b.build_indirect_call(ty, nothing, &[gas.into()], "")?;
        self.unit.attributes.mark_nothing(call);
        self.set_gas(call.try_as_basic_value().unwrap_basic().into_int_value())
    }

    /// `depth.check`: one branch; which of the two it is, the cold side finds out.
    pub fn depth_check(&mut self, depth: IntValue<'c>) -> Done {
        if !self.unit.is_metered {
            let is_spent = self.is_negative(depth)?;
            return self.trap_where(is_spent, ExitCode::CallStackExhausted);
        }
        let gas = self.gas()?;
        let either = self.b.build_or(gas, depth, "")?;
        let is_spent = self.is_negative(either)?;
        self.aside(is_spent, |this| {
            let is_gas = this.is_negative(gas)?;
            let codes = [ExitCode::OutOfGas, ExitCode::CallStackExhausted].map(|code| this.i32(code as u32));
            let code = this.b.build_select(is_gas, codes[0], codes[1], "")?.into_int_value();
            this.end(code)
        })
    }

    /// Ends the frame, in the shared block for that.
    pub fn leave_to_runtime(&mut self) -> Done {
        let (ty, Variables { status, source, .. }) = (self.unit.types.i32, self.variables);
        let code = self.b.build_load(ty, status, "")?.into_int_value();
        let source = self.b.build_load(ty, source, "")?.into_int_value();
        if self.interface.convention == Convention::Entry {
            return self.unit.call_leave(&self.b, self.frame, [code, source]);
        }
        let leave = self.unit.leave_function(self.function)?;
        let call = self.b.build_call(leave, &[self.frame.into(), code.into(), source.into()], "")?;
        call.set_call_convention(convention::TAIL);
        call.set_tail_call_kind(LLVMTailCallKind::LLVMTailCallKindMustTail);
        self.b.build_return(Some(&call.try_as_basic_value().unwrap_basic()))?;
        Ok(())
    }

    /// `ret` from an entry point of the runtime.
    pub fn stop(&mut self) -> Done {
        if self.unit.is_metered {
            let gas = self.gas()?;
            self.store_field(Field::Gas, gas)?;
        }
        let code = self.i32(ExitCode::Stop as u32);
        self.b.build_return(Some(&code))?;
        Ok(())
    }

    /// `ret_call` and `ret_call_ref`: where results go that no register holds is for the callee what it was for this function.
    pub fn ret_call(&mut self, data: &InstData) -> Done {
        let Some((_, call)) = self.invoke(data, self.result_memory)? else { return Ok(()) };
        call.set_tail_call_kind(LLVMTailCallKind::LLVMTailCallKindMustTail);
        self.b.build_return(Some(&call.try_as_basic_value().unwrap_basic()))?;
        Ok(())
    }

    /// `runtime`.
    pub fn call_runtime(&mut self, data: &InstData) -> Done {
        let Imm::Runtime(function) = data.imm else { return Ok(()) };
        let effects = function.effects();
        let syncs = self.unit.is_metered && effects.intersects(Effects::METERED);
        for (number, &arg) in data.args.iter().enumerate() {
            let place = self.offset(self.words, self.i64(8 * number as u64))?;
            self.store(self.value(arg), place, WORD_ALIGN, Region::Words)?;
        }
        if syncs && effects.contains(Effects::READS_GAS) {
            let gas = self.gas()?;
            self.store_field(Field::Gas, gas)?;
        }
        let status = self.call_runtime_function(function)?;
        if effects.contains(Effects::MAY_EXIT) {
            self.leave_on(status)?;
        }
        if syncs && effects.contains(Effects::WRITES_GAS) {
            let gas = self.load_field(Field::Gas)?;
            self.set_gas(gas)?;
        }
        for &result in data.results.iter().take(1) {
            let value = self.load_typed(self.func.ty(result), self.words, WORD_ALIGN, Region::Words)?;
            self.held[result] = Some(value);
        }
        Ok(())
    }

    /// Calls a function of the runtime whose arguments lie in the words; gives its status.
    fn call_runtime_function(&mut self, function: RuntimeFn) -> Done<IntValue<'c>> {
        let target = self.unit.runtime_function(&self.b, self.frame, function.table_offset())?;
        let args = [self.frame.into(), self.words.into()];
        let call = self.b.build_indirect_call(host_type(&self.unit.types), target, &args, "")?;
        call.set_call_convention(convention::C);
        self.unit.attributes.mark_host_call(call, false);
        let status = call.try_as_basic_value().unwrap_basic().into_int_value();
        if let Some(instruction) = status.as_instruction() {
            self.unit.regions.mark_call(instruction, function.effects());
        }
        Ok(status)
    }
}
