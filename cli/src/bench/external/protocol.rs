//! The messages; the module above says what they mean.

use serde::{Deserialize, Serialize};

use crate::bench::{answer::Digest, format::Case};

/// Name and version of the protocol.
pub const PROTOCOL: &str = "evmc-bench-external/1";

/// Longest line that is read, in bytes: a workload with much state has some MiB.
pub const MAX_LINE_BYTES: u64 = 256 << 20;

/// What the program is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Request {
    /// Who are you?
    Hello {
        /// [`PROTOCOL`].
        protocol: String,
    },
    /// Take this workload.
    Load {
        /// Its name.
        name: String,
        /// The transaction and what it sees.
        #[serde(flatten)]
        case: Box<Case>,
    },
    /// Run it.
    Run {
        /// How often, at least once.
        count: u32,
    },
}

impl Request {
    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hello { .. } => "hello",
            Self::Load { .. } => "load",
            Self::Run { .. } => "run",
        }
    }
}

/// What the program answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum Reply {
    /// To `hello`.
    Hello {
        /// [`PROTOCOL`].
        protocol: String,
        /// The engine's name.
        name: String,
        /// Its version.
        version: String,
    },
    /// To `load`.
    Loaded {
        /// What the first run came to.
        outcome: Digest,
        /// CPU time of compilation, in nanoseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        compile_cpu_ns: Option<f64>,
        /// Bytes of compiled code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code_bytes: Option<u64>,
    },
    /// To `run`.
    Ran {
        /// CPU time of the thread for all transactions, in nanoseconds.
        cpu_ns: f64,
        /// What the last run came to.
        outcome: Digest,
    },
    /// To anything but `hello`: this workload cannot be run.
    Error {
        /// Why.
        message: String,
    },
}
