//! The functions that native code calls, in its convention.

use evmc_abi::wasm::{RuntimeTable, Slot};
use evmc_abi::{ExitCode, Frame};

use crate::bulk::{self, Done};
use crate::host::HostEntry;
use crate::instance::Owner;

/// All of them.
pub(crate) static RUNTIME: RuntimeTable = RuntimeTable {
    leave: evmc_loader::leave,
    memory_grow,
    memory_fill,
    memory_copy,
    memory_init,
    data_drop,
    table_grow,
    table_fill,
    table_copy,
    table_init,
    elem_drop,
    call_host,
};

/// What an operation gives to the code that asked for it.
fn status(done: Done) -> u32 {
    match done {
        Ok(()) => 0,
        Err(code) => code as u32,
    }
}

macro_rules! operations {
    ($($name:ident)*) => {$(
        unsafe extern "C" fn $name(frame: *mut Frame, args: *mut u64) -> u32 {
            // SAFETY: code passes the frame of its instance, whose context points to the instance, and an array of as
            // many numbers as the function has arguments. While code runs nobody borrows its store.
            let (owner, args) = unsafe { ((*frame).context.cast::<Owner>().read(), &mut *args.cast()) };
            let Some(instance) = owner.instance else { return ExitCode::Unreachable as u32 };
            // SAFETY: as above.
            status(bulk::$name(unsafe { &mut *owner.store.as_ptr() }, instance, args))
        }
    )*};
}

operations! {
    memory_grow memory_fill memory_copy memory_init data_drop
    table_grow table_fill table_copy table_init elem_drop
}

unsafe extern "C" fn call_host(frame: *mut Frame, args: *mut u64) -> u32 {
    // SAFETY: code passes the frame of the record that it was called by, which for this function is the one of a host
    // function, and an array of one number. While code runs nobody borrows its store.
    match unsafe { HostEntry::call(frame, *args) } {
        ExitCode::Stop => 0,
        code => code as u32,
    }
}

const _: () = assert!(align_of::<Slot>() == 16, "native code lays slots out by 16 bytes");
