//! The rules of metering, written into a module as WebAssembly.
//!
//! A second reading of the rules, which shares with the compiler only the table of costs. Each function becomes two: under its
//! own index one that charges its logical depth, calls the other, and gives the depth back; and, behind all others,
//! its body, in which every block begins by paying for itself. So the copy pays ahead what compiled code pays
//! late: of calls that end normally both come to the same; where the copy runs out of gas, compiled code ends too, if
//! maybe by a trap on its way to the next check.

mod facts;

use evmc_compiler::frontend::wasm::CostTable;
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, ExportKind, ExportSection, Function, FunctionSection, GlobalSection,
    GlobalType, Instruction, Module, ValType,
};
use wasmparser::{
    CodeSectionReader, ExportSectionReader, FunctionBody, FunctionSectionReader, GlobalSectionReader,
    Operator, Parser,
};

use facts::Facts;

/// What the counters are when the module is instantiated.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// Gas.
    pub gas: u64,
    /// Logical depth.
    pub depth: u64,
}

/// Exported name of the gas counter.
pub const GAS: &str = "evmc:gas";
/// Exported name of the logical depth that is left.
pub const DEPTH: &str = "evmc:depth";
/// Exported name of the reason of the last trap that is not the module's own: 1 for gas, 2 for depth.
pub const REASON: &str = "evmc:reason";

/// The metered copy of a module that imports nothing; `None` for one without functions or globals, which would need
/// sections that it lacks.
///
/// # Errors
/// The module is not valid.
pub fn metered(wasm: &[u8], costs: &CostTable, start: Start) -> Result<Option<Vec<u8>>, Error> {
    let facts = Facts::of(wasm)?;
    if facts.bodies.is_empty() || facts.globals == 0 {
        return Ok(None);
    }
    let mut module = Module::new();
    let mut writer = Writer { facts: &facts, costs, start, next_body: 0 };
    writer.parse_core_module(&mut module, Parser::new(0), wasm)?;
    Ok(Some(module.finish()))
}

/// Whether an operator ends a basic block.
const fn ends_block(operator: &Operator<'_>) -> bool {
    use Operator as Op;
    matches!(
        operator,
        Op::Br { .. }
            | Op::BrIf { .. }
            | Op::BrTable { .. }
            | Op::If { .. }
            | Op::Else
            | Op::End
            | Op::Loop { .. }
            | Op::Return
            | Op::Call { .. }
            | Op::CallIndirect { .. }
            | Op::ReturnCall { .. }
            | Op::ReturnCallIndirect { .. }
    )
}

/// What an operator costs for its last operand.
struct Dynamic {
    /// What a unit is.
    unit: u16,
    /// Gas for each begun unit.
    each: u16,
    /// As what a larger operand counts.
    most: u32,
}

impl Dynamic {
    fn of(costs: &CostTable, operator: &Operator<'_>) -> Option<Self> {
        use Operator as Op;
        let costs = costs.dynamic();
        let (unit, each, most) = match operator {
            Op::MemoryGrow { .. } => (1, costs.page, 1 << 16),
            Op::MemoryFill { .. } | Op::MemoryCopy { .. } | Op::MemoryInit { .. } => {
                (costs.chunk_bytes, costs.chunk, u32::MAX)
            }
            Op::TableGrow { .. } | Op::TableFill { .. } | Op::TableCopy { .. } | Op::TableInit { .. } => {
                (1, costs.element, u32::MAX)
            }
            _ => return None,
        };
        Some(Self { unit, each, most })
    }
}

/// Writes the copy.
struct Writer<'a> {
    facts: &'a Facts,
    costs: &'a CostTable,
    start: Start,
    /// Number of the next body to be written.
    next_body: usize,
}

