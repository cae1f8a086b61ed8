//! `test run`: calls functions on every engine.
//!
//! A case is a line `; run: %f(1, -1) == 0, 0xff` and the lines of expectations behind it:
//!
//! * `; gas: 21` gas that the call used, or a failed charge left unpaid;
//! * `; exits: CODE` in place of results: the frame ended so. For a merged check
//!   `; exits: stretch stretch0 at 3` names the stretch and the stack height.
//!
//! * `; traps: CODE @OFFSET` the same in a module of WebAssembly, with the place in the source.
//!
//! Settings for all cases of a file: `; gas limit: N` (10,000,000 where absent), `; calldata: 0x…`,
//! `; storage: KEY = VALUE` (any number of them), `; engine: NAME` (only that one); for the instance of a module of WebAssembly
//! `; global: N = BITS`, `; table: N = REFERENCES`, `; referenced: REFERENCES`, `; data: 0x…` (the next segment), where
//! references are `%name`, `null`, or the number of an imported function.
//!
//! Numbers are decimal or `0x…`, negative ones at the width of their type; floats are their bits.

use evmc_abi::ExitCode;
use evmc_ir::{Func, Module, Type, eval};
use ruint::aliases::U256;

use super::engine::{End, Ending, Engine, World, engines};
use super::instance::Instance;
use super::{Directive, Failure, TestFile, output};

/// A call and what is expected of it.
struct Case<'t> {
    call: Directive<'t>,
    /// The text before `==`.
    target: &'t str,
    func: Func,
    args: Vec<U256>,
    results: Option<Vec<U256>>,
    gas: Option<Directive<'t>>,
    exits: Option<Directive<'t>>,
    traps: Option<Directive<'t>>,
}

/// Runs the command.
pub(super) fn run(file: &TestFile) -> Vec<Failure> {
    let module = match output::module(file) {
        Ok(module) => module,
        Err(failures) => return failures,
    };
    let (world, cases) = match world(file, &module).and_then(|world| Ok((world, cases(file, &module)?))) {
        Ok(parsed) => parsed,
        Err(failure) => return vec![failure],
    };
    if cases.is_empty() {
        return vec![Failure::new(0, "no `; run:` line")];
    }
    let only = file.setting("engine").map(|setting| setting.value);
    let mut failures = Vec::new();
    let wanted =
        |engine: &&dyn Engine| engine.takes(&module) && only.is_none_or(|name| name == engine.name());
    for engine in engines().into_iter().filter(wanted) {
        for case in &cases {
            match engine.call(&module, case.func, &case.args, &world) {
                Ok(ending) => case.compare(engine.name(), &world, &ending, &mut failures),
                Err(error) => {
                    let message = format!("{}: {error}", engine.name());
                    if failures.iter().all(|failure: &Failure| failure.message != message) {
                        failures.push(Failure::new(case.call.line, message));
                    }
                }
            }
        }
    }
    failures
}

/// The settings of the file.
fn world(file: &TestFile, module: &Module) -> Result<World, Failure> {
    let mut world = World { gas: 10_000_000, ..World::default() };
    if module.instance.is_some() {
        let instance = Instance::new(module, file);
        world.instance =
            Some(instance.map_err(|line| Failure::new(line, "this is not understood of an instance"))?);
    }
    for directive in file.directives() {
        let wrong = || Failure::new(directive.line, format!("`{}` is not understood", directive.value));
        match directive.key {
            "gas limit" => world.gas = directive.value.parse().map_err(|_| wrong())?,
            "calldata" => {
                let digits = directive.value.trim_start_matches("0x");
                world.calldata = hex::decode(digits).map_err(|_| wrong())?;
            }
            "storage" => {
                let (key, value) = directive.value.split_once('=').ok_or_else(wrong)?;
                let number = |text: &str| number(text.trim(), Type::I256).ok_or_else(wrong);
                world.storage.push((number(key)?, number(value)?));
            }
            _ => {}
        }
    }
    Ok(world)
}

/// The cases of the file.
fn cases<'t>(file: &'t TestFile, module: &Module) -> Result<Vec<Case<'t>>, Failure> {
    let mut cases: Vec<Case<'t>> = Vec::new();
    for directive in file.directives() {
        match (directive.key, cases.last_mut()) {
            ("run", _) => {
                let case = parse(directive, module);
                cases.push(case.map_err(|message| Failure::new(directive.line, message))?);
            }
            ("gas", Some(case)) => case.gas = Some(directive),
            ("exits", Some(case)) => case.exits = Some(directive),
            ("traps", Some(case)) => case.traps = Some(directive),
            ("gas" | "exits" | "traps", None) => {
                return Err(Failure::new(directive.line, "no `; run:` line before this"));
            }
            _ => {}
        }
    }
    Ok(cases)
}

