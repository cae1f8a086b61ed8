//! What the timed benchmarks run: a few inputs of the bench set, and calls between contracts.

use std::path::PathBuf;

use alloy_primitives::{Address, Bytes, TxKind, U256};
use evmc::{
    alloc::{self, Alloc},
    bench::workload::{Selection, Workload},
    engine::{Engine, InterpreterEngine},
    fork::Fork,
    run::{CALLER, CONTRACT, Sender, Session},
};
use evmc_testsuite::{assembly::assemble, data_folder};

/// Gas of the transactions that are made here.
const GAS: u64 = 100_000_000;

/// The inputs of the bench set with these names; none, with a word about it, where the set is missing.
pub fn headline(names: &[&str]) -> Vec<Workload> {
    let set: PathBuf = data_folder().join("bench/bench-inputs.json");
    let selection = Selection { set: Some(set), ..Selection::default() };
    match selection.read() {
        Ok(all) => all.into_iter().filter(|workload| names.contains(&workload.name.as_str())).collect(),
        Err(error) => {
            eprintln!("skipped: {error}; EVMC_DATA names the folder");
            Vec::new()
        }
    }
}

/// A contract that calls itself `depth` times, each call within the one before.
pub fn nested_calls(depth: u64) -> Workload {
    let code = "
        PUSH0
        CALLDATALOAD        ; calls that are left
        DUP1
        ISZERO
        PUSH @done
        JUMPI
        PUSH 1
        SWAP1
        SUB
        PUSH0
        MSTORE
        PUSH0               ; no returndata
        PUSH0
        PUSH 32             ; calldata: what is left
        PUSH0
        PUSH0               ; no value
        ADDRESS
        GAS
        CALL
        PUSH0
        MSTORE
        PUSH 32
        PUSH0
        RETURN
    done:
        STOP
    ";
    made(format!("calls/nested/{depth}"), code, depth)
}

/// A contract that calls one that stops at once, `count` times.
pub fn calls_in_a_loop(count: u64) -> Workload {
    let code = format!(
        "
        PUSH0
        CALLDATALOAD        ; calls that are left
    next:
        PUSH0
        PUSH0
        PUSH0
        PUSH0
        PUSH0
        PUSH 0x{:x}
        GAS
        CALL
        POP
        PUSH 1
        SWAP1
        SUB
        DUP1
        PUSH @next
        JUMPI
        STOP
    ",
        U256::from_be_slice(stopping().as_slice())
    );
    made(format!("calls/in a loop/{count}"), &code, count)
}

/// Where the contract that stops at once is.
fn stopping() -> Address {
    Address::repeat_byte(0x57)
}

/// A transaction that passes a number to a contract.
fn made(name: String, code: &str, number: u64) -> Workload {
    let code = assemble(code).expect("the code is right");
    let engine = InterpreterEngine::default();
    let accounts = format!("{{\"{}\": {{\"code\": \"0x00\"}}}}", stopping());
    let accounts: Alloc = serde_json::from_str(&accounts).expect("an account");
    let sender = Sender { address: CALLER, value: U256::ZERO, gas: GAS };
    let mut session = Session::new(&engine as &dyn Engine, Fork::Osaka, sender, alloc::world(&accounts));
    session.install(CONTRACT, code.into());
    let calldata = Bytes::from(U256::from(number).to_be_bytes::<32>());
    Workload::new(name, Fork::Osaka, session.input(TxKind::Call(CONTRACT), calldata))
}

#[cfg(test)]
mod tests {
    use evmc::bench::{
        entrant::{self, Making},
        measure,
    };

    use super::*;

    #[test]
    fn calls_come_to_the_same_in_every_engine() {
        for workload in [nested_calls(40), calls_in_a_loop(40)] {
            let mut entrants: Vec<_> = entrant::names()
                .filter_map(|name| entrant::built_in(name, &Making::default()))
                .map(|local| Box::new(local) as Box<dyn entrant::Entrant>)
                .collect();
            let row = measure::row(&workload, &mut entrants, std::time::Duration::ZERO);
            let row = row.expect("there are no external engines");
            assert_eq!((row.status.as_str(), row.errors().count()), ("success", 0), "{row:?}");
            // 40 calls of 100 gas at least, beyond what the transaction costs.
            assert!(row.gas_used > 21_000 + 4_000, "{}", row.gas_used);
        }
    }
}
