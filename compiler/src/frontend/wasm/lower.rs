//! Bodies to IR.
//!
//! A function takes the logical depth that is left and its parameters. The driver ([`function`]) decodes operators one by one;
//! what happens with each of them alike (gas, code that cannot be reached) happens there. The
//! operators are in files by family: [`control`], [`calls`], [`numeric`], [`float`], [`memory`], [`table`], [`simd`].
//!
//! The operand stack holds values of the IR and exists at compile time only. Where edges meet, operands are block
//! parameters; locals are the business of [`super::locals`].

mod calls;
mod control;
mod depth;
mod environment;
mod float;
mod gas;
mod memory;
mod numeric;
mod simd;
mod table;
mod wide;

use evmc_ir::{Builder, Func, Function, Type, Value};
use ruint::aliases::U256;
use wasmparser::Operator;

use self::control::Frame;
use self::depth::Depth;
pub(super) use self::environment::Environment;
use self::gas::Gas;
use super::decode::Body;
use super::locals::{Locals, Place};
use super::survey::Survey;
use super::{WasmError, operator, types, work};

/// Work that the limit is told of at once.
const WORK_AT_ONCE: u64 = 1 << 14;

/// Lowers the body of a function of the module's own. The function has no name yet.
///
/// # Errors
/// The IR of the module is larger than its limit.
pub(super) fn function(
    environment: &Environment<'_>,
    func: Func,
    body: &Body<'_>,
    survey: &Survey,
) -> Result<Function, WasmError> {
    let (params, results) = environment.own(func);
    let mut function = Function::new("", results);
    let mut b = Builder::new(&mut function);
    let entry = b.create_block();
    b.switch_to(entry);
    let depth = b.add_param(entry, Type::I64);
    let params: Vec<_> = params.iter().map(|&ty| b.add_param(entry, ty)).collect();
    let locals = Locals::new(survey, b.func, &params);
    let mut lowering = Lowering {
        environment,
        b,
        survey,
        locals,
        stack: Vec::new(),
        frames: vec![Frame::body(results)],
        blocks: 0,
        place: Place::default(),
        source: body.code.range().start as u32,
        unreachable: None,
        gas: Gas::default(),
        depth: Depth::new(depth),
        arguments: 0,
        weighed: (0, 0),
        untold: work::FUNCTION,
    };
    lowering.body(body)?;
    Ok(function)
}

/// The state between two operators.
struct Lowering<'m, 'f> {
    environment: &'m Environment<'m>,
    b: Builder<'f>,
    survey: &'m Survey,
    locals: Locals<'m>,
    /// The operands.
    stack: Vec<Value>,
    /// What has not ended yet, the body itself first.
    frames: Vec<Frame<'m>>,
    /// Number of blocks that started.
    blocks: usize,
    /// Where we are.
    place: Place,
    /// The same as an offset in the module, in bytes.
    source: u32,
    /// In code that cannot be reached: blocks that started there.
    unreachable: Option<u32>,
    gas: Gas,
    depth: Depth,
    /// Arguments of instructions and branches that are not weighed yet.
    arguments: u64,
    /// Instructions and blocks that are.
    weighed: (usize, usize),
    /// Work that the limit was not told of.
    untold: u64,
}

impl Lowering<'_, '_> {
    fn body(&mut self, body: &Body<'_>) -> Result<(), WasmError> {
        let mut locals = body.code.get_locals_reader()?;
        for _ in 0..locals.get_count() {
            let (count, ty) = locals.read()?;
            self.locals.declare(count, types::ir(types::value(ty)));
        }
        self.enter();
        for item in body.code.get_operators_reader()?.into_iter_with_offsets() {
            let (operator, offset) = item?;
            self.source = offset as u32;
            match self.unreachable {
                None => self.operator(&operator)?,
                Some(depth) => self.skip(depth, &operator),
            }
            self.place.position += 1;
            self.report(false)?;
        }
        self.leave();
        self.report(true)
    }

    /// Lowers an operator that can be reached.
    fn operator(&mut self, operator: &Operator<'_>) -> Result<(), WasmError> {
        self.charge(operator);
        if let Some(row) = numeric::row(operator) {
            self.numeric(row);
            return Ok(());
        }
        if let Some(row) = memory::row(operator) {
            self.access(row);
            return Ok(());
        }
        if operator::is_simd(operator) {
            return self.simd(operator);
        }
        let known = self.control(operator) || self.variable(operator) || self.instance(operator);
        if known {
            return Ok(());
        }
        let what = operator::name(operator).to_owned();
        Err(WasmError::Unsupported { offset: self.source.into(), what })
    }

