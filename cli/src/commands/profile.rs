//! `evmc profile`: tells in which codes blocks spend their operations.

use std::{fmt::Write, path::Path};

use crate::{
    args::ProfileArgs,
    error::{CliError, ExitStatus},
    output::{self, percent},
    profile::{Counter, Profile, ProfiledCode},
    replay,
};

/// Executes the blocks and tells.
pub fn run(args: &ProfileArgs) -> Result<ExitStatus, CliError> {
    let mut counter = Counter::default();
    let mut invalid = Vec::new();
    let bar = output::progress(None, false);
    replay::each_block(&args.paths, |block| {
        bar.set_message(block.number.to_string());
        if let Err(reason) = counter.execute(&block.block, &*block.state, block.fork) {
            invalid.push(format!("block {} is invalid: {reason}", block.number));
        }
        bar.inc(1);
        Ok(())
    })?;
    bar.finish_and_clear();
    invalid.iter().for_each(|message| eprintln!("{message}"));
    let profile = Profile::of(&counter, args.share);
    if let Some(path) = &args.output {
        output::write_json(path, &profile)?;
    }
    if args.json {
        output::write_json(Path::new("-"), &profile)?;
    } else {
        output::print(text(&profile, args))?;
    }
    Ok(if invalid.is_empty() { ExitStatus::Success } else { ExitStatus::Failed })
}

/// The profile for people.
fn text(profile: &Profile, args: &ProfileArgs) -> String {
    let mut text = format!(
        "{:>4} {:<20} {:<42} {:<14} {:>6} {:>8} {:>11} {:>7} {:>7}\n",
        "", "code hash", "for example", "fork", "bytes", "frames", "operations", "share", "sum"
    );
    let mut sum = 0;
    for (index, code) in profile.codes.iter().enumerate() {
        sum += code.operations;
        let ProfiledCode { code_hash, fork, address, frames, operations, code } = code;
        let hash = &code_hash.to_string()[..18];
        let shares = [*operations, sum].map(|part| percent(part, profile.operations));
        let _ = writeln!(
            text,
            "{:>4} {hash}… {address:#x} {fork:<14} {:>6} {frames:>8} {operations:>11} {:>6.2}% {:>6.2}%",
            index + 1,
            code.len(),
            shares[0],
            shares[1],
        );
    }
    let Profile { blocks, operations, initcode_operations, distinct_codes, codes, .. } = profile;
    let _ = writeln!(
        text,
        "{} of {distinct_codes} codes make up {:.2} % of the {operations} operations of {blocks} blocks; initcode makes up \
         {:.2} %",
        codes.len(),
        percent(profile.covered(), *operations),
        percent(*initcode_operations, *operations),
    );
    let hint = match &args.output {
        Some(path) => format!("evmc build --profile {} --store DIR compiles them\n", path.display()),
        None => String::new(),
    };
    text + &hint
}
