//! Puts the bodies of functions in the place of calls.
//!
//! A call goes on in the callee's entry with the arguments as its parameters; each `ret` becomes a
//! jump to the code behind the call, whose parameters are the results. That is what a call means:
//! gas counter, memory and memory stack are state of the frame that both share, and an exit inside
//! the callee ends the caller too. So every charge, access and exit stays where it was, and comes from the same place of the
//! source. A call in the place of the callee becomes a call with a jump behind it; where the callee itself was called in the
//! place of the caller, returns and such calls stay what they are.
//!
//! Chosen are, callees before callers, so that a body that is put in place is final:
//!
//! * functions with a single call, whose body moves;
//! * *small* functions, of at most [`SMALL`] instructions, whose body is copied to every call, as
//!   long as the module has not grown by more than [`growth`].
//!
//! Calls in cold blocks stay. A function never gets larger than [`MOST_INSTRUCTIONS`] this way, nor one larger than that grows.
//! Nothing that may call itself is put in place. Functions without any call left are removed, unless the runtime finds them
//! by number. Linear in the size of the module and of what is copied.

use cranelift_entity::{EntityRef, PrimaryMap, SecondaryMap};
use evmc_ir::{Block, BlockCall, Func, Function, Imm, Inst, InstData, Module, Opcode, Value, ValueDef};

use crate::analysis::call_graph::{CallGraph, calls};

/// Instructions up to which a function is copied to its calls.
const SMALL: usize = 60;

/// Instructions that a function has at most with all that was put into it.
const MOST_INSTRUCTIONS: usize = 4_000;

/// Instructions that copies may add to a module of `size` instructions.
const fn growth(size: usize) -> usize {
    1_000 + size / 2
}

/// Runs the pass; gives how many calls it replaced.
pub fn run(module: &mut Module) -> usize {
    let graph = CallGraph::of(module);
    let mut inliner = Inliner::new(module, &graph);
    for &func in &graph.callees_first {
        inliner.function(module, func);
    }
    if inliner.replaced > 0 {
        remove_functions(module, &inliner.gone);
    }
    inliner.replaced
}

/// What the pass knows of the functions.
struct Inliner<'g> {
    graph: &'g CallGraph,
    entry: Option<Func>,
    sizes: SecondaryMap<Func, usize>,
    /// Calls of each function that are left.
    calls: SecondaryMap<Func, usize>,
    /// Functions whose last call was replaced.
    gone: SecondaryMap<Func, bool>,
    /// Instructions that copies may still add.
    allowance: usize,
    replaced: usize,
}

impl<'g> Inliner<'g> {
    fn new(module: &Module, graph: &'g CallGraph) -> Self {
        let (mut sizes, mut calls) = (SecondaryMap::new(), SecondaryMap::new());
        let mut total = 0;
        for (func, function) in &module.functions {
            sizes[func] = function.size();
            calls[func] = graph.callers[func].len();
            total += sizes[func];
        }
        // The runtime calls as well.
        for &(_, func) in module.instance.iter().flat_map(|instance| &instance.entries) {
            calls[func] += 1;
        }
        let (gone, allowance) = (SecondaryMap::new(), growth(total));
        Self { graph, entry: module.entry, sizes, calls, gone, allowance, replaced: 0 }
    }

    /// Replaces calls in one function.
    fn function(&mut self, module: &mut Module, func: Func) {
        if self.graph.callees[func].is_empty() || self.gone[func] {
            return;
        }
        let mut function = std::mem::take(&mut module.functions[func]);
        let layout = std::mem::take(&mut function.layout);
        for block in layout {
            self.block(module, &mut function, func, block);
        }
        self.sizes[func] = function.size();
        module.functions[func] = function;
    }

