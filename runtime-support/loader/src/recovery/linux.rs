//! Recovery points, the way into generated code and out of it, and the signal handler: x86-64 under Linux.

use std::{
    arch::naked_asm,
    cell::Cell,
    ffi::{c_int, c_void},
    mem::{MaybeUninit, offset_of},
    ops::Range,
    ptr::{null, null_mut},
    sync::{Once, OnceLock},
};

use evmc_abi::{EntryPoint, Frame};
use libc::{sigaction, siginfo_t, ucontext_t};

use super::{End, Fault, FaultKind, alt_stack};

/// The signals that stand for faults, with what they tell.
const SIGNALS: [(c_int, FaultKind); 5] = [
    (libc::SIGILL, FaultKind::Instruction),
    (libc::SIGFPE, FaultKind::Arithmetic),
    (libc::SIGBUS, FaultKind::Bus),
    (libc::SIGSEGV, FaultKind::Memory),
    (libc::SIGTRAP, FaultKind::Trap),
];

/// An invalid access at most so many bytes beneath the stack pointer is one to the stack.
const STACK_REACH_BYTES: usize = 1 << 20;

/// Direction, trap and alignment-check flags: what Rust code expects to be clear.
const FLAGS_TO_CLEAR: i64 = 1 << 10 | 1 << 8 | 1 << 18;

/// The registers that a call preserves, beside the stack pointer.
const PRESERVED: [c_int; 6] =
    [libc::REG_RBX, libc::REG_RBP, libc::REG_R12, libc::REG_R13, libc::REG_R14, libc::REG_R15];

/// Where a call into generated code can be left.
#[repr(C)]
struct Point {
    /// [`PRESERVED`] at the call; set by [`enter`], as is the next.
    preserved: [MaybeUninit<usize>; PRESERVED.len()],
    /// The stack pointer in the callee: there lies where it returns to.
    stack: usize,
    /// The point of the call that this one is nested in.
    outer: *mut Point,
    /// Addresses of the code that was called, and of all that it calls.
    code: *const [Range<usize>],
    /// What ended the call otherwise than by its return.
    left: Left,
}

/// What ended a call otherwise than by its return.
#[derive(Clone, Copy)]
enum Left {
    /// Nothing so far.
    Not,
    /// A fault.
    Fault(Fault),
    /// The code, by [`leave`].
    Code(End),
}

thread_local! {
    /// The innermost recovery point of this thread.
    static INNERMOST: Cell<*mut Point> = const { Cell::new(null_mut()) };
}

/// Calls generated code that lies, with all that it calls, at the addresses `code`.
///
/// # Safety
/// `entry` is in `code` and may be called with `frame`; what it calls is in `code` as well, or host functions, which come
/// back to it.
#[inline(always)]
pub(crate) unsafe fn call(entry: EntryPoint, frame: *mut Frame, code: &[Range<usize>]) -> Result<End, Fault> {
    let outer = INNERMOST.get();
    if outer.is_null() {
        alt_stack::ensure();
    }
    let preserved = [MaybeUninit::uninit(); PRESERVED.len()];
    let mut point = Point { preserved, stack: 0, outer, code, left: Left::Not };
    let point = &raw mut point;
    INNERMOST.set(point);
    // SAFETY: the caller's promise; the point lives until the call is over.
    let exit = unsafe { enter(entry, frame, point) };
    // SAFETY: the call is over, so nobody else has the point.
    let Point { outer, left, .. } = unsafe { point.read() };
    INNERMOST.set(outer);
    match left {
        Left::Not => Ok(End { number: exit, source: 0, frame }),
        Left::Code(end) => Ok(end),
        Left::Fault(fault) => Err(fault),
    }
}

/// Ends the innermost call of this thread: [`evmc_abi::RuntimeTable::leave`].
///
/// # Safety
/// The innermost call of this thread through [`call`] is not over, and whatever runs in it is generated code, which
/// has called this.
pub unsafe extern "C" fn leave(frame: *mut Frame, code: u32, source: u32) -> ! {
    let point = INNERMOST.get();
    // SAFETY: the caller's promise: the point lives, and nobody else has it now.
    unsafe { (*point).left = Left::Code(End { number: code, source, frame }) };
    // SAFETY: as above.
    unsafe { abandon(point) }
}

