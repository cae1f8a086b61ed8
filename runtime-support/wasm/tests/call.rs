//! Calls between embedder, host functions and instances: values, gas, depth, traps.

mod common;

use common::{import, module, pages, ty};
use evmc_abi::{ExitCode, RuntimeFn};
use evmc_wasm::module_info::{
    ConstOp, Data, Element, ImportKind, ModuleInfo, SegmentMode, TableType, ValType,
};
use evmc_wasm::{Cause, Exit, Extern, ExternRef, Func, Limits, Objects, Store, Trap, Val};

/// A module that imports one function of the type with number 0.
fn importing(metered: bool, types: Vec<evmc_wasm::module_info::FuncType>) -> ModuleInfo {
    ModuleInfo {
        types,
        imports: vec![import("it", ImportKind::Function(0))],
        memories: vec![pages(1, None)],
        metered,
        ..ModuleInfo::default()
    }
}

/// Calls the imported function with the function's own arguments.
fn forward(
    view: &mut evmc_wasm::InstanceView<'_>,
    depth: u64,
    values: &mut Vec<u128>,
    gas: &mut u64,
) -> Result<(), Exit> {
    let reference = view.imported_function(0);
    *gas -= 10;
    view.call(reference, depth - 10, values, gas)
}

#[test]
fn values_of_all_types_pass_both_ways() {
    let all = [
        ValType::I32,
        ValType::I64,
        ValType::F32,
        ValType::F64,
        ValType::V128,
        ValType::FuncRef,
        ValType::ExternRef,
    ];
    let mut store = Store::new(Limits::default());
    let host = store.host_func(&ty(&all, &all), |_, args, results| {
        results.copy_from_slice(args);
        Ok(())
    });
    let module = module(importing(false, vec![ty(&all, &all)]), &[(0, forward)]);
    let instance = store.instantiate(&module, &[Extern::Func(host)]).expect("an instance");
    let func = store.exported_func(instance, "f0").expect("a function");
    for reference in [None, Some(func), Some(host)] {
        let args = [
            Val::I32(-1),
            Val::I64(i64::MIN),
            Val::F32(f32::NAN.to_bits() | 1),
            Val::F64(1.5_f64.to_bits()),
            Val::V128(u128::MAX - 5),
            Val::FuncRef(reference),
            Val::ExternRef(Some(u32::MAX)),
        ];
        assert_eq!(store.call(func, &args, None).expect("it returns").results, args);
        assert_eq!(store.call(host, &args, None).expect("it returns").results, args);
    }
    let wrong = store.call(func, &[Val::I32(1)], None).expect_err("arguments are missing");
    assert_eq!(wrong.cause, Cause::Arguments);
}

#[test]
fn typed_functions_need_their_types() {
    let mut store = Store::new(Limits::default());
    let host =
        store.typed_host_func(|_, (a, b, c): (i32, f64, ExternRef)| Ok((f64::from(a) + b, c, a as u128)));
    let typed = store.typed::<(i32, f64, ExternRef), (f64, ExternRef, u128)>(host).expect("its types");
    let reference = ExternRef(Some(0));
    assert_eq!(typed.call(&mut store, (2, 0.5, reference), 9), Ok(((2.5, reference, 2), 9)));
    assert!(store.typed::<i32, i32>(host).is_err());
    let unit = store.typed_host_func(|_, ()| Ok(()));
    assert_eq!(store.typed::<(), ()>(unit).expect("its types").call(&mut store, (), 1), Ok(((), 1)));
    let identity = store.typed_host_func(|_, f: Option<Func>| Ok(f));
    let identity = store.typed::<Option<Func>, Option<Func>>(identity).expect("its types");
    assert_eq!(identity.call(&mut store, Some(unit), 1), Ok((Some(unit), 1)));
}

#[test]
#[should_panic(expected = "a function of another store")]
fn typed_functions_keep_to_their_store() {
    let mut store = Store::new(Limits::default());
    let host = store.typed_host_func(|_, ()| Ok(()));
    let typed = store.typed::<(), ()>(host).expect("its types");
    _ = typed.call(&mut Store::new(Limits::default()), (), 0);
}

