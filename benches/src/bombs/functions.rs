//! Return labels on the stack.

use evmc_testsuite::asm::{Assembler, Label};

use super::{Bomb, fill, scatter};

/// The families of this module.
pub const BOMBS: &[Bomb] = &[
    Bomb {
        name: "labels_on_stack",
        what: "1,000 labels below thousands of branches",
        generate: labels_on_stack,
    },
    Bomb {
        name: "label_shapes",
        what: "each branch puts one of two labels on the stack",
        generate: label_shapes,
    },
    Bomb { name: "label_choice", what: "each branch replaces a label by another", generate: label_choice },
    Bomb {
        name: "return_chain",
        what: "labels pushed at once, each returned to in turn",
        generate: return_chain,
    },
    Bomb {
        name: "many_callees",
        what: "many functions, each called from random places",
        generate: many_callees,
    },
    Bomb { name: "one_callee", what: "one function called from everywhere", generate: one_callee },
    Bomb {
        name: "one_callee_heights",
        what: "one function called at growing heights",
        generate: one_callee_heights,
    },
    Bomb { name: "call_ladder", what: "each function calls the next", generate: call_ladder },
    Bomb { name: "call_twice", what: "each function calls the next twice", generate: call_twice },
    Bomb { name: "recursion", what: "functions that call themselves under a condition", generate: recursion },
    Bomb { name: "call_mesh", what: "functions that all call one another", generate: call_mesh },
    Bomb {
        name: "function_pointers",
        what: "a function that jumps to its argument",
        generate: function_pointers,
    },
    Bomb { name: "pointer_shapes", what: "a function given two function pointers", generate: pointer_shapes },
    Bomb { name: "tail_calls", what: "functions that pass their return label on", generate: tail_calls },
    Bomb { name: "two_exits", what: "functions that return at two heights", generate: two_exits },
    Bomb {
        name: "labels_by_arithmetic",
        what: "return labels computed by ADD",
        generate: labels_by_arithmetic,
    },
];

/// Calls `callee` with a return label and goes on behind it; 8 bytes.
fn call(asm: &mut Assembler, callee: Label) {
    let back = asm.label();
    asm.push_label(back).push_label(callee).ops("JUMP").place(back);
}

/// Functions of at most `bytes` bytes each, in order; the first is entered from the top.
fn functions(size: usize, bytes: usize, mut body: impl FnMut(&mut Assembler, &[Label], usize)) -> Vec<u8> {
    let mut asm = Assembler::new();
    let labels: Vec<_> = (0..(size - 9) / bytes).map(|_| asm.label()).collect();
    call(&mut asm, labels[0]);
    asm.ops("STOP");
    for number in 0..labels.len() {
        asm.place(labels[number]);
        body(&mut asm, &labels, number);
    }
    asm.finish()
}

fn labels_on_stack(size: usize) -> Vec<u8> {
    let mut asm = Assembler::new();
    let end = asm.label();
    for _ in 0..1000.min(size / 12) {
        asm.push_label(end);
    }
    fill(size - 1, &mut asm, 7, |asm, _| {
        let next = asm.label();
        asm.ops("0 CALLDATALOAD").push_label(next).ops("JUMPI").place(next);
    });
    asm.place(end);
    asm.finish()
}

fn label_shapes(size: usize) -> Vec<u8> {
    let mut asm = Assembler::new();
    let (one, other) = (asm.label(), asm.label());
    fill(size - 4, &mut asm, 14, |asm, _| {
        let merge = asm.label();
        asm.push_label(one)
            .ops("0 CALLDATALOAD")
            .push_label(merge)
            .ops("JUMPI POP")
            .push_label(other)
            .place(merge);
    });
    asm.place(one).ops("JUMP").place(other).ops("JUMP");
    asm.finish()
}

fn label_choice(size: usize) -> Vec<u8> {
    let mut asm = Assembler::new();
    asm.ops("0");
    fill(size - 2, &mut asm, 15, |asm, _| {
        let (merge, skip) = (asm.label(), asm.label());
        asm.ops("POP").push_label(merge).ops("DUP1 MLOAD").push_label(skip).ops("JUMPI POP");
        asm.push_label(skip).place(skip).place(merge);
    });
    asm.ops("JUMP");
    asm.finish()
}

fn return_chain(size: usize) -> Vec<u8> {
    let mut asm = Assembler::new();
    while asm.len() + 1022 * 5 < size || asm.is_empty() {
        let count = 1022.min((size - 1) / 5);
        let labels: Vec<_> = (0..count).map(|_| asm.label()).collect();
        for label in labels.iter().rev() {
            asm.push_label(*label);
        }
        asm.ops("JUMP");
        for (number, label) in labels.iter().enumerate() {
            asm.place(*label);
            if number + 1 < count {
                asm.ops("JUMP");
            }
        }
    }
    let missing = size - asm.len();
    asm.bytes(&vec![0x5b; missing]);
    asm.finish()
}

