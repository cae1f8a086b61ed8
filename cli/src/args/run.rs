//! The arguments of `evmc run`, and those of transactions, which `evmc bench` has too.

use std::path::PathBuf;

use alloy_primitives::{Address, U256};
use clap::Args;

use super::{CompileArgs, EngineName, MeterArgs, negative};
use crate::{
    alloc::Number,
    fork::{Fork, parse_fork},
    run,
};

/// A transaction on a contract, which `input` names.
#[derive(Clone, Debug, Args)]
pub struct TransactionArgs {
    /// Arguments of the function that --sig or --invoke names
    #[arg(value_name = "ARG", requires = "function", allow_negative_numbers = true)]
    #[arg(value_parser = negative::unmark)]
    pub arguments: Vec<String>,

    /// Contract to choose where the input has several: NAME or FILE:NAME
    #[arg(long, value_name = "NAME")]
    pub contract: Option<String>,

    /// Calldata in hexadecimal
    #[arg(long, value_name = "HEX", requires = "input", conflicts_with = "sig")]
    pub calldata: Option<String>,

    /// Function to call, such as `transfer(address,uint256)`, with `returns (bool)` behind it to decode
    /// the output; a name is enough where the input has an ABI
    #[arg(long, value_name = "SIGNATURE", requires = "input", group = "function")]
    pub sig: Option<String>,

    /// Deploy the initcode; with --sig or --calldata, call the deployed contract then
    #[arg(long, requires = "input")]
    pub create: bool,

    /// Argument of the constructor; may be repeated
    #[arg(long, value_name = "ARG", requires = "create", allow_hyphen_values = true)]
    #[arg(value_parser = negative::unmark)]
    pub constructor_arg: Vec<String>,

    /// Address that sends the transaction
    #[arg(long, value_name = "ADDRESS", default_value_t = run::CALLER)]
    pub caller: Address,

    /// Address at which runtime code is put
    #[arg(long, value_name = "ADDRESS", default_value_t = run::CONTRACT, conflicts_with = "create")]
    pub address: Address,

    /// Value to send, in wei
    #[arg(long, value_name = "WEI", default_value = "0", value_parser = parse_number)]
    pub value: U256,

    /// Gas limit [default: 1,000,000,000; of WebAssembly the most that there is]
    #[arg(long, value_name = "GAS")]
    pub gas: Option<u64>,

    /// Fork whose rules apply [default: the artifact's, else Osaka]
    #[arg(long, value_name = "FORK", value_parser = parse_fork)]
    pub fork: Option<Fork>,

    /// Accounts to start with, as JSON: {ADDRESS: {"balance", "nonce", "code", "storage"}}
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
}

const RUN_EXAMPLES: &str = "\
Examples:
  evmc run Token.json --contract Token --sig 'balanceOf(address)' 0x…
  evmc run fib.wat --invoke fib 30
  evmc run fib.so --invoke fib 30 --gas 1000000 --print-gas";

/// Arguments of `evmc run`.
#[derive(Debug, Args)]
#[command(after_help = RUN_EXAMPLES)]
pub struct RunArgs {
    /// File, artifact, `-` for standard input, or code as 0x…
    pub input: String,

    /// With an artifact: the contract that it was built from
    #[arg(long, value_name = "INPUT")]
    pub code: Option<String>,

    /// WebAssembly: the exported function to call, with its arguments behind the input [default: _start]
    #[arg(long, value_name = "NAME", group = "function")]
    pub invoke: Option<String>,

    /// WebAssembly: most pages of 64 KiB that a memory may have
    #[arg(long, value_name = "N")]
    pub max_pages: Option<u64>,

    /// WebAssembly: tell on standard error how much gas was used
    #[arg(long)]
    pub print_gas: bool,

    /// The transaction
    #[command(flatten)]
    pub transaction: TransactionArgs,

    /// How to run the code
    #[arg(long, value_enum, default_value_t = EngineName::Native)]
    pub engine: EngineName,

    /// How to compile it
    #[command(flatten)]
    pub compile: CompileArgs,

    /// What to count in WebAssembly
    #[command(flatten)]
    pub meter: MeterArgs,

    /// Run the transaction this many times from the same state, and report the median time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,

    /// Write an EIP-3155 trace by the interpreter to standard error
    #[arg(long)]
    pub trace: bool,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Parses a number in hexadecimal (0x…) or decimal.
fn parse_number(text: &str) -> Result<U256, String> {
    text.parse::<Number>().map(|number| number.0)
}