#[test]
fn gas_goes_through_host_and_instances() {
    let mut store = Store::new(Limits::default());
    let host = store.typed_host_func(|caller, amount: i64| {
        caller.charge(amount.cast_unsigned())?;
        Ok(caller.gas().map_or(-1, u64::cast_signed))
    });
    let types = vec![ty(&[ValType::I64], &[ValType::I64])];
    let module = module(
        importing(true, types),
        &[
            (0, forward),
            (0, |_, _, _, gas| {
                *gas = gas.wrapping_sub(50);
                Ok(())
            }),
        ],
    );
    let instance = store.instantiate(&module, &[Extern::Func(host)]).expect("an instance");
    let func = store.exported_func(instance, "f0").expect("a function");
    let outcome = store.call(func, &[Val::I64(40)], Some(100)).expect("it can pay");
    assert_eq!((outcome.results, outcome.gas_left), (vec![Val::I64(50)], 50));
    let outcome = store.call(func, &[Val::I64(40)], None).expect("it can pay");
    assert_eq!(outcome.gas_left, i64::MAX.cast_unsigned() - 50);
    let trap = store.call(func, &[Val::I64(91)], Some(100)).expect_err("it cannot pay");
    assert_eq!(trap.cause, Cause::Program(ExitCode::OutOfGas));
    assert_eq!(trap.to_string(), "all gas consumed");
    let overdrawn = store.exported_func(instance, "f1").expect("a function");
    let trap = store.call(overdrawn, &[Val::I64(0)], Some(49)).expect_err("it cannot pay");
    assert_eq!(trap.cause, Cause::Program(ExitCode::OutOfGas));
}

#[test]
fn host_functions_fail_by_value_and_panics_stop_at_them() {
    let mut store = Store::new(Limits::default());
    let host = store.typed_host_func(|caller, how: i32| match how {
        0 => Ok(i32::from(caller.instance().is_some())),
        1 => Err(Trap::host("no such file")),
        2 => panic!("a defect of the host"),
        _ => panic!("number {how}"),
    });
    let module = module(importing(false, vec![ty(&[ValType::I32], &[ValType::I32])]), &[(0, forward)]);
    let instance = store.instantiate(&module, &[Extern::Func(host)]).expect("an instance");
    let func = store.exported_func(instance, "f0").expect("a function");
    let mut message = |how| match store.call(func, &[Val::I32(how)], None) {
        Ok(outcome) => format!("{:?}", outcome.results),
        Err(trap) => trap.message().into_owned(),
    };
    assert_eq!(message(1), "no such file");
    assert_eq!(message(2), "a host function panicked: a defect of the host");
    assert_eq!(message(3), "a host function panicked: number 3");
    assert_eq!(message(0), "[I32(1)]");
}

#[test]
fn host_functions_use_the_store_and_call_back() {
    let mut store = Store::new(Limits::default());
    let host = store.typed_host_func(|caller, address: i32| {
        let Some(Extern::Func(square)) = caller.own_export("f1") else { return Err(Trap::host("no f1")) };
        let Some(Extern::Memory(memory)) = caller.own_export("memory") else {
            return Err(Trap::host("no memory"));
        };
        let results = caller.call(square, &[Val::I32(address)], None)?;
        let Val::I32(square) = results[0] else { return Err(Trap::host("a wrong type")) };
        caller.range_mut(memory, address.cast_unsigned(), 4)?.copy_from_slice(&square.to_le_bytes());
        Ok(square + 1)
    });
    let mut info = importing(false, vec![ty(&[ValType::I32], &[ValType::I32])]);
    info.exports.push(common::export("memory", evmc_wasm::module_info::Item::Memory(0)));
    let module = module(
        info,
        &[
            (0, forward),
            (0, |_, _, values, _| {
                if values[0] == 13 {
                    return Err(Exit { code: ExitCode::IntegerOverflow, source: 205 });
                }
                values[0] *= values[0];
                Ok(())
            }),
        ],
    );
    let instance = store.instantiate(&module, &[Extern::Func(host)]).expect("an instance");
    let func = store.exported_func(instance, "f0").expect("a function");
    assert_eq!(store.call(func, &[Val::I32(6)], None).expect("it returns").results, [Val::I32(37)]);
    let Some(Extern::Memory(memory)) = store.export(instance, "memory") else { panic!("no memory") };
    assert_eq!(store.bytes(memory)[6], 36);
    let trap = store.call(func, &[Val::I32(65_533)], None).expect_err("the host writes outside");
    assert_eq!(trap.message(), "out of bounds memory access");
    // A trap in the inner call is told as it was, through host function and outer call.
    let trap = store.call(func, &[Val::I32(13)], None).expect_err("it traps");
    assert_eq!(trap.to_string(), "integer overflow in function 2 (name1) at offset 0xcd");
}

