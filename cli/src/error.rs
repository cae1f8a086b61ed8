//! What can go wrong on the command line, and how it is told.
//!
//! Every message says which file, where in it, what is wrong and what to do about it. The exit code
//! tells a script which kind of failure it was, see [`ExitStatus`].

use std::{io, path::PathBuf, process::ExitCode};

use evmc_compiler::driver::CompileError;
use evmc_store::StoreError;
use miette::Diagnostic;
use thiserror::Error;

use crate::{
    archive::ArchiveError, bench::external::ExternalError, input::InputError, profile::ProfileError,
    replay::BlockFileError, run::CalldataError, wasm::RefusalError,
};

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// 0: done, and what was checked holds.
    Success,
    /// 1: done, but what was checked does not hold: a test failed, a transaction did not succeed.
    Failed,
    /// 2: not done, because of the arguments, an input or the system.
    Unusable,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        match status {
            ExitStatus::Success => Self::SUCCESS,
            ExitStatus::Failed => Self::FAILURE,
            ExitStatus::Unusable => Self::from(2),
        }
    }
}

/// A failure that ends a command with [`ExitStatus::Unusable`].
#[derive(Debug, Error, Diagnostic)]
pub enum CliError {
    /// An input cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Input(#[from] InputError),

    /// A file holds no block.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Block(#[from] BlockFileError),

    /// A file is no profile.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Profile(#[from] ProfileError),

    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    #[diagnostic(code(evmc::read), help("check that the path exists and that you may read it"))]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },

    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    #[diagnostic(
        code(evmc::write),
        help("check that the folder exists, that you may write to it and that the disk has room")
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },

    /// A file of accounts is not one.
    #[error("{} is not a state", path.display())]
    #[diagnostic(
        code(evmc::state),
        help(
            "expected is JSON: {{\"0xADDRESS\": {{\"balance\": \"0x…\", \"nonce\": \"0x…\", \
             \"code\": \"0x…\", \"storage\": {{\"0xSLOT\": \"0x…\"}}}}}}; all members are optional"
        )
    )]
    State {
        /// The file.
        path: PathBuf,
        /// Line, column and reason.
        source: serde_json::Error,
    },

    /// The bench set cannot be used.
    #[error("cannot use the bench set: {}", path.display())]
    #[diagnostic(
        code(evmc::bench_set),
        help(
            "the set is looked for in $EVMC_DATA/bench, or where --set says; to measure a contract of your own, \
             name it: evmc bench CONTRACT --calldata 0x…"
        )
    )]
    BenchSet {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },

    /// A call cannot be made from the arguments.
    #[error(transparent)]
    #[diagnostic(
        code(evmc::calldata),
        help(
            "write the function as `transfer(address,uint256)`, its arguments behind the input, and \
             arrays as `[1,2]`; or give the data itself with --calldata 0x…"
        )
    )]
    Calldata(#[from] CalldataError),

    /// The compiler refuses a contract.
    #[error("{contract} cannot be compiled")]
    #[diagnostic(
        code(evmc::compile),
        help(
            "bytecode is never refused for what it contains: unless it is too long, this is a defect of evmc"
        )
    )]
    Refused {
        /// The contract.
        contract: String,
        /// The compiler's reason.
        source: Box<CompileError>,
    },

    /// An artifact that must not run.
    #[error("{} is refused: {reason}", path.display())]
    #[diagnostic(
        code(evmc::artifact),
        help("the file is damaged, tampered with, or made for another machine or version: build it again")
    )]
    BadArtifact {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// A configuration of the LLVM backend that cannot be used.
    #[error("{} cannot be used: {reason}", path.display())]
    #[diagnostic(
        code(evmc::llvm_config),
        help("expected is a file like the project's llvm.toml, with exactly its keys")
    )]
    LlvmConfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// The compiler refuses a module of WebAssembly.
    #[error("{origin} cannot be compiled")]
    #[diagnostic(code(evmc::wasm::compile), help("{}", source.help()))]
    WasmRefused {
        /// Where the module was read from.
        origin: String,
        /// The reason, with the offset in the module.
        source: Box<RefusalError>,
    },

    /// A module of WebAssembly cannot be made ready to run.
    #[error("{origin}: {reason}")]
    #[diagnostic(
        code(evmc::wasm::instantiate),
        help("modules run here without a host: nothing is there for them to import")
    )]
    Wasm {
        /// Where the module was read from.
        origin: String,
        /// What is wrong.
        reason: String,
    },

    /// A table of costs that cannot be used.
    #[error("{} is no table of costs: {reason}", path.display())]
    #[diagnostic(
        code(evmc::costs),
        help("expected is a file like compiler/src/frontend/wasm/costs.toml, which explains its format")
    )]
    Costs {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// An archive is damaged or not an archive.
    #[error(transparent)]
    #[diagnostic(
        code(evmc::archive),
        help("expected is a tar archive compressed with gzip (.tar.gz) or zstd (.tar.zst)")
    )]
    Archive(#[from] ArchiveError),

    /// Arguments that contradict each other or do not mean anything.
    #[error("{message}")]
    #[diagnostic(code(evmc::usage))]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        #[help]
        help: String,
    },

    /// An external engine of a benchmark cannot be talked to.
    #[error(transparent)]
    #[diagnostic(
        code(evmc::external),
        help(
            "cli/src/bench/external/PROTOCOL.md describes the protocol; `evmc bench --serve` is a program that speaks it"
        )
    )]
    External(#[from] ExternalError),

    /// A store cannot be used, or not in this way.
    #[error(transparent)]
    #[diagnostic(
        code(evmc::store),
        help("`evmc store verify DIR` tells what is in a store and what of it is whole")
    )]
    Store(#[from] StoreError),

    /// Object storage cannot be reached or refuses.
    #[error("{url}: {reason}")]
    #[diagnostic(
        code(evmc::remote),
        help(
            "addresses are file:///FOLDER and s3://BUCKET/FOLDER; credentials come from AWS_* in the environment"
        )
    )]
    Remote {
        /// The address.
        url: String,
        /// What is wrong.
        reason: String,
    },

    /// The system refuses a thread or another resource.
    #[error("cannot {action}")]
    #[diagnostic(code(evmc::system))]
    System {
        /// What was tried.
        action: &'static str,
        /// The system's reason.
        source: io::Error,
    },
}

impl CliError {
    /// A usage error.
    pub fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), help: help.into() }
    }
}

/// Prints an error to standard error, for people.
pub fn print_error(error: impl Diagnostic + Send + Sync + 'static) {
    eprintln!("{:?}", miette::Report::new(error));
}
