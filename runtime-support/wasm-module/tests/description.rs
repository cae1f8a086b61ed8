//! Descriptions: what is written is read again, what is not whole is refused, and no bytes cause harm.

use evmc_wasm_module::{
    ConstOp, Data, Element, Export, FuncType, Function, Global, GlobalType, Import, ImportKind, InfoError,
    Item, MemoryType, ModuleInfo, SegmentMode, Table, TableType, ValType,
};

const I32: ValType = ValType::I32;
const ZERO: ConstOp = ConstOp::Const(I32, 0);

/// A module with one or two of everything.
fn whole() -> ModuleInfo {
    let table = TableType { element: ValType::FuncRef, min: 1, max: Some(9) };
    let memory = MemoryType { min: 1, max: None };
    let global = GlobalType { value: I32, mutable: false };
    let import = |name: &str, kind| Import { module: "env".into(), name: name.into(), kind };
    let own = |start| Function { signature: 1, start, end: start + 10 };
    ModuleInfo {
        types: vec![
            FuncType::default(),
            FuncType { params: vec![I32, ValType::V128], results: vec![ValType::F64] },
        ],
        imports: vec![
            import("f", ImportKind::Function(0)),
            import("t", ImportKind::Table(table)),
            import("m", ImportKind::Memory(memory)),
            import("g", ImportKind::Global(global)),
        ],
        functions: vec![own(100), own(110)],
        tables: vec![Table { ty: table, init: Some(vec![ConstOp::RefFunc(2)]) }],
        memories: vec![memory],
        globals: vec![Global { ty: global, init: vec![ConstOp::GlobalGet(0), ZERO, ConstOp::I32Add] }],
        exports: vec![Export { name: "run".into(), item: Item::Function(1) }],
        start: Some(0),
        elements: vec![Element {
            mode: SegmentMode::Active(1, vec![ZERO]),
            ty: ValType::FuncRef,
            items: vec![vec![ConstOp::RefFunc(1)]],
        }],
        data: vec![Data { mode: SegmentMode::Passive, bytes: vec![7; 1000] }],
        referenced: vec![0, 1],
        names: vec![(0, "f".into()), (2, "g".into())],
        metered: true,
    }
}

/// Why a changed module is refused.
fn refused(change: impl FnOnce(&mut ModuleInfo)) -> String {
    let mut info = whole();
    change(&mut info);
    ModuleInfo::from_bytes(&info.to_bytes()).expect_err("a refusal").to_string()
}

#[test]
fn what_is_written_is_read_again() {
    let info = whole();
    assert_eq!(ModuleInfo::from_bytes(&info.to_bytes()), Ok(info));
    let empty = ModuleInfo::default();
    assert_eq!(ModuleInfo::from_bytes(&empty.to_bytes()), Ok(empty));
}

#[test]
fn questions_are_answered_by_index() {
    let info = whole();
    let shape = info.shape();
    assert_eq!((shape.memories, shape.tables, shape.imported_functions), (2, 2, 1));
    assert_eq!((shape.imported_globals, shape.own_globals, shape.signatures), (1, 1, 2));
    assert_eq!([0, 1, 2, 3].map(|function| info.signature(function)), [Some(0), Some(1), Some(1), None]);
    assert_eq!([0, 1, 2].map(|function| info.name(function)), [Some("f"), None, Some("g")]);
    let at = [99, 100, 109, 110, 119, 120].map(|offset| info.function_at(offset));
    assert_eq!(at, [None, Some(1), Some(1), Some(2), Some(2), None]);
}

