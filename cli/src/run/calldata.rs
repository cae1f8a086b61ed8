//! From a signature and arguments as text to calldata.

use alloy_dyn_abi::{DynSolValue, JsonAbiExt, Specifier};
use alloy_json_abi::{Function, JsonAbi, Param};
use alloy_primitives::Bytes;
use thiserror::Error;

/// Why arguments do not make calldata.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CalldataError {
    /// The signature is not one.
    #[error("{signature:?} is not a function signature: {reason}")]
    Signature {
        /// What was given.
        signature: String,
        /// What is wrong.
        reason: String,
    },
    /// A name alone is given and the contract's ABI has no such function.
    #[error("the contract's ABI has no function {name}")]
    UnknownFunction {
        /// The name.
        name: String,
    },
    /// A name alone is given and several functions have it.
    #[error("there are {count} functions called {name}; write out the signature")]
    Overloaded {
        /// The name.
        name: String,
        /// How many.
        count: usize,
    },
    /// Too many arguments or too few.
    #[error("{what} takes {expected} arguments, {given} are given")]
    Count {
        /// The function.
        what: String,
        /// How many it takes.
        expected: usize,
        /// How many there are.
        given: usize,
    },
    /// An argument does not have the parameter's type.
    #[error("{text:?} is not a value of type {kind}: {reason}")]
    Argument {
        /// What was given.
        text: String,
        /// The type.
        kind: String,
        /// What is wrong.
        reason: String,
    },
}

/// A call: its data, and the function where it is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Call {
    /// Selector and arguments.
    pub data: Bytes,
    /// The function that the output is decoded by.
    pub function: Option<Function>,
}

impl Call {
    /// A call of the function that `signature` describes: `transfer(address,uint256)`, with
    /// `returns (bool)` or `(bool)` behind it, or a name that the ABI has.
    pub fn new(signature: &str, arguments: &[String], abi: Option<&JsonAbi>) -> Result<Self, CalldataError> {
        let function = function(signature, abi)?;
        let values = values(&function.name, &function.inputs, arguments)?;
        let data = function.abi_encode_input(&values).map_err(|error| CalldataError::Signature {
            signature: signature.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self { data: data.into(), function: Some(function) })
    }

    /// A call with data as it is; the ABI tells the function.
    pub fn raw(data: Bytes, abi: Option<&JsonAbi>) -> Self {
        let selector = data.get(..4);
        let is_called = |function: &&Function| selector == Some(&function.selector()[..]);
        let function = abi.and_then(|abi| abi.functions().find(is_called)).cloned();
        Self { data, function }
    }
}

/// The arguments of a constructor, encoded to stand behind the initcode.
pub fn constructor_arguments(arguments: &[String], abi: Option<&JsonAbi>) -> Result<Vec<u8>, CalldataError> {
    let inputs = abi.and_then(JsonAbi::constructor).map_or(&[][..], |found| &found.inputs);
    let values = values("the constructor", inputs, arguments)?;
    Ok(DynSolValue::Tuple(values).abi_encode_params())
}

/// The function that a signature or a name means.
fn function(signature: &str, abi: Option<&JsonAbi>) -> Result<Function, CalldataError> {
    let known = |name: &str| abi.and_then(|abi| abi.function(name)).map_or(&[][..], Vec::as_slice);
    if !signature.contains('(') {
        let name = signature.to_owned();
        return match known(signature) {
            [] => Err(CalldataError::UnknownFunction { name }),
            [function] => Ok(function.clone()),
            several => Err(CalldataError::Overloaded { name, count: several.len() }),
        };
    }
    let parsed = Function::parse(&with_returns(signature)).map_err(|error| CalldataError::Signature {
        signature: signature.to_owned(),
        reason: error.to_string(),
    })?;
    let same = known(&parsed.name).iter().find(|known| known.selector() == parsed.selector());
    Ok(if parsed.outputs.is_empty() { same.cloned().unwrap_or(parsed) } else { parsed })
}

/// Writes the short form `f(a)(b)` as `f(a) returns (b)`.
fn with_returns(signature: &str) -> String {
    signature.replacen(")(", ") returns (", 1)
}

/// Arguments as values of the parameters' types.
fn values(what: &str, parameters: &[Param], arguments: &[String]) -> Result<Vec<DynSolValue>, CalldataError> {
    if parameters.len() != arguments.len() {
        let (expected, given) = (parameters.len(), arguments.len());
        return Err(CalldataError::Count { what: what.to_owned(), expected, given });
    }
    let pairs = parameters.iter().zip(arguments);
    pairs.map(|(parameter, text)| value(parameter, text)).collect()
}

/// One argument as a value.
fn value(parameter: &Param, text: &str) -> Result<DynSolValue, CalldataError> {
    let coerced = parameter.resolve().and_then(|kind| kind.coerce_str(text));
    coerced.map_err(|error| CalldataError::Argument {
        text: text.to_owned(),
        kind: parameter.ty.clone(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::hex;

    fn call(signature: &str, arguments: &[&str]) -> Result<Call, CalldataError> {
        let arguments: Vec<_> = arguments.iter().map(|text| (*text).to_owned()).collect();
        Call::new(signature, &arguments, None)
    }

    #[test]
    fn a_transfer_is_encoded() {
        let to = "0x1000000000000000000000000000000000000001";
        let call = call("transfer(address,uint256)(bool)", &[to, "5"]).expect("valid");
        let expected = hex!(
            "a9059cbb" "0000000000000000000000001000000000000000000000000000000000000001"
            "0000000000000000000000000000000000000000000000000000000000000005"
        );
        assert_eq!(call.data[..], expected[..]);
        assert_eq!(call.function.expect("known").outputs.len(), 1);
    }

    #[test]
    fn wrong_arguments_are_named() {
        assert!(matches!(call("f(uint8)", &["300"]), Err(CalldataError::Argument { .. })));
        assert!(matches!(call("f(uint8)", &[]), Err(CalldataError::Count { expected: 1, .. })));
        assert!(matches!(call("f(uint8", &["1"]), Err(CalldataError::Signature { .. })));
        assert!(matches!(call("f", &[]), Err(CalldataError::UnknownFunction { .. })));
    }
}
