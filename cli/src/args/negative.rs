//! Negative arguments that are words: `-inf`, `-nan`, `-nan:0x1`.
//!
//! On a command line they look like options, and only numbers are told from these by the parser. So such words get a mark
//! in front before the parser sees them, and lose it where they are taken as arguments. No command has options that are
//! called so.

use std::{convert::Infallible, ffi::OsString};

/// What no argument begins with.
const MARK: char = '\u{1}';

/// Marks the words among the arguments of the program.
pub fn mark(arguments: impl Iterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    arguments.map(|argument| match argument.to_str() {
        Some(text) if is_word(text) => format!("{MARK}{text}").into(),
        _ => argument,
    })
}

/// An argument without the mark.
pub fn unmark(text: &str) -> Result<String, Infallible> {
    Ok(text.strip_prefix(MARK).unwrap_or(text).to_owned())
}

/// Whether this is such a word.
fn is_word(text: &str) -> bool {
    let Some(word) = text.strip_prefix('-') else { return false };
    let word = word.to_ascii_lowercase();
    matches!(word.as_str(), "inf" | "infinity" | "nan") || word.starts_with("nan:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_through_and_options_stay() {
        for word in ["-inf", "-Infinity", "-nan", "-nan:0x1"] {
            let marked: Vec<_> = mark([word.into()].into_iter()).collect();
            assert_ne!(marked, [OsString::from(word)]);
            assert_eq!(unmark(marked[0].to_str().expect("text")), Ok(word.to_owned()));
        }
        for other in ["-i", "-n", "--inf", "inf", "-info", "-1"] {
            assert_eq!(mark([other.into()].into_iter()).collect::<Vec<_>>(), [OsString::from(other)]);
        }
    }
}
