//! Validates a body, and notes what lowering wants to know before it comes there: where blocks end, which of
//! them anything branches to, and where locals are written.
//!
//! Positions are numbers of operators in the order of the text, from 0 on. Code that cannot be reached counts as well: what it
//! does to locals makes the notes say more than happens, which costs lowering a superfluous block parameter at most.

use evmc_wasm_module::FuncType;
use wasmparser::{BlockType, BrTable, FuncToValidate, FunctionBody, Operator, ValidatorResources};

use super::WasmError;
use super::profile::{STEPS, STEPS_PER_BYTE};

/// A `block`, `loop` or `if`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BlockNote {
    /// Position of its `end`.
    pub end: u32,
    /// Position of its `else`; of its `end` where it has none.
    pub middle: u32,
    /// Whether anything branches to it.
    pub is_target: bool,
}

/// What is known of a body.
#[derive(Clone, Debug, Default)]
pub(super) struct Survey {
    /// Blocks in the order of their starts.
    pub blocks: Vec<BlockNote>,
    /// Local and position of each write, ascending.
    writes: Vec<(u32, u32)>,
    /// Types that indirect calls name.
    pub called_types: Vec<u32>,
}

impl Survey {
    /// Whether `local` is written at a position in the range.
    pub(super) fn writes(&self, local: u32, from: u32, to: u32) -> bool {
        let first = self.writes.partition_point(|&write| write < (local, from));
        self.writes.get(first).is_some_and(|&write| write < (local, to))
    }
}

/// Validates a body.
///
/// # Errors
/// It is not valid, or takes too many steps.
pub(super) fn survey(
    validator: FuncToValidate<ValidatorResources>,
    body: &FunctionBody<'_>,
    types: &[FuncType],
    functions: &[u32],
) -> Result<Survey, WasmError> {
    let range = body.range();
    let limit = STEPS + STEPS_PER_BYTE * range.len() as u64;
    let results = types.get(validator.ty as usize).map_or(0, |ty| ty.results.len());
    let mut validator = validator.into_validator(Default::default());
    let mut surveyor = Surveyor { types, functions, results, ..Surveyor::default() };
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader)?;
    let mut operators = wasmparser::OperatorsReader::new(reader);
    while !operators.eof() {
        let (operator, offset) = operators.read_with_offset()?;
        surveyor.operator(&operator)?;
        if surveyor.steps > limit {
            let (offset, what) = (range.start as u64, "values on their way between operators");
            return Err(WasmError::TooLarge { offset, what, limit });
        }
        validator.op(offset, &operator)?;
    }
    operators.finish()?;
    surveyor.survey.writes.sort_unstable();
    surveyor.survey.called_types.sort_unstable();
    surveyor.survey.called_types.dedup();
    Ok(surveyor.survey)
}

/// The notes on the way through a body that may turn out not to be valid.
#[derive(Default)]
struct Surveyor<'t> {
    survey: Survey,
    types: &'t [FuncType],
    functions: &'t [u32],
    /// Number of the function's results.
    results: usize,
    /// Blocks that have not ended yet: number, and values that a branch to it takes.
    open: Vec<(usize, usize)>,
    position: u32,
    steps: u64,
}

impl Surveyor<'_> {
    fn operator(&mut self, operator: &Operator<'_>) -> Result<(), WasmError> {
        self.steps += 1;
        match *operator {
            Operator::Block { blockty } | Operator::If { blockty } => self.start(blockty, false),
            Operator::Loop { blockty } => self.start(blockty, true),
            Operator::Else => self.middle(),
            Operator::End => self.end(),
            Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => {
                self.branch(relative_depth)
            }
            Operator::BrTable { ref targets } => self.table(targets)?,
            Operator::Return => self.steps += self.results as u64,
            Operator::LocalSet { local_index } | Operator::LocalTee { local_index } => {
                self.survey.writes.push((local_index, self.position));
            }
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                let ty = self.functions.get(function_index as usize).copied();
                self.steps += ty.map_or(0, |ty| self.values(ty));
            }
            Operator::CallIndirect { type_index, .. } | Operator::ReturnCallIndirect { type_index, .. } => {
                self.survey.called_types.push(type_index);
                self.steps += self.values(type_index);
            }
            _ => {}
        }
        self.position += 1;
        Ok(())
    }

    /// Parameters and results of a type.
    fn values(&self, ty: u32) -> u64 {
        self.types.get(ty as usize).map_or(0, |ty| ty.params.len() + ty.results.len()) as u64
    }

    fn start(&mut self, ty: BlockType, is_loop: bool) {
        let branch_values = match ty {
            BlockType::Empty => 0,
            BlockType::Type(_) => usize::from(!is_loop),
            BlockType::FuncType(ty) => {
                self.steps += self.values(ty);
                let ty = self.types.get(ty as usize);
                ty.map_or(0, |ty| if is_loop { ty.params.len() } else { ty.results.len() })
            }
        };
        self.open.push((self.survey.blocks.len(), branch_values));
        self.survey.blocks.push(BlockNote::default());
    }

    fn middle(&mut self) {
        if let Some(&(block, values)) = self.open.last() {
            self.survey.blocks[block].middle = self.position;
            self.steps += values as u64;
        }
    }

    fn end(&mut self) {
        if let Some((block, values)) = self.open.pop() {
            let note = &mut self.survey.blocks[block];
            note.end = self.position;
            if note.middle == 0 {
                note.middle = self.position;
            }
            self.steps += values as u64;
        }
    }

    fn branch(&mut self, depth: u32) {
        let block = self.open.len().checked_sub(depth as usize + 1).map(|number| self.open[number]);
        self.steps += block.map_or(self.results, |(_, values)| values) as u64;
        if let Some((block, _)) = block {
            self.survey.blocks[block].is_target = true;
        }
    }

    fn table(&mut self, table: &BrTable<'_>) -> Result<(), WasmError> {
        self.branch(table.default());
        for target in table.targets() {
            self.steps += 1;
            self.branch(target?);
        }
        Ok(())
    }
}
