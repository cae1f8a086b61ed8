//! Vectors.

use evmc_ir::Type;
use wasmparser::Operator;

use super::{Lowering, WasmError, operator};

impl Lowering<'_, '_> {
    /// Lowers an operator on vectors.
    ///
    /// # Errors
    /// It is not supported.
    pub(super) fn simd(&mut self, operator: &Operator<'_>) -> Result<(), WasmError> {
        match operator {
            Operator::V128Const { value } => self.constant(Type::V128, u128::from_le_bytes(*value.bytes())),
            _ => {
                let what = operator::name(operator).to_owned();
                return Err(WasmError::Unsupported { offset: self.source.into(), what });
            }
        }
        Ok(())
    }
}
