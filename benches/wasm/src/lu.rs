//! Systems of linear equations by elimination with pivots: rows of floats as slices.

#![no_std]

#[path = "kernel.rs"]
mod kernel;

use kernel::{Random, mix};

const SIZE: usize = 96;

type Row = [f64; SIZE];

/// The row at or below `at` with the largest number in column `at`.
fn pivot(matrix: &[Row], at: usize) -> usize {
    let mut best = at;
    for row in at..SIZE {
        if matrix[row][at].abs() > matrix[best][at].abs() {
            best = row;
        }
    }
    best
}

/// Takes multiples of row `at` from those below, so that nothing is left in its column; makes of `right` what it
/// becomes by that.
fn eliminate(matrix: &mut [Row], right: &mut Row, at: usize) {
    let (above, below) = matrix.split_at_mut(at + 1);
    let pivot = &above[at];
    let (solved, rest) = right.split_at_mut(at + 1);
    for (row, right) in below.iter_mut().zip(rest) {
        let factor = row[at] / pivot[at];
        for (value, above) in row[at..].iter_mut().zip(&pivot[at..]) {
            *value -= factor * above;
        }
        *right -= factor * solved[at];
    }
}

/// Solves the system; the matrix becomes an upper triangle, `right` the solution.
fn solve(matrix: &mut [Row], right: &mut Row) {
    for at in 0..SIZE {
        let best = pivot(matrix, at);
        matrix.swap(at, best);
        right.swap(at, best);
        eliminate(matrix, right, at);
    }
    for at in (0..SIZE).rev() {
        let known: f64 = (at + 1..SIZE).map(|column| matrix[at][column] * right[column]).sum();
        right[at] = (right[at] - known) / matrix[at][at];
    }
}

/// `n` systems.
#[unsafe(no_mangle)]
pub extern "C" fn run(n: i32) -> i64 {
    let mut random = Random(15);
    let mut number = || f64::from(random.next() % 2001) - 1000.0;
    let mut sum = 0;
    for _ in 0..n {
        let mut matrix = [[0.0; SIZE]; SIZE];
        matrix.iter_mut().flatten().for_each(|value| *value = number());
        let mut right = core::array::from_fn(|_| number());
        solve(&mut matrix, &mut right);
        sum = right.iter().fold(sum, |sum, value| mix(sum, (value * 1e6) as i64 as u64));
    }
    sum as i64
}
