//! Who calls whom, and what that means for each function: the facts from which backends derive their
//! calling conventions.

use cranelift_entity::{EntityRef, SecondaryMap};
use evmc_abi::Effects;
use evmc_ir::{Builder, Func, Function, Imm, Module, Opcode};

use crate::backend::BackendError;

/// The functions that each function calls, each once, in the order of their numbers.
pub fn callees(module: &Module) -> SecondaryMap<Func, Vec<Func>> {
    let mut graph: SecondaryMap<Func, Vec<Func>> = SecondaryMap::new();
    for (id, func) in module.functions.iter() {
        let insts = func.layout.iter().flat_map(|&block| func.block_insts(block));
        let calls = insts.filter_map(|(_, data)| match data.imm {
            Imm::Function(callee) => Some(callee),
            _ => None,
        });
        graph[id] = calls.collect();
        graph[id].sort_by_key(|callee| callee.index());
        graph[id].dedup();
    }
    graph
}

/// What each function may do, itself and in what it calls. A place that is never reached counts as an
/// exit, since a backend leaves the frame there.
pub fn effects(module: &Module) -> SecondaryMap<Func, Effects> {
    let graph = callees(module);
    let mut callers: SecondaryMap<Func, Vec<Func>> = SecondaryMap::new();
    let mut effects = SecondaryMap::with_default(Effects::PURE);
    for (id, func) in module.functions.iter() {
        effects[id] = own_effects(func);
        for &callee in &graph[id] {
            callers[callee].push(id);
        }
    }
    // Sets only grow, and have few elements.
    let mut work: Vec<Func> = module.functions.keys().collect();
    while let Some(callee) = work.pop() {
        for &caller in &callers[callee] {
            if !effects[caller].contains(effects[callee]) {
                effects[caller] = effects[caller] | effects[callee];
                work.push(caller);
            }
        }
    }
    effects
}

/// The effects of a function without those of what it calls.
fn own_effects(func: &Function) -> Effects {
    let insts = func.layout.iter().flat_map(|&block| func.block_insts(block));
    insts.fold(Effects::PURE, |sum, (_, data)| match data.opcode {
        Opcode::Call | Opcode::RetCall => sum,
        Opcode::Unreachable => sum | Effects::MAY_EXIT,
        _ => sum | data.effects(),
    })
}

/// Makes sure that the entry is a function without parameters and results that no function calls, so
/// that it alone can have the convention of entry points: where one does, an entry of its own is added.
///
/// # Errors
/// [`BackendError::NoEntry`].
pub fn isolate_entry(module: &mut Module) -> Result<(), BackendError> {
    let entry = module.entry.ok_or(BackendError::NoEntry)?;
    let func = module.functions.get(entry).ok_or(BackendError::NoEntry)?;
    if func.param_types().next().is_some() || !func.results.is_empty() {
        return Err(BackendError::NoEntry);
    }
    if callees(module).values().any(|callees| callees.contains(&entry)) {
        module.entry = Some(module.functions.push(forwarder(entry)));
    }
    Ok(())
}

/// A function that calls another one.
fn forwarder(callee: Func) -> Function {
    let mut func = Function::new("evmc.entry", &[]);
    let mut b = Builder::new(&mut func);
    let block = b.create_block();
    b.switch_to(block);
    b.call(callee, &[], &[]);
    b.ret(&[]);
    func
}
