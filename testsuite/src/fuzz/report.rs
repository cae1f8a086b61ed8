//! A case as JSON, to look at, to keep, and to run again.
//!
//! `accounts` has the form that `evmc run --state` reads.

use evmc::fork::Fork;
use serde_json::{Value, json};

use super::{
    case::{Case, Transaction, address},
    program::Program,
};

/// The case as JSON; `difference` says what is wrong with it.
pub fn to_json(case: &Case, difference: &str) -> Value {
    let world = case.world();
    let accounts: serde_json::Map<String, Value> = world
        .accounts()
        .map(|(address, account)| {
            let code = account.info.code.as_ref().map(|code| code.original_bytes()).unwrap_or_default();
            let storage: serde_json::Map<String, Value> = account
                .storage
                .iter()
                .map(|(slot, value)| (format!("{slot:#x}"), json!(format!("{value:#x}"))))
                .collect();
            let account = json!({
                "balance": format!("{:#x}", account.info.balance),
                "nonce": account.info.nonce,
                "code": code.to_string(),
                "storage": storage,
            });
            (address.to_string(), account)
        })
        .collect();
    json!({
        "seed": case.seed,
        "fork": case.fork.name(),
        "difference": difference,
        "contracts": case.contracts.iter().map(|code| hex::encode(code.assemble())).collect::<Vec<_>>(),
        "transactions": case.transactions.iter().map(transaction_to_json).collect::<Vec<_>>(),
        "accounts": accounts,
    })
}

fn transaction_to_json(transaction: &Transaction) -> Value {
    json!({
        "contract": transaction.to,
        "to": transaction.to.map(|contract| address(contract).to_string()),
        "data": hex::encode(&transaction.data),
        "gas": transaction.gas,
        "value": transaction.value,
    })
}

/// Reads what [`to_json`] wrote; `None` where it is something else.
pub fn from_json(text: &str) -> Option<Case> {
    let value: Value = serde_json::from_str(text).ok()?;
    let contract = |code: &Value| Some(Program::from_bytes(&hex::decode(code.as_str()?).ok()?));
    Some(Case {
        seed: value["seed"].as_u64()?,
        fork: value["fork"].as_str()?.parse::<Fork>().ok()?,
        contracts: value["contracts"].as_array()?.iter().map(contract).collect::<Option<_>>()?,
        transactions: value["transactions"]
            .as_array()?
            .iter()
            .map(transaction_from_json)
            .collect::<Option<_>>()?,
    })
}

fn transaction_from_json(value: &Value) -> Option<Transaction> {
    Some(Transaction {
        to: value["contract"].as_u64().map(|contract| contract as usize),
        data: hex::decode(value["data"].as_str()?).ok()?,
        gas: value["gas"].as_u64()?,
        value: value["value"].as_u64()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_round_trip() {
        for seed in 0..50 {
            let case = Case::generate(seed, &[]);
            let read = from_json(&to_json(&case, "").to_string()).expect("a case reads back");
            assert_eq!(read.transactions, case.transactions);
            assert_eq!(read.world(), case.world());
        }
    }
}
