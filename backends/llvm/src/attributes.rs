//! What LLVM is told about functions and calls.

use inkwell::attributes::{Attribute, AttributeLoc};
use inkwell::context::Context;
use inkwell::values::{CallSiteValue, FunctionValue};

/// `memory(read)`: two bits for each kind of memory, the lower one for reading.
const MEMORY_READ: u64 = 0b01_01_01_01;
/// `memory(none)`.
const MEMORY_NONE: u64 = 0;
/// `captures(none)`.
const CAPTURES_NONE: u64 = 0;
/// `uwtable(async)`: unwind tables that hold at every instruction.
const ASYNC_UNWIND_TABLES: u64 = 2;
/// Alignment of the frame and of words in memory, in bytes.
pub(crate) const WORD_ALIGN: u32 = 8;

/// Attributes of an LLVM context.
#[derive(Clone, Debug)]
pub(crate) struct Attributes {
    /// Of every function.
    function: Vec<Attribute>,
    /// Of a pointer to the frame.
    frame: Vec<Attribute>,
    /// Of a pointer to words that only the callee uses during the call.
    words: Vec<Attribute>,
    /// Of calls and functions that come back and change nothing that the caller sees.
    pure: Vec<Attribute>,
    nounwind: Attribute,
    readnone: Attribute,
    noinline: Attribute,
    cold: Attribute,
    noreturn: Attribute,
    /// Of calls that only give a value.
    nothing: Vec<Attribute>,
}

impl Attributes {
    /// `shares_frames` where a function may reach a frame by another way than its parameter.
    pub fn new(context: &Context, shares_frames: bool) -> Self {
        let of =
            |name: &str, value| context.create_enum_attribute(Attribute::get_named_enum_kind_id(name), value);
        let flag = |name| of(name, 0);
        let text = |key, value| context.create_string_attribute(key, value);
        let align = of("align", WORD_ALIGN.into());
        let mut frame = vec![
            flag("nonnull"),
            flag("noundef"),
            align,
            of("dereferenceable", size_of::<evmc_abi::Frame>() as u64),
        ];
        if !shares_frames {
            frame.push(flag("noalias"));
        }
        Self {
            function: vec![
                flag("nounwind"),
                of("uwtable", ASYNC_UNWIND_TABLES),
                // No library function exists that could be called.
                text("no-builtins", ""),
                // The stack pointer alone addresses a frame, so unwind tables tell its size.
                text("frame-pointer", "none"),
                text("no-realign-stack", ""),
                // Large frames touch their pages in order, so the guard page of the stack stops them.
                text("probe-stack", "inline-asm"),
            ],
            frame,
            words: vec![
                flag("noalias"),
                flag("nonnull"),
                flag("noundef"),
                align,
                of("captures", CAPTURES_NONE),
            ],
            pure: vec![of("memory", MEMORY_READ), flag("willreturn"), flag("nosync"), flag("nofree")],
            nounwind: flag("nounwind"),
            readnone: flag("readnone"),
            noinline: flag("noinline"),
            cold: flag("cold"),
            noreturn: flag("noreturn"),
            nothing: vec![flag("nounwind"), of("memory", MEMORY_NONE), flag("willreturn")],
        }
    }

    /// Marks a function whose first parameter is the frame.
    pub fn mark_function(&self, function: FunctionValue<'_>) {
        for &attribute in &self.function {
            function.add_attribute(AttributeLoc::Function, attribute);
        }
        for &attribute in &self.frame {
            function.add_attribute(AttributeLoc::Param(0), attribute);
        }
    }

    /// Marks a parameter that points to memory for the callee's results.
    pub fn mark_result_memory(&self, function: FunctionValue<'_>, number: u32) {
        for &attribute in &self.words {
            function.add_attribute(AttributeLoc::Param(number), attribute);
        }
    }

    /// Marks a function that is never inlined; `cold` where it is rarely called.
    pub fn mark_outlined(&self, function: FunctionValue<'_>, cold: bool) {
        function.add_attribute(AttributeLoc::Function, self.noinline);
        if cold {
            function.add_attribute(AttributeLoc::Function, self.cold);
        }
    }

    /// Marks a function that comes back and changes nothing that its caller sees.
    pub fn mark_pure(&self, function: FunctionValue<'_>) {
        for &attribute in &self.pure {
            function.add_attribute(AttributeLoc::Function, attribute);
        }
    }

    /// Marks a call of a host function: frame and words.
    pub fn mark_host_call(&self, call: CallSiteValue<'_>, is_pure: bool) {
        call.add_attribute(AttributeLoc::Function, self.nounwind);
        for &attribute in &self.words {
            call.add_attribute(AttributeLoc::Param(1), attribute);
        }
        if is_pure {
            call.add_attribute(AttributeLoc::Param(0), self.readnone);
            for &attribute in self.pure.iter().skip(1) {
                call.add_attribute(AttributeLoc::Function, attribute);
            }
        }
    }

    /// Marks a call that never comes back.
    pub fn mark_end(&self, call: CallSiteValue<'_>) {
        for attribute in [self.nounwind, self.noreturn, self.cold] {
            call.add_attribute(AttributeLoc::Function, attribute);
        }
    }

    /// Marks a call that only gives a value.
    pub fn mark_nothing(&self, call: CallSiteValue<'_>) {
        for &attribute in &self.nothing {
            call.add_attribute(AttributeLoc::Function, attribute);
        }
    }
}
