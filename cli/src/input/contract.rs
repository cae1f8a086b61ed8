//! A contract as it comes from an input, and the choice among several.

use alloy_json_abi::JsonAbi;

use super::{
    check,
    error::{InputError, Warning},
    hex::{self, HexError, Placeholder},
};

/// Greatest size of code that is accepted, in bytes. Far beyond what any fork can deploy (EIP-7954:
/// 64 KiB of initcode), as forks before EIP-170 have no limit.
pub const MAX_CODE_BYTES: usize = 1 << 20;

/// Why a contract has no code of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeProblem {
    /// The input does not say.
    Missing,
    /// No bytes: an interface or an abstract contract.
    Empty,
    /// Libraries are not linked.
    Unlinked(Vec<Placeholder>),
    /// The text is not hexadecimal.
    Hex(HexError, String),
    /// More bytes than are accepted.
    TooLarge(usize),
}

/// Code of one kind, or why there is none.
pub type Code = Result<Vec<u8>, CodeProblem>;

/// A contract of an input.
#[derive(Clone, Debug)]
pub struct Contract {
    /// Its name: from the compiler's output, else from the file's name.
    pub name: String,
    /// The source file that it was compiled from, where the input says it.
    pub source: Option<String>,
    /// Where it was read from: a path, `standard input` or `command line`.
    pub origin: String,
    /// Code that calls run.
    pub runtime: Code,
    /// Code that deploys it.
    pub initcode: Code,
    /// Its interface.
    pub abi: Option<JsonAbi>,
    /// What may be a mistake.
    pub warnings: Vec<Warning>,
}

impl Contract {
    /// A contract from bare code, of which nobody says whether it is runtime code or initcode.
    pub fn bare(name: String, origin: String, code: Code) -> Self {
        let initcode = code.clone();
        let mut contract =
            Self { name, source: None, origin, runtime: code, initcode, abi: None, warnings: Vec::new() };
        contract.check_runtime();
        contract
    }

    /// Notes what is odd about the runtime code.
    pub(super) fn check_runtime(&mut self) {
        if let Ok(code) = &self.runtime {
            let warnings = check::runtime_code(code, &self.origin, &self.name);
            self.warnings.extend(warnings);
        }
    }

    /// The runtime code.
    pub fn runtime(&self) -> Result<&[u8], InputError> {
        self.runtime.as_deref().map_err(|problem| {
            self.error(problem, |origin, contract| InputError::NoDeployedBytecode { origin, contract })
        })
    }

    /// The initcode.
    pub fn initcode(&self) -> Result<&[u8], InputError> {
        self.initcode.as_deref().map_err(|problem| {
            self.error(problem, |origin, contract| InputError::NoInitcode { origin, contract })
        })
    }

    /// Whether there is nothing to run: an interface or an abstract contract.
    pub fn is_abstract(&self) -> bool {
        let nothing = |code: &Code| matches!(code, Err(CodeProblem::Empty | CodeProblem::Missing));
        nothing(&self.runtime) && nothing(&self.initcode)
    }

    /// The name that is unique in a compiler's output: `FILE:NAME`.
    pub fn full_name(&self) -> String {
        match &self.source {
            Some(source) => format!("{source}:{}", self.name),
            None => self.name.clone(),
        }
    }

    /// Whether `--contract wanted` means this one.
    pub fn is_called(&self, wanted: &str) -> bool {
        self.name == wanted || self.full_name() == wanted
    }

    /// Turns a problem into an error that names this contract.
    fn error(&self, problem: &CodeProblem, missing: impl FnOnce(String, String) -> InputError) -> InputError {
        let (origin, contract) = (self.origin.clone(), self.full_name());
        match problem {
            CodeProblem::Missing => missing(origin, contract),
            CodeProblem::Empty => InputError::Empty { origin, contract },
            CodeProblem::Hex(error, text) => InputError::hex(error.clone(), &origin, text),
            CodeProblem::TooLarge(bytes) => {
                InputError::CodeTooLarge { origin, contract, bytes: *bytes, limit: MAX_CODE_BYTES }
            }
            CodeProblem::Unlinked(placeholders) => {
                InputError::Unlinked { origin, contract, libraries: list(placeholders) }
            }
        }
    }
}

/// Libraries with the offsets of their placeholders.
fn list(placeholders: &[Placeholder]) -> String {
    let one = |place: &Placeholder| format!("{} at byte {}", place.library, place.offset);
    placeholders.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Code from hexadecimal text.
pub fn code_from_text(text: &str) -> Code {
    let placeholders = hex::placeholders(text);
    if !placeholders.is_empty() {
        return Err(CodeProblem::Unlinked(placeholders));
    }
    let bytes = hex::decode(text).map_err(|error| CodeProblem::Hex(error, text.to_owned()))?;
    code_from_bytes(bytes)
}

/// Code from bytes.
pub fn code_from_bytes(bytes: Vec<u8>) -> Code {
    match bytes.len() {
        0 => Err(CodeProblem::Empty),
        length if length > MAX_CODE_BYTES => Err(CodeProblem::TooLarge(length)),
        _ => Ok(bytes),
    }
}

/// Chooses the one contract of an input: the one that is called `wanted`, or else the only one with code.
pub fn select_one(
    contracts: Vec<Contract>,
    wanted: Option<&str>,
    origin: &str,
) -> Result<Contract, InputError> {
    let names =
        |contracts: &[Contract]| contracts.iter().map(Contract::full_name).collect::<Vec<_>>().join(", ");
    let all = names(&contracts);
    let only = contracts.len() == 1;
    let mut chosen: Vec<_> = contracts
        .into_iter()
        .filter(|contract| match wanted {
            Some(wanted) => contract.is_called(wanted),
            None => only || !contract.is_abstract(),
        })
        .collect();
    match (chosen.pop(), wanted) {
        (Some(contract), _) if chosen.is_empty() => Ok(contract),
        (Some(last), _) => {
            chosen.push(last);
            Err(InputError::Ambiguous { origin: origin.to_owned(), names: names(&chosen) })
        }
        (None, Some(wanted)) => Err(InputError::NoSuchContract {
            origin: origin.to_owned(),
            wanted: wanted.to_owned(),
            names: all,
        }),
        (None, None) => Err(InputError::NoContracts { origin: origin.to_owned() }),
    }
}
