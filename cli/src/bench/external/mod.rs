//! Engines that are other programs.
//!
//! Any EVM can take part in a run that is told to start it (`--external CMD`) and that speaks the protocol
//! below. `evmc bench --serve` speaks it too ([`serve`]), for trying things out and as an example.
//! [`protocol`] has the messages, [`child`] the program at the other end.
//!
#![doc = include_str!("PROTOCOL.md")]

pub mod child;
pub mod protocol;
pub mod serve;

use std::io;

use thiserror::Error;

/// Characters of a wrong line that an error shows.
const SHOWN: usize = 120;

/// Why an external engine cannot be talked to any more.
#[derive(Debug, Error)]
pub enum ExternalError {
    /// It does not start.
    #[error("cannot start `{command}`")]
    Start {
        /// The command.
        command: String,
        /// The system's reason.
        source: io::Error,
    },
    /// No answer in time.
    #[error("`{command}` did not answer {request} within {seconds} s")]
    Timeout {
        /// The command.
        command: String,
        /// What it was asked.
        request: &'static str,
        /// How long was waited.
        seconds: f64,
    },
    /// It ended, or closed its standard output.
    #[error("`{command}` ended instead of answering {request} ({status})")]
    Ended {
        /// The command.
        command: String,
        /// What it was asked.
        request: &'static str,
        /// How it ended.
        status: String,
    },
    /// It wrote something that is no answer.
    #[error("`{command}`, line {line} of its output: {reason}: {text}")]
    Line {
        /// The command.
        command: String,
        /// Which line, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
        /// The start of the line.
        text: String,
    },
}

/// The start of a line, for an error.
fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut start: String = text.trim_end().chars().take(SHOWN).collect();
    if start.len() < text.trim_end().len() {
        start.push('…');
    }
    start
}
