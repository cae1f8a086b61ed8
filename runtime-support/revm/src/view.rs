//! A frame as safe code may use it.

use std::marker::PhantomData;

use evmc_abi::{ExitCode, Frame, HostCall, HostFn, Word, frame::STACK_WORDS};
use evmc_loader::Fault;

/// An executing frame: its memory, its stack, and the host functions.
///
/// Only the runtime makes one, over a [`Frame`] whose pointers it vouches for, and only the host
/// functions change those pointers.
pub struct HostView<'a> {
    frame: *mut Frame,
    ended: Option<ExitCode>,
    fault: Option<Fault>,
    _frame: PhantomData<&'a mut Frame>,
}

impl<'a> HostView<'a> {
    /// A view of `frame`.
    ///
    /// # Safety
    /// Every pointer of the frame is valid for its length field (or null where that is 0, and
    /// `stack` may be null), nothing else uses what they point to while the view lives except the
    /// host functions, and `host` and `context` belong together.
    pub(crate) unsafe fn new(frame: &'a mut Frame) -> Self {
        Self { frame, ended: None, fault: None, _frame: PhantomData }
    }

    /// The frame, for code that knows the ABI. What is done through it is the caller's affair.
    pub fn as_ptr(&mut self) -> *mut Frame {
        self.frame
    }

    /// The fields of the frame: lengths, gas, address, caller and value.
    pub fn fields(&self) -> &Frame {
        // SAFETY: the frame outlives the view, and what changes it needs `&mut self`.
        unsafe { &*self.frame }
    }

    fn fields_mut(&mut self) -> &mut Frame {
        // SAFETY: the frame outlives the view, and `self` is borrowed exclusively.
        unsafe { &mut *self.frame }
    }

    /// Gas left.
    pub fn gas(&self) -> u64 {
        self.fields().gas
    }

    /// Sets the gas left; host functions charge from it, and the end of the frame reads it.
    pub fn set_gas(&mut self, gas: u64) {
        self.fields_mut().gas = gas;
    }

    /// Says which stretch failed, and the stack height (items) at its start: to be followed by
    /// [`ExitCode::Stretch`] with the gas as it was before the stretch.
    pub fn set_failed_stretch(&mut self, stretch: u32, height: u32) {
        let frame = self.fields_mut();
        frame.exit_stretch = stretch;
        frame.exit_height = height;
    }

    /// VM memory.
    pub fn memory(&self) -> &[u8] {
        let frame = self.fields();
        // SAFETY: see `new`.
        unsafe { bytes(frame.memory, frame.memory_len) }
    }

    /// VM memory, to write.
    pub fn memory_mut(&mut self) -> &mut [u8] {
        let frame = self.fields_mut();
        if frame.memory_len == 0 {
            return &mut [];
        }
        // SAFETY: see `new`; `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(frame.memory, frame.memory_len as usize) }
    }

    /// The memory stack, bottom first; `None` for code that asked for none.
    pub fn stack_mut(&mut self) -> Option<&mut [Word; STACK_WORDS]> {
        // SAFETY: the pointer is null or to `STACK_WORDS` words; `self` is borrowed exclusively.
        unsafe { self.fields_mut().stack.cast::<[Word; STACK_WORDS]>().as_mut() }
    }

    /// The calldata.
    pub fn calldata(&self) -> &[u8] {
        let frame = self.fields();
        // SAFETY: see `new`.
        unsafe { bytes(frame.calldata, frame.calldata_len) }
    }

    /// The contract's bytecode.
    pub fn code(&self) -> &[u8] {
        let frame = self.fields();
        // SAFETY: see `new`.
        unsafe { bytes(frame.code, frame.code_len) }
    }

    /// Remembers that machine code has faulted on the frame; gives the code to leave with.
    pub(crate) const fn set_fault(&mut self, fault: Fault) -> ExitCode {
        self.fault = Some(fault);
        ExitCode::Unreachable
    }

    /// The fault of the machine code that has run on the frame, if it had one.
    pub(crate) const fn take_fault(&mut self) -> Option<Fault> {
        self.fault.take()
    }

    /// Calls a host function: arguments in `words`, the first being the EVM stack's top;
    /// results overwrite them.
    ///
    /// # Errors
    /// With the code to return from the frame, when the function ends it.
    ///
    /// # Panics
    /// When `words` is shorter than [`HostFn::words`].
    pub fn call(&mut self, function: HostFn, words: &mut [Word]) -> Result<(), ExitCode> {
        assert!(words.len() >= function.words(), "too few words for {}", function.name());
        if let Some(exit) = self.ended {
            return Err(exit);
        }
        let table = self.fields().host.cast::<u8>();
        // SAFETY: the table has a pointer for every function at that offset.
        let call = unsafe { table.add(function.table_offset()).cast::<HostCall>().read() };
        // SAFETY: the frame is the one that the table belongs to, and there are words enough.
        let code = unsafe { call(self.frame, words.as_mut_ptr()) };
        if code == 0 {
            return Ok(());
        }
        let exit = ExitCode::from_number(code).unwrap_or(ExitCode::Unreachable);
        self.ended = Some(exit);
        Err(exit)
    }
}

/// The bytes at `start`; none where `len` is 0, whatever `start` is.
///
/// # Safety
/// `start` points to `len` bytes that nothing writes during `'a`, or `len` is 0.
unsafe fn bytes<'a>(start: *const u8, len: u64) -> &'a [u8] {
    if len == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(start, len as usize) }
}
