//! The text form: what is printed parses to the same, and no text makes the parser panic.

use evmc_abi::wasm::{EntryId, EntryKind};
use evmc_abi::{Effects, ExitCode, Field, HostFn, InstanceShape, RuntimeFn, StretchRange};
use evmc_ir::text::{parse, print};
use evmc_ir::{
    Block, BlockCall, Builder, Func, Function, Imm, ImmKind, Instance, Module, Opcode, Sig, Signature, Slot,
    Stretch, SwitchTable, Type, Values, verify,
};
use ruint::aliases::U256;

/// A valid immediate of the kind; `block` is a target without parameters.
fn immediate(kind: ImmKind, block: Block) -> Imm {
    let target = || BlockCall::new(block, &[]);
    let stretch = Stretch::from_u32(0);
    match kind {
        ImmKind::None | ImmKind::Constant | ImmKind::Host | ImmKind::Function | ImmKind::Runtime => Imm::None,
        ImmKind::Amount => Imm::Amount(u64::MAX),
        ImmKind::Linear => Imm::Linear { memory: 1, offset: u64::MAX },
        ImmKind::Index => Imm::Index(1),
        ImmKind::Element => Imm::Element { table: 1, signature: Sig::from_u32(0) },
        ImmKind::Signature => Imm::Signature(Sig::from_u32(0)),
        ImmKind::Charge => Imm::Charge { gas: 21, stretch },
        ImmKind::Exit => Imm::Exit(ExitCode::OutOfGas),
        ImmKind::Field => Imm::Field(Field::CalldataLen),
        ImmKind::Offset => Imm::Offset(-1),
        ImmKind::Stretch => Imm::Stretch(stretch),
        ImmKind::Shape(shapes) => Imm::Shape(shapes[0]),
        ImmKind::Lane => Imm::Lane(1),
        ImmKind::Shuffle => Imm::Shuffle([17; 16]),
        ImmKind::Jump => Imm::Jump(target()),
        ImmKind::Branch => Imm::Branch(Box::new([target(), target()])),
        ImmKind::Switch => {
            let cases = vec![(U256::ZERO, target()), (U256::ONE, target())];
            Imm::Switch(Box::new(SwitchTable { cases, default: target() }))
        }
    }
}

/// Adds `opcode` at `ty` to a function of its own, with operands made for the occasion.
fn operation(b: &mut Builder<'_>, opcode: Opcode, ty: Option<Type>, last: Block) {
    let controlling = ty.unwrap_or(Type::I256);
    let mut args = Values::new();
    for slot in opcode.row().args {
        let ty = match (slot, opcode) {
            (Slot::Is(ty), _) => *ty,
            (Slot::AnyInt, Opcode::Trunc) => Type::I256,
            (Slot::AnyInt, Opcode::SintToF | Opcode::UintToF) => Type::I64,
            (Slot::AnyFloat, _) => Type::F32,
            (Slot::AnyInt, _) => Type::I1,
            (Slot::Rest, _) => continue,
            _ => controlling,
        };
        args.push(b.small(ty, 1));
    }
    b.op(opcode, ty, &args, immediate(opcode.row().imm, last));
    b.source(u32::from(opcode.row().effects.contains(Effects::MAY_EXIT)) * 77);
    if !opcode.is_terminator() {
        b.ret(&[]);
    }
}

/// A module that has two of everything.
fn empty() -> Module {
    let shape = InstanceShape {
        memories: 2,
        tables: 2,
        imported_functions: 2,
        imported_globals: 1,
        own_globals: 1,
        signatures: 2,
        referenced_functions: 2,
    };
    let mut module = Module { uses_memory_stack: true, ..Module::default() };
    module.stretches.push(StretchRange { start: 0, end: 12 });
    module.signatures.push(Signature { params: vec![Type::I64], results: Vec::new() });
    module
        .signatures
        .push(Signature { params: vec![Type::I64, Type::F32], results: vec![Type::V128, Type::I32] });
    module.functions.push(host_functions());
    module.functions.push(runtime_functions());
    let entries =
        (1..4).map(|number| (EntryId { kind: EntryKind::Enter, number }, Func::from_u32(1))).collect();
    module.instance = Some(Instance { shape, metered: true, entries });
    module
}

/// A module with every row of the table at every type that it can have.
fn every_operation() -> Module {
    let mut module = empty();
    for &opcode in Opcode::ALL {
        let row = opcode.row();
        let types = Type::ALL.iter().copied().filter(|&ty| row.types.contains(ty));
        let mut types: Vec<_> = types.map(Some).collect();
        types.extend((types.is_empty()).then_some(None));
        match opcode {
            Opcode::Zext | Opcode::Sext => types.retain(|ty| *ty != Some(Type::I1)),
            Opcode::Trunc => types.retain(|ty| *ty != Some(Type::I256)),
            Opcode::FrameGet => types.retain(|ty| matches!(ty, Some(Type::I64 | Type::I256))),
            Opcode::Const | Opcode::Host | Opcode::Runtime | Opcode::Call | Opcode::CallRef => continue,
            Opcode::RetCall | Opcode::RetCallRef => continue,
            _ => {}
        }
        for ty in types {
            let name = format!("{}.{}", row.name, ty.map_or("none", Type::name));
            let mut function = Function::new(name, &[]);
            let mut b = Builder::new(&mut function);
            let (first, last) = (b.create_block(), b.create_cold_block());
            b.switch_to(first);
            operation(&mut b, opcode, ty, last);
            b.switch_to(last);
            b.exit(ExitCode::Stop);
            module.functions.push(function);
        }
    }
    for (name, fill) in CALLS {
        let mut function = Function::new(*name, &[]);
        let mut b = Builder::new(&mut function);
        let block = b.create_block();
        b.switch_to(block);
        fill(&mut b);
        module.functions.push(function);
    }
    module
}

