//! From names and texts to a function and its arguments: what `run` and `bench` share.

use evmc_wasm::Val;
use evmc_wasm_module::{FuncType, Item, ModuleInfo};

use crate::{args::TransactionArgs, error::CliError, inspect::wasm::signature, wasm::value};

/// The type of the function that a module exports under a name.
pub fn exported<'a>(info: &'a ModuleInfo, name: &str) -> Option<&'a FuncType> {
    match info.exports.iter().find(|export| export.name == name)?.item {
        Item::Function(index) => info.types.get(info.signature(index)? as usize),
        _ => None,
    }
}

/// There is no such function in the module from `origin`.
pub fn unknown(origin: &str, info: &ModuleInfo, name: &str) -> CliError {
    CliError::usage(
        format!("{origin} exports no function {name:?}"),
        format!("name one of these with --invoke: {}", functions(info)),
    )
}

/// The functions that a module exports, as a list.
pub fn functions(info: &ModuleInfo) -> String {
    let names = info.exports.iter().filter_map(|export| match export.item {
        Item::Function(_) => Some(export.name.as_str()),
        _ => None,
    });
    let names: Vec<_> = names.collect();
    if names.is_empty() { "there are none".to_owned() } else { names.join(", ") }
}

/// The arguments by the types of the function.
pub fn arguments(name: &str, ty: &FuncType, texts: &[String]) -> Result<Vec<Val>, CliError> {
    let shape = || format!("the type of {name} is {}", signature(ty));
    if texts.len() != ty.params.len() {
        return Err(CliError::usage(
            format!("{name} takes {} arguments; {} are given", ty.params.len(), texts.len()),
            shape(),
        ));
    }
    let parse = |(number, (&ty, text)): (usize, (_, &String))| {
        value::parse(ty, text)
            .map_err(|error| CliError::usage(format!("argument {}: {error}", number + 1), shape()))
    };
    ty.params.iter().zip(texts).enumerate().map(parse).collect()
}

/// Gas limit: what was asked for, or the most that there is.
pub fn gas(args: &TransactionArgs) -> u64 {
    args.gas.unwrap_or(i64::MAX as u64)
}
