//! And, or, exclusive or, complement, order of bytes.

/// The rules.
pub(super) const RULES: &[&str] = &[
    // Neutral and absorbing operands.
    "(and x 0) => 0",
    "(and x -1) => x",
    "(and x x) => x",
    "(or x 0) => x",
    "(or x -1) => -1",
    "(or x x) => x",
    "(xor x 0) => x",
    "(xor x x) => 0",
    "(xor x -1) => (not x)",
    "(not (not x)) => x",
    "(and x (not x)) => 0",
    "(or x (not x)) => -1",
    // Constants meet.
    "(and (and x c) d) => (and x (and c d))",
    "(or (or x c) d) => (or x (or c d))",
    "(xor (xor x c) d) => (xor x (xor c d))",
    // Absorption, and terms that cancel.
    "(and x (or x y)) => x",
    "(or x (and x y)) => x",
    "(xor x (xor x y)) => y",
    "(and (and x y) y) => (and x y)",
    "(or (or x y) y) => (or x y)",
    "(xor (not x) c) => (xor x (not c))",
    // A mask that covers everything that can be set; parts that it cannot let through.
    "(and x c) => x if (eq (or (zeros x) c) -1)",
    "(and x c) => 0 if (eq (or (zeros x) (not c)) -1)",
    "(and (or x y) c) => (and x c) if (eq (or (zeros y) (not c)) -1)",
    "(and (xor x y) c) => (and x c) if (eq (or (zeros y) (not c)) -1)",
    // A low mask sees nothing of masks around it that cover it.
    "(and (add (and x c) y) d) => (and (add x y) d) if (eq (and d (add d 1)) 0) (eq (and c d) d)",
    "(and (sub (and x c) y) d) => (and (sub x y) d) if (eq (and d (add d 1)) 0) (eq (and c d) d)",
    "(and (sub x (and y c)) d) => (and (sub x y) d) if (eq (and d (add d 1)) 0) (eq (and c d) d)",
    "(and (mul (and x c) y) d) => (and (mul x y) d) if (eq (and d (add d 1)) 0) (eq (and c d) d)",
    "(bswap (bswap x)) => x",
];
