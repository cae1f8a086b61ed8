//! Running a case, and holding what it left behind against the reference.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use evmc::backend::{self, BackendName, HAS_LLVM};
use evmc::engine::{CompiledEngine, Engine, InterpreterEngine, IrMaker, NativeMaker, TxResult};
use evmc_backend::{OptLevel, Options};
use evmc_compiler::driver::Config;
use revm::state::{Account, EvmState};

use super::case::{Case, Transaction};

/// An engine under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tested {
    /// Its name.
    pub name: &'static str,
    /// What makes the code, or nothing for the interpreter of the IR.
    backend: Option<BackendName>,
    level: OptLevel,
}

impl Tested {
    /// Every engine that can be named, also those that this build lacks.
    const ALL: &'static [Self] = &[
        Self { name: "native", backend: Some(BackendName::Cranelift), level: OptLevel::Default },
        Self { name: "native0", backend: Some(BackendName::Cranelift), level: OptLevel::None },
        Self { name: "llvm", backend: Some(BackendName::Llvm), level: OptLevel::Default },
        Self { name: "llvm0", backend: Some(BackendName::Llvm), level: OptLevel::None },
        Self { name: "llvm1", backend: Some(BackendName::Llvm), level: OptLevel::Less },
        Self { name: "llvm3", backend: Some(BackendName::Llvm), level: OptLevel::Aggressive },
        Self { name: "ir", backend: None, level: OptLevel::Default },
    ];

    /// Those that every change is tested with, of those that this build has.
    pub fn usual() -> Vec<Self> {
        let names = ["native", "llvm", "llvm0", "ir"];
        names.into_iter().filter_map(|name| Self::from_name(name).ok()).collect()
    }

    /// The engine of this name.
    ///
    /// # Errors
    /// No such engine exists, or this build lacks it.
    pub fn from_name(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|engine| engine.name == name);
        let found = *found.ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|engine| engine.name).collect();
            format!("no engine `{name}`; there are {}", names.join(", "))
        })?;
        match found.backend {
            Some(BackendName::Llvm) if !HAS_LLVM => Err(format!("`{name}`: this build has no LLVM")),
            _ => Ok(found),
        }
    }

    /// A new engine, with no code in it.
    fn engine(self) -> Box<dyn Engine> {
        let options = Options { level: self.level, ..Options::default() };
        let config = Config { verify: true, backend: options, ..Config::default() };
        match self.backend {
            Some(backend) => {
                let backend = backend::create(backend, None).expect("this build has the backend");
                let maker = NativeMaker::new(backend, config);
                Box::new(CompiledEngine::new(self.name, maker, true))
            }
            None => Box::new(CompiledEngine::new(self.name, IrMaker::new(config), true)),
        }
    }
}

/// Where an engine is not like the reference.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The engine.
    pub engine: Tested,
    /// Number of the transaction in its case.
    pub transaction: usize,
    /// What differs.
    pub what: String,
}

/// Runs all transactions of a case on the engines, and gives the first difference.
///
/// Must be called on a stack as [`on_stack`] gives it.
pub fn run(case: &Case, engines: &[Tested]) -> Option<Difference> {
    let world = Arc::new(case.world());
    let reference = InterpreterEngine::default();
    let expected: Vec<_> = case
        .transactions
        .iter()
        .map(|transaction| reference.worker().transact(&case.input(&world, transaction)))
        .collect();
    engines.iter().find_map(|engine| {
        let tested = engine.engine();
        let mut numbered = case.transactions.iter().zip(&expected).enumerate();
        let found = numbered.find_map(|(number, (transaction, expected))| {
            let actual =
                catch_unwind(AssertUnwindSafe(|| tested.worker().transact(&case.input(&world, transaction))));
            let what = actual.map_or_else(panic_message, |actual| difference(expected, &actual))?;
            Some(Difference { engine: *engine, transaction: number, what })
        });
        found.or_else(|| not_compiled(tested.as_ref(), *engine))
    })
}

/// A code that the compiler refused, which it must not.
fn not_compiled(tested: &dyn Engine, engine: Tested) -> Option<Difference> {
    let refused = tested.counters().codes_refused;
    let (reason, _) = refused.first_key_value()?;
    Some(Difference { engine, transaction: 0, what: format!("code refused: {reason}") })
}

fn panic_message(payload: Box<dyn std::any::Any + Send>) -> Option<String> {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
    Some(format!("panic: {text}"))
}

/// Gas limits at which a transaction that has used `used` gas fails somewhere on its way.
pub fn tighter(transaction: &Transaction, used: u64, rng: &mut fastrand::Rng) -> Transaction {
    let least = 21_000.min(used);
    Transaction { gas: rng.u64(least..=used), ..transaction.clone() }
}

/// Gas that each transaction of a case uses in the reference, where it runs at all.
pub fn gas_used(case: &Case) -> Vec<Option<u64>> {
    let world = Arc::new(case.world());
    let reference = InterpreterEngine::default();
    let run = |transaction| reference.worker().transact(&case.input(&world, transaction));
    case.transactions
        .iter()
        .map(|transaction| run(transaction).ok().map(|done| done.result.tx_gas_used()))
        .collect()
}

/// Runs `work` where the native stack is large enough for every engine.
///
/// # Errors
/// The system gives no such stack.
pub fn on_stack<T: Send>(work: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    evmc_revm::on_large_stack(work)
}

/// What differs between two outcomes, in words; `None` where nothing does.
pub fn difference(expected: &TxResult, actual: &TxResult) -> Option<String> {
    match (expected, actual) {
        (Ok(expected), Ok(actual)) if expected.result == actual.result => {
            state_difference(&expected.state, &actual.state)
        }
        (Ok(expected), Ok(actual)) => {
            Some(format!("result\n  expected {:?}\n  actual   {:?}", expected.result, actual.result))
        }
        (Err(expected), Err(actual)) if format!("{expected:?}") == format!("{actual:?}") => None,
        (expected, actual) => Some(format!(
            "validity\n  expected {:?}\n  actual   {:?}",
            expected.as_ref().map(|done| &done.result),
            actual.as_ref().map(|done| &done.result)
        )),
    }
}

/// The first account whose content, or the mere access to it, differs.
fn state_difference(expected: &EvmState, actual: &EvmState) -> Option<String> {
    let addresses: BTreeSet<_> = expected.keys().chain(actual.keys()).collect();
    addresses.into_iter().find_map(|address| match (expected.get(address), actual.get(address)) {
        (Some(expected), Some(actual)) => {
            account_difference(expected, actual).map(|what| format!("account {address}: {what}"))
        }
        (None, _) => Some(format!("account {address} was accessed")),
        (_, None) => Some(format!("account {address} was not accessed")),
    })
}

fn account_difference(expected: &Account, actual: &Account) -> Option<String> {
    if expected.info != actual.info {
        return Some(format!("expected {:?}, found {:?}", expected.info, actual.info));
    }
    if expected.status != actual.status {
        return Some(format!("expected status {:?}, found {:?}", expected.status, actual.status));
    }
    let slots: BTreeSet<_> = expected.storage.keys().chain(actual.storage.keys()).collect();
    slots.into_iter().find_map(|slot| {
        let value = |account: &Account| account.storage.get(slot).map(|slot| slot.present_value);
        let (expected, actual) = (value(expected), value(actual));
        (expected != actual).then(|| format!("slot {slot:#x}: expected {expected:?}, found {actual:?}"))
    })
}