fn many_callees(size: usize) -> Vec<u8> {
    functions(size, 18, |asm, labels, number| {
        call(asm, labels[scatter(number) % labels.len()]);
        call(asm, labels[(number + 1) % labels.len()]);
        asm.ops("JUMP");
    })
}

fn one_callee(size: usize) -> Vec<u8> {
    let mut asm = Assembler::new();
    let callee = asm.label();
    fill(size - 6, &mut asm, 8, |asm, _| call(asm, callee));
    asm.ops("STOP").place(callee).ops("CALLER POP JUMP");
    asm.finish()
}

fn one_callee_heights(size: usize) -> Vec<u8> {
    let mut asm = Assembler::new();
    let callee = asm.label();
    fill(size - 6, &mut asm, 9, |asm, _| {
        asm.ops("CALLER");
        call(asm, callee);
    });
    asm.ops("STOP").place(callee).ops("CALLER POP JUMP");
    asm.finish()
}

fn call_ladder(size: usize) -> Vec<u8> {
    functions(size, 10, |asm, labels, number| {
        call(asm, labels[(number + 1).min(labels.len() - 1)]);
        asm.ops("JUMP");
    })
}

fn call_twice(size: usize) -> Vec<u8> {
    functions(size, 18, |asm, labels, number| {
        for _ in 0..2 {
            if let Some(next) = labels.get(number + 1) {
                call(asm, *next);
            }
        }
        asm.ops("JUMP");
    })
}

fn recursion(size: usize) -> Vec<u8> {
    functions(size, 25, |asm, labels, number| {
        let end = asm.label();
        asm.ops("0 CALLDATALOAD").push_label(end).ops("JUMPI");
        call(asm, labels[number]);
        asm.place(end);
        call(asm, labels[(number + 1).min(labels.len() - 1)]);
        asm.ops("JUMP");
    })
}

/// As many functions as calls in each, so that their product fills the code.
fn call_mesh(size: usize) -> Vec<u8> {
    let count = ((size - 9) as f64 / 14.0).sqrt() as usize;
    functions(size, (size - 9) / count, |asm, labels, _| {
        for callee in labels.iter().take(count - 1) {
            let back = asm.label();
            asm.ops("0 CALLDATALOAD").push_label(back).ops("JUMPI");
            asm.push_label(back).push_label(*callee).ops("JUMP").place(back);
        }
        asm.ops("JUMP");
    })
}

fn function_pointers(size: usize) -> Vec<u8> {
    let mut asm = Assembler::new();
    let apply = asm.label();
    fill(size - 4, &mut asm, 13, |asm, _| {
        let (back, callee) = (asm.label(), asm.label());
        asm.push_label(back)
            .push_label(callee)
            .push_label(apply)
            .ops("JUMP")
            .place(callee)
            .ops("JUMP")
            .place(back);
    });
    asm.ops("STOP").place(apply).ops("JUMP");
    asm.finish()
}

fn pointer_shapes(size: usize) -> Vec<u8> {
    let mut asm = Assembler::new();
    let (apply, targets) = (asm.label(), [(); 8].map(|()| asm.label()));
    fill(size - 40, &mut asm, 14, |asm, number| {
        let back = asm.label();
        asm.push_label(back)
            .push_label(targets[scatter(number) % 8])
            .push_label(targets[scatter(number + 9) % 8]);
        asm.push_label(apply).ops("JUMP").place(back);
    });
    asm.ops("STOP").place(apply).ops("JUMP");
    for target in targets {
        asm.place(target).ops("JUMP");
    }
    asm.finish()
}

fn tail_calls(size: usize) -> Vec<u8> {
    functions(size, 11, |asm, labels, number| {
        asm.ops("0 CALLDATALOAD").push_label(labels[scatter(number) % labels.len()]).ops("JUMPI");
        asm.push_label(labels[(number + 1) % labels.len()]).ops("JUMP");
    })
}

fn two_exits(size: usize) -> Vec<u8> {
    functions(size, 20, |asm, labels, number| {
        let end = asm.label();
        asm.ops("0 CALLDATALOAD").push_label(end).ops("JUMPI");
        call(asm, labels[(number + 1).min(labels.len() - 1)]);
        asm.ops("CALLER SWAP1 JUMP").place(end).ops("JUMP");
    })
}

fn labels_by_arithmetic(size: usize) -> Vec<u8> {
    let mut asm = Assembler::new();
    fill(size, &mut asm, 9, |asm, _| {
        let back = asm.label();
        asm.push_label(back).ops("CALLDATASIZE ISZERO ADD JUMP").place(back);
    });
    asm.finish()
}
