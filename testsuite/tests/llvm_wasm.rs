//! Modules of WebAssembly through LLVM, seen in the machine code: what metering, traps and calls cost.

#![forbid(unsafe_code)]
#![cfg(feature = "llvm")]

use evmc::backend::{self, BackendName};
use evmc_backend::{Backend, CpuLevel, Object, OptLevel, Options};
use evmc_ir::text::parse;
use evmc_ir::{Module, verify};
use object::{Object as _, ObjectSymbol as _};

fn llvm() -> Box<dyn Backend + Send> {
    backend::create(BackendName::Llvm, None).unwrap()
}

/// A module whose instances have one of everything, with these functions, of which `%f` is the runtime's to find.
fn module(is_metered: bool, functions: &str) -> Module {
    let metered = if is_metered { "metered " } else { "" };
    let text = format!(
        "instance {metered}memories = 1, tables = 1, imported_functions = 1, own_globals = 1, signatures = 1
        sig0 = (i64, i32) -> i32
        entry 0x80000000 %f
        {functions}"
    );
    let module = parse(&text).unwrap_or_else(|error| panic!("{error}"));
    verify(&module).unwrap_or_else(|errors| panic!("{errors:?}"));
    module
}

/// The machine code of `%f`, without directives.
fn code(module: &Module, level: OptLevel) -> String {
    let text = llvm().assembly(module, &Options { level, ..Options::default() }).unwrap();
    let start = text.find("\nwasm.f:").expect("the function is there");
    let body = text[start..].split(".Lfunc_end").next().unwrap_or_default();
    let lines = body.lines().filter(|line| !line.trim_start().starts_with(['.', '#']) || line.contains(':'));
    lines.map(|line| format!("{line}\n")).collect()
}

fn compile(module: &Module, number: u8) -> Object {
    let level = OptLevel::from_number(number).unwrap();
    llvm().compile(module, &Options { level, ..Options::default() }).unwrap()
}

/// How often a text stands in the code.
fn count(code: &str, text: &str) -> usize {
    code.matches(text).count()
}

/// Adds up bytes; pays and checks in every turn.
const SUM: &str = "
    function %f(i64, i32, i32) -> i32 {
    block0(v0: i64, v1: i32, v2: i32):
        v3 = const.i64 8
        v4 = sub.i64 v0, v3
        gas.pay 3
        depth.check v4 @10
        v5 = const.i32 0
        jump block1(v5, v1, v2)
    block1(v10: i32, v11: i32, v12: i32):
        gas.check @20
        v13 = zext.i64 v11
        v14 = lin.load.i8 v13, 0, 16 @30
        v15 = zext.i32 v14
        v16 = add.i32 v10, v15
        v17 = const.i32 1
        v18 = add.i32 v11, v17
        v19 = sub.i32 v12, v17
        v20 = ne.i32 v19, v5
        gas.pay 9
        branch v20, block1(v16, v18, v19), block2(v16)
    block2(v30: i32):
        gas.pay 1
        ret v30
    }";

#[test]
fn a_loop_pays_with_one_subtraction_and_checks_with_one_branch() {
    let code = code(&module(true, SUM), OptLevel::Default);
    let start = code.find("movzbl").unwrap();
    let head = code[..start].rfind(":\n").unwrap();
    let end = code[head..].find("jne").unwrap();
    let turn: Vec<_> = code[head..head + end].lines().skip(1).map(str::trim).collect();
    assert!(turn.len() <= 9, "{turn:#?}");
    assert!(turn[0].starts_with("testq") && turn[1].starts_with("js"), "{turn:#?}");
    assert!(turn.iter().any(|line| line.starts_with("addq\t$-9")), "{turn:#?}");
    assert!(turn.iter().any(|line| line.starts_with("movzbl\t16(%")), "{turn:#?}");
    // The base is read once, and a function that calls nothing has no native frame.
    assert_eq!(count(&code, "movq\t96(%rdi)"), 1, "{code}");
    assert_eq!(count(&code, "push") + count(&code, "%rsp"), 0, "{code}");
}

#[test]
fn depth_and_gas_are_one_branch_and_depth_alone_another() {
    for is_metered in [true, false] {
        let text = "
            function %f(i64, i32) -> i32 {
            block0(v0: i64, v1: i32):
                v2 = const.i64 8
                v3 = sub.i64 v0, v2
                depth.check v3 @1
                v4 = call %f(v3, v1)
                v5 = call %f(v3, v4)
                ret v5
            }";
        let code = code(&module(is_metered, text), OptLevel::Default);
        assert_eq!(count(&code, "\tjs\t"), 1, "{code}");
        // Nothing is asked behind a call.
        assert_eq!(count(&code, "\tj"), 2, "the check, and the way out: {code}");
        assert_eq!(count(&code, "callq\twasm.f"), 2, "{code}");
        assert_eq!(count(&code, "\torq\t"), usize::from(is_metered), "{code}");
    }
}

