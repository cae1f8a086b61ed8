//! Calls of host functions and of functions of the module.

use std::mem::offset_of;

use evmc_abi::wasm::FuncRecord;
use evmc_abi::{Effects, Field, HostFn};
use evmc_backend::Convention;
use evmc_ir::{Imm, InstData};
use inkwell::builder::Builder;
use inkwell::values::{
    BasicMetadataValueEnum, BasicValue, BasicValueEnum, CallSiteValue, IntValue, PointerValue, StructValue,
};

use ruint::aliases::U256;

use crate::alias::Region;
use crate::attributes::WORD_ALIGN;
use crate::compile::Unit;
use crate::signature::{Interface, convention, host_type};
use crate::translate::{Done, Translator};

/// Most words that a call of a host function passes in registers.
const MOST_BY_VALUE: usize = 2;

/// Whether the words of a host function go in registers, and not in the caller's memory.
pub(crate) const fn passes_by_value(function: HostFn) -> bool {
    function.words() <= MOST_BY_VALUE
}

impl<'c> Unit<'c> {
    /// Calls a host function with words in memory; gives its status.
    pub fn call_host(
        &self,
        b: &Builder<'c>,
        function: HostFn,
        frame: PointerValue<'c>,
        words: PointerValue<'c>,
    ) -> Done<IntValue<'c>> {
        let types = &self.types;
        let number = |bytes: usize| types.i64.const_int(bytes as u64, false);
        let pointer = types.pointer.into();
        let field = self.offset(b, frame, number(Field::Host.offset()))?;
        let table = self.load(b, pointer, field, WORD_ALIGN, Region::Constant)?.into_pointer_value();
        let entry = self.offset(b, table, number(function.table_offset()))?;
        let target = self.load(b, pointer, entry, WORD_ALIGN, Region::Constant)?.into_pointer_value();
        let call = b.build_indirect_call(host_type(types), target, &[frame.into(), words.into()], "")?;
        call.set_call_convention(convention::C);
        self.attributes.mark_host_call(call, function.effects().is_pure());
        let status = call.try_as_basic_value().unwrap_basic().into_int_value();
        if let Some(instruction) = status.as_instruction() {
            self.regions.mark_call(instruction, function.effects());
        }
        Ok(status)
    }

    /// The address of a word among words.
    pub fn word(&self, b: &Builder<'c>, words: PointerValue<'c>, number: usize) -> Done<PointerValue<'c>> {
        self.offset(b, words, self.types.i64.const_int(32 * number as u64, false))
    }
}