/// Returns from the call of a point, whatever it is doing.
///
/// # Safety
/// The call has begun and is not over, and between it and here there is nothing with a destructor.
#[unsafe(naked)]
unsafe extern "sysv64" fn abandon(point: *mut Point) -> ! {
    naked_asm!(
        "mov rbx, [rdi]",
        "mov rbp, [rdi + 8]",
        "mov r12, [rdi + 16]",
        "mov r13, [rdi + 24]",
        "mov r14, [rdi + 32]",
        "mov r15, [rdi + 40]",
        "mov rsp, [rdi + {stack}]",
        "cld",
        "ret",
        stack = const offset_of!(Point, stack),
    )
}

/// Calls `entry` with `frame` when the point has what it takes to return in its place.
///
/// # Safety
/// That of [`call`]; `point` is the thread's innermost.
#[unsafe(naked)]
unsafe extern "sysv64" fn enter(entry: EntryPoint, frame: *mut Frame, point: *mut Point) -> u32 {
    naked_asm!(
        "mov [rdx], rbx",
        "mov [rdx + 8], rbp",
        "mov [rdx + 16], r12",
        "mov [rdx + 24], r13",
        "mov [rdx + 32], r14",
        "mov [rdx + 40], r15",
        "mov [rdx + {stack}], rsp",
        "mov rax, rdi",
        "mov rdi, rsi",
        "jmp rax",
        stack = const offset_of!(Point, stack),
    )
}

/// What was there before, in the order of [`SIGNALS`].
static PREVIOUS: OnceLock<[sigaction; SIGNALS.len()]> = OnceLock::new();

/// Installs the handlers, once in a process.
pub(crate) fn install() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        PREVIOUS.get_or_init(|| SIGNALS.map(|(signal, _)| replace(signal, None)));
        let mut action = default_action();
        action.sa_sigaction = handle as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        for (signal, _) in SIGNALS {
            replace(signal, Some(&action));
        }
    });
}

