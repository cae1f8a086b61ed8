//! Imports are matched, and instances get their first values, as the specification says.

mod common;

use common::{export, import, module, pages, ty};
use evmc_abi::ExitCode;
use evmc_wasm::module_info::{
    ConstOp, Data, Element, Global, GlobalType, ImportKind, Item, ModuleInfo, SegmentMode, Table, TableType,
    ValType,
};
use evmc_wasm::{
    Cause, CreateError, Extern, InstantiateError, Limits, Linker, Module, Objects, Resource, Store, Val,
};

fn i32(value: i32) -> Vec<ConstOp> {
    vec![ConstOp::Const(ValType::I32, value.cast_unsigned().into())]
}

fn active(index: u32, offset: i32) -> SegmentMode {
    SegmentMode::Active(index, i32(offset))
}

fn funcref_table(min: u64, max: Option<u64>) -> TableType {
    TableType { element: ValType::FuncRef, min, max }
}

fn importer(kind: ImportKind) -> Module {
    let types = vec![ty(&[], &[]), ty(&[ValType::I32], &[])];
    module(ModuleInfo { types, imports: vec![import("it", kind)], ..ModuleInfo::default() }, &[])
}

#[test]
fn imports_must_be_of_their_type() {
    let mut store = Store::new(Limits::default());
    let memory = Extern::Memory(store.create_memory(pages(2, Some(5))).expect("a memory"));
    let table = store.create_table(funcref_table(10, None), Val::FuncRef(None)).expect("a table");
    let table = Extern::Table(table);
    let ty64 = GlobalType { value: ValType::I64, mutable: true };
    let global = Extern::Global(store.create_global(ty64, Val::I64(1)).expect("a global"));
    let func = Extern::Func(store.host_func(&ty(&[ValType::I32], &[]), |_, _, _| Ok(())));
    let mut is_fit = |kind, thing| match store.instantiate(&importer(kind), &[thing]) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.to_string(), "incompatible import type: env.it");
            false
        }
    };
    assert!(is_fit(ImportKind::Function(1), func));
    assert!(!is_fit(ImportKind::Function(0), func));
    assert!(!is_fit(ImportKind::Function(1), memory));
    for (min, max, fits) in
        [(2, None, true), (2, Some(5), true), (0, Some(6), true), (3, None, false), (2, Some(4), false)]
    {
        assert_eq!(is_fit(ImportKind::Memory(pages(min, max)), memory), fits, "{min} {max:?}");
    }
    assert!(is_fit(ImportKind::Table(funcref_table(10, None)), table));
    assert!(!is_fit(ImportKind::Table(funcref_table(11, None)), table));
    assert!(!is_fit(ImportKind::Table(funcref_table(10, Some(100))), table));
    let other = TableType { element: ValType::ExternRef, ..funcref_table(10, None) };
    assert!(!is_fit(ImportKind::Table(other), table));
    assert!(is_fit(ImportKind::Global(ty64), global));
    assert!(!is_fit(ImportKind::Global(GlobalType { mutable: false, ..ty64 }), global));
    assert!(!is_fit(ImportKind::Global(GlobalType { value: ValType::I32, ..ty64 }), global));
}

#[test]
fn the_size_of_a_memory_counts_as_it_is_now() {
    let mut store = Store::new(Limits::default());
    let memory = store.create_memory(pages(1, Some(4))).expect("a memory");
    let needs_three = importer(ImportKind::Memory(pages(3, None)));
    assert!(store.instantiate(&needs_three, &[Extern::Memory(memory)]).is_err());
    assert_eq!(store.grow_memory(memory, 2), Some(1));
    store.instantiate(&needs_three, &[Extern::Memory(memory)]).expect("it is large enough now");
}

#[test]
fn a_linker_finds_imports_by_name() {
    let mut store = Store::new(Limits::default());
    let mut linker = Linker::new();
    let needs = importer(ImportKind::Function(0));
    let error = linker.instantiate(&mut store, &needs).expect_err("nothing is defined");
    assert_eq!(error.to_string(), "unknown import: env.it");
    let func = store.typed_host_func(|_, ()| Ok(()));
    linker.define("env", "it", Extern::Func(func));
    linker.instantiate(&mut store, &needs).expect("it is defined");
    let count = store.instantiate(&needs, &[]);
    assert_eq!(count, Err(InstantiateError::ImportCount { expected: 1, found: 0 }));
}

