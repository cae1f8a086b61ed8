//! What is known at the boundaries of functions, and what is asked there.
//!
//! Every call of a function is in the module, except of the entry, and of any function in a module
//! without one. So a parameter fits what all its arguments fit, a result what every `ret` gives, and
//! an argument is asked for what the callee asks of its parameter. Demands are collected with callees
//! before callers, facts with callers before callees; functions that may call themselves keep their
//! boundaries as they are.

use cranelift_entity::SecondaryMap;
use evmc_ir::{Func, Function, Imm, InstData, Module, Opcode, Type, Value};

use crate::analysis::call_graph::CallGraph;
use crate::analysis::demand::Demand;
use crate::analysis::fact::Fact;

/// The boundaries of the functions of a module.
#[derive(Debug, Default)]
pub(super) struct Signatures {
    /// Whether the types of a function's parameters and results may change.
    open: SecondaryMap<Func, bool>,
    /// Demands of values, until they are taken.
    demands: SecondaryMap<Func, Option<Demand>>,
    /// Demands of parameters.
    asked: SecondaryMap<Func, Vec<u32>>,
    /// What holds of the arguments of all calls so far.
    arguments: SecondaryMap<Func, Option<Vec<Fact>>>,
    /// What holds of the results at every `ret`.
    results: SecondaryMap<Func, Option<Vec<Fact>>>,
}

impl Signatures {
    /// The demands of a module; facts are noted later.
    pub fn new(module: &Module, graph: &CallGraph) -> Self {
        let mut this = Self::default();
        for &name in &graph.callees_first {
            let func = &module.functions[name];
            this.open[name] = module.entry.is_some_and(|entry| entry != name)
                && !graph.recursive[name]
                && !graph.callers[name].is_empty();
            let demand = Demand::new(func, &|callee, number| this.asked_of(module, callee, number));
            if let Some(entry) = func.entry().filter(|_| this.open[name]) {
                this.asked[name] =
                    func.blocks[entry].params.iter().map(|&param| demand.bits(param)).collect();
            }
            this.demands[name] = Some(demand);
        }
        this
    }

    /// What a function asks of a parameter; everything where that is not known yet.
    fn asked_of(&self, module: &Module, callee: Func, number: usize) -> u32 {
        let known = self.asked[callee].get(number).copied();
        known.unwrap_or_else(|| module.functions[callee].param_types().nth(number).map_or(256, Type::bits))
    }

    /// Whether the types of a function's parameters and results may change.
    pub fn may_change(&self, name: Func) -> bool {
        self.open[name]
    }

    /// The demands of a function's values.
    pub fn demand(&mut self, func: &Function, name: Func) -> Demand {
        let all = |_, _| Type::I256.bits();
        self.demands[name].take().unwrap_or_else(|| Demand::new(func, &all))
    }

    /// What holds of a function's parameters.
    pub fn params(&self, func: &Function, name: Func) -> Vec<Fact> {
        let noted = self.arguments[name].as_ref().filter(|_| self.open[name]);
        match noted {
            Some(facts) => facts.clone(),
            None => func.param_types().map(Fact::any).collect(),
        }
    }

    /// What holds of a function's results, where their types may change.
    pub fn results(&self, name: Func) -> Option<&[Fact]> {
        self.results[name].as_deref().filter(|_| self.open[name])
    }

    /// Takes in the arguments of a call, or the results that a `ret` gives.
    pub fn note(&mut self, name: Func, data: &InstData, fact: impl Fn(Value) -> Fact) {
        let noted = match (data.opcode, &data.imm) {
            (Opcode::Call, Imm::Function(callee)) => &mut self.arguments[*callee],
            (Opcode::Ret, _) => &mut self.results[name],
            _ => return,
        };
        let facts = data.args.iter().map(|&arg| fact(arg));
        *noted = Some(match noted.take() {
            Some(before) => before.iter().zip(facts).map(|(a, b)| a.join(&b)).collect(),
            None => facts.collect(),
        });
    }
}
