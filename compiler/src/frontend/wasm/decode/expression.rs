//! Constant expressions, and which functions they and exports refer to.

use evmc_wasm_module::{ConstOp, ValType};
use wasmparser::{ConstExpr, Operator};

use super::WasmError;
use crate::frontend::wasm::{operator, types, work};

/// Reads expressions, and keeps what they refer to.
pub(super) struct Expressions {
    /// Most work for all expressions together.
    limit: u64,
    work: u64,
    functions: Vec<u32>,
}

impl Expressions {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, work: 0, functions: Vec::new() }
    }

    /// Notes that something refers to a function.
    pub(super) fn refers_to(&mut self, function: u32) {
        self.functions.push(function);
    }

    /// The functions of the module's own that something refers to, ascending, counted without the imported ones.
    pub(super) fn referenced(mut self, imported: u32) -> Vec<u32> {
        self.functions.sort_unstable();
        self.functions.dedup();
        self.functions.into_iter().filter_map(|function| function.checked_sub(imported)).collect()
    }

    /// The expression that is a reference to a function.
    pub(super) fn function(
        &mut self,
        function: u32,
        offset: usize,
    ) -> Result<evmc_wasm_module::ConstExpr, WasmError> {
        self.refers_to(function);
        self.step(offset)?;
        Ok(vec![ConstOp::RefFunc(function)])
    }

    /// Reads an expression.
    pub(super) fn read(
        &mut self,
        expression: &ConstExpr<'_>,
    ) -> Result<evmc_wasm_module::ConstExpr, WasmError> {
        let mut steps = Vec::new();
        for item in expression.get_operators_reader().into_iter_with_offsets() {
            let (operator, offset) = item?;
            if let Operator::End = operator {
                break;
            }
            self.step(offset)?;
            steps.push(self.operator(&operator, offset)?);
        }
        Ok(steps)
    }

    fn step(&mut self, offset: usize) -> Result<(), WasmError> {
        self.spend(work::STEP, offset)
    }

    /// Counts work for what is at an offset.
    ///
    /// # Errors
    /// It is more than the limit.
    pub(super) fn spend(&mut self, work: u64, offset: usize) -> Result<(), WasmError> {
        self.work += work;
        if self.work > self.limit {
            return Err(WasmError::TooLarge { offset: offset as u64, what: work::WHAT, limit: self.limit });
        }
        Ok(())
    }

    /// The work that was counted.
    pub(super) const fn work(&self) -> u64 {
        self.work
    }

    fn operator(&mut self, operator: &Operator<'_>, offset: usize) -> Result<ConstOp, WasmError> {
        Ok(match *operator {
            Operator::I32Const { value } => ConstOp::Const(ValType::I32, (value as u32).into()),
            Operator::I64Const { value } => ConstOp::Const(ValType::I64, (value as u64).into()),
            Operator::F32Const { value } => ConstOp::Const(ValType::F32, value.bits().into()),
            Operator::F64Const { value } => ConstOp::Const(ValType::F64, value.bits().into()),
            Operator::V128Const { value } => {
                ConstOp::Const(ValType::V128, u128::from_le_bytes(*value.bytes()))
            }
            Operator::RefNull { hty } => {
                let ty = wasmparser::RefType::new(true, hty).map_or(ValType::FuncRef, types::reference);
                ConstOp::Const(ty, 0)
            }
            Operator::RefFunc { function_index } => {
                self.refers_to(function_index);
                ConstOp::RefFunc(function_index)
            }
            Operator::GlobalGet { global_index } => ConstOp::GlobalGet(global_index),
            Operator::I32Add => ConstOp::I32Add,
            Operator::I32Sub => ConstOp::I32Sub,
            Operator::I32Mul => ConstOp::I32Mul,
            Operator::I64Add => ConstOp::I64Add,
            Operator::I64Sub => ConstOp::I64Sub,
            Operator::I64Mul => ConstOp::I64Mul,
            _ => {
                let what = operator::name(operator).to_owned();
                return Err(WasmError::Unsupported { offset: offset as u64, what });
            }
        })
    }
}