#[test]
fn limits_hold() {
    let limits = Limits { instances: 3, memories: 2, tables: 1, pages: 2, elements: 10, ..Limits::default() };
    let mut store = Store::new(limits);
    let with_memory =
        |min| module(ModuleInfo { memories: vec![pages(min, None)], ..ModuleInfo::default() }, &[]);
    let limit = |resource| Err(InstantiateError::Create(CreateError::Limit(resource)));
    assert_eq!(store.instantiate(&with_memory(3), &[]), limit(Resource::Pages));
    store.instantiate(&with_memory(2), &[]).expect("within the limits");
    store.instantiate(&with_memory(0), &[]).expect("within the limits");
    assert_eq!(store.instantiate(&with_memory(0), &[]), limit(Resource::Memories));
    let table = |min| Table { ty: funcref_table(min, None), init: None };
    let with_table = |min| module(ModuleInfo { tables: vec![table(min)], ..ModuleInfo::default() }, &[]);
    assert_eq!(store.instantiate(&with_table(11), &[]), limit(Resource::Elements));
    store.instantiate(&with_table(10), &[]).expect("within the limits");
    assert_eq!(store.instantiate(&with_table(0), &[]), limit(Resource::Instances));
}

/// A module with an exported table and memory, and globals whose values depend on others.
fn rich() -> ModuleInfo {
    let constant = |value, mutable| GlobalType { value, mutable };
    ModuleInfo {
        types: vec![ty(&[], &[])],
        imports: vec![import("base", ImportKind::Global(constant(ValType::I32, false)))],
        globals: vec![
            Global {
                ty: constant(ValType::I32, false),
                init: [&[ConstOp::GlobalGet(0)][..], &i32(3), &[ConstOp::I32Mul]].concat(),
            },
            Global { ty: constant(ValType::I32, true), init: vec![ConstOp::GlobalGet(1)] },
            Global { ty: constant(ValType::FuncRef, false), init: vec![ConstOp::RefFunc(0)] },
        ],
        tables: vec![
            Table { ty: funcref_table(5, Some(9)), init: None },
            Table { ty: funcref_table(2, None), init: Some(vec![ConstOp::RefFunc(0)]) },
        ],
        memories: vec![pages(1, None)],
        exports: vec![
            export("g", Item::Global(2)),
            export("r", Item::Global(3)),
            export("t", Item::Table(0)),
            export("u", Item::Table(1)),
            export("m", Item::Memory(0)),
        ],
        elements: vec![Element {
            mode: SegmentMode::Active(0, vec![ConstOp::GlobalGet(0)]),
            ty: ValType::FuncRef,
            items: vec![vec![ConstOp::RefFunc(0)], vec![ConstOp::Const(ValType::FuncRef, 0)]],
        }],
        data: vec![
            Data { mode: active(0, 10), bytes: b"abc".to_vec() },
            Data { mode: active(0, 11), bytes: b"xy".to_vec() },
        ],
        ..ModuleInfo::default()
    }
}

#[test]
fn globals_tables_and_memories_get_their_first_values() {
    let mut store = Store::new(Limits::default());
    let base = store.create_global(GlobalType { value: ValType::I32, mutable: false }, Val::I32(2));
    let base = Extern::Global(base.expect("a global"));
    let module = module(rich(), &[(0, |_, _, _, _| Ok(()))]);
    let instance = store.instantiate(&module, &[base]).expect("an instance");
    let func = Val::FuncRef(store.exported_func(instance, "f0"));
    let Some(Extern::Global(g)) = store.export(instance, "g") else { panic!("no global") };
    let Some(Extern::Global(r)) = store.export(instance, "r") else { panic!("no global") };
    assert_eq!((store.global(g), store.global(r)), (Val::I32(6), func));
    assert!(store.set_global(r, Val::FuncRef(None)).is_err(), "it is constant");
    store.set_global(g, Val::I32(-1)).expect("it is mutable");
    assert_eq!(store.global(g), Val::I32(-1));
    let Some(Extern::Table(t)) = store.export(instance, "t") else { panic!("no table") };
    let null = Val::FuncRef(None);
    let elements: Vec<_> = (0..6).map(|index| store.table_get(t, index)).collect();
    assert_eq!(elements, [Some(null), Some(null), Some(func), Some(null), Some(null), None]);
    let Some(Extern::Table(u)) = store.export(instance, "u") else { panic!("no table") };
    assert_eq!(store.table_get(u, 1), Some(func));
    let Some(Extern::Memory(m)) = store.export(instance, "m") else { panic!("no memory") };
    assert_eq!(store.range(m, 9, 6).expect("in the memory"), b"\0axy\0\0");
    assert_eq!(store.export(instance, "nothing"), None);
}

