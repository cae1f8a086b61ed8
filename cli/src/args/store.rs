//! Arguments of `evmc store`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use url::Url;

/// What to do with a store.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// List the artifacts
    Ls(StoreReadArgs),
    /// Check every artifact
    Verify(StoreVerifyArgs),
    /// Remove what nothing can run any more, and what killed builds left behind
    Gc(StoreGcArgs),
    /// Tell what is in it, in numbers
    Stats(StoreReadArgs),
    /// Add its artifacts to a store in object storage
    Push(StorePushArgs),
    /// Fetch the artifacts of a store in object storage
    Pull(StorePullArgs),
}

/// A store to read.
#[derive(Debug, Args)]
pub struct StoreReadArgs {
    /// Folder of the store
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,

    /// Refuse the store unless this public key (PEM) has signed it; may be repeated
    #[arg(long, value_name = "FILE")]
    pub trust: Vec<PathBuf>,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `evmc store verify`.
#[derive(Debug, Args)]
pub struct StoreVerifyArgs {
    /// The store
    #[command(flatten)]
    pub read: StoreReadArgs,

    /// Make a new index of what is whole
    #[arg(long)]
    pub repair: bool,

    /// Sign the new index with this secret key (PEM)
    #[arg(long, value_name = "FILE", requires = "repair")]
    pub sign: Option<PathBuf>,
}

/// Arguments of `evmc store gc`.
#[derive(Debug, Args)]
pub struct StoreGcArgs {
    /// Folder of the store
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,

    /// Remove also the artifacts of other versions of the compiler than this one
    #[arg(long)]
    pub other_compilers: bool,

    /// Sign the index with this secret key (PEM); needed where it is signed
    #[arg(long, value_name = "FILE")]
    pub sign: Option<PathBuf>,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `evmc store push`.
#[derive(Debug, Args)]
pub struct StorePushArgs {
    /// Folder of the store
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,

    /// Where to: file:///FOLDER or s3://BUCKET/FOLDER
    #[arg(value_name = "URL")]
    pub url: Url,

    /// Sign the index there with this secret key (PEM)
    #[arg(long, value_name = "FILE")]
    pub sign: Option<PathBuf>,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `evmc store pull`.
#[derive(Debug, Args)]
pub struct StorePullArgs {
    /// Where from: file:///FOLDER or s3://BUCKET/FOLDER
    #[arg(value_name = "URL")]
    pub url: Url,

    /// Folder of the store
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,

    /// Refuse what is there unless this public key (PEM) has signed it; may be repeated
    #[arg(long, value_name = "FILE")]
    pub trust: Vec<PathBuf>,

    /// Sign the index here with this secret key (PEM); needed where it is signed and has other artifacts
    #[arg(long, value_name = "FILE")]
    pub sign: Option<PathBuf>,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}
