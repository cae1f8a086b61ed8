//! What the LLVM backend must not leave to LLVM, seen in the machine code, and what it promises about objects.

#![forbid(unsafe_code)]
#![cfg(feature = "llvm")]

use evmc::backend::{self, BackendName};
use evmc_backend::{Backend, CpuLevel, OptLevel, Options};
use evmc_ir::text::parse;
use evmc_ir::{Module, verify};
use object::{Architecture, Object as _, ObjectSection as _, ObjectSymbol as _};

/// Levels at which everything here holds.
const LEVELS: [OptLevel; 2] = [OptLevel::Default, OptLevel::Aggressive];

fn llvm() -> Box<dyn Backend + Send> {
    backend::create(BackendName::Llvm, None).unwrap()
}

/// A module in which the entry calls `%f`, whose text is given, with words from calldata and keeps its result.
fn module(function: &str) -> Module {
    let entry = "
        function %main() {
        block0:
            v0 = const.i256 0
            v1 = calldata.load v0
            v2 = const.i256 32
            v3 = calldata.load v2
            v4 = call %f(v1, v3)
            host.sstore v0, v4
            exit stop
        }";
    let module =
        parse(&format!("entry %main\n{function}\n{entry}")).unwrap_or_else(|error| panic!("{error}"));
    verify(&module).unwrap_or_else(|errors| panic!("{errors:?}"));
    module
}

/// The machine code of `%f`.
fn code(module: &Module, options: &Options) -> String {
    let text = llvm().assembly(module, options).unwrap();
    let start = text.find("\nf:").expect("the function is not inlined");
    text[start..].split(".cfi_endproc").next().unwrap_or_default().to_owned()
}

/// The code of `%f(v0, v1)`, a function of one operation on words.
fn operation(name: &str, level: OptLevel) -> String {
    let text = format!(
        "function %f(i256, i256) -> i256 {{\nblock0(v0: i256, v1: i256):\n    v2 = {name}.i256 v0, v1\n    ret v2\n}}"
    );
    code(&module(&text), &Options { level, ..Options::default() })
}

#[test]
fn variable_shifts_stay_in_registers() {
    for level in LEVELS {
        for name in ["shl", "lshr", "ashr", "rotl"] {
            let code = operation(name, level);
            assert!(code.contains("shld") || code.contains("shrd"), "{name}: {code}");
            let uses_memory = |line: &str| line.contains("(%rsp") && !line.contains("push");
            assert!(!code.lines().any(uses_memory), "{name}: {code}");
        }
    }
}

#[test]
fn wide_divisions_are_native_or_the_hosts() {
    for level in LEVELS {
        for (name, host) in [("udiv", "udiv"), ("sdiv", "sdiv"), ("urem", "urem"), ("srem", "srem")] {
            let code = operation(name, level);
            assert!(code.contains("div"), "{name}: {code}");
            assert!(code.contains(&format!("evmc.{host}")), "{name}: {code}");
            // LLVM's own expansion goes through all bits in a loop.
            assert!(code.lines().count() < 80, "{name}: {code}");
        }
    }
}

/// Words in memory are aligned to 8 bytes only, which aligned moves of 16 bytes would fault on.
#[test]
fn words_are_not_moved_as_if_aligned() {
    let text = "
        function %f(i256, i256) -> i256 {
        block0(v0: i256, v1: i256):
            v2 = const.i64 64
            mem.ensure v2
            v3 = frame.get.i256 caller
            v4 = const.i64 0
            mem.store.i256 v4, v3
            v5 = frame.get.i256 callvalue
            v6 = const.i64 32
            mem.store.i256 v6, v5
            v7 = const.f64 0x3ff0000000000000
            v8 = fadd.f64 v7, v7
            v9 = bitcast.i64 v8
            v10 = zext.i256 v9
            ret v10
        }";
    for cpu in [CpuLevel::Baseline, CpuLevel::V3] {
        let code = code(&module(text), &Options { cpu, ..Options::default() });
        let aligned =
            |line: &&str| line.contains("movaps") || line.contains("movdqa") || line.contains("movapd");
        // Registers that are saved lie in the function's own frame, which is aligned.
        let foreign = code.lines().filter(|line| !line.contains("(%rsp)")).find(aligned);
        assert_eq!(foreign.filter(|line| line.contains('(')), None, "{code}");
    }
}

/// Constants that fill memory would become calls of library functions that do not exist here.
#[test]
fn nothing_is_undefined_at_any_level() {
    let stores: String = (0..64)
        .map(|n| format!("v{} = const.i64 {}\nmem.store.i256 v{}, v2\n", 3 + n, 32 * n, 3 + n))
        .collect();
    let text = format!(
        "function %f(i256, i256) -> i256 {{\nblock0(v0: i256, v1: i256):\nv2 = const.i256 0\nv100 = const.i64 2048\nmem.ensure v100\n{stores}v101 = mul.i256 v0, v1\nv102 = udiv.i256 v101, v1\nret v102\n}}"
    );
    let module = module(&text);
    for number in 0..=3 {
        let level = OptLevel::from_number(number).unwrap();
        for cpu in [CpuLevel::Baseline, CpuLevel::V3] {
            let object = llvm().compile(&module, &Options { level, cpu, ..Options::default() }).unwrap();
            let file = object::File::parse(&object.bytes[..]).unwrap();
            assert!(file.symbols().all(|symbol| !symbol.is_undefined()), "-O{number}");
        }
    }
}

#[test]
fn objects_for_aarch64() {
    let module = module(
        "function %f(i256, i256) -> i256 {\nblock0(v0: i256, v1: i256):\n    v2 = mulmod.i256 v0, v1, v0\n    ret v2\n}",
    );
    for number in 0..=3 {
        let level = OptLevel::from_number(number).unwrap();
        let options = Options { level, triple: "aarch64-unknown-linux-gnu".into(), ..Options::default() };
        let object = llvm().compile(&module, &options).unwrap();
        assert!(object.cpu_features.is_empty());
        let file = object::File::parse(&object.bytes[..]).unwrap();
        assert_eq!(file.architecture(), Architecture::Aarch64);
        assert!(file.symbols().all(|symbol| !symbol.is_undefined()));
        assert!(file.section_by_name(".eh_frame").is_some_and(|section| section.size() > 0));
        let global: Vec<_> =
            file.symbols().filter(|symbol| symbol.is_global()).map(|symbol| symbol.name()).collect();
        assert_eq!(global, [Ok(object.entry_symbol.as_str())]);
    }
}

/// The same bytes on every thread, and nothing in them of where they were made.
#[test]
fn objects_are_the_same_everywhere() {
    let module = module(
        "function %f(i256, i256) -> i256 {\nblock0(v0: i256, v1: i256):\n    v2 = shl.i256 v0, v1\n    v3 = sdiv.i256 v2, v1\n    ret v3\n}",
    );
    let compile = || llvm().compile(&module, &Options::default()).unwrap();
    let first = compile();
    std::thread::scope(|scope| {
        let others: Vec<_> = (0..4).map(|_| scope.spawn(compile)).collect();
        for other in others {
            assert_eq!(other.join().unwrap(), first);
        }
    });
    for path in [env!("CARGO_MANIFEST_DIR"), std::env::temp_dir().to_str().unwrap_or_default()] {
        assert!(!first.bytes.windows(path.len()).any(|window| window == path.as_bytes()), "{path}");
    }
}
