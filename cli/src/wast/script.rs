//! One script: its directives in order, and what becomes of each.
//!
//! A module that is valid but outside the profile is skipped, and with it whatever needs it: assertions on it,
//! modules that import from it. A module that fails fails its assertions too. Both are remembered under the
//! names by which scripts refer to modules.

use std::collections::{HashMap, HashSet};

use evmc_wasm::{CreateError, InstanceId, InstantiateError, Limits, Module, Val};
use wast::{
    QuoteWat, Wast, WastArg, WastDirective, WastExecute, WastInvoke, WastRet, Wat,
    core::WastRetCore,
    lexer::Lexer,
    parser::{self, ParseBuffer},
    token::{Id, Span},
};

use super::{
    expect::{self, Foreign, Mismatch},
    judge::{Absence, Known, absence, agrees, missing, refused_with, same_beginning, skipped},
    profile::{self, Standing},
    spectest,
    summary::{Tally, Verdict},
};
use crate::wasm::{Engine, Machine, MachineError, RefusalError};

/// Reasons of skips, beside those of modules that are outside the profile.
const FOREIGN: &str = "values of types outside the profile";
const THREADS: &str = "threads";
const EXCEPTIONS: &str = "exceptions";
const COMPONENTS: &str = "components";
const SUSPENSIONS: &str = "stack switching";

/// Runs the script in `text`; `file` is how it is called in remarks. Each call may use so much gas.
pub fn run(file: &str, text: &str, engine: &Engine, gas: u64) -> Tally {
    let mut tally = Tally::default();
    let line = |span: Span| span.linecol_in(text).0 + 1;
    let unreadable = |error: wast::Error| (line(error.span()), Verdict::Failed(error.message()));
    let mut lexer = Lexer::new(text);
    lexer.allow_confusing_unicode(true);
    let buffer = match ParseBuffer::new_with_lexer(lexer).map_err(unreadable) {
        Ok(buffer) => buffer,
        Err((line, verdict)) => {
            tally.count(file, line, verdict);
            return tally;
        }
    };
    let directives = match parser::parse::<Wast<'_>>(&buffer).map_err(unreadable) {
        Ok(script) => script.directives,
        Err((line, verdict)) => {
            tally.count(file, line, verdict);
            return tally;
        }
    };
    let mut script = match Script::new(engine, gas) {
        Ok(script) => script,
        Err(error) => {
            tally.count(file, 1, Verdict::Failed(error.to_string()));
            return tally;
        }
    };
    for directive in directives {
        let place = line(directive.span());
        if let Some(verdict) = script.directive(directive) {
            tally.count(file, place, verdict);
        }
    }
    tally
}

/// The state of a script.
struct Script<'e> {
    engine: &'e Engine,
    machine: Machine,
    /// The module that directives without a name mean.
    last: Known<InstanceId>,
    instances: HashMap<String, Known<InstanceId>>,
    last_definition: Known<Module>,
    definitions: HashMap<String, Known<Module>>,
    /// Names for imports behind which there is nothing.
    absent: HashMap<String, Absence>,
}

impl<'e> Script<'e> {
    fn new(engine: &'e Engine, gas: u64) -> Result<Self, CreateError> {
        let mut machine = Machine::new(Limits::default(), gas);
        spectest::define(&mut machine)?;
        Ok(Self {
            engine,
            machine,
            last: Err(Absence::Failed),
            instances: HashMap::new(),
            last_definition: Err(Absence::Failed),
            definitions: HashMap::new(),
            absent: HashMap::new(),
        })
    }

    /// Carries out a directive; `None` where there is nothing to count.
    fn directive(&mut self, directive: WastDirective<'_>) -> Option<Verdict> {
        Some(match directive {
            WastDirective::Module(module) => self.module(module),
            WastDirective::ModuleDefinition(module) => self.definition(module),
            WastDirective::ModuleInstance { instance, module, .. } => self.instance(instance, module),
            WastDirective::Register { name, module, .. } => return self.register(name, module),
            WastDirective::Invoke(call) => self.succeeds(WastExecute::Invoke(call)),
            WastDirective::AssertReturn { exec, results, .. } => self.returns(exec, &results),
            WastDirective::AssertTrap { exec, message, .. } => self.traps(exec, message),
            WastDirective::AssertExhaustion { call, message, .. } => {
                self.traps(WastExecute::Invoke(call), message)
            }
            WastDirective::AssertInvalid { module, message, .. }
            | WastDirective::AssertMalformed { module, message, .. } => self.is_refused(module, message),
            WastDirective::AssertUnlinkable { module, message, .. } => self.is_unlinkable(module, message),
            // Custom sections have no meaning for us, so whatever they hold is right.
            WastDirective::AssertInvalidCustom { .. } | WastDirective::AssertMalformedCustom { .. } => {
                return None;
            }
            WastDirective::AssertException { .. } => skipped(EXCEPTIONS),
            WastDirective::AssertSuspension { .. } => skipped(SUSPENSIONS),
            WastDirective::Thread(_) | WastDirective::Wait { .. } => skipped(THREADS),
        })
    }