#[test]
fn calls_in_the_place_of_a_function_are_jumps() {
    let text = "
        function %f(i64, i32, i32) -> i32 {
        block0(v0: i64, v1: i32, v2: i32):
            v3 = eq.i32 v1, v2
            branch v3, block1, block2
        block1:
            ret_call %many(v0, v1, v2, v1, v2, v1, v2)
        block2:
            v4 = zext.i64 v2
            v5 = func.element v4, 0, sig0 @62
            ret_call_ref v5, v0, v1, sig0
        }
        function %many(i64, i32, i32, i32, i32, i32, i32) -> i32 {
        block0(v0: i64, v1: i32, v2: i32, v3: i32, v4: i32, v5: i32, v6: i32):
            v7 = add.i32 v5, v6
            ret v7
        }";
    for number in 0..=3 {
        let level = OptLevel::from_number(number).unwrap();
        let code = code(&module(true, text), level);
        assert_eq!(count(&code, "\tjmp\twasm.many"), 1, "-O{number}: {code}");
        assert_eq!(count(&code, "\tjmpq\t*%"), 1, "-O{number}: {code}");
        assert_eq!(count(&code, "call"), 0, "-O{number}: {code}");
    }
}

#[test]
fn divisions_behind_their_checks_are_plain() {
    let text = "
        function %f(i64, i32, i32) -> i32 {
        block0(v0: i64, v1: i32, v2: i32):
            v3 = const.i32 0
            v4 = eq.i32 v2, v3
            exit_if v4, integer_divide_by_zero @70
            v5 = const.i32 0x80000000
            v6 = const.i32 -1
            v7 = eq.i32 v1, v5
            v8 = eq.i32 v2, v6
            v9 = and.i1 v7, v8
            exit_if v9, integer_overflow @70
            v10 = sdiv.i32 v1, v2
            v11 = udiv.i32 v10, v2
            ret v11
        }";
    let code = code(&module(true, text), OptLevel::Default);
    assert_eq!(count(&code, "idivl"), 1, "{code}");
    assert_eq!(count(&code, "div"), 2, "{code}");
    assert_eq!(count(&code, "cmov"), 0, "{code}");
}

/// Of accesses that may trap, none goes away, and none moves.
#[test]
fn accesses_stay_what_they_are() {
    let text = "
        function %f(i64, i32) -> i32 {
        block0(v0: i64, v1: i32):
            v2 = zext.i64 v1
            v3 = const.i32 7
            lin.store.i32 v2, v3, 0, 100 @1
            v4 = lin.load.i32 v2, 0, 200 @2
            global.set.i32 v3, 0
            v5 = lin.load.i32 v2, 0, 200 @3
            lin.store.i32 v2, v1, 0, 100 @4
            global.set.i32 v1, 0
            ret v3
        }";
    for number in 0..=3 {
        let level = OptLevel::from_number(number).unwrap();
        let module = module(true, text);
        let code = code(&module, level);
        let accesses: Vec<_> =
            code.lines().filter(|line| line.contains("(%r") && line.contains("movl")).collect();
        let of = |offset: &str| {
            let places = accesses.iter().enumerate().filter(|(_, line)| line.contains(offset));
            places.map(|(place, _)| place).collect::<Vec<_>>()
        };
        let (stores, loads) = (of("100(%r"), of("200(%r"));
        assert_eq!((stores.len(), loads.len()), (2, 2), "-O{number}: {code}");
        assert!(stores[0] < loads[0] && loads[0] < loads[1] && loads[1] < stores[1], "-O{number}: {code}");
        let sources: Vec<_> = compile(&module, number).trap_sites.iter().map(|site| site.source).collect();
        assert_eq!(sources, [1, 2, 3, 4], "-O{number}");
    }
}

/// Whoever calls by reference knows no more than the signature.
#[test]
fn conventions_follow_from_signatures() {
    let callee = "
        function %f(i64, i32, f64) -> i32, i64, i32, f64, f64, f64 {
        block0(v0: i64, v1: i32, v2: f64):
            v3 = sext.i64 v1
            ret v1, v3, v1, v2, v2, v2
        }";
    let text = llvm().assembly(&module(true, callee), &Options::default()).unwrap();
    // Two integers beside the gas counter, and two floats; from the first on that has no place, all lie in memory.
    assert!(text.contains("movl\t%ecx, (%r8)"), "{text}");
    assert!(text.contains("vmovsd\t%xmm0, 32(%r8)") || text.contains("vmovlpd\t%xmm0, 32(%r8)"), "{text}");
}

#[test]
fn objects_have_what_the_linker_needs() {
    let functions = format!("{SUM}\nfunction %llvm.trap() {{\nblock0:\n    gas.check\n    ret\n}}");
    let mut module = module(true, &functions);
    let enter = module.functions.last().map(|(func, _)| func).unwrap();
    let id = evmc_abi::wasm::EntryId { kind: evmc_abi::wasm::EntryKind::Enter, number: 0 };
    module.instance.as_mut().unwrap().entries.push((id, enter));
    for cpu in [CpuLevel::Baseline, CpuLevel::V3] {
        for triple in ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"] {
            for number in 0..=3 {
                let level = OptLevel::from_number(number).unwrap();
                let options = Options { level, cpu, triple: triple.into(), ..Options::default() };
                let object = llvm().compile(&module, &options).unwrap();
                let file = object::File::parse(&object.bytes[..]).unwrap();
                assert!(file.symbols().all(|symbol| !symbol.is_undefined()), "{triple} -O{number}");
                assert_eq!(object.entries.len(), 2);
                for (id, name) in &object.entries {
                    assert!(file.symbol_by_name(name).is_some(), "{triple} -O{number}: {id:?} {name}");
                }
                assert!(object.trap_sites.is_sorted_by_key(|site| site.offset));
                assert!(object.trap_sites.iter().any(|site| site.source == 30), "{triple} -O{number}");
                assert_eq!(llvm().compile(&module, &options).unwrap(), object);
            }
        }
    }
}
