//! `evmc store`: what is in a store, whether it is whole, and where else it is.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use evmc_abi::descriptor::Backend;
use evmc_compiler::driver;
use evmc_store::{Row, Store, StoreKey, StoreWriter};
use serde::Serialize;

use crate::{
    args::{StoreCommand, StoreGcArgs, StorePullArgs, StorePushArgs, StoreReadArgs, StoreVerifyArgs},
    error::{CliError, ExitStatus},
    fork::Fork,
    output,
    store::{
        self,
        remote::{Remote, Transferred},
    },
};

/// Digits of a code hash in a table.
const SHORT_HASH: usize = 16;

/// Runs one of the commands.
pub fn run(command: &StoreCommand) -> Result<ExitStatus, CliError> {
    match command {
        StoreCommand::Ls(args) => list(args),
        StoreCommand::Verify(args) => verify(args),
        StoreCommand::Gc(args) => collect(args),
        StoreCommand::Stats(args) => statistics(args),
        StoreCommand::Push(args) => push(args),
        StoreCommand::Pull(args) => pull(args),
    }
}

/// An artifact, as JSON and as a line of a table.
#[derive(Serialize)]
struct Listed {
    code_hash: String,
    fork_class: String,
    backend: &'static str,
    opt_level: u8,
    compiler: String,
    bytes: u32,
    pack: PathBuf,
    offset: u64,
    quarantined: bool,
}

impl Listed {
    fn new(store: &Store, row: &Row) -> Self {
        let StoreKey { code_hash, fork_class, backend, opt_level, compiler_build, .. } = row.key;
        Self {
            code_hash: format!("0x{}", hex::encode(code_hash)),
            fork_class: class_name(fork_class),
            backend: Backend::from_number(backend).map_or("unknown", Backend::name),
            opt_level,
            compiler: String::from_utf8_lossy(&compiler_build).trim_end_matches('\0').to_owned(),
            bytes: row.len,
            pack: row.pack.clone(),
            offset: row.offset,
            quarantined: store.is_quarantined(&row.checksum),
        }
    }

    fn line(&self) -> String {
        let Self { code_hash, fork_class, backend, opt_level, bytes, quarantined, .. } = self;
        let note = if *quarantined { "  in quarantine" } else { "" };
        let short = &code_hash[..2 + SHORT_HASH];
        format!("{short}…  {fork_class:<14} {backend:<9} -O{opt_level} {bytes:>9} bytes{note}\n")
    }
}

/// The name of a class of forks: that of its first fork.
fn class_name(class: u16) -> String {
    let fork = u8::try_from(class).ok().and_then(Fork::from_number);
    fork.map_or_else(|| format!("unknown ({class})"), |fork| fork.name().to_owned())
}

fn list(args: &StoreReadArgs) -> Result<ExitStatus, CliError> {
    let store = store::open(&args.folder, &args.trust)?;
    let listed: Vec<Listed> = store.rows().map(|row| Listed::new(&store, &row)).collect();
    if args.json {
        output::write_json(Path::new("-"), &listed)?;
    } else {
        let lines: String = listed.iter().map(Listed::line).collect();
        output::print(format!("{lines}{} artifacts\n", listed.len()))?;
    }
    Ok(ExitStatus::Success)
}

/// A verification as JSON.
#[derive(Serialize)]
struct Verified {
    whole: usize,
    damaged: Vec<Damaged>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repaired: Option<u64>,
}

/// An artifact that fails a check.
#[derive(Serialize)]
struct Damaged {
    code_hash: String,
    pack: PathBuf,
    offset: u64,
    reason: String,
}

