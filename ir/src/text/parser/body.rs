//! Functions: blocks and instructions.

use cranelift_entity::{EntityRef, PrimaryMap};
use evmc_abi::{ExitCode, Field, HostFn, RuntimeFn};
use ruint::aliases::U256;
use smallvec::SmallVec;

use crate::entities::{Block, Value};
use crate::eval;
use crate::function::{
    BlockCall, BlockData, Function, Imm, InstData, SwitchTable, ValueData, ValueDef, Values,
};
use crate::opcode::{ImmKind, Opcode, Slot, TypeSet};
use crate::shape::LaneShape;
use crate::text::lexer::{Kind, Token};
use crate::types::Type;

use super::{Lines, Parser, Result, magnitude};

/// A function while it is parsed: numbers may be used before they are defined.
#[derive(Default)]
struct Body {
    function: Function,
    lines: Lines,
    values: Vec<Option<ValueData>>,
    blocks: Vec<Option<BlockData>>,
    /// Uses of what was not defined yet, to be looked at once all is known.
    early_values: Vec<(Value, Token)>,
    early_blocks: Vec<(Block, Token)>,
    current: Option<Block>,
}

/// Makes room for the number `index` and says how many numbers were left out.
fn reach<T>(items: &mut Vec<Option<T>>, index: usize, gaps: usize) -> Option<usize> {
    let left_out = index.saturating_sub(items.len());
    if left_out > gaps {
        return None;
    }
    if items.len() <= index {
        items.resize_with(index + 1, || None);
    }
    Some(left_out)
}

