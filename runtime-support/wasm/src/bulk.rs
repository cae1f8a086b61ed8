//! Operations on memories, tables and segments that code asks its runtime for.
//!
//! Each checks its bounds in full before it writes anything, and knows its instance's things by their index in the module.
//! Sums are of numbers below 2^32 and lengths, so none overflows; were a number larger, it would count as
//! out of bounds.

use std::ops::Range;

use evmc_abi::{ExitCode, RuntimeFn};

use crate::memory::Memory;
use crate::store::{InstanceId, StoreInner};
use crate::table::Table;

/// What growing gives where it is refused.
const REFUSED: u64 = u64::MAX;

/// What an operation comes to.
pub(crate) type Done = Result<(), ExitCode>;

/// An operation: arguments in, the result in the place of the first.
macro_rules! operations {
    ($($variant:ident $name:ident;)*) => {
        /// Performs the operation of a runtime function, with as many arguments as it has.
        pub(crate) fn perform(
            store: &mut StoreInner,
            instance: InstanceId,
            function: RuntimeFn,
            args: &mut [u64],
        ) -> Done {
            match function {
                $(RuntimeFn::$variant => {
                    let args = args.first_chunk_mut::<{ RuntimeFn::$variant.args() }>();
                    $name(store, instance, args.ok_or(ExitCode::Unreachable)?)
                })*
                // Engines that ask in this way call host functions themselves.
                RuntimeFn::CallHost => Err(ExitCode::Unreachable),
            }
        }
    };
}

operations! {
    MemoryGrow memory_grow;
    MemoryFill memory_fill;
    MemoryCopy memory_copy;
    MemoryInit memory_init;
    DataDrop data_drop;
    TableGrow table_grow;
    TableFill table_fill;
    TableCopy table_copy;
    TableInit table_init;
    ElemDrop elem_drop;
}

/// A range of something that has `len` parts.
fn range(start: u64, count: u64, len: u64, outside: ExitCode) -> Result<Range<usize>, ExitCode> {
    match start.checked_add(count) {
        Some(end) if end <= len => Ok(start as usize..end as usize),
        _ => Err(outside),
    }
}

fn memory_mut(store: &mut StoreInner, instance: InstanceId, memory: u64) -> &mut Memory {
    let number = store.instance(instance).memories[memory as usize];
    &mut store.memories[number as usize]
}

fn table_mut(store: &mut StoreInner, instance: InstanceId, table: u64) -> &mut Table {
    let number = store.instance(instance).tables[table as usize];
    &mut store.tables[number as usize]
}

/// A range of a memory.
fn bytes_mut(
    store: &mut StoreInner,
    instance: InstanceId,
    memory: u64,
    start: u64,
    count: u64,
) -> Result<&mut [u8], ExitCode> {
    let bytes = memory_mut(store, instance, memory).bytes_mut();
    let range = range(start, count, bytes.len() as u64, ExitCode::MemoryOutOfBounds)?;
    Ok(&mut bytes[range])
}

/// A range of a table.
fn elements_mut(
    store: &mut StoreInner,
    instance: InstanceId,
    table: u64,
    start: u64,
    count: u64,
) -> Result<&mut [u64], ExitCode> {
    let elements = table_mut(store, instance, table).elements_mut();
    let range = range(start, count, elements.len() as u64, ExitCode::TableOutOfBounds)?;
    Ok(&mut elements[range])
}

pub(crate) fn memory_grow(store: &mut StoreInner, instance: InstanceId, args: &mut [u64; 2]) -> Done {
    let [memory, pages] = *args;
    let limit = store.limits.pages;
    args[0] = memory_mut(store, instance, memory).grow(pages, limit).unwrap_or(REFUSED);
    Ok(())
}

pub(crate) fn memory_fill(store: &mut StoreInner, instance: InstanceId, args: &mut [u64; 4]) -> Done {
    let [memory, offset, byte, count] = *args;
    bytes_mut(store, instance, memory, offset, count)?.fill(byte as u8);
    Ok(())
}

pub(crate) fn memory_copy(store: &mut StoreInner, instance: InstanceId, args: &mut [u64; 5]) -> Done {
    let [to_memory, from_memory, to, from, count] = *args;
    let source = bytes_mut(store, instance, from_memory, from, count)?.as_ptr();
    let target = bytes_mut(store, instance, to_memory, to, count)?;
    // SAFETY: both ranges lie in memories of the store, which are accessible and whose bytes no reference but `target` is
    // to. They may overlap.
    unsafe { target.as_mut_ptr().copy_from(source, target.len()) };
    Ok(())
}

pub(crate) fn memory_init(store: &mut StoreInner, instance: InstanceId, args: &mut [u64; 5]) -> Done {
    let [memory, segment, to, from, count] = *args;
    let owner = store.instance(instance);
    let module = owner.module.clone();
    let segment = segment as usize;
    let bytes: &[u8] = if owner.dropped[segment] { &[] } else { &module.info.data[segment].bytes };
    let source = range(from, count, bytes.len() as u64, ExitCode::MemoryOutOfBounds)?;
    bytes_mut(store, instance, memory, to, count)?.copy_from_slice(&bytes[source]);
    Ok(())
}

pub(crate) fn data_drop(store: &mut StoreInner, instance: InstanceId, args: &mut [u64; 1]) -> Done {
    store.instance_mut(instance).dropped[args[0] as usize] = true;
    Ok(())
}

pub(crate) fn table_grow(store: &mut StoreInner, instance: InstanceId, args: &mut [u64; 3]) -> Done {
    let [table, reference, count] = *args;
    let limit = store.limits.elements;
    args[0] = table_mut(store, instance, table).grow(reference, count, limit).unwrap_or(REFUSED);
    Ok(())
}

pub(crate) fn table_fill(store: &mut StoreInner, instance: InstanceId, args: &mut [u64; 4]) -> Done {
    let [table, index, reference, count] = *args;
    elements_mut(store, instance, table, index, count)?.fill(reference);
    Ok(())
}

pub(crate) fn table_copy(store: &mut StoreInner, instance: InstanceId, args: &mut [u64; 5]) -> Done {
    let [to_table, from_table, to, from, count] = *args;
    let source = elements_mut(store, instance, from_table, from, count)?.as_ptr();
    let target = elements_mut(store, instance, to_table, to, count)?;
    // SAFETY: both ranges lie in tables of the store, to whose elements no reference but `target` is. They may overlap.
    unsafe { target.as_mut_ptr().copy_from(source, target.len()) };
    Ok(())
}

pub(crate) fn table_init(store: &mut StoreInner, instance: InstanceId, args: &mut [u64; 5]) -> Done {
    let [table, segment, to, from, count] = *args;
    // Taken out for as long as the table is borrowed.
    let elements = std::mem::take(&mut store.instance_mut(instance).elements[segment as usize]);
    let result = range(from, count, elements.len() as u64, ExitCode::TableOutOfBounds).and_then(|source| {
        elements_mut(store, instance, table, to, count)?.copy_from_slice(&elements[source]);
        Ok(())
    });
    store.instance_mut(instance).elements[segment as usize] = elements;
    result
}

pub(crate) fn elem_drop(store: &mut StoreInner, instance: InstanceId, args: &mut [u64; 1]) -> Done {
    store.instance_mut(instance).elements[args[0] as usize] = Box::default();
    Ok(())
}
