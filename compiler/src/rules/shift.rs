//! Shifts, rotations, single bytes, extension of signs.

/// The rules.
pub(super) const RULES: &[&str] = &[
    "(shl x 0) => x",
    "(lshr x 0) => x",
    "(ashr x 0) => x",
    // Everything is shifted out.
    "(shl x c) => 0 if (uge c bits)",
    "(lshr x c) => 0 if (uge c bits)",
    "(ashr x c) => (ashr x (sub bits 1)) if (uge c bits)",
    "(ashr x y) => (lshr x y) if (sge (max x) 0)",
    // There and back is a mask, and so is all but the difference.
    "(lshr (shl x c) c) => (and x (lshr -1 c))",
    "(shl (lshr x c) c) => (and x (shl -1 c))",
    "(lshr (shl x c) d) => (and (shl x (sub c d)) (lshr -1 d)) if (ult d c) (ult c bits)",
    "(lshr (shl x c) d) => (and (lshr x (sub d c)) (lshr -1 d)) if (ult c d) (ult d bits)",
    "(shl (lshr x c) d) => (and (lshr x (sub c d)) (shl -1 d)) if (ult d c) (ult c bits)",
    "(shl (lshr x c) d) => (and (shl x (sub d c)) (shl -1 d)) if (ult c d) (ult d bits)",
    // Two in one direction.
    "(lshr (lshr x c) d) => (lshr x (add c d)) if (ult c bits) (ult d bits) (ult (add c d) bits)",
    "(shl (shl x c) d) => (shl x (add c d)) if (ult c bits) (ult d bits) (ult (add c d) bits)",
    "(ashr (ashr x c) d) => (ashr x (add c d)) if (ult c bits) (ult d bits) (ult (add c d) bits)",
    "(lshr (lshr x c) d) => 0 if (ult c bits) (ult d bits) (uge (add c d) bits) (uge (add c d) c)",
    "(shl (shl x c) d) => 0 if (ult c bits) (ult d bits) (uge (add c d) bits) (uge (add c d) c)",
    // Masks go outside of shifts to the right.
    "(lshr (and x c) d) => (and (lshr x d) (lshr c d))",
    // The two parts of a rotation, where machines have one.
    "(or (shl x c) (lshr x d)) => (rotl x c) if (ule bits 64) (uge bits 32) (ult c bits) (ult d bits) (eq (add c d) bits)",
    "(xor (shl x c) (lshr x d)) => (rotl x c) if (ule bits 64) (uge bits 32) (ult c bits) (ult d bits) (eq (add c d) bits)",
    "(add (shl x c) (lshr x d)) => (rotl x c) if (ule bits 64) (uge bits 32) (ult c bits) (ult d bits) (eq (add c d) bits)",
    "(rotl x 0) => x",
    "(rotr x 0) => x",
    // Rotations take their amount modulo the width, a power of two.
    "(rotl x (and y c)) => (rotl x y) if (eq (and c (sub bits 1)) (sub bits 1))",
    "(rotr x (and y c)) => (rotr x y) if (eq (and c (sub bits 1)) (sub bits 1))",
    // A byte by its number from the top.
    "(byte c x) => 0 if (uge c bytes)",
    "(byte c x) => (and (lshr x (shl (sub (sub bytes 1) c) 3)) 255) if (ult c bytes)",
    // Extension from the top byte or beyond changes nothing.
    "(sign_extend c x) => x if (uge c (sub bytes 1))",
    // Extension asks for the lowest bytes alone.
    "(sign_extend c (and x d)) => (sign_extend c x) if (ult c (sub bytes 1)) (eq (or d (shl -1 (shl (add c 1) 3))) -1)",
    "(sign_extend c (sign_extend d x)) => (sign_extend c x) if (ule c d)",
    "(sign_extend c (sign_extend d x)) => (sign_extend d x) if (ult d c)",
    "(and (sign_extend c x) d) => (and x d) if (ult c (sub bytes 1)) (eq (lshr d (shl (add c 1) 3)) 0)",
];