#[test]
fn segments_that_do_not_fit_leave_earlier_ones_in_place() {
    let mut store = Store::new(Limits::default());
    let memory = store.create_memory(pages(1, None)).expect("a memory");
    let table = store.create_table(funcref_table(2, None), Val::FuncRef(None)).expect("a table");
    let info = |table_offset| ModuleInfo {
        types: vec![ty(&[], &[])],
        imports: vec![
            import("m", ImportKind::Memory(pages(1, None))),
            import("t", ImportKind::Table(funcref_table(2, None))),
        ],
        elements: vec![Element {
            mode: active(0, table_offset),
            ty: ValType::FuncRef,
            items: vec![vec![ConstOp::RefFunc(0)]],
        }],
        data: vec![
            Data { mode: active(0, 0), bytes: b"first".to_vec() },
            Data { mode: active(0, 65_535), bytes: b"no".to_vec() },
        ],
        ..ModuleInfo::default()
    };
    let imports = [Extern::Memory(memory), Extern::Table(table)];
    let mut trap_of = |offset| {
        let module = module(
            info(offset),
            &[(0, |_, _, values, _| {
                values.clear();
                Ok(())
            })],
        );
        match store.instantiate(&module, &imports) {
            Err(InstantiateError::Trap(trap)) => trap.cause,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(trap_of(2), Cause::Program(ExitCode::TableOutOfBounds));
    assert_eq!(trap_of(-1), Cause::Program(ExitCode::TableOutOfBounds));
    assert_eq!(trap_of(1), Cause::Program(ExitCode::MemoryOutOfBounds));
    assert_eq!(&store.bytes(memory)[..5], b"first");
    assert_eq!(store.bytes(memory)[65_535], 0);
    // The function that the failed instance left in the table can be called.
    let Some(Val::FuncRef(Some(func))) = store.table_get(table, 1) else { panic!("no function") };
    store.call(func, &[], None).expect("it returns");
}

#[test]
fn the_start_function_runs_last_and_may_trap() {
    let mut store = Store::new(Limits::default());
    let info = |start| ModuleInfo {
        types: vec![ty(&[], &[])],
        memories: vec![pages(1, None)],
        data: vec![Data { mode: active(0, 0), bytes: vec![7] }],
        start: Some(start),
        ..ModuleInfo::default()
    };
    let starts = |start| {
        module(
            info(start),
            &[
                (0, |view, _, _, _| {
                    assert_eq!(view.linear(0)[0], 7);
                    view.linear(0)[0] = 8;
                    Ok(())
                }),
                (0, |_, _, _, _| Err(evmc_wasm::Exit { code: ExitCode::UnreachableExecuted, source: 210 })),
            ],
        )
    };
    store.instantiate(&starts(0), &[]).expect("it returns");
    let Err(InstantiateError::Trap(trap)) = store.instantiate(&starts(1), &[]) else { panic!("no trap") };
    assert_eq!(trap.to_string(), "unreachable in function 1 (name1) at offset 0xd2");
}

#[test]
fn unsound_descriptions_are_refused() {
    let refused = |info| {
        struct None;
        impl evmc_wasm::Code for None {
            fn call(
                &self,
                _: &mut evmc_wasm::InstanceView<'_>,
                _: u32,
                _: u64,
                _: &mut Vec<u128>,
                _: &mut u64,
            ) -> Result<(), evmc_wasm::Exit> {
                Ok(())
            }
            fn native_stack_bytes(&self) -> u64 {
                0
            }
        }
        Module::with_code(info, std::sync::Arc::new(None)).expect_err("unsound").to_string()
    };
    let ty64 = GlobalType { value: ValType::I64, mutable: false };
    let info = ModuleInfo { globals: vec![Global { ty: ty64, init: i32(1) }], ..ModuleInfo::default() };
    assert_eq!(refused(info), "a constant expression has a wrong type");
    let info = ModuleInfo { memories: vec![pages(65_537, None)], ..ModuleInfo::default() };
    assert_eq!(refused(info), "a memory too large for its addresses");
    let mut info = rich();
    info.functions.push(evmc_wasm::module_info::Function { signature: 0, start: 1, end: 2 });
    assert_eq!(refused(info), "a function without a record is referred to");
}
