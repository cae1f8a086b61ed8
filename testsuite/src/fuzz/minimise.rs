//! Making a failing case small: whatever can go while it still fails, goes.

use super::case::{Case, Transaction};
use super::program::{Item, Program};

/// Makes `case` smaller as long as `fails` says that it still fails; at most `budget` attempts.
pub fn minimise(mut case: Case, mut budget: usize, mut fails: impl FnMut(&Case) -> bool) -> Case {
    let mut attempt = |candidate: Case, best: &mut Case| {
        let worked = budget > 0 && fails(&candidate);
        budget = budget.saturating_sub(1);
        if worked {
            *best = candidate;
        }
        worked
    };
    drop_transactions(&mut case, &mut attempt);
    empty_contracts(&mut case, &mut attempt);
    loop {
        let before = case.clone();
        for contract in 0..case.contracts.len() {
            drop_items(&mut case, contract, &mut attempt);
        }
        simplify_transactions(&mut case, &mut attempt);
        if case == before {
            return case;
        }
    }
}

/// Tries a candidate, and replaces the best case by it where it still fails.
type Attempt<'a> = dyn FnMut(Case, &mut Case) -> bool + 'a;

fn drop_transactions(case: &mut Case, attempt: &mut Attempt<'_>) {
    for number in 0..case.transactions.len() {
        let transactions = vec![case.transactions[number].clone()];
        if attempt(Case { transactions, ..case.clone() }, case) {
            return;
        }
    }
}

fn empty_contracts(case: &mut Case, attempt: &mut Attempt<'_>) {
    for number in 0..case.contracts.len() {
        let mut candidate = case.clone();
        candidate.contracts[number] = Program::default();
        attempt(candidate, case);
    }
}

/// Drops runs of items, long ones first.
fn drop_items(case: &mut Case, contract: usize, attempt: &mut Attempt<'_>) {
    let mut run = case.contracts[contract].items.len();
    while run > 0 {
        let mut start = 0;
        while start < case.contracts[contract].items.len() {
            let mut candidate = case.clone();
            let items = &mut candidate.contracts[contract].items;
            let end = (start + run).min(items.len());
            items.drain(start..end);
            if !attempt(candidate, case) {
                start += run;
            }
        }
        run /= 2;
    }
    for index in 0..case.contracts[contract].items.len() {
        let Item::Push(bytes) = &case.contracts[contract].items[index] else { continue };
        if bytes.len() > 1 {
            let mut candidate = case.clone();
            candidate.contracts[contract].items[index] = Item::Push(vec![bytes[bytes.len() - 1]]);
            attempt(candidate, case);
        }
    }
}

fn simplify_transactions(case: &mut Case, attempt: &mut Attempt<'_>) {
    let changes: [fn(&Transaction) -> Transaction; 3] = [
        |old| Transaction { data: Vec::new(), ..old.clone() },
        |old| Transaction { value: 0, ..old.clone() },
        |old| Transaction { data: old.data[..old.data.len() / 2].to_vec(), ..old.clone() },
    ];
    for number in 0..case.transactions.len() {
        for change in changes {
            let mut candidate = case.clone();
            candidate.transactions[number] = change(&case.transactions[number]);
            if candidate != *case {
                attempt(candidate, case);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_stays() {
        let case = (0..).map(|seed| Case::generate(seed, &[])).find(|case| case.contracts.len() == 3);
        let mut case = case.expect("some case has three contracts");
        case.contracts[1].items.push(Item::Bytes(vec![0x0c, 0x0c]));
        let has_mark =
            |case: &Case| case.contracts[1].assemble().windows(2).any(|bytes| bytes == [0x0c, 0x0c]);
        let small = minimise(case, 10_000, has_mark);
        assert_eq!(small.contracts[1].items, [Item::Bytes(vec![0x0c, 0x0c])]);
        assert_eq!((small.contracts[0].items.len(), small.transactions.len()), (0, 1));
    }
}
