//! Functions that the backend adds to a module: what is long, or rarely run, stands once.

use evmc_abi::{Field, HostFn};
use inkwell::builder::Builder;
use inkwell::types::{BasicMetadataTypeEnum, BasicTypeEnum, FunctionType};
use inkwell::values::{BasicValueEnum, FunctionValue, PointerValue};

use crate::alias::Region;
use crate::attributes::WORD_ALIGN;
use crate::calls::passes_by_value;
use crate::compile::Unit;
use crate::signature::convention;
use crate::translate::{Done, room};

impl<'c> Unit<'c> {
    /// Takes the frame and words, gives the result of a host function that comes back and changes nothing.
    pub fn pure_function(&mut self, host: HostFn) -> Done<FunctionValue<'c>> {
        if let Some(&function) = self.outlined.get(&host) {
            return Ok(function);
        }
        let types = self.types;
        let mut params: Vec<BasicMetadataTypeEnum<'c>> = vec![types.pointer.into()];
        params.resize(1 + host.args(), types.i256.into());
        let number = if self.is_x86 { convention::REGCALL } else { convention::FAST };
        let (function, b) = self.outline(host, types.i256.fn_type(&params, false), number);
        self.attributes.mark_pure(function);
        // Divisions come here where their operands are large, calldata where it ends.
        self.attributes
            .mark_outlined(function, !matches!(host, HostFn::Addmod | HostFn::Mulmod | HostFn::Exp));
        let words = room(self, &b, 32 * host.words() as u32)?;
        for (number, word) in function.get_param_iter().skip(1).enumerate() {
            let place = self.word(&b, words, number)?;
            self.store(&b, word, place, WORD_ALIGN, Region::Words)?;
        }
        self.call_host(&b, host, frame_of(function), words)?;
        let result = self.load(&b, types.i256.into(), words, WORD_ALIGN, Region::Words)?;
        b.build_return(Some(&result))?;
        Ok(function)
    }

    /// Takes frame, gas and words (values, or a pointer to them); gives status, gas and the results that go by
    /// value.
    pub fn metered_function(&mut self, host: HostFn) -> Done<FunctionValue<'c>> {
        if let Some(&function) = self.outlined.get(&host) {
            return Ok(function);
        }
        let types = self.types;
        let by_value = passes_by_value(host);
        let mut params: Vec<BasicMetadataTypeEnum<'c>> = vec![types.pointer.into(), types.i64.into()];
        let mut results: Vec<BasicTypeEnum<'c>> = vec![types.i32.into(), types.i64.into()];
        if by_value {
            params.resize(2 + host.args(), types.i256.into());
            results.resize(2 + host.results(), types.i256.into());
        } else {
            params.push(types.pointer.into());
        }
        let number = if self.is_x86 { convention::REGCALL } else { convention::FAST };
        let (function, b) = self.outline(host, types.structure(&results).fn_type(&params, false), number);
        let is_rare = matches!(host, HostFn::Revert | HostFn::Selfdestruct | HostFn::Underflow);
        self.attributes.mark_outlined(function, is_rare);
        let frame = frame_of(function);
        let mut given = function.get_param_iter().skip(1);
        let gas_field = self.offset(&b, frame, types.i64.const_int(Field::Gas.offset() as u64, false))?;
        if let Some(gas) = given.next() {
            self.store(&b, gas, gas_field, WORD_ALIGN, Region::Gas)?;
        }
        let words = match given.next() {
            Some(BasicValueEnum::PointerValue(words)) => {
                self.attributes.mark_result_memory(function, 2);
                words
            }
            first => {
                let words = room(self, &b, 32 * host.words() as u32)?;
                for (number, word) in first.into_iter().chain(given).enumerate() {
                    let place = self.word(&b, words, number)?;
                    self.store(&b, word, place, WORD_ALIGN, Region::Words)?;
                }
                words
            }
        };
        let status = self.call_host(&b, host, frame, words)?;
        let gas = self.load(&b, types.i64.into(), gas_field, WORD_ALIGN, Region::Gas)?;
        let mut values = vec![status.into(), gas];
        for number in 0..results.len() - 2 {
            let place = self.word(&b, words, number)?;
            values.push(self.load(&b, types.i256.into(), place, WORD_ALIGN, Region::Words)?);
        }
        b.build_aggregate_return(&values)?;
        Ok(function)
    }

    /// Takes the frame, the gas and the end in bytes that VM memory is to hold; gives a status. The gas left
    /// stands in the frame then. It saves all registers, so that the code around a check is not disturbed.
    pub fn grow_function(&mut self) -> Done<FunctionValue<'c>> {
        let host = HostFn::MemoryGrow;
        if let Some(function) = self.grow {
            return Ok(function);
        }
        let types = self.types;
        let params = [types.pointer.into(), types.i64.into(), types.i64.into()];
        let ty = types.i32.fn_type(&params, false);
        let (function, b) = self.start("evmc.grow", ty, convention::PRESERVE_MOST);
        self.grow = Some(function);
        self.attributes.mark_outlined(function, true);
        let frame = frame_of(function);
        let field = self.offset(&b, frame, types.i64.const_int(Field::Gas.offset() as u64, false))?;
        let [gas, end] =
            [1, 2].map(|number| function.get_nth_param(number).unwrap_or(types.i64.const_zero().into()));
        self.store(&b, gas, field, WORD_ALIGN, Region::Gas)?;
        let words = room(self, &b, 32)?;
        let end = b.build_int_z_extend(end.into_int_value(), types.i256, "")?;
        self.store(&b, end.into(), words, WORD_ALIGN, Region::Words)?;
        let status = self.call_host(&b, host, frame, words)?;
        b.build_return(Some(&status))?;
        Ok(function)
    }

    /// A function for a host function, and a builder in its first block.
    fn outline(
        &mut self,
        host: HostFn,
        ty: FunctionType<'c>,
        number: u32,
    ) -> (FunctionValue<'c>, Builder<'c>) {
        let (function, b) = self.start(&format!("evmc.{}", host.name()), ty, number);
        self.outlined.insert(host, function);
        (function, b)
    }

    /// A new function, and a builder in its first block.
    pub fn start(&self, name: &str, ty: FunctionType<'c>, number: u32) -> (FunctionValue<'c>, Builder<'c>) {
        let function = self.add_internal(name, ty, number);
        let b = self.context.create_builder();
        b.position_at_end(self.context.append_basic_block(function, ""));
        (function, b)
    }
}

/// The frame, a function's first parameter.
pub(crate) fn frame_of<'c>(function: FunctionValue<'c>) -> PointerValue<'c> {
    function.get_first_param().expect("every function takes the frame").into_pointer_value()
}