fn verify(args: &StoreVerifyArgs) -> Result<ExitStatus, CliError> {
    let mut answer = Verified { whole: 0, damaged: Vec::new(), repaired: None };
    if args.repair {
        let writer = StoreWriter::open(&args.read.folder, store::signer(args.sign.as_deref())?)?;
        let repaired = writer.repair()?;
        answer.repaired = Some(repaired.damaged);
    }
    let store = store::open(&args.read.folder, &args.read.trust)?;
    let bar = output::progress(Some(store.len() as u64), false);
    for row in store.rows() {
        match store.verify(&row) {
            Ok(()) => answer.whole += 1,
            Err(refusal) => answer.damaged.push(Damaged {
                code_hash: format!("0x{}", hex::encode(row.key.code_hash)),
                pack: row.pack.clone(),
                offset: row.offset,
                reason: refusal.to_string(),
            }),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if args.read.json {
        output::write_json(Path::new("-"), &answer)?;
    } else {
        output::print(answer.text())?;
    }
    Ok(if answer.damaged.is_empty() { ExitStatus::Success } else { ExitStatus::Failed })
}

impl Verified {
    fn text(&self) -> String {
        let line = |damaged: &Damaged| {
            let Damaged { code_hash, pack, offset, reason } = damaged;
            format!("{}, byte {offset}: artifact of {code_hash}: {reason}\n", pack.display())
        };
        let lines: String = self.damaged.iter().map(line).collect();
        let repaired = self.repaired.map(|lost| format!(", {lost} lost in the repair")).unwrap_or_default();
        let advice = match self.damaged.is_empty() {
            true => "",
            false => "`evmc store verify --repair` drops them; building them again brings them back\n",
        };
        format!("{lines}{} whole, {} damaged{repaired}\n{advice}", self.whole, self.damaged.len())
    }
}

/// A collection of garbage as JSON.
#[derive(Serialize)]
struct Collected {
    artifacts: u64,
    files: u64,
    bytes: i64,
}

fn collect(args: &StoreGcArgs) -> Result<ExitStatus, CliError> {
    // An existing folder only: collecting must not make one.
    store::open(&args.folder, &[])?;
    let writer = StoreWriter::open(&args.folder, store::signer(args.sign.as_deref())?)?;
    let compiler = args.other_compilers.then(driver::compiler_build);
    let evmc_store::Collected { artifacts, files, bytes } = writer.collect_garbage(compiler.as_ref())?;
    if args.json {
        output::write_json(Path::new("-"), &Collected { artifacts, files, bytes })?;
    } else {
        output::print(format!("{artifacts} artifacts and {files} files removed, {bytes} bytes\n"))?;
    }
    Ok(ExitStatus::Success)
}

/// The numbers of a store as JSON.
#[derive(Serialize)]
struct Numbers {
    artifacts: u64,
    artifact_bytes: u64,
    packs: u64,
    pack_bytes: u64,
    quarantined: u64,
    generation: u64,
    signed_by: Option<String>,
    by_backend: BTreeMap<&'static str, u64>,
    by_fork_class: BTreeMap<String, u64>,
    by_opt_level: BTreeMap<u8, u64>,
}

impl Numbers {
    fn of(store: &Store) -> Self {
        let found = store.statistics();
        Self {
            artifacts: found.artifacts,
            artifact_bytes: found.artifact_bytes,
            packs: found.packs,
            pack_bytes: found.pack_bytes,
            quarantined: found.quarantined,
            generation: store.generation(),
            signed_by: store.signer().map(hex::encode),
            by_backend: found.by_backend,
            by_fork_class: found.by_fork_class.into_iter().map(|(class, n)| (class_name(class), n)).collect(),
            by_opt_level: found.by_level,
        }
    }

    fn text(&self) -> String {
        let Self { artifacts, artifact_bytes, packs, pack_bytes, quarantined, .. } = self;
        let signed = self.signed_by.as_ref().map_or("unsigned".to_owned(), |key| format!("signed by {key}"));
        let mut text = format!(
            "{artifacts} artifacts, {artifact_bytes} bytes, in {packs} packs of {pack_bytes} bytes; \
             {quarantined} in quarantine; {signed}\n"
        );
        text.extend(self.by_backend.iter().map(|(name, count)| format!("  {name}: {count}\n")));
        text.extend(self.by_fork_class.iter().map(|(name, count)| format!("  from {name}: {count}\n")));
        text.extend(self.by_opt_level.iter().map(|(level, count)| format!("  -O{level}: {count}\n")));
        text
    }
}

fn statistics(args: &StoreReadArgs) -> Result<ExitStatus, CliError> {
    let numbers = Numbers::of(&store::open(&args.folder, &args.trust)?);
    if args.json {
        output::write_json(Path::new("-"), &numbers)?;
    } else {
        output::print(numbers.text())?;
    }
    Ok(ExitStatus::Success)
}

fn push(args: &StorePushArgs) -> Result<ExitStatus, CliError> {
    let store = store::open(&args.folder, &[])?;
    let signer = || Ok(store::signer(args.sign.as_deref())?);
    report(args.json, &Remote::open(&args.url)?.push(&store, signer)?)
}

fn pull(args: &StorePullArgs) -> Result<ExitStatus, CliError> {
    let (trust, signer) = (store::trust(&args.trust)?, store::signer(args.sign.as_deref())?);
    report(args.json, &Remote::open(&args.url)?.pull(&args.folder, &trust, signer)?)
}

/// Tells what was transferred.
fn report(json: bool, done: &Transferred) -> Result<ExitStatus, CliError> {
    if json {
        output::write_json(Path::new("-"), done)?;
    } else {
        let Transferred { artifacts, packs, pack_bytes, packs_unchanged } = done;
        output::print(format!(
            "{packs} packs transferred ({pack_bytes} bytes), {packs_unchanged} were there; {artifacts} artifacts now\n"
        ))?;
    }
    Ok(ExitStatus::Success)
}
