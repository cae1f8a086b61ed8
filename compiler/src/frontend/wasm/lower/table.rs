//! Tables and references. A reference is a number of 64 bits, 0 for null.

use evmc_abi::RuntimeFn;
use evmc_ir::{Opcode, Type, Value};
use wasmparser::Operator as Op;

use super::Lowering;
use super::environment::Callee;

impl Lowering<'_, '_> {
    /// Lowers an operator on references or elements of tables; gives whether it is one.
    pub(super) fn reference(&mut self, operator: &Op<'_>) -> bool {
        match *operator {
            Op::RefNull { .. } => self.constant(Type::I64, 0),
            Op::RefIsNull => self.ref_is_null(),
            Op::RefFunc { function_index } => self.ref_func(function_index),
            Op::TableGet { table } => {
                let index = self.pop_index();
                let element = self.b.indexed(Opcode::TableGet, None, table, &[index]);
                self.trap_site();
                self.push_result(element);
            }
            Op::TableSet { table } => {
                let reference = self.pop();
                let index = self.pop_index();
                self.b.indexed(Opcode::TableSet, None, table, &[index, reference]);
                self.trap_site();
            }
            Op::TableSize { table } => {
                let count = self.b.indexed(Opcode::TableSize, None, table, &[]);
                self.push_count(count);
            }
            Op::TableGrow { table } => self.table_grow(table),
            Op::TableFill { table } => self.table_fill(table),
            _ => return false,
        }
        true
    }

    fn ref_is_null(&mut self) {
        let reference = self.pop();
        let null = self.number(0);
        let is_null = self.b.binary(Opcode::Eq, reference, null);
        let flag = self.flag(is_null);
        self.push(flag);
    }

    fn ref_func(&mut self, function: u32) {
        let reference = match self.environment.callee(function).0 {
            Callee::Imported(index) => self.b.indexed(Opcode::FuncImported, None, index, &[]),
            Callee::Own(func) => {
                let number = self.environment.referenced(func);
                self.b.indexed(Opcode::FuncOwn, None, number, &[])
            }
        };
        self.push_result(reference);
    }

    fn table_grow(&mut self, table: u32) {
        let count = self.pop_index();
        let reference = self.pop();
        self.pay_elements(count);
        let table = self.number(table.into());
        let before = self.runtime(RuntimeFn::TableGrow, &[table, reference, count]);
        self.push_count(before);
    }

    fn table_fill(&mut self, table: u32) {
        let count = self.pop_index();
        let reference = self.pop();
        let index = self.pop_index();
        self.pay_elements(count);
        let table = self.number(table.into());
        self.runtime(RuntimeFn::TableFill, &[table, index, reference, count]);
    }

    /// Pays for elements of a table.
    pub(super) fn pay_elements(&mut self, count: Value) {
        self.pay_units(count, self.environment.costs.dynamic().element);
    }
}