/// A name, and what builds the function.
type Named = (&'static str, fn(&mut Builder<'_>));

/// Calls of every kind.
const CALLS: &[Named] =
    &[("call", calls), ("call_ref", calls_ref), ("ret_call", tail_call), ("ret_call_ref", tail_call_ref)];

fn calls(b: &mut Builder<'_>) {
    b.call(Func::from_u32(1), &[], &[]);
    b.source(7);
    b.ret(&[]);
}

fn calls_ref(b: &mut Builder<'_>) {
    let (reference, float) = (b.small(Type::I64, 0), b.small(Type::F32, 0));
    b.call_ref(Sig::from_u32(1), reference, &[reference, float], &[Type::V128, Type::I32]);
    b.source(8);
    b.ret(&[]);
}

fn tail_call(b: &mut Builder<'_>) {
    b.op(Opcode::RetCall, None, &[], Imm::Function(Func::from_u32(1)));
}

fn tail_call_ref(b: &mut Builder<'_>) {
    let reference = b.small(Type::I64, 0);
    b.op(Opcode::RetCallRef, None, &[reference; 2], Imm::Signature(Sig::from_u32(0)));
}

/// A function that calls every function of the runtime.
fn runtime_functions() -> Function {
    let mut function = Function::new("runtime", &[]);
    let mut b = Builder::new(&mut function);
    let block = b.create_block();
    b.switch_to(block);
    let number = b.small(Type::I64, 1);
    for &called in RuntimeFn::ALL {
        b.runtime(called, &vec![number; called.args()]);
        b.source(called as u32 + 1);
    }
    b.ret(&[]);
    function
}

/// A function that calls every host function.
fn host_functions() -> Function {
    let mut function = Function::new("hosts", &[Type::I256, Type::I1]);
    let mut b = Builder::new(&mut function);
    let block = b.create_block();
    let word = b.add_param(block, Type::I256);
    b.switch_to(block);
    for &host in HostFn::ALL {
        b.host(host, &vec![word; host.args()]);
    }
    let sum = b.pair(Opcode::AddCarry, Type::I256, &[word, word]);
    b.ret(&[sum.0, sum.1]);
    function
}

/// Where the instructions of a function come from, in layout order.
fn sources(function: &Function) -> Vec<u32> {
    let insts = function.layout.iter().flat_map(|&block| function.block_insts(block));
    insts.map(|(inst, _)| function.sources[inst]).collect()
}

#[test]
fn every_operation_round_trips_and_verifies() {
    let module = every_operation();
    verify(&module).unwrap_or_else(|errors| panic!("{}", errors[0]));
    let text = print(&module);
    let again = parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    verify(&again).unwrap_or_else(|errors| panic!("{}", errors[0]));
    assert_eq!(print(&again), text);
    assert_eq!(again.instance, module.instance);
    assert_eq!(again.signatures, module.signatures);
    for (a, b) in module.functions.values().zip(again.functions.values()) {
        assert_eq!(a.layout, b.layout);
        assert_eq!(sources(a), sources(b));
        assert_eq!(a.values.values().collect::<Vec<_>>(), b.values.values().collect::<Vec<_>>());
    }
}

#[test]
fn gaps_between_numbers_stay() {
    let text = "function %f(i256) {\nblock3(v7: i256):\n    v2 = add.i256 v7, v7\n    ret\n}\n";
    let module = parse(text).unwrap();
    verify(&module).unwrap_or_else(|errors| panic!("{}", errors[0]));
    assert_eq!(print(&module), text);
    let far = text.replace("v2", "v4000000000");
    assert!(parse(&far).unwrap_err().to_string().contains("smaller"));
}

#[test]
fn damaged_text_does_not_panic() {
    let text = print(&every_operation());
    let mut state = 7u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    let pieces = ["v0", "block0", "{", "}", "->", "..", "\n", ",", "-1", "é", "%f", "0x", "function"];
    for _ in 0..400 {
        let start = random(text.len() - 400);
        let mut damaged = text[start..start + 400].to_string();
        for _ in 0..3 {
            let at = random(damaged.len());
            damaged.replace_range(at..(at + random(4)).min(damaged.len()), "");
            damaged.insert(random(damaged.len()), '~');
            damaged = damaged.replacen('~', pieces[random(pieces.len())], 1);
            damaged.retain(|c| c.is_ascii());
        }
        damaged.insert_str(0, "function %f() {\nblock0:\n");
        if let Ok(module) = parse(&damaged) {
            let _ = verify(&module);
        }
    }
}

#[test]
fn a_damaged_head_does_not_panic() {
    let text = print(&empty());
    let end = text.find("function").expect("a function");
    for at in 0..end {
        for piece in ["", "0xffffffff", "sig9", "%runtime", ",", "instance ", "i64 ->", "entry"] {
            let damaged = [&text[..at], piece, &text[at + 1..]].concat();
            if let Ok(module) = parse(&damaged) {
                let _ = (verify(&module), print(&module));
            }
        }
    }
}