impl Parser<'_> {
    /// A function, from `function` to `}`.
    pub(super) fn function(&mut self) -> Result<()> {
        self.expect("function")?;
        let head = self.function_head()?;
        let function = Function::new(&head.text[1..], &head.results);
        let mut body = Body { function, ..Body::default() };
        body.lines.head = head.name.line;
        self.end_of_line()?;
        while !self.accept("}") {
            if self.entity("block").is_some() {
                self.block_head(&mut body)?;
            } else {
                self.inst(&mut body)?;
            }
            self.end_of_line()?;
        }
        let closing = self.tokens[self.at - 1];
        self.end_of_line()?;
        let lines = std::mem::take(&mut body.lines);
        let function = self.finish(body)?;
        if !function.param_types().eq(head.params.iter().copied()) {
            let message = format!("{} and its first block differ in parameters", head.text);
            return self.error(if function.layout.is_empty() { closing } else { head.name }, message);
        }
        self.module.functions.push(function);
        self.lines.functions.push(lines);
        Ok(())
    }

    /// Checks that all that was used is defined, and fills the gaps between numbers.
    fn finish(&self, body: Body) -> Result<Function> {
        let Body { mut function, values, blocks, early_values, early_blocks, .. } = body;
        for (value, token) in early_values {
            if !matches!(values.get(value.index()), Some(Some(_))) {
                return self.error(token, format!("{value} is not defined"));
            }
        }
        for (block, token) in early_blocks {
            if !matches!(blocks.get(block.index()), Some(Some(_))) {
                return self.error(token, format!("{block} is not defined"));
            }
        }
        function.blocks = blocks.into_iter().map(Option::unwrap_or_default).collect();
        if values.iter().all(Option::is_some) {
            function.values = values.into_iter().flatten().collect();
            return Ok(function);
        }
        // Numbers left out belong to results of an instruction that stands nowhere.
        let ghost = function.insts.push(InstData {
            opcode: Opcode::Unreachable,
            ty: None,
            args: Values::new(),
            imm: Imm::None,
            results: SmallVec::new(),
        });
        let mut filled = PrimaryMap::new();
        for (number, value) in values.into_iter().enumerate() {
            let def = ValueDef::Result(ghost, number as u32);
            filled.push(value.unwrap_or(ValueData { ty: Type::I1, def }));
        }
        function.values = filled;
        Ok(function)
    }

    /// `block1(v2: i256) cold:`.
    fn block_head(&mut self, body: &mut Body) -> Result<()> {
        let token = self.peek();
        let number = self.entity("block").unwrap_or_default();
        let Some(left_out) = reach(&mut body.blocks, number, self.gaps) else {
            return self.expected("a smaller block number");
        };
        self.next();
        self.gaps -= left_out;
        let block = Block::new(number);
        if body.blocks[number].is_some() {
            return self.error(token, format!("{block} is defined twice"));
        }
        let mut data = BlockData::default();
        if self.accept("(") {
            loop {
                let name = self.peek();
                let value = self.value("a parameter")?;
                self.expect(":")?;
                let ty = self.ty()?;
                let def = ValueDef::Param(block, data.params.len() as u32);
                self.define(body, name, value, ValueData { ty, def })?;
                data.params.push(value);
                if !self.accept(",") {
                    break;
                }
            }
            self.expect(")")?;
        }
        data.cold = self.accept("cold");
        self.expect(":")?;
        body.blocks[number] = Some(data);
        body.function.layout.push(block);
        body.lines.blocks[block] = token.line;
        body.current = Some(block);
        Ok(())
    }

    fn value(&mut self, what: &str) -> Result<Value> {
        match self.entity("v") {
            Some(number) => {
                self.next();
                Ok(Value::new(number))
            }
            None => self.expected(what),
        }
    }

    fn define(&mut self, body: &mut Body, token: Token, value: Value, data: ValueData) -> Result<()> {
        let Some(left_out) = reach(&mut body.values, value.index(), self.gaps) else {
            return self.error(token, "expected a smaller value number");
        };
        self.gaps -= left_out;
        let place = &mut body.values[value.index()];
        if place.is_some() {
            return self.error(token, format!("{value} is defined twice"));
        }
        *place = Some(data);
        Ok(())
    }

    /// A value that is used.
    fn operand(&mut self, body: &mut Body) -> Result<Value> {
        let token = self.peek();
        let value = self.value("a value")?;
        if !matches!(body.values.get(value.index()), Some(Some(_))) {
            body.early_values.push((value, token));
        }
        Ok(value)
    }

    /// `v1, v2 = mnemonic.type operands, immediate`.
    fn inst(&mut self, body: &mut Body) -> Result<()> {
        let Some(block) = body.current else { return self.expected("a block") };
        let line = self.peek().line;
        let mut results: SmallVec<[(Token, Value); 2]> = SmallVec::new();
        while self.entity("v").is_some() {
            results.push((self.peek(), self.value("a result")?));
            if !self.accept(",") {
                self.expect("=")?;
                break;
            }
        }
        let token = self.peek();
        let (opcode, ty, outside) = self.mnemonic()?;
        let (args, imm) = match (opcode, outside) {
            (Opcode::Call | Opcode::RetCall, _) => {
                let func = self.func()?;
                (self.arguments(body)?, Imm::Function(func))
            }
            (_, Some(outside)) => (self.operands(body, false)?, outside),
            _ => {
                let args = self.operands(body, opcode.row().imm != ImmKind::None)?;
                (args, self.immediate(body, opcode, ty)?)
            }
        };
        let types = self.result_types(opcode, ty, &imm);
        if types.len() != results.len() {
            return self.error(token, format!("expected {} results", types.len()));
        }
        let values = results.iter().map(|&(_, value)| value).collect();
        let inst = body.function.insts.push(InstData { opcode, ty, args, imm, results: values });
        if self.same_line() && self.accept("@") {
            body.function.sources[inst] = self.number("an offset")?;
        }
        for (number, (&(token, value), ty)) in results.iter().zip(types).enumerate() {
            let def = ValueDef::Result(inst, number as u32);
            self.define(body, token, value, ValueData { ty, def })?;
        }
        if let Some(data) = &mut body.blocks[block.index()] {
            data.insts.push(inst);
        }
        body.lines.insts[inst] = line;
        Ok(())
    }

    /// An operation with its controlling type, or with the function outside the module that it calls.
    fn mnemonic(&mut self) -> Result<(Opcode, Option<Type>, Option<Imm>)> {
        let word = self.str(self.peek());
        if let Some(name) = word.strip_prefix("runtime.") {
            let Some(function) = RuntimeFn::from_name(name) else {
                return self.expected("a function of the runtime");
            };
            self.next();
            return Ok((Opcode::Runtime, None, Some(Imm::Runtime(function))));
        }
        if let Some(name) = word.strip_prefix("host.") {
            let Some(host) = HostFn::from_name(name) else {
                return self.expected("a host function");
            };
            self.next();
            return Ok((Opcode::Host, None, Some(Imm::Host(host))));
        }
        let split = word.rsplit_once('.');
        let typed = split.and_then(|(name, ty)| Some((name, Some(Type::from_name(ty)?))));
        let (name, ty) = typed.unwrap_or((word, None));
        match Opcode::from_name(name) {
            Some(opcode) if ty.is_none() && opcode.row().types != TypeSet::No => {
                self.expected("a type behind the operation")
            }
            Some(Opcode::Host | Opcode::Runtime) | None => self.expected("an operation"),
            Some(opcode) => {
                self.next();
                Ok((opcode, ty, None))
            }
        }
    }

    /// Values up to the end of the line, or up to the immediate and the comma before it.
    fn operands(&mut self, body: &mut Body, immediate: bool) -> Result<Values> {
        let mut args = Values::new();
        let mut comma = false;
        while self.same_line() && self.entity("v").is_some() {
            args.push(self.operand(body)?);
            comma = self.accept(",");
            if !comma {
                break;
            }
        }
        match (immediate, comma) {
            (true, false) if !args.is_empty() => self.expected("`,`"),
            (false, true) => self.expected("a value"),
            _ => Ok(args),
        }
    }

    /// `(v1, v2)`.
    fn arguments(&mut self, body: &mut Body) -> Result<Values> {
        let mut args = Values::new();
        self.expect("(")?;
        if self.accept(")") {
            return Ok(args);
        }
        loop {
            args.push(self.operand(body)?);
            if !self.accept(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok(args)
    }

    fn immediate(&mut self, body: &mut Body, opcode: Opcode, ty: Option<Type>) -> Result<Imm> {
        Ok(match opcode.row().imm {
            ImmKind::None | ImmKind::Host | ImmKind::Runtime | ImmKind::Function => Imm::None,
            ImmKind::Amount => Imm::Amount(self.number("an amount of gas")?),
            ImmKind::Linear => {
                let memory = self.number("a memory")?;
                self.expect(",")?;
                Imm::Linear { memory, offset: self.number("a displacement in bytes")? }
            }
            ImmKind::Index => Imm::Index(self.number("a number")?),
            ImmKind::Element => {
                let table = self.number("a table")?;
                self.expect(",")?;
                Imm::Element { table, signature: self.signature()? }
            }
            ImmKind::Signature => Imm::Signature(self.signature()?),
            ImmKind::Constant => {
                let bits = self.constant(ty)?;
                Imm::Constant(body.function.constants.push(bits))
            }
            ImmKind::Charge => {
                let gas = self.number("an amount of gas")?;
                self.expect(",")?;
                Imm::Charge { gas, stretch: self.stretch()? }
            }
            ImmKind::Exit => Imm::Exit(self.named("an exit code", ExitCode::from_name)?),
            ImmKind::Field => Imm::Field(self.named("a field of the frame", Field::from_name)?),
            ImmKind::Shape(_) => Imm::Shape(self.named("a lane shape", LaneShape::from_name)?),
            ImmKind::Lane => Imm::Lane(self.number("a lane")?),
            ImmKind::Shuffle => Imm::Shuffle(self.shuffle()?),
            ImmKind::Offset => Imm::Offset(self.offset()?),
            ImmKind::Stretch => Imm::Stretch(self.stretch()?),
            ImmKind::Jump => Imm::Jump(self.target(body)?),
            ImmKind::Branch => {
                let yes = self.target(body)?;
                self.expect(",")?;
                Imm::Branch(Box::new([yes, self.target(body)?]))
            }
            ImmKind::Switch => Imm::Switch(Box::new(self.table(body, ty)?)),
        })
    }

    /// A word that `find` knows.
    fn named<T>(&mut self, what: &str, find: impl Fn(&str) -> Option<T>) -> Result<T> {
        match find(self.str(self.peek())) {
            Some(item) => {
                self.next();
                Ok(item)
            }
            None => self.expected(what),
        }
    }

    /// A constant; a negative one is taken at the width of its type.
    fn constant(&mut self, ty: Option<Type>) -> Result<U256> {
        let text = self.str(self.peek());
        let Some(digits) = text.strip_prefix('-') else { return self.number("a constant") };
        let ty = ty.unwrap_or(Type::I256);
        let least = U256::ONE << (ty.bits() as usize - 1);
        match magnitude(digits).filter(|&magnitude| magnitude <= least) {
            Some(magnitude) => {
                self.next();
                Ok(eval::truncate(ty, magnitude.wrapping_neg()))
            }
            None => self.expected("a constant of the type"),
        }
    }

    /// `0, 17, 2, 19, …`: sixteen numbers of bytes.
    fn shuffle(&mut self) -> Result<[u8; 16]> {
        let mut bytes = [0; 16];
        for (number, byte) in bytes.iter_mut().enumerate() {
            if number > 0 {
                self.expect(",")?;
            }
            *byte = self.number("the number of a byte")?;
        }
        Ok(bytes)
    }

    fn offset(&mut self) -> Result<i32> {
        match self.str(self.peek()).parse() {
            Ok(offset) => {
                self.next();
                Ok(offset)
            }
            Err(_) => self.expected("a displacement in items"),
        }
    }

    /// `block1(v2, v3)`.
    fn target(&mut self, body: &mut Body) -> Result<BlockCall> {
        let token = self.peek();
        let Some(number) = self.entity("block") else { return self.expected("a block") };
        self.next();
        let block = Block::new(number);
        if !matches!(body.blocks.get(number), Some(Some(_))) {
            body.early_blocks.push((block, token));
        }
        let has_arguments = self.same_line() && self.str(self.peek()) == "(";
        let args = if has_arguments { self.arguments(body)? } else { Values::new() };
        Ok(BlockCall { block, args })
    }

    /// `1: block1, 2: block2(v3), default: block4`.
    fn table(&mut self, body: &mut Body, ty: Option<Type>) -> Result<SwitchTable> {
        let mut cases = Vec::new();
        while !self.accept("default") {
            if self.peek().kind != Kind::Number {
                return self.expected("a case or `default`");
            }
            let bits = self.constant(ty)?;
            self.expect(":")?;
            cases.push((bits, self.target(body)?));
            self.expect(",")?;
        }
        self.expect(":")?;
        Ok(SwitchTable { cases, default: self.target(body)? })
    }

    /// Types of the results, as row, host function or callee say.
    fn result_types(&self, opcode: Opcode, ty: Option<Type>, imm: &Imm) -> SmallVec<[Type; 2]> {
        match *imm {
            Imm::Host(host) => SmallVec::from_elem(Type::I256, host.results()),
            Imm::Runtime(function) => SmallVec::from_elem(Type::I64, function.results()),
            _ if opcode.is_terminator() => SmallVec::new(),
            Imm::Signature(signature) => SmallVec::from_slice(&self.module.signatures[signature].results),
            Imm::Function(func) => SmallVec::from_slice(&self.results[func]),
            _ => {
                let types = opcode.row().results.iter().map(|slot| match slot {
                    Slot::Is(ty) => *ty,
                    _ => ty.unwrap_or(Type::I256),
                });
                types.collect()
            }
        }
    }
}
