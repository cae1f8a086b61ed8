//! Executing real blocks again, and comparing what they come to with what they came to.
//!
//! Blocks are executed one after the other, each on its own state, by a [`BlockEngine`] whose workers stay. What is
//! timed is the execution alone: reading the file, compiling (in a run beforehand), roots and comparison are not.

mod fields;
mod format;
mod report;
mod survived;
mod verdict;

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use evmc_parallel::{AccessList, BlockEngine, BlockError, Outcome, PreState, Schedule, state::StateError};
use evmc_revm::{CodeSource, StoreCodes};
use miette::Diagnostic;
use thiserror::Error;

pub use evmc_parallel::Options as EngineOptions;
pub use fields::FieldError;
pub use format::{Expected, ReplayBlock, read};
pub use report::{Report, Row};
pub use survived::Survived;
pub use verdict::differences;

use crate::{
    error::CliError,
    output,
    statetest::source::{Fixture, each_fixture},
};

/// A file that holds no block.
#[derive(Debug, Error, Diagnostic)]
pub enum BlockFileError {
    /// The text is no JSON.
    #[error("{file} is not valid JSON")]
    #[diagnostic(code(evmc::block::json), help("check whether the file was cut off"))]
    Json {
        /// The file.
        file: String,
        /// Line, column and reason.
        source: serde_json::Error,
    },
    /// A field cannot be used.
    #[error("{file} is not a block: {error}")]
    #[diagnostic(code(evmc::block::field), help("expected is a file in the format evmc-mainnet-block/1"))]
    Field {
        /// The file.
        file: String,
        /// The field and what is wrong with it.
        error: FieldError,
    },
}

/// The schedules by the names that the command line knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ScheduleName {
    /// One transaction after the other
    Sequential,
    /// Each transaction once, by the block's access list
    Bal,
    /// Ahead of their turn, and again where that does not hold
    Optimistic,
}

impl ScheduleName {
    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Bal => "bal",
            Self::Optimistic => "optimistic",
        }
    }
}

/// What to do with each block.
#[derive(Clone, Debug)]
pub struct Options {
    /// In which order transactions are executed.
    pub schedule: ScheduleName,
    /// How the engine works.
    pub engine: EngineOptions,
    /// How often each block is executed with the clock running.
    pub repeat: u32,
    /// Folder with access lists, `NUMBER.rlp`; without it, [`ScheduleName::Bal`] makes them by a run beforehand.
    pub lists: Option<PathBuf>,
    /// Folder to write access lists to.
    pub emit_lists: Option<PathBuf>,
}

/// Where frames get code.
pub struct Source {
    /// It.
    pub codes: Arc<dyn CodeSource>,
    /// The same, if it is a store.
    pub stored: Option<Arc<StoreCodes>>,
    /// What it is called in the report.
    pub name: &'static str,
}

/// Executes the blocks under `paths` and compares.
///
/// # Errors
/// When a file cannot be read or written, or the system refuses threads.
pub fn run(paths: &[PathBuf], source: &Source, options: &Options) -> Result<Report, CliError> {
    let start = |engine_options| {
        BlockEngine::new(engine_options, &source.codes)
            .map_err(|source| CliError::System { action: "start worker threads", source })
    };
    let mut player = Player {
        engine: start(options.engine)?,
        recorder: start(EngineOptions { threads: 1, records_list: true, ..options.engine })?,
        stored: source.stored.as_deref(),
        options,
        rows: Vec::new(),
    };
    let bar = output::progress(None, false);
    each_block(paths, |block| {
        bar.set_message(block.number.to_string());
        player.play(&block)?;
        bar.inc(1);
        Ok(())
    })?;
    bar.finish_and_clear();
    let threads = options.engine.threads;
    Ok(Report::new(options.schedule.name(), source.name, threads, player.rows))
}