/// The system's own way with a signal.
const fn default_action() -> sigaction {
    // SAFETY: plain numbers, an empty set of signals and no function; zero stands for the default.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

/// Sets what is done at a signal, if anything is given, and tells what was done so far.
fn replace(signal: c_int, action: Option<&sigaction>) -> sigaction {
    let mut before = default_action();
    // SAFETY: `action` is a handler of this file, or the default; what there was is written to `before`.
    unsafe { libc::sigaction(signal, action.map_or(null(), std::ptr::from_ref), &raw mut before) };
    before
}

/// Handles a signal: leaves generated code, or hands on.
unsafe extern "C" fn handle(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes valid pointers to a handler with `SA_SIGINFO`, and the interrupted thread, whose point
    // is read, is this one.
    if !unsafe { recover(signal, &*info, &mut *context.cast::<ucontext_t>(), INNERMOST.get()) } {
        // SAFETY: as above.
        unsafe { hand_on(signal, info, context) };
    }
}

/// Has execution go on behind the innermost call if the fault is its code's; `false` if it is not.
///
/// # Safety
/// `point` is null or the innermost point of the thread that was interrupted.
unsafe fn recover(signal: c_int, info: &siginfo_t, context: &mut ucontext_t, point: *mut Point) -> bool {
    // SAFETY: the caller's promise.
    let Some(point) = (unsafe { point.as_mut() }) else { return false };
    let registers = &mut context.uc_mcontext.gregs;
    let instruction = registers[libc::REG_RIP as usize] as usize;
    let stack = registers[libc::REG_RSP as usize] as usize;
    // SAFETY: these signals, from the kernel, have an address.
    let address = unsafe { info.si_addr() } as usize;
    let is_sent = info.si_code <= 0;
    // A trap is reported behind the instruction.
    let own = instruction.wrapping_sub(usize::from(signal == libc::SIGTRAP));
    // SAFETY: the ranges outlive the call of the point.
    let ranges = unsafe { &*point.code };
    let found = ranges.iter().position(|range| range.contains(&own));
    let offset = found.map(|code| own - ranges[code].start);
    // SAFETY: the point is the innermost of the interrupted thread.
    if is_sent || (offset.is_none() && !unsafe { is_wild_call(instruction, address, stack, point, ranges) }) {
        return false;
    }
    let Some((_, kind)) = SIGNALS.into_iter().find(|(number, _)| *number == signal) else { return false };
    let is_memory = kind == FaultKind::Memory;
    let is_stack = is_memory && stack.wrapping_sub(address) < STACK_REACH_BYTES;
    let kind = if is_stack { FaultKind::Stack } else { kind };
    let address = if is_memory { address } else { own };
    point.left = Left::Fault(Fault { kind, code: found.unwrap_or_default(), offset, address });
    // SAFETY: the call is not over, so `enter` has set all of the point, and the return address is where it was.
    unsafe { return_from(point, registers) };
    true
}

/// Sets the registers to what they are when the call returns; what it returns does not matter.
///
/// # Safety
/// The call of the point has begun and is not over.
unsafe fn return_from(point: &Point, registers: &mut [i64; 23]) {
    for (register, value) in PRESERVED.into_iter().zip(point.preserved) {
        // SAFETY: `enter` has set it.
        registers[register as usize] = unsafe { value.assume_init() } as i64;
    }
    // SAFETY: a call pushes where it returns to.
    registers[libc::REG_RIP as usize] = unsafe { (point.stack as *const i64).read_volatile() };
    registers[libc::REG_RSP as usize] = (point.stack + size_of::<usize>()) as i64;
    registers[libc::REG_EFL as usize] &= !FLAGS_TO_CLEAR;
}

/// Whether the code of the innermost call has just called an address without code: the fault is the fetch of the
/// instruction, and the return address on the stack is the code's.
///
/// # Safety
/// `point` is the innermost point of the thread that was interrupted.
unsafe fn is_wild_call(
    instruction: usize,
    address: usize,
    stack: usize,
    point: &Point,
    ranges: &[Range<usize>],
) -> bool {
    let lowest = point.stack.saturating_sub(STACK_REACH_BYTES);
    if instruction != address || !(lowest..point.stack).contains(&stack) || !stack.is_multiple_of(8) {
        return false;
    }
    // SAFETY: the address is aligned, and lies within the part of this thread's stack that is in use, or was just
    // written to: a call stores its return address there.
    let returns_to = unsafe { (stack as *const usize).read_volatile() };
    // Behind the call, which may be the last instruction.
    ranges.iter().any(|range| range.contains(&returns_to.wrapping_sub(1)))
}

/// Does what was done at this signal before the handler was installed.
///
/// # Safety
/// The arguments are those of a signal handler.
unsafe fn hand_on(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let place = SIGNALS.iter().position(|(number, _)| *number == signal);
    let previous = PREVIOUS.get().zip(place).map(|(previous, place)| previous[place]);
    // SAFETY: the caller's promise.
    let is_sent = unsafe { (*info).si_code } <= 0;
    match previous {
        Some(action) if action.sa_sigaction == libc::SIG_IGN && is_sent => {}
        Some(action) if ![libc::SIG_DFL, libc::SIG_IGN].contains(&action.sa_sigaction) => {
            // SAFETY: the kernel had this function as a handler of the kind that the flags tell.
            unsafe { invoke(&action, signal, info, context) };
        }
        _ => {
            // The instruction faults again, and the process ends as if there were no handler.
            replace(signal, Some(&default_action()));
            if is_sent {
                // SAFETY: may be called in a signal handler; the signal comes when this one returns.
                unsafe { libc::raise(signal) };
            }
        }
    }
}

/// Calls a signal handler.
///
/// # Safety
/// `action` is a handler, and the other arguments are those of one.
unsafe fn invoke(action: &sigaction, signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    type Plain = extern "C" fn(c_int);
    type Informed = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);
    if action.sa_flags & libc::SA_SIGINFO == 0 {
        // SAFETY: the caller's promise.
        let handler = unsafe { std::mem::transmute::<usize, Plain>(action.sa_sigaction) };
        handler(signal);
    } else {
        // SAFETY: the caller's promise.
        let handler = unsafe { std::mem::transmute::<usize, Informed>(action.sa_sigaction) };
        handler(signal, info, context);
    }
}
