//! `evmc passes`: the passes of the compiler, in order.

use std::path::Path;

use evmc_compiler::pipeline::{ORDER, PIPELINE};
use serde_json::json;

use crate::{
    args::PassesArgs,
    error::{CliError, ExitStatus},
    output,
};

/// Prints the passes with what they do, and why they stand where they do.
pub fn run(args: &PassesArgs) -> Result<ExitStatus, CliError> {
    if args.json {
        let passes = PIPELINE.iter().map(|pass| {
            let languages: Vec<_> = pass.languages.iter().map(|language| language.name()).collect();
            json!({"name": pass.name, "what": pass.what, "languages": languages})
        });
        let order =
            ORDER.iter().map(|order| json!({"before": order.before, "after": order.after, "why": order.why}));
        let all = json!({"passes": passes.collect::<Vec<_>>(), "order": order.collect::<Vec<_>>()});
        output::write_json(Path::new("-"), &all)?;
        return Ok(ExitStatus::Success);
    }
    let mut text = String::new();
    for (number, pass) in PIPELINE.iter().enumerate() {
        let only = match pass.languages {
            [only] => format!(" ({} alone)", only.name()),
            _ => String::new(),
        };
        text += &format!("{:2}. {:<16} {}{only}\n", number + 1, pass.name, pass.what);
    }
    text += "\nOrder:\n";
    for order in ORDER {
        text += &format!("  {} before {}: {}\n", order.before, order.after, order.why);
    }
    output::print(text)?;
    Ok(ExitStatus::Success)
}