/// Calls itself through the host until depth runs out.
#[test]
fn depth_ends_recursion_at_the_same_place_on_every_stack() {
    let run = || {
        let mut store = Store::new(Limits::default());
        let host = store.typed_host_func(|caller, count: i32| {
            let Some(Extern::Func(func)) = caller.own_export("f0") else { return Err(Trap::host("no f0")) };
            match caller.call(func, &[Val::I32(count + 1)], None) {
                Ok(results) => match results[0] {
                    Val::I32(count) => Ok(count),
                    _ => Err(Trap::host("a wrong type")),
                },
                Err(trap) => {
                    assert_eq!(trap.message(), "call stack exhausted");
                    Ok(count)
                }
            }
        });
        let types = vec![ty(&[ValType::I32], &[ValType::I32])];
        let module = module(
            importing(false, types),
            &[(0, |view, depth, values, gas| {
                let left =
                    depth.checked_sub(100).ok_or(Exit { code: ExitCode::CallStackExhausted, source: 1 })?;
                let reference = view.imported_function(0);
                view.call(reference, left, values, gas)
            })],
        );
        let instance = store.instantiate(&module, &[Extern::Func(host)]).expect("an instance");
        let func = store.exported_func(instance, "f0").expect("a function");
        store.call(func, &[Val::I32(0)], None).expect("it returns").results
    };
    let here = run();
    // The last of 184 calls has 32 units.
    assert_eq!(here, [Val::I32(183)]);
    for bytes in [128 << 10, 8 << 20, 256 << 20] {
        let thread = std::thread::Builder::new().stack_size(bytes).spawn(run).expect("a thread");
        assert_eq!(thread.join().expect("no panic"), here);
    }
}

/// A call of a runtime function by a function of an instance.
fn runtime(store: &mut Store, func: Func, args: [i64; 6]) -> Result<i64, ExitCode> {
    let args = args.map(Val::I64);
    match store.call(func, &args, None).map(|outcome| outcome.results[0]) {
        Ok(Val::I64(value)) => Ok(value),
        Ok(_) => unreachable!("the function gives an i64"),
        Err(Trap { cause: Cause::Program(code), .. }) => Err(code),
        Err(trap) => panic!("{trap}"),
    }
}

