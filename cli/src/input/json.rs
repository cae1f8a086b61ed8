//! Contracts in the JSON of compilers and build tools.
//!
//! One lenient form covers them all: what is not needed is skipped while it is read, so sources and syntax
//! trees of a build never lie in memory.
//!
//! * solc `--combined-json`: `contracts["FILE:NAME"]` with `bin`, `bin-runtime`, `abi`.
//! * solc `--standard-json`: `contracts[FILE][NAME].evm.{bytecode,deployedBytecode}`. A build-info of
//!   Hardhat or Foundry holds the same under `output`.
//! * artifacts: `bytecode` and `deployedBytecode` at the top, as text (Hardhat, Truffle) or as an object
//!   with `object` and `linkReferences` (Foundry).

use std::{collections::BTreeMap, path::Path};

use alloy_json_abi::JsonAbi;
use serde::Deserialize;
use serde_json::Value;

use super::{
    contract::{Code, CodeProblem, Contract, code_from_text},
    error::{InputError, Warning},
    hex::Placeholder,
};

/// The parts of any of the documents that matter.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    contracts: Option<BTreeMap<String, BTreeMap<String, Value>>>,
    output: Option<Box<Document>>,
    #[serde(default)]
    errors: Vec<CompilerMessage>,
    contract_name: Option<String>,
    source_name: Option<String>,
    #[serde(flatten)]
    artifact: Artifact,
}

/// A message of solc.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CompilerMessage {
    #[serde(default)]
    severity: String,
    #[serde(default)]
    message: String,
}

/// One contract: an artifact, or `contracts[FILE][NAME]` of standard JSON.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    abi: Option<Value>,
    bytecode: Option<Value>,
    deployed_bytecode: Option<Value>,
    link_references: Option<Value>,
    deployed_link_references: Option<Value>,
    evm: Option<Evm>,
}

/// The `evm` member of standard JSON.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Evm {
    bytecode: Option<Value>,
    deployed_bytecode: Option<Value>,
}

/// Reads the contracts of a JSON text.
pub fn read(text: &[u8], origin: &str) -> Result<Vec<Contract>, InputError> {
    let document: Document = serde_json::from_slice(text).map_err(|source| {
        let origin = origin.to_owned();
        if source.is_data() {
            InputError::UnknownJson { origin }
        } else {
            InputError::Json { origin, source }
        }
    })?;
    from_document(document, origin)
}

/// Finds out which kind of document it is.
fn from_document(document: Document, origin: &str) -> Result<Vec<Contract>, InputError> {
    let origin_text = || origin.to_owned();
    if let Some(output) = document.output {
        return from_document(*output, origin);
    }
    let failed = document.errors.iter().find(|message| message.severity == "error");
    match (document.contracts, failed) {
        (Some(contracts), _) if !contracts.is_empty() => Ok(from_contracts(contracts, origin)),
        (_, Some(error)) => {
            let message = error.message.clone();
            Err(InputError::CompilationFailed { origin: origin_text(), message })
        }
        (Some(_), None) => Err(InputError::NoContracts { origin: origin_text() }),
        (None, None) => {
            let artifact = document.artifact;
            if artifact.bytecode.is_none() && artifact.deployed_bytecode.is_none() {
                let is_artifact = artifact.abi.is_some() && document.contract_name.is_some();
                if !is_artifact {
                    return Err(InputError::UnknownJson { origin: origin_text() });
                }
            }
            let name = document.contract_name.unwrap_or_else(|| super::stem(Path::new(origin)));
            Ok(vec![from_artifact(name, document.source_name, artifact, origin)])
        }
    }
}

/// The contracts of solc's output, of either form.
fn from_contracts(contracts: BTreeMap<String, BTreeMap<String, Value>>, origin: &str) -> Vec<Contract> {
    let mut all = Vec::new();
    for (key, members) in contracts {
        let is_combined = members.is_empty()
            || ["bin", "bin-runtime"].iter().any(|name| members.get(*name).is_some_and(Value::is_string));
        if is_combined {
            all.push(from_combined(&key, members, origin));
        } else {
            all.extend(members.into_iter().map(|(name, contract)| {
                let artifact = serde_json::from_value(contract).unwrap_or_default();
                from_artifact(name, Some(key.clone()), artifact, origin)
            }));
        }
    }
    all
}

/// One contract of combined JSON; `key` is `FILE:NAME`.
fn from_combined(key: &str, mut members: BTreeMap<String, Value>, origin: &str) -> Contract {
    let (source, name) = match key.rsplit_once(':') {
        Some((source, name)) => (Some(source.to_owned()), name.to_owned()),
        None => (None, key.to_owned()),
    };
    let artifact = Artifact {
        abi: members.remove("abi"),
        bytecode: members.remove("bin"),
        deployed_bytecode: members.remove("bin-runtime"),
        ..Artifact::default()
    };
    from_artifact(name, source, artifact, origin)
}

/// One contract.
fn from_artifact(name: String, source: Option<String>, artifact: Artifact, origin: &str) -> Contract {
    let evm = artifact.evm.unwrap_or_default();
    let runtime = artifact.deployed_bytecode.or(evm.deployed_bytecode);
    let initcode = artifact.bytecode.or(evm.bytecode);
    let mut contract = Contract {
        name,
        source,
        origin: origin.to_owned(),
        runtime: code(runtime, artifact.deployed_link_references),
        initcode: code(initcode, artifact.link_references),
        abi: None,
        warnings: Vec::new(),
    };
    match artifact.abi.map(abi).transpose() {
        Ok(abi) => contract.abi = abi,
        Err(error) => contract.warnings.push(Warning::BadAbi {
            origin: origin.to_owned(),
            contract: contract.full_name(),
            reason: error.to_string(),
        }),
    }
    contract.check_runtime();
    contract
}

/// An ABI; old versions of solc give it as text within the JSON.
fn abi(value: Value) -> Result<JsonAbi, serde_json::Error> {
    match value {
        Value::String(text) => serde_json::from_str(&text),
        value => serde_json::from_value(value),
    }
}

/// Code as text, or as an object around the text.
fn code(value: Option<Value>, references: Option<Value>) -> Code {
    let (text, references) = match value {
        Some(Value::String(text)) => (text, references),
        Some(Value::Object(mut members)) => match members.remove("object") {
            Some(Value::String(text)) => (text, members.remove("linkReferences").or(references)),
            _ => return Err(CodeProblem::Missing),
        },
        _ => return Err(CodeProblem::Missing),
    };
    match code_from_text(&text) {
        Err(CodeProblem::Unlinked(found)) => {
            let named = references.as_ref().map(libraries).unwrap_or_default();
            Err(CodeProblem::Unlinked(if named.is_empty() { found } else { named }))
        }
        code => code,
    }
}

/// The libraries of `linkReferences`: `{FILE: {LIBRARY: [{start, length}]}}`, in the order of the code.
fn libraries(references: &Value) -> Vec<Placeholder> {
    let mut found = Vec::new();
    for (file, libraries) in references.as_object().into_iter().flatten() {
        for (library, places) in libraries.as_object().into_iter().flatten() {
            let starts = places.as_array().into_iter().flatten();
            let starts = starts.filter_map(|place| place.get("start")?.as_u64());
            found.extend(starts.map(|start| Placeholder {
                library: format!("{file}:{library}"),
                offset: usize::try_from(start).unwrap_or(usize::MAX),
            }));
        }
    }
    found.sort_by_key(|place| place.offset);
    found
}