impl Writer<'_> {
    const fn gas(&self) -> u32 {
        self.facts.globals
    }

    const fn depth(&self) -> u32 {
        self.facts.globals + 1
    }

    const fn reason(&self) -> u32 {
        self.facts.globals + 2
    }

    /// Ends the program where a counter is below zero.
    fn check(&self, to: &mut Function, counter: u32, reason: i32) {
        for instruction in [
            Instruction::GlobalGet(counter),
            Instruction::I64Const(0),
            Instruction::I64LtS,
            Instruction::If(BlockType::Empty),
            Instruction::I32Const(reason),
            Instruction::GlobalSet(self.reason()),
            Instruction::Unreachable,
            Instruction::End,
        ] {
            to.instruction(&instruction);
        }
    }

    /// Adds an amount to a counter.
    fn add(to: &mut Function, counter: u32, amount: i64) {
        for instruction in [
            Instruction::GlobalGet(counter),
            Instruction::I64Const(amount),
            Instruction::I64Add,
            Instruction::GlobalSet(counter),
        ] {
            to.instruction(&instruction);
        }
    }

    /// Pays for the last operand.
    fn pay_for_length(&self, to: &mut Function, scratch: u32, Dynamic { unit, each, most }: Dynamic) {
        for instruction in [
            Instruction::LocalTee(scratch),
            Instruction::GlobalGet(self.gas()),
            Instruction::LocalGet(scratch),
            Instruction::I64ExtendI32U,
            Instruction::I64Const(most.into()),
            Instruction::LocalGet(scratch),
            Instruction::I64ExtendI32U,
            Instruction::I64Const(most.into()),
            Instruction::I64LtU,
            Instruction::Select,
            Instruction::I64Const(i64::from(unit) - 1),
            Instruction::I64Add,
            Instruction::I64Const(unit.into()),
            Instruction::I64DivU,
            Instruction::I64Const(each.into()),
            Instruction::I64Mul,
            Instruction::I64Sub,
            Instruction::GlobalSet(self.gas()),
        ] {
            to.instruction(&instruction);
        }
        self.check(to, self.gas(), 1);
    }

    /// The function that charges the depth of another.
    fn wrapper(&self, number: usize) -> Function {
        let body = &self.facts.bodies[number];
        let saved = body.params;
        let mut to = Function::new([(1, ValType::I64)]);
        to.instruction(&Instruction::GlobalGet(self.depth()));
        to.instruction(&Instruction::LocalSet(saved));
        Self::add(&mut to, self.depth(), -(body.depth as i64));
        self.check(&mut to, self.depth(), 2);
        for param in 0..body.params {
            to.instruction(&Instruction::LocalGet(param));
        }
        to.instruction(&Instruction::Call((self.facts.bodies.len() + number) as u32));
        to.instruction(&Instruction::LocalGet(saved));
        to.instruction(&Instruction::GlobalSet(self.depth()));
        to.instruction(&Instruction::End);
        to
    }

    /// The body of a function, whose blocks pay for themselves.
    fn body(&mut self, from: &FunctionBody<'_>) -> Result<Function, Error> {
        let facts = &self.facts.bodies[self.next_body];
        self.next_body += 1;
        let mut locals = Vec::new();
        for pair in from.get_locals_reader()? {
            let (count, ty) = pair?;
            locals.push((count, self.val_type(ty)?));
        }
        locals.push((1, ValType::I32));
        let scratch = facts.locals;
        let mut to = Function::new(locals);
        let operators: Vec<Operator<'_>> =
            from.get_operators_reader()?.into_iter().collect::<Result<_, _>>()?;
        let mut begins = true;
        for (at, operator) in operators.iter().enumerate() {
            if begins {
                let end =
                    operators[at..].iter().position(ends_block).map_or(operators.len(), |end| at + end + 1);
                let block = operators[at..end].iter().map(|operator| self.costs.operator(operator));
                let cost = self.costs.block() + block.sum::<u64>();
                Self::add(&mut to, self.gas(), -(cost as i64));
                self.check(&mut to, self.gas(), 1);
            }
            begins = ends_block(operator) && at + 1 < operators.len();
            if matches!(operator, Operator::ReturnCall { .. } | Operator::ReturnCallIndirect { .. }) {
                Self::add(&mut to, self.depth(), facts.depth as i64);
            }
            if let Some(cost) = Dynamic::of(self.costs, operator) {
                self.pay_for_length(&mut to, scratch, cost);
            }
            to.instruction(&self.instruction(operator.clone())?);
        }
        Ok(to)
    }
}

impl Reencode for Writer<'_> {
    type Error = std::convert::Infallible;

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_function_section(self, functions, section)?;
        for body in &self.facts.bodies {
            functions.function(body.ty);
        }
        Ok(())
    }

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: GlobalSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_global_section(self, globals, section)?;
        let Start { gas, depth } = self.start;
        for (val_type, init) in [
            (ValType::I64, ConstExpr::i64_const(gas as i64)),
            (ValType::I64, ConstExpr::i64_const(depth as i64)),
            (ValType::I32, ConstExpr::i32_const(0)),
        ] {
            globals.global(GlobalType { val_type, mutable: true, shared: false }, &init);
        }
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: ExportSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_export_section(self, exports, section)?;
        for (name, global) in [(GAS, self.gas()), (DEPTH, self.depth()), (REASON, self.reason())] {
            exports.export(name, ExportKind::Global, global);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), Error> {
        for number in 0..self.facts.bodies.len() {
            code.function(&self.wrapper(number));
        }
        for body in section {
            code.function(&self.body(&body?)?);
        }
        Ok(())
    }
}
