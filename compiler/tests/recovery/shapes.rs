//! What small programs are recovered to: one test for each thing that the analysis knows.

use evmc_compiler::frontend::evm::cfg::{self, Edges, Known, NodeId, Program, Recovered, Transfer};
use evmc_compiler::frontend::evm::decode::Code;
use evmc_compiler::frontend::evm::opcode::Fork;
use revm::primitives::U256;

use crate::assembler::assemble;

fn recover(text: &str) -> Program {
    cfg::recover(&Code::decode(&assemble(text), Fork::Amsterdam))
}

fn function(program: &Program, entry_pc: usize) -> &Recovered {
    let found = program.functions.values().find(|function| function.entry_pc as usize == entry_pc);
    found.expect("no such function")
}

/// The transfers of all nodes of a function, with those inside them.
fn transfers(function: &Recovered) -> Vec<Transfer> {
    let mut all = Vec::new();
    for transfer in function.nodes.values().flat_map(|node| node.edges.transfers()) {
        transfer.visit(&mut |inner| all.push(inner.clone()));
    }
    all
}

#[test]
fn a_function_called_twice_is_one_function_with_one_exit() {
    // f returns its argument and a constant.
    let text = "@a PUSH1 7 @f JUMP a: POP POP @b PUSH1 8 @f JUMP b: STOP f: PUSH1 9 SWAP2 JUMP";
    let program = recover(text);
    assert!(program.is_resolved());
    assert_eq!((program.functions.len(), program.resolved_jumps), (2, 3));
    let f = program.functions.values().last().expect("f");
    assert_eq!((f.inputs, f.exits.len(), f.recursive, f.may_open), (2, 1, false, false));
    let exit = &f.exits[0];
    assert_eq!((exit.via.slot, exit.height, f.max_height), (1, 0, Some(1)));
    let argument = Known::In(cfg::Input { slot: 0, bits: 0 });
    assert_eq!(exit.stack, [Known::Number(U256::from(9)), argument]);
}

#[test]
fn a_branch_tells_what_a_copy_of_its_condition_is() {
    // One path leaves an item more than the other; only the flag tells them apart.
    let text = "CALLVALUE DUP1 @one JUMPI @join JUMP one: CALLER SWAP1 \
                join: @two JUMPI STOP two: POP STOP";
    let program = recover(text);
    assert!(program.is_resolved());
    let root = &program.functions[program.root().expect("root")];
    let one_sided = |node: &&cfg::Node| {
        matches!(node.edges, Edges::Branch { taken: None, .. } | Edges::Branch { not_taken: None, .. })
    };
    assert_eq!(root.nodes.values().filter(one_sided).count(), 2);
    assert!(root.nodes.values().all(|node| node.edges != Edges::StackError));
}

#[test]
fn numbers_that_are_no_labels_join_to_a_switch() {
    let padding = "STOP ".repeat(256);
    let text = "PUSH1 12 CALLVALUE @keep JUMPI POP PUSH1 14 keep: JUMP twelve: STOP fourteen: STOP";
    let program = recover(&format!("{text} {padding}"));
    assert!(program.is_resolved());
    let root = &program.functions[program.root().expect("root")];
    let switches = transfers(root).into_iter().filter_map(|transfer| match transfer {
        Transfer::Switch(cases) => Some(cases.len()),
        _ => None,
    });
    assert_eq!(switches.collect::<Vec<_>>(), [2]);
}

#[test]
fn a_function_pointer_is_called_through_the_slot_it_came_in() {
    // f calls what is on top of its stack, then returns.
    let text = "@ret @g @f JUMP ret: STOP f: @done SWAP1 JUMP g: CALLER POP JUMP done: JUMP";
    let program = recover(text);
    assert!(program.is_resolved());
    assert_eq!(program.functions.values().last().expect("f").exits[0].via.slot, 0);
}

#[test]
fn labels_from_both_sides_of_a_branch_that_meet_are_kept_apart() {
    let program = recover("@f CALLVALUE @keep JUMPI POP @g keep: JUMP f: STOP g: STOP");
    assert!(program.is_resolved());
    let root = &program.functions[program.root().expect("root")];
    assert_eq!(root.nodes.values().filter(|node| node.clone == 1).count(), 1);
}

#[test]
fn a_tail_call_resumes_by_an_exit() {
    // f leaves its own return label for g.
    let program = recover("@ret @f JUMP ret: STOP f: @x @h JUMP x: @g JUMP g: JUMP h: JUMP");
    assert!(program.is_resolved());
    assert!(program.functions.values().skip(1).all(|f| f.exits.len() == 1));
}

#[test]
fn a_mask_narrower_than_the_label_is_exact() {
    // The return label 0x0104 masked with 0xff is 4, which is no destination.
    let padding = "STOP ".repeat(0x104 - 11);
    let text = format!("@ret @f JUMP f: PUSH1 255 AND JUMP {padding} ret: STOP");
    let program = recover(&text);
    assert!(program.is_resolved());
    let root = &program.functions[program.root().expect("root")];
    assert!(transfers(root).contains(&Transfer::InvalidJump));
    let exit = &function(&program, 7).exits[0];
    assert_eq!((exit.via.slot, exit.via.bits), (0, 8));
}

#[test]
fn a_target_beyond_64_bits_is_invalid() {
    let program = recover("PUSH1 1 PUSH1 64 SHL PUSH1 8 OR JUMP x: STOP");
    let root = &program.functions[program.root().expect("root")];
    assert_eq!(transfers(root), [Transfer::InvalidJump]);
}

#[test]
fn an_unknown_target_is_open_and_spoils_nothing_else() {
    let program = recover("@ret @f JUMP ret: PUSH0 CALLDATALOAD JUMP f: JUMP");
    assert_eq!((program.resolved_jumps, program.dynamic_jumps), (2, 1));
    assert!(program.functions[program.root().expect("root")].may_open);
    assert!(!program.functions.values().last().expect("f").may_open);
}

#[test]
fn a_call_without_its_operands_is_generic() {
    let program = recover("@ret @f JUMP ret: STOP f: CALLVALUE @deep JUMPI JUMP deep: POP POP POP STOP");
    let root = &program.functions[program.root().expect("root")];
    assert!(matches!(transfers(root)[..], [Transfer::Generic(_)]));
}

#[test]
fn recursion_has_no_height() {
    let text = "@ret @f JUMP ret: STOP f: CALLVALUE @again JUMPI JUMP again: @back @f JUMP back: JUMP";
    let program = recover(text);
    assert!(program.is_resolved());
    let f = program.functions.values().last().expect("f");
    assert_eq!((f.recursive, f.max_height, f.inputs), (true, None, 1));
    let root = &program.functions[program.root().expect("root")];
    assert_eq!((root.recursive, root.max_height), (false, None));
}

#[test]
fn underflow_at_the_root_is_known() {
    let program = recover("PUSH0 POP POP STOP");
    let root = &program.functions[program.root().expect("root")];
    assert_eq!(root.nodes[NodeId::from_u32(0)].edges, Edges::StackError);
}

#[test]
fn a_loop_that_grows_the_stack_ends_in_generic_code() {
    let program = recover("more: CALLER CALLVALUE @more JUMPI STOP");
    assert!(!program.over_budget);
    let root = &program.functions[program.root().expect("root")];
    assert!(root.nodes.len() <= 2 * cfg::MAX_CLONES as usize);
    assert!(transfers(root).iter().any(|transfer| matches!(transfer, Transfer::Generic(_))));
}
