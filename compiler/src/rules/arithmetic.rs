//! Sums, products, quotients, powers.

/// The rules.
pub(super) const RULES: &[&str] = &[
    // Neutral and absorbing operands.
    "(add x 0) => x",
    "(sub x 0) => x",
    "(sub x x) => 0",
    "(mul x 0) => 0",
    "(mul x 1) => x",
    "(mul x -1) => (sub 0 x)",
    // Constants meet.
    "(add (add x c) d) => (add x (add c d))",
    "(sub (add x c) d) => (add x (sub c d))",
    "(add (sub x c) d) => (add x (sub d c))",
    "(sub (sub x c) d) => (sub x (add c d))",
    "(add (sub c x) d) => (sub (add c d) x)",
    "(sub c (add x d)) => (sub (sub c d) x)",
    "(sub c (sub d x)) => (add x (sub c d))",
    "(sub (sub c x) d) => (sub (sub c d) x)",
    "(mul (mul x c) d) => (mul x (mul c d))",
    "(mul (shl x c) d) => (mul x (shl d c))",
    // Terms that cancel.
    "(add (sub x y) y) => x",
    "(sub (add x y) y) => x",
    "(sub x (sub x y)) => y",
    "(sub x (add x y)) => (sub 0 y)",
    "(add x (sub 0 y)) => (sub x y)",
    "(sub x (sub 0 y)) => (add x y)",
    "(sub 0 (sub x y)) => (sub y x)",
    // -x - 1 is the complement.
    "(sub -1 x) => (not x)",
    "(add (not x) 1) => (sub 0 x)",
    // Multiplication by 2^k is a shift; by 2^k + 1, where the two copies of the bits do not meet, it is
    // an or.
    "(mul x c) => (shl x (ctz c)) if (eq (popcnt c) 1)",
    "(mul x c) => (or (shl x (ctz (sub c 1))) x) if (eq (popcnt (sub c 1)) 1) (eq (and (not (zeros x)) (shl (not (zeros x)) (ctz (sub c 1)))) 0)",
    // Unsigned division by 0, 1 and 2^k.
    "(udiv x 0) => 0",
    "(udiv x 1) => x",
    "(udiv x c) => (lshr x (ctz c)) if (eq (popcnt c) 1)",
    "(urem x 0) => 0",
    "(urem x c) => (and x (sub c 1)) if (eq (popcnt c) 1)",
    "(urem x y) => x if (ult (max x) (min y))",
    // A product that does not overflow divides again, and divisors multiply.
    "(udiv (mul x y) y) => x if (ult 0 (min y)) (ule (max x) (udiv -1 (max y)))",
    "(udiv (mul x c) c) => x if (ne c 0) (ule (max x) (udiv -1 c))",
    "(udiv (udiv x c) d) => (udiv x (mul c d)) if (ne c 0) (ne d 0) (ule c (udiv -1 d))",
    // Signed division of numbers that are not negative is the unsigned one.
    "(sdiv x y) => (udiv x y) if (sge (max x) 0) (sge (max y) 0)",
    "(srem x y) => (urem x y) if (sge (max x) 0) (sge (max y) 0)",
    "(sdiv x 1) => x",
    "(sdiv x -1) => (sub 0 x)",
    "(srem x 1) => 0",
    "(srem x -1) => 0",
    // Signed division by 2^k rounds towards zero: negative dividends first gain 2^k - 1.
    "(sdiv x c) => (ashr (add x (lshr (ashr x (sub bits 1)) (sub bits (ctz c)))) (ctz c)) if (eq (popcnt c) 1) (sgt c 1)",
    "(srem x c) => (sub x (and (add x (lshr (ashr x (sub bits 1)) (sub bits (ctz c)))) (sub 0 c))) if (eq (popcnt c) 1) (sgt c 1)",
    // 2^k divides 2^bits, so wrapping loses nothing.
    "(addmod x y c) => (and (add x y) (sub c 1)) if (eq (popcnt c) 1)",
    "(mulmod x y c) => (and (mul x y) (sub c 1)) if (eq (popcnt c) 1)",
    "(addmod x y 0) => 0",
    "(mulmod x y 0) => 0",
    // Where nothing overflows, the remainder alone is left.
    "(addmod x y z) => (urem (add x y) z) if (ule (max x) (sub -1 (max y)))",
    "(mulmod x y z) => (urem (mul x y) z) if (ule (max x) (udiv -1 (max y)))",
    // Small exponents, and powers of powers of two.
    "(exp x 0) => 1",
    "(exp x 1) => x",
    "(exp x 2) => (mul x x)",
    "(exp x 3) => (mul x (mul x x))",
    "(exp 1 x) => 1",
    "(exp 2 x) => (shl 1 x)",
    "(exp c x) => (shl 1 (mul x (ctz c))) if (eq (popcnt c) 1) (ugt c 1) (ule (max x) (udiv -1 (ctz c)))",
];
