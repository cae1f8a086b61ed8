//! Which values of a function matter.
//!
//! A value is live where an instruction with a lasting effect, a terminator, or a live value needs
//! it. Block parameters are live only where they are used, so the dead parameters that a stack
//! machine's frontend leaves behind cost nothing. One pass over a work list: linear.

use cranelift_entity::{EntitySet, SecondaryMap};
use evmc_abi::Effects;
use evmc_ir::{Block, BlockCall, Function, Imm, Inst, InstData, Opcode, Value, ValueDef};

/// Reachable blocks in reverse postorder and the live values.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// Reachable blocks, every block after its dominators.
    pub order: Vec<Block>,
    values: EntitySet<Value>,
}

impl Live {
    /// Analyses a function.
    pub fn new(func: &Function) -> Self {
        let order = reverse_postorder(func);
        let mut scan = Scan { func, edges: incoming(func, &order), live: EntitySet::new(), work: Vec::new() };
        for &block in &order {
            for (_, data) in func.block_insts(block) {
                if is_root(data) {
                    scan.mark_all(&data.args);
                }
            }
        }
        if let Some(entry) = func.entry() {
            scan.mark_all(&func.blocks[entry].params);
        }
        scan.run();
        Self { order, values: scan.live }
    }

    /// Whether a value matters.
    pub fn value(&self, value: Value) -> bool {
        self.values.contains(value)
    }

    /// Whether an instruction matters: has a lasting effect or a live result.
    pub fn inst(&self, data: &InstData) -> bool {
        is_root(data) || data.results.iter().any(|&result| self.value(result))
    }

    /// The arguments of a branch that go to live parameters.
    pub fn args<'a>(&'a self, func: &'a Function, call: &'a BlockCall) -> impl Iterator<Item = Value> + 'a {
        let params = &func.blocks[call.block].params;
        params.iter().zip(&call.args).filter(|(param, _)| self.value(**param)).map(|(_, arg)| *arg)
    }
}

/// Whether an instruction does more than compute or read.
fn is_root(data: &InstData) -> bool {
    const LASTING: Effects = Effects::WRITES_MEMORY
        .union(Effects::GROWS_MEMORY)
        .union(Effects::WRITES_HOST)
        .union(Effects::WRITES_GAS)
        .union(Effects::MAY_EXIT)
        .union(Effects::WRITES_STACK)
        .union(Effects::TERMINATES);
    data.effects().intersects(LASTING) || data.opcode == Opcode::Call
}

/// The work list of the analysis.
struct Scan<'a> {
    func: &'a Function,
    edges: SecondaryMap<Block, Vec<(Inst, u32)>>,
    live: EntitySet<Value>,
    work: Vec<Value>,
}

impl Scan<'_> {
    fn mark(&mut self, value: Value) {
        if self.live.insert(value) {
            self.work.push(value);
        }
    }

    fn mark_all(&mut self, values: &[Value]) {
        for &value in values {
            self.mark(value);
        }
    }

    fn run(&mut self) {
        while let Some(value) = self.work.pop() {
            match self.func.values[value].def {
                ValueDef::Result(inst, _) => {
                    let func = self.func;
                    self.mark_all(&func.insts[inst].args);
                }
                ValueDef::Param(block, number) => self.mark_incoming(block, number),
            }
        }
    }

    /// Marks what flows into a block parameter.
    fn mark_incoming(&mut self, block: Block, number: u32) {
        let edges = std::mem::take(&mut self.edges[block]);
        for &(inst, target) in &edges {
            let target = target_of(&self.func.insts[inst].imm, target as usize);
            if let Some(&arg) = target.and_then(|target| target.args.get(number as usize)) {
                self.mark(arg);
            }
        }
        self.edges[block] = edges;
    }
}

/// The n-th target of a terminator, in the order of [`InstData::targets`].
fn target_of(imm: &Imm, number: usize) -> Option<&BlockCall> {
    match imm {
        Imm::Jump(target) => Some(target),
        Imm::Branch(targets) => targets.get(number),
        Imm::Switch(table) => {
            table.cases.get(number).map_or(Some(&table.default), |(_, target)| Some(target))
        }
        _ => None,
    }
}

/// The branches into each block: instruction and number of the target.
fn incoming(func: &Function, order: &[Block]) -> SecondaryMap<Block, Vec<(Inst, u32)>> {
    let mut edges: SecondaryMap<Block, Vec<(Inst, u32)>> = SecondaryMap::new();
    for &block in order {
        let Some(&inst) = func.blocks[block].insts.last() else { continue };
        for (number, target) in func.insts[inst].targets().iter().enumerate() {
            edges[target.block].push((inst, number as u32));
        }
    }
    edges
}

/// Reachable blocks, every block after its dominators.
fn reverse_postorder(func: &Function) -> Vec<Block> {
    let successors = |block: Block| -> Vec<Block> {
        let terminator = func.terminator(block);
        terminator.map_or_else(Vec::new, |data| data.targets().iter().map(|target| target.block).collect())
    };
    let (mut seen, mut order, mut stack) = (EntitySet::new(), Vec::new(), Vec::new());
    if let Some(entry) = func.entry() {
        seen.insert(entry);
        stack.push((entry, successors(entry)));
    }
    while let Some((block, rest)) = stack.last_mut() {
        let block = *block;
        match rest.pop() {
            Some(next) => {
                if seen.insert(next) {
                    stack.push((next, successors(next)));
                }
            }
            None => {
                order.push(block);
                stack.pop();
            }
        }
    }
    order.reverse();
    order
}
