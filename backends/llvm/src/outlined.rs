//! Functions that the backend adds to a module: what is long, or rarely run, stands once.

use evmc_abi::{Field, HostFn};
use inkwell::builder::Builder;
use inkwell::types::{BasicMetadataTypeEnum, FunctionType};
use inkwell::values::{FunctionValue, PointerValue};

use crate::alias::Region;
use crate::attributes::WORD_ALIGN;
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

    /// Takes the frame, the gas and the end in bytes that VM memory is to hold; gives a status. The gas left
    /// stands in the frame then. It saves all registers, so that the code around a check is not disturbed.
    pub fn grow_function(&mut self) -> Done<FunctionValue<'c>> {
        let host = HostFn::MemoryGrow;
        if let Some(&function) = self.outlined.get(&host) {
            return Ok(function);
        }
        let types = self.types;
        let params = [types.pointer.into(), types.i64.into(), types.i64.into()];
        let (function, b) = self.outline(host, types.i32.fn_type(&params, false), convention::PRESERVE_MOST);
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
        let function = self.add_internal(&format!("evmc.{}", host.name()), ty, number);
        self.outlined.insert(host, function);
        let b = self.context.create_builder();
        b.position_at_end(self.context.append_basic_block(function, ""));
        (function, b)
    }
}

/// The frame, a function's first parameter.
fn frame_of<'c>(function: FunctionValue<'c>) -> PointerValue<'c> {
    function.get_first_param().expect("every function takes the frame").into_pointer_value()
}
