//! The layout of what WebAssembly sees of its runtime.

use std::mem::{offset_of, size_of};

use evmc_abi::wasm::{EntryId, EntryKind, FuncRecord, RuntimeTable, Slot};
use evmc_abi::{InstanceShape, RuntimeFn};

/// Places of an instance area, as offset and length in bytes.
fn places(shape: InstanceShape) -> Vec<(u32, u32)> {
    let word = |place: u32| (place, 8);
    let mut places = Vec::new();
    places.extend((0..shape.memories).map(|n| word(shape.memory_base(n))));
    places.extend((0..shape.memories).map(|n| word(shape.memory(n))));
    places.extend((0..shape.tables).map(|n| word(shape.table(n))));
    places.extend((0..shape.imported_functions).map(|n| word(shape.imported_function(n))));
    places.extend((0..shape.imported_globals).map(|n| word(shape.imported_global(n))));
    places.extend((0..shape.signatures).map(|n| word(shape.type_id(n))));
    let record = size_of::<FuncRecord>() as u32;
    places.extend((0..shape.referenced_functions).map(|n| (shape.referenced_function(n), record)));
    places.extend((0..shape.own_globals).map(|n| (shape.own_global(n), size_of::<Slot>() as u32)));
    places
}

#[test]
fn places_of_an_instance_do_not_overlap() {
    for bits in 0..1u32 << 7 {
        let count = |bit: u32| 3 * (bits >> bit & 1) + bit % 2;
        let shape = InstanceShape {
            memories: count(0),
            tables: count(1),
            imported_functions: count(2),
            imported_globals: count(3),
            own_globals: count(4),
            signatures: count(5),
            referenced_functions: count(6),
        };
        let places = places(shape);
        let fits = |pair: &[(u32, u32)]| pair[0].0 + pair[0].1 <= pair[1].0;
        assert!(places.windows(2).all(fits), "{shape:?}");
        assert!(places.last().is_none_or(|last| last.0 + last.1 <= shape.bytes()), "{shape:?}");
        assert!((0..shape.own_globals).all(|n| shape.own_global(n).is_multiple_of(16)), "{shape:?}");
    }
}

#[test]
fn functions_of_the_runtime_lie_where_they_say() {
    assert_eq!(offset_of!(RuntimeTable, leave), 0);
    assert_eq!(RuntimeFn::MemoryGrow.table_offset(), offset_of!(RuntimeTable, memory_grow));
    assert_eq!(RuntimeFn::CallHost.table_offset(), offset_of!(RuntimeTable, call_host));
    let last = RuntimeFn::ALL.last().map(|function| function.table_offset() + 8);
    assert_eq!(last, Some(size_of::<RuntimeTable>()));
    let named = |&function: &RuntimeFn| RuntimeFn::from_name(function.name()) == Some(function);
    assert!(RuntimeFn::ALL.iter().all(named));
}

#[test]
fn entries_have_numbers_of_their_own() {
    for kind in [EntryKind::Enter, EntryKind::CallHost, EntryKind::Function] {
        for number in [0, 1, (1 << 30) - 1] {
            let id = EntryId { kind, number };
            assert_eq!(EntryId::from_bits(id.to_bits()), Some(id));
        }
    }
    assert_eq!(EntryId::from_bits(u32::MAX), None);
}