/// `%f(1, -1) == 0`.
fn parse<'t>(call: Directive<'t>, module: &Module) -> Result<Case<'t>, String> {
    let (target, results) = match call.value.split_once("==") {
        Some((target, results)) => (target.trim(), Some(results)),
        None => (call.value, None),
    };
    let (name, args) = target.split_once('(').ok_or("expected `%name(arguments)`")?;
    let args = args.strip_suffix(')').ok_or("expected `)` behind the arguments")?;
    let is_it = |name: &str| module.functions.iter().find(|(_, function)| function.name == name);
    let found = name.strip_prefix('%').and_then(is_it);
    let (func, function) = found.ok_or_else(|| format!("no function {name}"))?;
    let types: Vec<_> = function.param_types().collect();
    let args = numbers(args, &types)?;
    let results = results.map(|results| numbers(results, &function.results)).transpose()?;
    Ok(Case { call, target, func, args, results, gas: None, exits: None, traps: None })
}

/// Numbers with commas between them, one for each type.
fn numbers(text: &str, types: &[Type]) -> Result<Vec<U256>, String> {
    let items: Vec<_> = text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
    if items.len() != types.len() {
        return Err(format!("{} numbers, expected {}", items.len(), types.len()));
    }
    let wrong = |item: &str, ty| format!("`{item}` is not a number of type {ty}");
    items.iter().zip(types).map(|(item, &ty)| number(item, ty).ok_or_else(|| wrong(item, ty))).collect()
}

fn number(text: &str, ty: Type) -> Option<U256> {
    let magnitude: U256 = text.trim_start_matches('-').parse().ok()?;
    let bits = if text.starts_with('-') { magnitude.wrapping_neg() } else { magnitude };
    let bits = eval::truncate(ty, bits);
    let back = if text.starts_with('-') { eval::sign_extend(ty, bits).wrapping_neg() } else { bits };
    (back == magnitude).then_some(bits)
}

impl Case<'_> {
    /// Compares how the call ended with what is expected.
    fn compare(&self, engine: &str, world: &World, ending: &Ending, failures: &mut Vec<Failure>) {
        let mut wrong = |directive: Directive<'_>, found: String| {
            let rewritten = format!("; {}: {found}", directive.key);
            let message = format!("{engine}: expected `{}`, found `{found}`", directive.value);
            failures.push(Failure { line: directive.line, message, rewritten: Some(rewritten) });
        };
        match (&ending.end, self.exits.or(self.traps), &self.results) {
            (End::Returned(found), None, Some(expected)) if found == expected => {}
            (End::Returned(found), None, None) if found.is_empty() => {}
            (End::Returned(found), None, _) => {
                let found: Vec<_> = found.iter().map(|bits| format!("{bits:#x}")).collect();
                wrong(self.call, format!("{} == {}", self.target, found.join(", ")));
            }
            (End::Exited(code, failed), Some(exits), _) => {
                let found = exit_text(*code, *failed);
                if found != exits.value {
                    wrong(exits, found);
                }
            }
            (End::Trapped(code, source), Some(traps), _) => {
                let found = format!("{} @{source}", code.name());
                if found != traps.value {
                    wrong(traps, found);
                }
            }
            (End::Trapped(code, source), None, _) => {
                let message = format!("{engine}: it trapped: {} @{source}", code.name());
                failures.push(Failure::new(self.call.line, message));
            }
            (End::Returned(_), Some(exits), _) => {
                failures.push(Failure::new(exits.line, format!("{engine}: it returned")));
            }
            (End::Exited(code, failed), None, _) => {
                let message = format!("{engine}: it exited: {}", exit_text(*code, *failed));
                failures.push(Failure::new(self.call.line, message));
            }
        }
        if let Some(gas) = self.gas {
            let used = (world.gas - ending.gas).to_string();
            if used != gas.value {
                let mut wrong = Failure::new(gas.line, format!("{engine}: {used} gas used"));
                wrong.rewritten = Some(format!("; gas: {used}"));
                failures.push(wrong);
            }
        }
    }
}

/// An exit as `; exits:` writes it.
fn exit_text(code: ExitCode, failed: Option<(u32, u32)>) -> String {
    match failed {
        Some((stretch, height)) => format!("{} stretch{stretch} at {height}", code.name()),
        None => code.name().to_string(),
    }
}
