//! From the arguments that describe a transaction to the transaction: what `run` and `bench` share.

use std::path::Path;

use alloy_primitives::Bytes;

use crate::{
    alloc::{self, Alloc},
    args::TransactionArgs,
    engine::Engine,
    error::CliError,
    fork::Fork,
    input::{self, Contract},
    run::{Call, Sender, Session, constructor_arguments},
    world::World,
};

/// Gas limit where none is given.
const GAS: u64 = 1_000_000_000;

/// The one contract of an input.
pub fn contract(args: &TransactionArgs, input: &str) -> Result<Contract, CliError> {
    let contracts = input::load(input)?;
    Ok(input::select_one(contracts, args.contract.as_deref(), input)?)
}

/// The call that the arguments describe; without any, one without data unless a deployment is all.
pub fn call(args: &TransactionArgs, contract: &Contract) -> Result<Option<Call>, CliError> {
    let abi = contract.abi.as_ref();
    if let Some(signature) = &args.sig {
        return Ok(Some(Call::new(signature, &args.arguments, abi)?));
    }
    if let Some(text) = &args.calldata {
        let data = input::decode_hex(text)
            .map_err(|error| CliError::usage(format!("--calldata: {error}"), "pass bytes as 0x…"))?;
        return Ok(Some(Call::raw(data.into(), abi)));
    }
    Ok((!args.create).then(Call::default))
}

/// A session with the sender and the accounts that the arguments give.
pub fn session<'a>(
    args: &TransactionArgs,
    engine: &'a dyn Engine,
    fork: Fork,
) -> Result<Session<'a>, CliError> {
    let sender = Sender { address: args.caller, value: args.value, gas: args.gas.unwrap_or(GAS) };
    Ok(Session::new(engine, fork, sender, world(args.state.as_deref())?))
}

/// The initcode with the arguments of the constructor behind it.
pub fn initcode(args: &TransactionArgs, contract: &Contract) -> Result<Bytes, CliError> {
    let mut initcode = contract.initcode()?.to_vec();
    initcode.extend(constructor_arguments(&args.constructor_arg, contract.abi.as_ref())?);
    Ok(initcode.into())
}

/// The accounts to start with.
fn world(path: Option<&Path>) -> Result<World, CliError> {
    let Some(path) = path else { return Ok(World::default()) };
    let bytes = input::read_file(path)?;
    let accounts: Alloc =
        serde_json::from_slice(&bytes).map_err(|source| CliError::State { path: path.to_owned(), source })?;
    Ok(alloc::world(&accounts))
}