impl<'c> Translator<'_, 'c> {
    /// `host`, through a function that stands for all calls of that host function.
    pub fn host(&mut self, data: &InstData) -> Done {
        let Imm::Host(function) = data.imm else { return Ok(()) };
        let args: Vec<_> = data.args.iter().map(|&arg| self.int(arg)).collect();
        if !function.effects().intersects(Effects::METERED) && data.results.len() == 1 {
            let value = self.call_pure(function, &args)?;
            self.set(data, value);
            return Ok(());
        }
        if let Some(args) = self.shared_exit(data) {
            self.host_exit(function, args)?;
            return self.go_on_nowhere();
        }
        let results = self.call_metered(function, &args)?;
        let status = self.b.build_extract_value(results, 0, "")?.into_int_value();
        if function.always_exits() {
            self.leave_with(status)?;
            return self.go_on_nowhere();
        }
        self.leave_on(status)?;
        let gas = self.b.build_extract_value(results, 1, "")?.into_int_value();
        self.set_gas(gas)?;
        if function.effects().contains(Effects::GROWS_MEMORY) {
            self.load_bounds()?;
        }
        for (number, &result) in data.results.iter().enumerate() {
            let word = if passes_by_value(function) {
                self.b.build_extract_value(results, 2 + number as u32, "")?
            } else {
                let place = self.unit.word(&self.b, self.words, number)?;
                self.load(self.unit.types.i256, place, WORD_ALIGN, Region::Words)?
            };
            self.held[result] = Some(word);
        }
        Ok(())
    }

    /// The arguments of a call that ends the frame, where all are constant: it is shared by all that are equal.
    pub fn shared_exit(&self, data: &InstData) -> Option<Vec<U256>> {
        let Imm::Host(function) = data.imm else { return None };
        let args = || data.args.iter().map(|&arg| self.func.constant(arg)).collect();
        function.always_exits().then(args).flatten()
    }

    /// Goes on in a block that nothing reaches, for what stands behind an end of the frame.
    fn go_on_nowhere(&mut self) -> Done {
        let nowhere = self.new_block();
        self.b.position_at_end(nowhere);
        Ok(())
    }

    /// Calls the function that stands for a host function; gives status, gas and results that go by value.
    pub fn call_metered(&mut self, function: HostFn, args: &[IntValue<'c>]) -> Done<StructValue<'c>> {
        let mut values: Vec<BasicMetadataValueEnum<'c>> = vec![self.frame.into(), self.gas()?.into()];
        if passes_by_value(function) {
            values.extend(args.iter().map(|&arg| BasicMetadataValueEnum::from(arg)));
        } else {
            for (number, &arg) in args.iter().enumerate() {
                let place = self.unit.word(&self.b, self.words, number)?;
                self.store(arg.into(), place, WORD_ALIGN, Region::Words)?;
            }
            values.push(self.words.into());
        }
        let callee = self.unit.metered_function(function)?;
        let call = self.b.build_call(callee, &values, "")?;
        call.set_call_convention(callee.get_call_conventions());
        let results = call.try_as_basic_value().unwrap_basic();
        if let Some(instruction) = results.as_instruction_value() {
            self.unit.regions.mark_call(instruction, function.effects());
        }
        Ok(results.into_struct_value())
    }

    /// Reads back what something with these effects may have changed in the frame.
    fn refresh(&mut self, effects: Effects) -> Done {
        if effects.contains(Effects::WRITES_GAS) {
            let gas = self.load_field(Field::Gas)?;
            self.set_gas(gas)?;
        }
        if effects.contains(Effects::GROWS_MEMORY) {
            self.load_bounds()?;
        }
        Ok(())
    }

    /// The result of a host function that comes back and changes nothing, through an outlined function.
    pub fn call_pure(&mut self, function: HostFn, args: &[IntValue<'c>]) -> Done<IntValue<'c>> {
        let callee = self.unit.pure_function(function)?;
        let mut values: Vec<BasicMetadataValueEnum<'c>> = vec![self.frame.into()];
        values.extend(args.iter().map(|&arg| BasicMetadataValueEnum::from(arg)));
        let call = self.b.build_call(callee, &values, "")?;
        call.set_call_convention(callee.get_call_conventions());
        let value = call.try_as_basic_value().unwrap_basic().into_int_value();
        if let Some(instruction) = value.as_instruction() {
            self.unit.regions.mark_call(instruction, function.effects());
        }
        Ok(value)
    }

    /// Grows VM memory to hold `end` bytes, through an outlined function.
    pub fn grow(&mut self, end: IntValue<'c>) -> Done {
        let callee = self.unit.grow_function()?;
        let gas = self.gas()?;
        let call = self.b.build_call(callee, &[self.frame.into(), gas.into(), end.into()], "")?;
        call.set_call_convention(callee.get_call_conventions());
        let status = call.try_as_basic_value().unwrap_basic().into_int_value();
        let effects = HostFn::MemoryGrow.effects();
        if let Some(instruction) = status.as_instruction() {
            self.unit.regions.mark_call(instruction, effects);
        }
        self.leave_on(status)?;
        self.refresh(effects)
    }

    /// `call`, `call_ref`, `runtime`.
    pub fn call(&mut self, data: &InstData) -> Done {
        let Some((interface, call)) = self.invoke(data, Some(self.returned))? else {
            return self.call_runtime(data);
        };
        let results = call.try_as_basic_value().unwrap_basic();
        self.take_results(data, &interface, results)
    }

    /// A call of a function of a module, this or another one; `None` where the instruction is about no such function.
    pub fn invoke(
        &mut self,
        data: &InstData,
        result_memory: Option<PointerValue<'c>>,
    ) -> Done<Option<(Interface<'c>, CallSiteValue<'c>)>> {
        let interface = match data.imm {
            Imm::Function(callee) => self.unit.interfaces[callee].clone(),
            Imm::Signature(signature) => self.unit.signatures[signature].clone(),
            _ => None,
        };
        let Some(interface) = interface else { return Ok(None) };
        let (callee, frame, own) = match data.imm {
            Imm::Function(callee) => (self.unit.functions[callee], self.frame, &data.args[..]),
            _ => (None, self.record_pointer(data.args[0], offset_of!(FuncRecord, frame))?, &data.args[1..]),
        };
        let mut args: Vec<BasicMetadataValueEnum<'c>> = vec![frame.into()];
        if matches!(interface.convention, Convention::Metered | Convention::Counted) {
            args.push(self.gas()?.into());
        }
        for &arg in own {
            args.push(self.passed(arg)?.into());
        }
        args.extend(result_memory.filter(|_| interface.memory > 0).map(BasicMetadataValueEnum::from));
        let call = match callee {
            Some(function) => self.b.build_call(function, &args, "")?,
            None => {
                let code = self.record_pointer(data.args[0], offset_of!(FuncRecord, code))?;
                self.b.build_indirect_call(interface.ty, code, &args, "")?
            }
        };
        call.set_call_convention(interface.number);
        if let Some(instruction) = call.try_as_basic_value().unwrap_basic().as_instruction_value() {
            self.unit.regions.mark_call(instruction, interface.effects);
        }
        Ok(Some((interface, call)))
    }

    /// Notes the results of a call: from registers, then from memory.
    fn take_results(
        &mut self,
        data: &InstData,
        interface: &Interface<'c>,
        results: BasicValueEnum<'c>,
    ) -> Done {
        let results = results.into_struct_value();
        let own = match interface.convention {
            Convention::Metered => 2,
            Convention::Counted => 1,
            _ => 0,
        };
        if own == 2 {
            let status = self.b.build_extract_value(results, 0, "")?.into_int_value();
            self.leave_on(status)?;
        }
        if own > 0 {
            let gas = self.b.build_extract_value(results, own - 1, "")?.into_int_value();
            self.set_gas(gas)?;
        }
        if interface.grows_memory() && self.unit.instance.is_none() {
            self.load_bounds()?;
        }
        for (number, &result) in data.results.iter().enumerate() {
            let value = if number < interface.in_registers {
                let passed = self.b.build_extract_value(results, own + number as u32, "")?;
                self.received(self.func.ty(result), passed)?
            } else {
                let place = self.offset(self.returned, self.i64(interface.place(number).into()))?;
                self.load_typed(self.func.ty(result), place, WORD_ALIGN, Region::Words)?
            };
            self.held[result] = Some(value);
        }
        Ok(())
    }
}