    /// `module`: compiled and instantiated.
    fn module(&mut self, mut module: QuoteWat<'_>) -> Verdict {
        let name = module.name().map(owned);
        let (known, verdict) = match self.compile(&mut module) {
            Ok(compiled) => self.instantiate(&compiled),
            Err(verdict) => (Err(absence(&verdict)), verdict),
        };
        self.remember(name, known);
        verdict
    }

    /// `module definition`: compiled.
    fn definition(&mut self, mut module: QuoteWat<'_>) -> Verdict {
        let name = module.name().map(owned);
        let (known, verdict) = match self.compile(&mut module) {
            Ok(compiled) => (Ok(compiled), Verdict::Passed),
            Err(verdict) => (Err(absence(&verdict)), verdict),
        };
        if let Some(name) = name {
            self.definitions.insert(name, known.clone());
        }
        self.last_definition = known;
        verdict
    }

    /// `module instance`: instantiated.
    fn instance(&mut self, name: Option<Id<'_>>, module: Option<Id<'_>>) -> Verdict {
        let module = match module {
            Some(name) => self.definitions.get(name.name()).cloned().unwrap_or(Err(Absence::Failed)),
            None => self.last_definition.clone(),
        };
        let (known, verdict) = match module {
            Ok(module) => self.instantiate(&module),
            Err(absence) => (Err(absence), missing(absence)),
        };
        self.remember(name.map(owned), known);
        verdict
    }

    /// Keeps an instance as the last one, and under its name.
    fn remember(&mut self, name: Option<String>, known: Known<InstanceId>) {
        if let Some(name) = name {
            self.instances.insert(name, known);
        }
        self.last = known;
    }

    /// `register`: says under which name others import from an instance.
    fn register(&mut self, name: &str, module: Option<Id<'_>>) -> Option<Verdict> {
        match self.find(module) {
            Ok(instance) => {
                self.absent.remove(name);
                self.machine.register(name, instance);
                None
            }
            Err(absence) => {
                self.absent.insert(name.to_owned(), absence);
                None
            }
        }
    }

    /// The instance that a directive means.
    fn find(&self, name: Option<Id<'_>>) -> Known<InstanceId> {
        match name {
            Some(name) => self.instances.get(name.name()).copied().unwrap_or(Err(Absence::Failed)),
            None => self.last,
        }
    }

    /// Compiles a module that must be valid.
    ///
    /// # Errors
    /// The verdict on it where it is not.
    fn compile(&self, module: &mut QuoteWat<'_>) -> Result<Module, Verdict> {
        if is_component(module) {
            return Err(skipped(COMPONENTS));
        }
        let bytes = module.encode().map_err(|error| Verdict::Failed(error.message()))?;
        self.compile_bytes(&bytes)
    }

    /// Compiles a module that must be valid.
    ///
    /// # Errors
    /// The verdict on it where it is not.
    fn compile_bytes(&self, bytes: &[u8]) -> Result<Module, Verdict> {
        self.engine.compile(bytes).map_err(|error| match error {
            RefusalError::Module(error) if profile::standing(bytes, &error) == Standing::Outside => {
                Verdict::Skipped(format!("outside the profile: {}", profile::reason(&error)))
            }
            error => Verdict::Failed(format!("module: {error}")),
        })
    }

    /// Instantiates a module that must instantiate.
    fn instantiate(&mut self, module: &Module) -> (Known<InstanceId>, Verdict) {
        if let Some(absence) = self.absent_import(module) {
            return (Err(absence), missing(absence));
        }
        match self.machine.instantiate(module) {
            Ok(instance) => (Ok(instance), Verdict::Passed),
            Err(error) => (Err(Absence::Failed), Verdict::Failed(format!("module: {error}"))),
        }
    }

    /// Why a module cannot have its imports, where what they name is absent.
    fn absent_import(&self, module: &Module) -> Option<Absence> {
        let names: HashSet<&str> = module.imports().iter().map(|import| import.module.as_str()).collect();
        names.into_iter().find_map(|name| self.absent.get(name).copied())
    }