    /// Appends a block to the layout, with the bodies of calls in it that are replaced.
    fn block(&mut self, module: &mut Module, function: &mut Function, func: Func, block: Block) {
        function.layout.push(block);
        let insts = std::mem::take(&mut function.blocks[block].insts);
        let mut current = block;
        for inst in insts {
            match function.insts[inst].imm {
                Imm::Function(callee) if self.is_wanted(func, callee, function.blocks[block].cold) => {
                    self.count(module, func, callee);
                    let rest = splice(function, &module.functions[callee], current, inst);
                    current = rest.unwrap_or(current);
                    function.blocks[current].cold = function.blocks[block].cold;
                }
                _ => function.blocks[current].insts.push(inst),
            }
        }
    }

    fn is_wanted(&self, caller: Func, callee: Func, is_cold: bool) -> bool {
        let size = self.sizes[callee];
        if is_cold || self.graph.recursive[callee] || Some(callee) == self.entry {
            return false;
        }
        let fits = self.sizes[caller] + size <= MOST_INSTRUCTIONS;
        let is_copied = size <= SMALL && size <= self.allowance;
        fits && (self.calls[callee] == 1 || is_copied)
    }

    /// Notes that a call is replaced.
    fn count(&mut self, module: &Module, caller: Func, callee: Func) {
        self.replaced += 1;
        self.sizes[caller] += self.sizes[callee];
        self.calls[callee] -= 1;
        if self.calls[callee] == 0 {
            self.gone[callee] = true;
        } else {
            self.allowance = self.allowance.saturating_sub(self.sizes[callee]);
            for (_, inner) in calls(&module.functions[callee]) {
                self.calls[inner] += 1;
            }
        }
    }
}

/// Puts the body of `callee` at the end of `block`, in the place of the call `inst`; gives the block
/// in which control goes on behind it, `None` where it does not come back.
fn splice(function: &mut Function, callee: &Function, block: Block, inst: Inst) -> Option<Block> {
    let call = function.insts[inst].clone();
    let rest = (call.opcode == Opcode::Call).then(|| function.blocks.push(Default::default()));
    if let Some(rest) = rest {
        for (number, &result) in call.results.iter().enumerate() {
            function.values[result].def = ValueDef::Param(rest, number as u32);
        }
        function.blocks[rest].params = call.results.to_vec();
    }
    let mut copy = Copy { from: callee, values: SecondaryMap::new(), blocks: SecondaryMap::new(), rest };
    copy.blocks(function);
    copy.bodies(function);
    let target = copy.blocks[callee.layout[0]].expect("every block was copied");
    let jump = Imm::Jump(BlockCall { block: target, args: call.args });
    function.insts[inst] = plain(Opcode::Jump, jump);
    function.blocks[block].insts.push(inst);
    function.layout.extend(rest);
    rest
}

fn plain(opcode: Opcode, imm: Imm) -> InstData {
    InstData { opcode, ty: None, args: Default::default(), imm, results: Default::default() }
}

/// A body while it is copied into another function.
struct Copy<'f> {
    from: &'f Function,
    /// The copy of each value.
    values: SecondaryMap<Value, Option<Value>>,
    /// The copy of each block.
    blocks: SecondaryMap<Block, Option<Block>>,
    /// Where `ret` goes; `None` where it stays.
    rest: Option<Block>,
}