/// A store with an instance whose function passes its arguments to the runtime function with the number of the first.
fn bulk() -> (Store, Func, evmc_wasm::InstanceId) {
    let limits = Limits { pages: 3, elements: 6, ..Limits::default() };
    let info = ModuleInfo {
        types: vec![ty(&[ValType::I64; 6], &[ValType::I64])],
        memories: vec![pages(1, None), pages(1, Some(2))],
        tables: vec![evmc_wasm::module_info::Table {
            ty: TableType { element: ValType::ExternRef, min: 4, max: None },
            init: None,
        }],
        elements: vec![Element {
            mode: SegmentMode::Passive,
            ty: ValType::ExternRef,
            items: (1..4).map(|bits| vec![ConstOp::Const(ValType::ExternRef, bits)]).collect(),
        }],
        data: vec![Data { mode: SegmentMode::Passive, bytes: b"segment".to_vec() }],
        exports: vec![
            common::export("a", evmc_wasm::module_info::Item::Memory(0)),
            common::export("b", evmc_wasm::module_info::Item::Memory(1)),
            common::export("t", evmc_wasm::module_info::Item::Table(0)),
        ],
        ..ModuleInfo::default()
    };
    let module = module(
        info,
        &[(0, |view, _, values, _| {
            let function = RuntimeFn::ALL[values[0] as usize];
            let mut args: Vec<u64> = values[1..].iter().map(|&bits| bits as u64).collect();
            view.runtime(function, &mut args).map_err(|code| Exit { code, source: 120 })?;
            *values = vec![args[0].into()];
            Ok(())
        })],
    );
    let mut store = Store::new(limits);
    let instance = store.instantiate(&module, &[]).expect("an instance");
    let func = store.exported_func(instance, "f0").expect("a function");
    (store, func, instance)
}

#[test]
fn operations_on_memories_check_their_bounds() {
    let (mut store, func, instance) = bulk();
    let mut run = |function: RuntimeFn, args: [i64; 5]| {
        runtime(&mut store, func, [function as i64, args[0], args[1], args[2], args[3], args[4]])
    };
    let outside = Err(ExitCode::MemoryOutOfBounds);
    use RuntimeFn as F;
    assert_eq!(run(F::MemoryGrow, [0, 1, 0, 0, 0]), Ok(1));
    assert_eq!(run(F::MemoryGrow, [0, 2, 0, 0, 0]), Ok(-1), "the limit of the store");
    assert_eq!(run(F::MemoryGrow, [1, 2, 0, 0, 0]), Ok(-1), "the limit of the type");
    run(F::MemoryInit, [0, 0, 65_534, 1, 6]).expect("across the first page");
    assert_eq!(run(F::MemoryInit, [0, 0, 0, 3, 5]), outside);
    assert_eq!(run(F::MemoryInit, [0, 0, 131_070, 0, 3]), outside);
    run(F::MemoryCopy, [1, 0, 10, 65_534, 6]).expect("between memories");
    run(F::MemoryCopy, [1, 1, 12, 10, 6]).expect("overlapping");
    assert_eq!(run(F::MemoryCopy, [1, 0, 65_535, 0, 2]), outside);
    assert_eq!(run(F::MemoryCopy, [1, 1, 0, 65_537, 0]), outside);
    run(F::MemoryFill, [1, 65_534, 0x1ff, 2, 0]).expect("to the end");
    assert_eq!(run(F::MemoryFill, [1, 65_534, 1, 3, 0]), outside);
    run(F::DataDrop, [0, 0, 0, 0, 0]).expect("it is there");
    assert_eq!(run(F::MemoryInit, [0, 0, 0, 0, 1]), outside);
    run(F::MemoryInit, [0, 0, 131_072, 0, 0]).expect("nothing, at the end");
    let Some(Extern::Memory(b)) = store.export(instance, "b") else { panic!("no memory") };
    assert_eq!(&store.bytes(b)[10..19], b"egegment\0");
    assert_eq!(store.bytes(b)[65_533..], [0, 0xff, 0xff]);
}