    /// `assert_return`.
    fn returns(&mut self, exec: WastExecute<'_>, results: &[WastRet<'_>]) -> Verdict {
        let expected: Option<Vec<&WastRetCore<'_>>> = results.iter().map(core_result).collect();
        let Some(expected) = expected else { return skipped(COMPONENTS) };
        match self.execute(exec) {
            Err(verdict) => verdict,
            Ok(Err(error)) => Verdict::Failed(error.to_string()),
            Ok(Ok(values)) => match expect::results(&values, &expected) {
                Ok(()) => Verdict::Passed,
                Err(Mismatch::Wrong(reason)) => Verdict::Failed(reason),
                Err(Mismatch::Foreign) => skipped(FOREIGN),
            },
        }
    }

    /// An action that must succeed, whatever it gives.
    fn succeeds(&mut self, exec: WastExecute<'_>) -> Verdict {
        match self.execute(exec) {
            Err(verdict) => verdict,
            Ok(Err(error)) => Verdict::Failed(error.to_string()),
            Ok(Ok(_)) => Verdict::Passed,
        }
    }

    /// `assert_trap` and `assert_exhaustion`.
    fn traps(&mut self, exec: WastExecute<'_>, message: &str) -> Verdict {
        let expected = || format!("a trap expected, {message:?}");
        match self.execute(exec) {
            Err(verdict) => verdict,
            Ok(Ok(values)) => Verdict::Failed(format!("{}, got {}", expected(), expect::told_all(&values))),
            Ok(Err(MachineError::Trap(trap))) => {
                let told = trap.message();
                if same_beginning(&told, message) {
                    Verdict::Passed
                } else {
                    Verdict::Failed(format!("{}, got {told:?}", expected()))
                }
            }
            Ok(Err(error)) => Verdict::Failed(format!("{}, got: {error}", expected())),
        }
    }

    /// `assert_invalid` and `assert_malformed`. What text cannot say at all is refused by the parser.
    fn is_refused(&self, mut module: QuoteWat<'_>, message: &str) -> Verdict {
        if is_component(&module) {
            return skipped(COMPONENTS);
        }
        let bytes = match module.encode() {
            Ok(bytes) => bytes,
            Err(error) => return refused_with(&error.message(), message),
        };
        match self.engine.validate(&bytes) {
            Ok(()) => match profile::older_refusal(&bytes) {
                Some(reason) => Verdict::Skipped(format!("valid since a later proposal: {reason}")),
                None => Verdict::Failed(format!("a module that should be refused, {message:?}, is not")),
            },
            Err(error) => {
                let told = profile::reason(&error);
                let is_clear = || profile::standing(&bytes, &error) != Standing::Unclear;
                if agrees(&told, message) || is_clear() {
                    refused_with(&told, message)
                } else {
                    Verdict::Skipped(format!("outside the profile: {told}"))
                }
            }
        }
    }

    /// `assert_unlinkable`.
    fn is_unlinkable(&mut self, module: Wat<'_>, message: &str) -> Verdict {
        let mut module = QuoteWat::Wat(module);
        let module = match self.compile(&mut module) {
            Ok(module) => module,
            Err(verdict) => return verdict,
        };
        if let Some(absence) = self.absent_import(&module) {
            return missing(absence);
        }
        match self.machine.instantiate(&module) {
            Ok(_) => Verdict::Failed(format!("a module that should not link, {message:?}, does")),
            Err(MachineError::Instantiate(
                error
                @ (InstantiateError::UnknownImport { .. } | InstantiateError::IncompatibleImport { .. }),
            )) => refused_with(&error.to_string(), message),
            Err(error) => Verdict::Failed(format!("{message:?} expected, got: {error}")),
        }
    }

    /// Carries out an action.
    ///
    /// # Errors
    /// The verdict where it cannot be carried out at all.
    fn execute(&mut self, exec: WastExecute<'_>) -> Result<Result<Vec<Val>, MachineError>, Verdict> {
        match exec {
            WastExecute::Invoke(call) => self.invoke(&call),
            WastExecute::Get { module, global, .. } => {
                let instance = self.find(module).map_err(missing)?;
                Ok(self.machine.global(instance, global).map(|value| vec![value]))
            }
            WastExecute::Wat(module) => {
                let module = self.compile(&mut QuoteWat::Wat(module))?;
                if let Some(absence) = self.absent_import(&module) {
                    return Err(missing(absence));
                }
                Ok(self.machine.instantiate(&module).map(|_| Vec::new()))
            }
        }
    }

    /// Calls a function.
    ///
    /// # Errors
    /// The verdict where it cannot be called at all.
    fn invoke(&mut self, call: &WastInvoke<'_>) -> Result<Result<Vec<Val>, MachineError>, Verdict> {
        let instance = self.find(call.module).map_err(missing)?;
        let mut args = Vec::with_capacity(call.args.len());
        for arg in &call.args {
            let WastArg::Core(arg) = arg else { return Err(skipped(COMPONENTS)) };
            args.push(expect::argument(arg).map_err(|Foreign| skipped(FOREIGN))?);
        }
        let called = self.machine.function(instance, call.name);
        Ok(called.and_then(|func| self.machine.call(func, &args)).map(|results| results.values))
    }
}

/// An identifier as text of its own.
fn owned(id: Id<'_>) -> String {
    id.name().to_owned()
}

/// Whether a module is a component.
const fn is_component(module: &QuoteWat<'_>) -> bool {
    matches!(module, QuoteWat::Wat(Wat::Component(_)) | QuoteWat::QuoteComponent(..))
}

/// The expectation of a core function's result.
fn core_result<'a>(result: &'a WastRet<'a>) -> Option<&'a WastRetCore<'a>> {
    match result {
        WastRet::Core(result) => Some(result),
        _ => None,
    }
}