#[test]
fn missing_indices_are_refused() {
    let active = |index| SegmentMode::Active(index, vec![ZERO]);
    let missing: [(&str, String); 14] = [
        ("signature 2", refused(|info| info.functions[1].signature = 2)),
        ("signature 2", refused(|info| info.imports[0].kind = ImportKind::Function(2))),
        ("function 2", refused(|info| info.referenced = vec![2])),
        ("function 3", refused(|info| info.exports[0].item = Item::Function(3))),
        ("table 2", refused(|info| info.exports[0].item = Item::Table(2))),
        ("memory 2", refused(|info| info.exports[0].item = Item::Memory(2))),
        ("global 2", refused(|info| info.exports[0].item = Item::Global(2))),
        ("function 3", refused(|info| info.start = Some(3))),
        ("table 2", refused(|info| info.elements[0].mode = active(2))),
        ("memory 9", refused(|info| info.data[0].mode = active(9))),
        ("function 3", refused(|info| info.elements[0].items[0][0] = ConstOp::RefFunc(3))),
        ("global 2", refused(|info| info.globals[0].init[0] = ConstOp::GlobalGet(2))),
        ("function 7", refused(|info| info.tables[0].init = Some(vec![ConstOp::RefFunc(7)]))),
        ("global 5", refused(|info| info.data[0].mode = SegmentMode::Active(0, vec![ConstOp::GlobalGet(5)]))),
    ];
    for (what, message) in missing {
        assert_eq!(message, format!("{what} does not exist"));
    }
}

#[test]
fn order_types_and_expressions_are_checked() {
    assert_eq!(refused(|info| info.functions.swap(0, 1)), "bodies of functions are not in order");
    assert_eq!(refused(|info| info.functions[1].end = 0), "bodies of functions are not in order");
    assert_eq!(refused(|info| info.referenced = vec![1, 1]), "referenced functions are not in order");
    assert_eq!(refused(|info| info.names[1].0 = 0), "names are not in order");
    assert_eq!(refused(|info| info.start = Some(1)), "the start function has an impossible type");
    assert_eq!(refused(|info| info.tables[0].ty.element = I32), "a table has an impossible type");
    assert_eq!(refused(|info| info.elements[0].ty = I32), "an element segment has an impossible type");
    let expression = "a constant expression does not give one value";
    assert_eq!(refused(|info| info.globals[0].init.clear()), expression);
    assert_eq!(refused(|info| info.globals[0].init = vec![ZERO, ConstOp::I64Mul]), expression);
    assert_eq!(refused(|info| info.globals[0].init = vec![ZERO, ZERO]), expression);
}

#[test]
fn every_cut_and_every_addition_is_refused() {
    let bytes = whole().to_bytes();
    for len in 0..bytes.len() {
        assert!(ModuleInfo::from_bytes(&bytes[..len]).is_err(), "cut to {len} bytes");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(ModuleInfo::from_bytes(&longer), Err(InfoError::Trailing(1)));
}

/// Lengths that nothing stands behind take no memory: a list is only as long as bytes are there for it.
#[test]
fn claimed_lengths_are_not_believed() {
    let huge = [0xff, 0xff, 0xff, 0xff, 0x0f];
    for empty_lists_before in 0..12 {
        let bytes = [&vec![0; empty_lists_before][..], &huge, &[0; 64]].concat();
        assert!(ModuleInfo::from_bytes(&bytes).is_err());
    }
}

#[test]
fn random_damage_does_no_harm() {
    let whole = whole().to_bytes();
    let mut random = fastrand::Rng::with_seed(11);
    let mut accepted = 0;
    for _ in 0..200_000 {
        let mut bytes = whole.clone();
        for _ in 0..random.usize(1..4) {
            // Not among the bytes of the data segment, which may be anything.
            let half = random.usize(0..160);
            let at = if random.bool() { half } else { bytes.len() - 1 - half % 40 };
            bytes[at] =
                if random.bool() { [0, 1, 2, 0x7f, 0x80, 0xff][random.usize(0..6)] } else { random.u8(..) };
        }
        let Ok(info) = ModuleInfo::from_bytes(&bytes) else { continue };
        accepted += 1;
        let count = info.shape().imported_functions + info.functions.len() as u32;
        assert!((0..count).all(|function| info.signature(function).is_some()));
        assert!((0..200).all(|offset| info.function_at(offset).is_none_or(|function| function < count)));
    }
    assert!(accepted > 1000, "damage in names and numbers is accepted: {accepted}");
}