impl Copy<'_> {
    /// Makes blocks, instructions without operands, and all values.
    fn blocks(&mut self, to: &mut Function) {
        for &block in &self.from.layout {
            let copy = to.blocks.push(Default::default());
            to.blocks[copy].cold = self.from.blocks[block].cold;
            to.layout.push(copy);
            self.blocks[block] = Some(copy);
            for (number, &param) in self.from.blocks[block].params.iter().enumerate() {
                let value = self.value(to, param, ValueDef::Param(copy, number as u32));
                to.blocks[copy].params.push(value);
            }
            for (original, data) in self.from.block_insts(block) {
                let inst = to.insts.push(plain(data.opcode, Imm::None));
                to.insts[inst].ty = data.ty;
                if self.from.sources[original] > 0 {
                    to.sources[inst] = self.from.sources[original];
                }
                for (number, &result) in data.results.iter().enumerate() {
                    let value = self.value(to, result, ValueDef::Result(inst, number as u32));
                    to.insts[inst].results.push(value);
                }
                to.blocks[copy].insts.push(inst);
            }
        }
    }

    fn value(&mut self, to: &mut Function, value: Value, def: ValueDef) -> Value {
        let ty = self.from.values[value].ty;
        let copy = to.values.push(evmc_ir::ValueData { ty, def });
        self.values[value] = Some(copy);
        copy
    }

    /// Fills in operands and immediates, now that every value has its copy.
    fn bodies(&self, to: &mut Function) {
        for &block in &self.from.layout {
            let copy = self.block(block);
            for (position, (_, data)) in self.from.block_insts(block).enumerate() {
                let inst = to.blocks[copy].insts[position];
                let args = data.args.iter().map(|&arg| self.copy_of(arg)).collect();
                let imm = self.imm(to, &data.imm);
                match (self.rest, data.opcode) {
                    (Some(block), Opcode::Ret) => {
                        to.insts[inst] = plain(Opcode::Jump, Imm::Jump(BlockCall { block, args }));
                        continue;
                    }
                    (Some(rest), Opcode::RetCall) => self.come_back(to, copy, inst, Opcode::Call, rest),
                    (Some(rest), Opcode::RetCallRef) => self.come_back(to, copy, inst, Opcode::CallRef, rest),
                    _ => {}
                }
                to.insts[inst].args = args;
                to.insts[inst].imm = imm;
            }
        }
    }

    /// Makes a call in the place of the body one that comes back, and goes on in `rest`.
    fn come_back(&self, to: &mut Function, block: Block, inst: Inst, opcode: Opcode, rest: Block) {
        to.insts[inst].opcode = opcode;
        for (number, &ty) in self.from.results.iter().enumerate() {
            let def = ValueDef::Result(inst, number as u32);
            let result = to.values.push(evmc_ir::ValueData { ty, def });
            to.insts[inst].results.push(result);
        }
        let target = BlockCall::new(rest, &to.insts[inst].results);
        let jump = to.insts.push(plain(Opcode::Jump, Imm::Jump(target)));
        to.blocks[block].insts.push(jump);
    }

    fn imm(&self, to: &mut Function, imm: &Imm) -> Imm {
        let target = |target: &mut BlockCall| {
            target.block = self.block(target.block);
            target.args.iter_mut().for_each(|arg| *arg = self.copy_of(*arg));
        };
        let mut imm = imm.clone();
        match &mut imm {
            Imm::Constant(constant) => *constant = to.constants.push(self.from.constants[*constant]),
            Imm::Jump(only) => target(only),
            Imm::Branch(both) => both.iter_mut().for_each(target),
            Imm::Switch(table) => {
                table.cases.iter_mut().map(|(_, case)| case).for_each(target);
                target(&mut table.default);
            }
            _ => {}
        }
        imm
    }

    fn copy_of(&self, value: Value) -> Value {
        self.values[value].expect("every value of the layout was copied")
    }

    fn block(&self, block: Block) -> Block {
        self.blocks[block].expect("every block of the layout was copied")
    }
}

/// Removes functions and numbers the others anew.
pub(super) fn remove_functions(module: &mut Module, gone: &SecondaryMap<Func, bool>) {
    let mut numbers: SecondaryMap<Func, Option<Func>> = SecondaryMap::new();
    let mut kept = PrimaryMap::new();
    for (func, function) in std::mem::take(&mut module.functions) {
        if !gone[func] {
            numbers[func] = Some(kept.push(function));
        }
    }
    let number = |func: Func| numbers[func].unwrap_or(Func::new(0));
    for function in kept.values_mut() {
        let Function { layout, blocks, insts, .. } = function;
        for &inst in layout.iter().flat_map(|&block| &blocks[block].insts) {
            if let Imm::Function(callee) = &mut insts[inst].imm {
                *callee = number(*callee);
            }
        }
    }
    module.functions = kept;
    module.entry = module.entry.map(number);
    for (_, entry) in module.instance.iter_mut().flat_map(|instance| &mut instance.entries) {
        *entry = number(*entry);
    }
}
