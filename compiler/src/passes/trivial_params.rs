//! Removes block parameters that always hold one value.
//!
//! A parameter whose arguments, over all edges into its block, are only itself and one other value
//! *is* that value (Braun et al., "Simple and Efficient Construction of Static Single Assignment
//! Form", 2013, section 3.1): on every path the value reached the block first, so it dominates it.
//! Frontends may therefore pass all that they have to every join and leave the rest to this pass.
//!
//! A worklist revisits the parameters that a removed one was passed to. Each parameter is removed at
//! most once, and its arguments are looked at again only when one of them was removed; where that
//! still exceeds [`WORK_PER_VALUE`], the pass stops and leaves the parameters that it has not proved.

use cranelift_entity::SecondaryMap;
use evmc_ir::{Block, Function, Module, Value, ValueDef};

/// Runs the pass on every function; gives how many parameters it removed.
pub fn run(module: &mut Module) -> usize {
    module.functions.values_mut().map(run_on_function).sum()
}

/// Arguments that the pass looks at, per value of the function, before it stops.
const WORK_PER_VALUE: usize = 32;

/// What the pass knows of each value.
struct Trivial {
    /// The value that stands for another; itself where none does.
    alias: SecondaryMap<Value, Option<Value>>,
    /// Arguments of each parameter, one per edge.
    args: SecondaryMap<Value, Vec<Value>>,
    /// Parameters that each value is passed to.
    passed_to: SecondaryMap<Value, Vec<Value>>,
    /// Arguments looked at.
    work: usize,
}

fn run_on_function(function: &mut Function) -> usize {
    let mut trivial = Trivial::collect(function);
    let mut work = params_behind_entry(function);
    let mut removed = 0;
    let budget = WORK_PER_VALUE * function.values.len();
    while trivial.work < budget
        && let Some(param) = work.pop()
    {
        if trivial.alias[param].is_some() {
            continue;
        }
        if let Some(value) = trivial.only_value(param) {
            trivial.alias[param] = Some(value);
            let users = std::mem::take(&mut trivial.passed_to[param]);
            work.extend(&users);
            trivial.passed_to[value].extend(users);
            removed += 1;
        }
    }
    if removed > 0 {
        trivial.rewrite(function);
    }
    removed
}

/// Parameters of every block but the entry, those of late blocks first, so that they pop last.
fn params_behind_entry(function: &Function) -> Vec<Value> {
    let blocks = function.layout.iter().skip(1).rev();
    blocks.flat_map(|&block| function.blocks[block].params.iter().copied()).collect()
}

impl Trivial {
    fn collect(function: &Function) -> Self {
        let mut this = Self {
            alias: SecondaryMap::new(),
            args: SecondaryMap::new(),
            passed_to: SecondaryMap::new(),
            work: 0,
        };
        for &block in &function.layout {
            let Some(terminator) = function.terminator(block) else { continue };
            for target in terminator.targets() {
                for (&param, &arg) in function.blocks[target.block].params.iter().zip(&target.args) {
                    this.args[param].push(arg);
                    this.passed_to[arg].push(param);
                }
            }
        }
        this
    }

    /// The value that stands for `value`; shortens the way for the next who asks.
    fn resolve(&mut self, value: Value) -> Value {
        let mut root = value;
        while let Some(next) = self.alias[root] {
            root = next;
        }
        let mut at = value;
        while at != root {
            at = self.alias[at].replace(root).unwrap_or(root);
        }
        root
    }

    /// The one value that `param` can hold, if there is only one.
    fn only_value(&mut self, param: Value) -> Option<Value> {
        let mut only = None;
        for index in 0..self.args[param].len() {
            let arg = self.args[param][index];
            let arg = self.resolve(arg);
            self.work += 1;
            if arg == param || only == Some(arg) {
                continue;
            }
            if only.replace(arg).is_some() {
                return None;
            }
        }
        only
    }

    /// Drops the removed parameters and their arguments and puts what stands for them in their place.
    fn rewrite(&mut self, function: &mut Function) {
        let removed = |this: &Self, value: Value| this.alias[value].is_some();
        let keep: SecondaryMap<Block, Vec<bool>> = {
            let mut keep = SecondaryMap::new();
            for (block, data) in function.blocks.iter() {
                keep[block] = data.params.iter().map(|&param| !removed(self, param)).collect();
            }
            keep
        };
        for index in 0..function.layout.len() {
            let block = function.layout[index];
            for position in 0..function.blocks[block].insts.len() {
                let inst = function.blocks[block].insts[position];
                let data = &mut function.insts[inst];
                for arg in &mut data.args {
                    *arg = self.resolve(*arg);
                }
                for target in data.targets_mut() {
                    let keep = &keep[target.block];
                    let mut position = 0;
                    target.args.retain(|_| {
                        position += 1;
                        keep[position - 1]
                    });
                    for arg in &mut target.args {
                        *arg = self.resolve(*arg);
                    }
                }
            }
        }
        for (block, data) in function.blocks.iter_mut() {
            let keep = &keep[block];
            let mut position = 0;
            data.params.retain(|_| {
                position += 1;
                keep[position - 1]
            });
            for (number, &param) in data.params.iter().enumerate() {
                function.values[param].def = ValueDef::Param(block, number as u32);
            }
        }
    }
}