#[test]
fn operations_on_tables_check_their_bounds() {
    let (mut store, func, instance) = bulk();
    let mut run = |function: RuntimeFn, args: [i64; 5]| {
        runtime(&mut store, func, [function as i64, args[0], args[1], args[2], args[3], args[4]])
    };
    let outside = Err(ExitCode::TableOutOfBounds);
    use RuntimeFn as F;
    run(F::TableInit, [0, 0, 1, 0, 3]).expect("to the end");
    assert_eq!(run(F::TableInit, [0, 0, 2, 0, 3]), outside);
    assert_eq!(run(F::TableInit, [0, 0, 0, 2, 2]), outside);
    assert_eq!(run(F::TableGrow, [0, 9, 2, 0, 0]), Ok(4));
    assert_eq!(run(F::TableGrow, [0, 9, 1, 0, 0]), Ok(-1), "the limit of the store");
    run(F::TableCopy, [0, 0, 0, 1, 5]).expect("overlapping");
    assert_eq!(run(F::TableCopy, [0, 0, 2, 1, 5]), outside);
    run(F::TableFill, [0, 5, 8, 1, 0]).expect("to the end");
    assert_eq!(run(F::TableFill, [0, 5, 8, 2, 0]), outside);
    run(F::ElemDrop, [0, 0, 0, 0, 0]).expect("it is there");
    assert_eq!(run(F::TableInit, [0, 0, 0, 0, 1]), outside);
    run(F::TableInit, [0, 0, 6, 0, 0]).expect("nothing, at the end");
    let Some(Extern::Table(t)) = store.export(instance, "t") else { panic!("no table") };
    let elements = (0..6).map(|index| store.table_get(t, index)).collect::<Vec<_>>();
    let expected = [0, 1, 2, 8, 8, 7].map(|number| Some(Val::ExternRef(Some(number))));
    assert_eq!(elements, expected);
}

#[test]
fn references_that_an_engine_makes_up_point_nowhere() {
    let mut store = Store::new(Limits::default());
    let types = vec![ty(&[ValType::I64], &[ValType::FuncRef])];
    let module = module(
        ModuleInfo { types, ..ModuleInfo::default() },
        &[(0, |view, depth, values, gas| {
            let reference = values[0] as u64;
            assert!(!view.has_type(reference, 0) && view.own_function(reference).is_none());
            assert!(view.call(reference, depth, &mut vec![], gas).is_err());
            Ok(())
        })],
    );
    let instance = store.instantiate(&module, &[]).expect("an instance");
    let func = store.exported_func(instance, "f0").expect("a function");
    for made_up in [0, 1, 8, i64::MAX, -1] {
        let outcome = store.call(func, &[Val::I64(made_up)], None).expect("it returns");
        assert_eq!(outcome.results, [Val::FuncRef(None)]);
    }
}

#[test]
fn references_know_their_types_across_instances() {
    let mut store = Store::new(Limits::default());
    let types = vec![ty(&[ValType::I32], &[ValType::I32]), ty(&[], &[ValType::I32])];
    let double = module(
        ModuleInfo { types: types.iter().rev().cloned().collect(), ..ModuleInfo::default() },
        &[(1, |_, _, values, _| {
            values[0] *= 2;
            Ok(())
        })],
    );
    let double = store.instantiate(&double, &[]).expect("an instance");
    let double = store.exported_func(double, "f0").expect("a function");
    let caller = module(
        importing(false, types),
        &[(0, |view, depth, values, gas| {
            let reference = view.imported_function(0);
            assert!(view.has_type(reference, 0) && !view.has_type(reference, 1));
            assert_eq!(view.own_function(reference), None);
            let own = view.referenced_function(0);
            assert_eq!(view.own_function(own), Some(0));
            view.call(reference, depth, values, gas)
        })],
    );
    let caller = store.instantiate(&caller, &[Extern::Func(double)]).expect("an instance");
    let func = store.exported_func(caller, "f0").expect("a function");
    assert_eq!(store.call(func, &[Val::I32(21)], None).expect("it returns").results, [Val::I32(42)]);
}

#[test]
fn stores_move_between_threads_and_give_their_memories_back_clean() {
    let mut store = Store::new(Limits::default());
    let memory = store.create_memory(pages(2, None)).expect("a memory");
    store.bytes_mut(memory).fill(1);
    std::thread::spawn(move || {
        assert_eq!(store.bytes(memory)[131_071], 1);
        drop(store);
        let mut store = Store::new(Limits::default());
        let memory = store.create_memory(pages(2, None)).expect("a memory");
        assert!(store.bytes(memory).iter().all(|&byte| byte == 0));
    })
    .join()
    .expect("no panic");
}
