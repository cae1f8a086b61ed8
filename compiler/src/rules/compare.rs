//! Comparisons, flags, selection.

/// The rules.
pub(super) const RULES: &[&str] = &[
    // A value with itself.
    "(eq x x) => 1",
    "(ne x x) => 0",
    "(ult x x) => 0",
    "(ule x x) => 1",
    "(ugt x x) => 0",
    "(uge x x) => 1",
    "(slt x x) => 0",
    "(sle x x) => 1",
    "(sgt x x) => 0",
    "(sge x x) => 1",
    // Equality of what is combined with a constant.
    "(eq (sub x y) 0) => (eq x y)",
    "(ne (sub x y) 0) => (ne x y)",
    "(eq (xor x y) 0) => (eq x y)",
    "(ne (xor x y) 0) => (ne x y)",
    "(eq (add x c) d) => (eq x (sub d c))",
    "(ne (add x c) d) => (ne x (sub d c))",
    "(eq (sub c x) d) => (eq x (sub c d))",
    "(ne (sub c x) d) => (ne x (sub c d))",
    "(eq (xor x c) d) => (eq x (xor c d))",
    "(ne (xor x c) d) => (ne x (xor c d))",
    "(eq (not x) c) => (eq x (not c))",
    "(ne (not x) c) => (ne x (not c))",
    // Flags.
    "(eq p 0) => (not p)",
    "(eq p 1) => p",
    "(ne p 0) => p",
    "(ne p 1) => (not p)",
    "(ugt p 0) => p",
    "(ult p 1) => (not p)",
    // The opposite comparison.
    "(not (eq x y)) => (ne x y)",
    "(not (ne x y)) => (eq x y)",
    "(not (ult x y)) => (uge x y)",
    "(not (ule x y)) => (ugt x y)",
    "(not (ugt x y)) => (ule x y)",
    "(not (uge x y)) => (ult x y)",
    "(not (slt x y)) => (sge x y)",
    "(not (sle x y)) => (sgt x y)",
    "(not (sgt x y)) => (sle x y)",
    "(not (sge x y)) => (slt x y)",
    // Comparisons with the ends of the range.
    "(ult x 1) => (eq x 0)",
    "(ule x 0) => (eq x 0)",
    "(ugt x 0) => (ne x 0)",
    "(uge x 1) => (ne x 0)",
    // Signed comparisons of numbers that are not negative.
    "(slt x y) => (ult x y) if (sge (max x) 0) (sge (max y) 0)",
    "(sle x y) => (ule x y) if (sge (max x) 0) (sge (max y) 0)",
    "(sgt x y) => (ugt x y) if (sge (max x) 0) (sge (max y) 0)",
    "(sge x y) => (uge x y) if (sge (max x) 0) (sge (max y) 0)",
    // Selection.
    "(select 1 x y) => x",
    "(select 0 x y) => y",
    "(select p x x) => x",
    "(select (not p) x y) => (select p y x)",
];
