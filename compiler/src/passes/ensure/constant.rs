//! The number of bytes that memory certainly has, by block and function.

use cranelift_entity::SecondaryMap;
use evmc_ir::{Block, Func, Function, Imm, InstData, Module, Opcode};

/// Rounds over a function's blocks before the analysis gives up.
const MOST_ROUNDS: usize = 8;

/// Bytes at the start of each block.
pub(super) type AtStart = SecondaryMap<Block, u64>;

/// Bytes at the entry and behind the return of each function.
#[derive(Clone, Debug, Default)]
pub(super) struct Lengths {
    at_entry: SecondaryMap<Func, u64>,
    behind: SecondaryMap<Func, u64>,
}

impl Lengths {
    /// The lengths of a module.
    pub fn of_module(module: &Module) -> Self {
        let order = callees_first(module);
        let mut lengths = Self::default();
        for &id in &order {
            let function = &module.functions[id];
            let at_start = in_function(function, 0, &lengths);
            lengths.behind[id] = at_returns(function, &at_start, &lengths);
        }
        lengths.pass_to_callees(module, &order);
        lengths
    }

    /// Bytes at the entry of a function.
    pub fn at_entry(&self, function: Func) -> u64 {
        self.at_entry[function]
    }

    /// Bytes behind an instruction, if it says something about that.
    pub fn behind(&self, data: &InstData) -> Option<u64> {
        match data.imm {
            Imm::Function(callee) => Some(self.behind[callee]),
            _ => None,
        }
    }

    /// Computes what holds at entries, callers first. A function that is called from one that comes later,
    /// or that none calls, knows nothing.
    fn pass_to_callees(&mut self, module: &Module, callees_first: &[Func]) {
        let mut waiting: SecondaryMap<Func, u32> = SecondaryMap::new();
        let mut least: SecondaryMap<Func, u64> = SecondaryMap::with_default(u64::MAX);
        for function in module.functions.values() {
            for callee in callees(function) {
                waiting[callee] += 1;
            }
        }
        for &id in callees_first.iter().rev() {
            let is_complete = waiting[id] == 0 && least[id] != u64::MAX && module.entry != Some(id);
            self.at_entry[id] = if is_complete { least[id] } else { 0 };
            let function = &module.functions[id];
            let at_start = in_function(function, self.at_entry[id], self);
            for &block in &function.layout {
                let mut length = at_start[block];
                for (_, data) in function.block_insts(block) {
                    if let Imm::Function(callee) = data.imm {
                        waiting[callee] -= 1;
                        least[callee] = least[callee].min(length);
                    }
                    length = length.max(self.ensured_by(function, data));
                }
            }
        }
    }

    /// Bytes that memory has behind an instruction, whatever it had before.
    fn ensured_by(&self, function: &Function, data: &InstData) -> u64 {
        match data.opcode {
            Opcode::MemEnsure => {
                function.constant(data.args[0]).and_then(|end| u64::try_from(end).ok()).unwrap_or(0)
            }
            Opcode::Call => self.behind(data).unwrap_or(0),
            _ => 0,
        }
    }
}

/// Bytes at the start of each block, where memory has `at_entry` bytes at the entry.
pub(super) fn in_function(function: &Function, at_entry: u64, lengths: &Lengths) -> AtStart {
    let Some(entry) = function.entry() else { return AtStart::new() };
    let mut at_start = AtStart::with_default(u64::MAX);
    at_start[entry] = at_entry;
    let ensured: SecondaryMap<Block, u64> = {
        let mut ensured = SecondaryMap::new();
        for &block in &function.layout {
            let all = function.block_insts(block).map(|(_, data)| lengths.ensured_by(function, data));
            ensured[block] = all.max().unwrap_or(0);
        }
        ensured
    };
    for _ in 0..MOST_ROUNDS {
        let mut has_changed = false;
        for &block in &function.layout {
            let length = at_start[block].max(ensured[block]);
            for target in function.terminator(block).into_iter().flat_map(InstData::targets) {
                let least = &mut at_start[target.block];
                has_changed |= length < *least;
                *least = length.min(*least);
            }
        }
        if !has_changed {
            return at_start;
        }
    }
    AtStart::new()
}

/// Bytes at every return of a function; as many as there can be where it never returns.
fn at_returns(function: &Function, at_start: &AtStart, lengths: &Lengths) -> u64 {
    let mut least = u64::MAX;
    for &block in &function.layout {
        if function.terminator(block).is_some_and(|data| data.opcode == Opcode::Ret) {
            let all = function.block_insts(block).map(|(_, data)| lengths.ensured_by(function, data));
            least = least.min(at_start[block].max(all.max().unwrap_or(0)));
        }
    }
    if least == u64::MAX { 0 } else { least }
}

/// The functions that a function calls, once for each call.
fn callees(function: &Function) -> impl Iterator<Item = Func> {
    let insts = function.layout.iter().flat_map(|&block| function.block_insts(block));
    insts.filter_map(|(_, data)| match data.imm {
        Imm::Function(callee) => Some(callee),
        _ => None,
    })
}

/// The functions, each behind those that it calls, as far as recursion allows.
fn callees_first(module: &Module) -> Vec<Func> {
    let mut seen: SecondaryMap<Func, bool> = SecondaryMap::new();
    let (mut order, mut work) = (Vec::new(), Vec::new());
    work.extend(module.functions.keys().map(|id| (id, false)));
    while let Some((id, is_done)) = work.pop() {
        if is_done {
            order.push(id);
        } else if !std::mem::replace(&mut seen[id], true) {
            work.push((id, true));
            work.extend(callees(&module.functions[id]).map(|callee| (callee, false)));
        }
    }
    order
}
