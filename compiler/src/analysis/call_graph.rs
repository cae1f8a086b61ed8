//! Who calls whom inside a module.
//!
//! Functions come in an order in which callees stand before their callers, as far as recursion
//! allows; those that may come back to themselves are marked. Strongly connected components by two
//! walks (Kosaraju and Sharir), on stacks of their own. Linear in instructions.

use cranelift_entity::SecondaryMap;
use evmc_ir::{Func, Function, Imm, Inst, Module};

/// The calls of a module.
#[derive(Clone, Debug)]
pub struct CallGraph {
    /// Every function, callees before callers.
    pub callees_first: Vec<Func>,
    /// Callees of each function, one entry per call.
    pub callees: SecondaryMap<Func, Vec<Func>>,
    /// Callers of each function, one entry per call.
    pub callers: SecondaryMap<Func, Vec<Func>>,
    /// Whether a function may call itself, also through others.
    pub recursive: SecondaryMap<Func, bool>,
}

impl CallGraph {
    /// The call graph of a module.
    pub fn of(module: &Module) -> Self {
        let mut graph = Self {
            callees_first: Vec::new(),
            callees: SecondaryMap::new(),
            callers: SecondaryMap::new(),
            recursive: SecondaryMap::new(),
        };
        for (caller, function) in &module.functions {
            for (_, callee) in calls(function) {
                graph.callees[caller].push(callee);
                graph.callers[callee].push(caller);
            }
        }
        let mut seen = SecondaryMap::new();
        for func in module.functions.keys() {
            graph.callees_first.extend(postorder(&graph.callees, &mut seen, func));
        }
        graph.mark_recursive();
        graph
    }

    fn mark_recursive(&mut self) {
        let mut seen = SecondaryMap::new();
        for &func in self.callees_first.iter().rev() {
            let component = postorder(&self.callers, &mut seen, func);
            for &member in &component {
                self.recursive[member] = component.len() > 1 || self.callees[member].contains(&member);
            }
        }
    }
}

/// The calls in a function's layout, in order.
pub fn calls(function: &Function) -> impl Iterator<Item = (Inst, Func)> + '_ {
    let insts = function.layout.iter().flat_map(|&block| function.block_insts(block));
    insts.filter_map(|(inst, data)| match data.imm {
        Imm::Function(callee) => Some((inst, callee)),
        _ => None,
    })
}

/// What can be reached from `from` and was not seen before, each behind what it leads to.
fn postorder(
    edges: &SecondaryMap<Func, Vec<Func>>,
    seen: &mut SecondaryMap<Func, bool>,
    from: Func,
) -> Vec<Func> {
    let mut order = Vec::new();
    let mut work = vec![(from, false)];
    while let Some((func, is_done)) = work.pop() {
        if is_done {
            order.push(func);
        } else if !std::mem::replace(&mut seen[func], true) {
            work.push((func, true));
            work.extend(edges[func].iter().map(|&next| (next, false)));
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use evmc_ir::text::parse;

    use super::*;

    #[test]
    fn callees_come_first_and_cycles_are_marked() {
        let text = "function %a() {\nblock0:\n    call %b()\n    call %d()\n    ret\n}\n\
            function %b() {\nblock0:\n    call %c()\n    ret\n}\n\
            function %c() {\nblock0:\n    call %b()\n    call %d()\n    ret\n}\n\
            function %d() {\nblock0:\n    ret\n}\n";
        let graph = CallGraph::of(&parse(text).unwrap());
        let names = |keep: &dyn Fn(Func) -> bool| -> Vec<u32> {
            graph.callees_first.iter().filter(|&&func| keep(func)).map(|func| func.as_u32()).collect()
        };
        assert_eq!(names(&|func| graph.recursive[func]).len(), 2);
        assert_eq!(names(&|_| true).first(), Some(&3));
        assert_eq!(names(&|_| true).last(), Some(&0));
        assert_eq!(graph.callers[Func::from_u32(3)].len(), 2);
    }
}