    /// Constants, locals, globals and operands as such; gives whether it is one of these.
    fn variable(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::Nop => {}
            Operator::Drop => {
                self.pop();
            }
            Operator::Select | Operator::TypedSelect { .. } => self.select(),
            Operator::LocalGet { local_index } => {
                let value = self.locals.get(self.b.func, local_index, self.place);
                self.push(value);
            }
            Operator::LocalSet { local_index } => {
                let value = self.pop();
                self.locals.set(local_index, self.place, value);
            }
            Operator::LocalTee { local_index } => {
                let value = self.top();
                self.locals.set(local_index, self.place, value);
            }
            Operator::GlobalGet { global_index } => self.global_get(global_index),
            Operator::GlobalSet { global_index } => self.global_set(global_index),
            Operator::I32Const { value } => self.constant(Type::I32, (value as u32).into()),
            Operator::I64Const { value } => self.constant(Type::I64, (value as u64).into()),
            Operator::F32Const { value } => self.constant(Type::F32, value.bits().into()),
            Operator::F64Const { value } => self.constant(Type::F64, value.bits().into()),
            _ => return false,
        }
        true
    }

    /// Calls, and what belongs to the instance; gives whether it is one of these.
    fn instance(&mut self, operator: &Operator<'_>) -> bool {
        self.call(operator) || self.reference(operator) || self.bulk(operator)
    }

    fn push(&mut self, value: Value) {
        self.depth.push(self.b.func.ty(value));
        self.stack.push(value);
    }

    /// The last operand. Validation has shown that it is there.
    fn pop(&mut self) -> Value {
        let value = self.stack.pop().expect("a valid body has operands");
        self.depth.pop(self.b.func.ty(value));
        value
    }

    /// The last two operands, in order.
    fn pop_pair(&mut self) -> (Value, Value) {
        let second = self.pop();
        (self.pop(), second)
    }

    /// The last operands, in order.
    fn pop_many(&mut self, count: usize) -> Vec<Value> {
        let values = self.top_many(count);
        self.truncate(self.stack.len() - count);
        values
    }

    fn top(&self) -> Value {
        *self.stack.last().expect("a valid body has operands")
    }

    /// The last operands, in order; they stay.
    fn top_many(&mut self, count: usize) -> Vec<Value> {
        self.arguments += count as u64;
        self.stack[self.stack.len() - count..].to_vec()
    }

    /// Drops operands until so many are left.
    fn truncate(&mut self, height: usize) {
        while self.stack.len() > height {
            self.pop();
        }
    }

    fn constant(&mut self, ty: Type, bits: u128) {
        let value = self.b.constant(ty, U256::from(bits));
        self.push(value);
    }

    /// A number of 64 bits.
    fn number(&mut self, number: u64) -> Value {
        self.b.small(Type::I64, number)
    }

    /// An operand of 32 bits as an unsigned number of 64.
    fn pop_index(&mut self) -> Value {
        let value = self.pop();
        self.b.convert(evmc_ir::Opcode::Zext, Type::I64, value)
    }

    /// Notes that the last instruction can trap.
    fn trap_site(&mut self) {
        self.b.source(self.source);
    }

    fn select(&mut self) {
        let condition = self.pop_condition();
        let (yes, no) = self.pop_pair();
        let value = self.b.select(condition, yes, no);
        self.push(value);
    }

    fn global_get(&mut self, global: u32) {
        let ty = self.environment.global(global);
        let value = self.b.indexed(evmc_ir::Opcode::GlobalGet, Some(ty), global, &[]);
        self.push_result(value);
    }

    fn global_set(&mut self, global: u32) {
        let value = self.pop();
        let ty = self.b.func.ty(value);
        self.b.indexed(evmc_ir::Opcode::GlobalSet, Some(ty), global, &[value]);
    }

    fn push_result(&mut self, value: Option<Value>) {
        if let Some(value) = value {
            self.push(value);
        }
    }

    /// Tells the limit what the IR has grown by.
    fn report(&mut self, is_last: bool) -> Result<(), WasmError> {
        let arguments = std::mem::take(&mut self.arguments) + self.locals.take_arguments();
        let (insts, blocks) = self.weighed;
        self.weighed = (self.b.func.insts.len(), self.b.func.blocks.len());
        let added = self.b.func.insts.values().as_slice()[insts..].iter().map(work::instruction);
        self.untold += added.sum::<u64>() + work::ARGUMENT * arguments;
        self.untold += work::BLOCK * (self.weighed.1 - blocks) as u64;
        if self.untold < WORK_AT_ONCE && !is_last {
            return Ok(());
        }
        self.environment.spend(std::mem::take(&mut self.untold))
    }
}
