//! What there is to know of a module before its copy is written.

use wasm_encoder::reencode::Error;
use wasmparser::{
    FuncToValidate, FunctionBody, Operator, Parser, Payload, ValType, Validator, ValidatorResources,
};

/// What there is to know of a function before it is written.
#[derive(Clone, Debug)]
pub(super) struct Body {
    /// Its type.
    pub(super) ty: u32,
    /// Number of its parameters.
    pub(super) params: u32,
    /// Number of its locals, parameters included.
    pub(super) locals: u32,
    /// Logical depth that it charges.
    pub(super) depth: u64,
}

/// What there is to know of a module.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// Functions of the module's own.
    pub(super) bodies: Vec<Body>,
    /// Number of globals.
    pub(super) globals: u32,
}

impl Facts {
    pub(super) fn of(wasm: &[u8]) -> Result<Self, Error> {
        let mut facts = Self::default();
        let mut validator = Validator::new_with_features(wasmparser::WasmFeatures::all());
        let mut params = Vec::new();
        let mut types = Vec::new();
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            match &payload {
                Payload::TypeSection(section) => {
                    for ty in section.clone().into_iter_err_on_gc_types() {
                        params.push(ty?.params().len() as u32);
                    }
                }
                Payload::FunctionSection(section) => {
                    types = section.clone().into_iter().collect::<Result<Vec<u32>, _>>()?;
                }
                Payload::GlobalSection(section) => facts.globals = section.count(),
                _ => {}
            }
            if let wasmparser::ValidPayload::Func(function, body) = validator.payload(&payload)? {
                let ty = types[facts.bodies.len()];
                facts.bodies.push(Body::of(function, &body, ty, params[ty as usize])?);
            }
        }
        Ok(facts)
    }
}

impl Body {
    fn of(
        function: FuncToValidate<ValidatorResources>,
        body: &FunctionBody<'_>,
        ty: u32,
        params: u32,
    ) -> Result<Self, Error> {
        let mut validator = function.into_validator(Default::default());
        let mut reader = body.get_binary_reader();
        validator.read_locals(&mut reader)?;
        let locals = validator.len_locals();
        let types = (0..locals).map(|local| validator.get_local_type(local));
        let mut depth = CALL_UNITS + types.map(units).sum::<u64>();
        let fixed = depth;
        let mut operators = wasmparser::OperatorsReader::new(reader);
        let mut reach = Reach::default();
        while !operators.eof() {
            let (operator, offset) = operators.read_with_offset()?;
            validator.op(offset, &operator)?;
            if reach.step(&operator)? {
                let height = validator.operand_stack_height();
                let types = (0..height as usize).map(|at| validator.get_operand_type(at).flatten());
                depth = depth.max(fixed + types.map(units).sum::<u64>());
            }
        }
        Ok(Self { ty, params, locals, depth })
    }
}

/// Units of logical depth that every call uses.
const CALL_UNITS: u64 = 4;

/// Units of a local or operand.
fn units(ty: Option<ValType>) -> u64 {
    if ty == Some(ValType::V128) { 2 } else { 1 }
}

/// Whether code can be reached, if every condition may hold and may not.
struct Reach {
    now: bool,
    /// What has not ended: whether it could be reached, whether it is a loop, whether its end is branched to, whether it is an
    /// `if` without `else` so far.
    open: Vec<Open>,
}

struct Open {
    reached: bool,
    is_loop: bool,
    is_left: bool,
    is_if: bool,
}

impl Default for Reach {
    fn default() -> Self {
        let body = Open { reached: true, is_loop: false, is_left: false, is_if: false };
        Self { now: true, open: vec![body] }
    }
}

impl Reach {
    /// Whether what follows the operator can be reached.
    fn step(&mut self, operator: &Operator<'_>) -> Result<bool, Error> {
        use Operator as Op;
        match operator {
            Op::Block { .. } => self.open(false, false),
            Op::Loop { .. } => self.open(true, false),
            Op::If { .. } => self.open(false, true),
            Op::Else => {
                if let Some(open) = self.open.last_mut() {
                    open.is_left |= self.now;
                    open.is_if = false;
                    self.now = open.reached;
                }
            }
            Op::End => {
                if let Some(open) = self.open.pop() {
                    self.now |= !open.is_loop && (open.is_left || (open.is_if && open.reached));
                }
            }
            Op::Br { relative_depth } => self.branch(*relative_depth, false),
            Op::BrIf { relative_depth } => self.branch(*relative_depth, true),
            Op::BrTable { targets } => {
                let was = self.now;
                for target in targets.targets() {
                    self.branch(target?, was);
                }
                self.branch(targets.default(), false);
            }
            Op::Return | Op::Unreachable | Op::ReturnCall { .. } | Op::ReturnCallIndirect { .. } => {
                self.now = false
            }
            _ => {}
        }
        Ok(self.now)
    }

    fn open(&mut self, is_loop: bool, is_if: bool) {
        self.open.push(Open { reached: self.now, is_loop, is_left: false, is_if });
    }

    fn branch(&mut self, depth: u32, goes_on: bool) {
        let target = self.open.len().checked_sub(1 + depth as usize);
        if let Some(open) = target.and_then(|target| self.open.get_mut(target)) {
            open.is_left |= self.now;
        }
        self.now &= goes_on;
    }
}