/// Hands each block under `paths` to `take`: files, folders, archives.
///
/// # Errors
/// When a file cannot be read or is not a block; those of `take`.
pub fn each_block(
    paths: &[PathBuf],
    mut take: impl FnMut(ReplayBlock) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut failed = None;
    each_fixture(paths, &mut |fixture| match block(fixture).and_then(&mut take) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    failed.map_or(Ok(()), Err)
}

/// Reads the block in a file.
fn block(fixture: Fixture) -> Result<ReplayBlock, CliError> {
    let Fixture { name: file, text, .. } = fixture;
    let text = text.read().map_err(|source| CliError::Read { path: file.clone().into(), source })?;
    let document = serde_json::from_slice(&text)
        .map_err(|source| BlockFileError::Json { file: file.clone(), source })?;
    Ok(read(&document).map_err(|error| BlockFileError::Field { file, error })?)
}

/// What executes blocks, and what came of them so far.
struct Player<'a> {
    engine: BlockEngine<PreState>,
    /// Executes sequentially and makes access lists.
    recorder: BlockEngine<PreState>,
    stored: Option<&'a StoreCodes>,
    options: &'a Options,
    rows: Vec<Row>,
}

pub(crate) type Played = Result<Outcome, BlockError<StateError>>;

impl Player<'_> {
    fn play(&mut self, block: &ReplayBlock) -> Result<(), CliError> {
        let artifacts = self.stored.map(StoreCodes::counters).unwrap_or_default();
        let mut survived = Survived::default();
        let schedule = self.schedule(block)?;
        // Compiles what the block calls, and has what is made once in a process made.
        let played = self.engine.execute(&block.block, &block.state, &Schedule::Sequential);
        survived.add_faults(&played);
        let mut nanos = Vec::new();
        let mut last: Option<Played> = None;
        let mut differences = Vec::new();
        for _ in 0..self.options.repeat.max(1) {
            let start = Instant::now();
            let played = self.engine.execute(&block.block, &block.state, &schedule);
            nanos.push(start.elapsed().as_nanos() as f64);
            survived.add_faults(&played);
            for difference in verdict::differences(block, &played) {
                if !differences.contains(&difference) {
                    differences.push(difference);
                }
            }
            last = Some(played);
        }
        let outcome = last.and_then(Result::ok);
        self.emit(block, outcome.as_ref())?;
        if let Some(stored) = self.stored {
            survived.add_artifacts(&artifacts, &stored.counters());
        }
        self.rows.push(Row::new(block, outcome.as_ref(), median(&mut nanos), survived, differences));
        Ok(())
    }

    /// The schedule for a block, with its access list where one is needed.
    fn schedule(&mut self, block: &ReplayBlock) -> Result<Schedule, CliError> {
        Ok(match self.options.schedule {
            ScheduleName::Sequential => Schedule::Sequential,
            ScheduleName::Optimistic => Schedule::Optimistic,
            ScheduleName::Bal => Schedule::Bal(Arc::new(match &self.options.lists {
                Some(folder) => read_list(&list_path(folder, block.number))?,
                None => {
                    let made = self.recorder.execute(&block.block, &block.state, &Schedule::Sequential);
                    let list = made.ok().and_then(|outcome| outcome.access_list(&*block.state).ok());
                    list.flatten().unwrap_or_default()
                }
            })),
        })
    }

    /// Writes the access list, if it is asked for and there is one.
    fn emit(&self, block: &ReplayBlock, outcome: Option<&Outcome>) -> Result<(), CliError> {
        let list = outcome.and_then(|outcome| outcome.access_list(&*block.state).ok()?);
        match (&self.options.emit_lists, &list) {
            (Some(folder), Some(list)) => {
                output::write_file(&list_path(folder, block.number), &list.to_rlp())
            }
            _ => Ok(()),
        }
    }
}

/// The file of a block's access list.
fn list_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number}.rlp"))
}

/// Reads an access list.
fn read_list(path: &Path) -> Result<AccessList, CliError> {
    let bytes = std::fs::read(path).map_err(|source| CliError::Read { path: path.to_owned(), source })?;
    AccessList::from_rlp(&bytes).map_err(|error| {
        let message = format!("{} is not an access list: {error}", path.display());
        CliError::usage(message, "expected is the RLP of a list as EIP-7928 has it; --emit-bal writes them")
    })
}

/// The value in the middle; of two, the smaller one.
fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}
