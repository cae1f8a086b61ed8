//! Operations that are compiled once per module and called.
//!
//! A helper is a function whose only instruction is the operation, legalised like any other. The
//! first long expansions of a module stay inline; in a module that has more of them the others, and
//! the rare ones everywhere, become calls of helpers. So the size of the code stays a small multiple
//! of the number of operations, whatever these are.

use std::collections::HashMap;

use evmc_abi::HostFn;
use evmc_ir::{Builder, Func, Function, Imm, Opcode, Type};

/// Long expansions that stay inline in one module, and host calls that do. Real contracts of the
/// largest size have some hundreds of each.
pub const INLINE_LIMIT: usize = 2_000;

/// Where the expansions of long operations go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outline {
    /// The first [`INLINE_LIMIT`] of a module as [`Outline::Rare`], the others as
    /// [`Outline::Heavy`].
    #[default]
    BySize,
    /// Only operations that are rare and very long become calls.
    Rare,
    /// Every long operation becomes a call.
    Heavy,
}

/// An operation that has a helper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Helper {
    /// An operation on words: its operands and its result are `i256`.
    Word(Opcode),
    /// `mem.ensure`.
    Ensure,
    /// A host function.
    Host(HostFn),
}

impl Helper {
    fn name(self) -> String {
        match self {
            Self::Word(op) => format!("evmc.{}", op.row().name),
            Self::Ensure => "evmc.mem.ensure".into(),
            Self::Host(function) => format!("evmc.host.{}", function.name()),
        }
    }

    /// The function, before legalisation.
    fn build(self) -> Function {
        let mut func = Function::new(self.name(), &[]);
        let mut b = Builder::new(&mut func);
        let entry = b.create_block();
        b.switch_to(entry);
        let words = match self {
            Self::Word(op) => op.row().args.len(),
            Self::Ensure => 0,
            Self::Host(function) => function.args(),
        };
        let args: Vec<_> = (0..words).map(|_| b.add_param(entry, Type::I256)).collect();
        let results = match self {
            Self::Word(op) => {
                let inst =
                    b.op(op, Some(Type::I256).filter(|_| op != Opcode::CalldataLoad), &args, Imm::None);
                b.func.insts[inst].results.clone()
            }
            Self::Ensure => {
                let end = b.add_param(entry, Type::I64);
                b.effect(Opcode::MemEnsure, &[end]);
                Default::default()
            }
            Self::Host(function) => b.host(function, &args),
        };
        b.ret(&results);
        func.results = vec![Type::I256; results.len()];
        func
    }
}

/// The helpers of a module, in the order of their first use.
#[derive(Debug)]
pub(super) struct Helpers {
    /// Number of the first helper's function.
    first: u32,
    numbers: HashMap<Helper, u32>,
    outline: Outline,
    /// Long expansions and host calls that stayed inline so far.
    inline: [usize; 2],
    /// Their functions, before legalisation.
    pub functions: Vec<(Helper, Function)>,
}

impl Helpers {
    /// No helpers yet, for a module of `functions` functions.
    pub fn new(functions: usize, outline: Outline) -> Self {
        Self {
            first: functions as u32,
            numbers: HashMap::new(),
            outline,
            inline: [0; 2],
            functions: Vec::new(),
        }
    }

    /// Whether the next expansion of an operation is to be a call; counts it if not.
    pub fn outlines(&mut self, helper: Helper) -> bool {
        let kind = match helper {
            Helper::Ensure => return true,
            Helper::Word(op) => match length(op) {
                Length::Short => return false,
                Length::Rare => return true,
                Length::Long => 0,
            },
            // Words of many arguments cost the same to pass to a helper as to the host.
            Helper::Host(function) if function.args() > 2 || function.always_exits() => return false,
            Helper::Host(_) => 1,
        };
        let call = match self.outline {
            Outline::BySize => self.inline[kind] >= INLINE_LIMIT,
            Outline::Rare => false,
            Outline::Heavy => true,
        };
        self.inline[kind] += usize::from(!call);
        call
    }

    /// The function of a helper.
    pub fn get(&mut self, helper: Helper) -> Func {
        let number = *self.numbers.entry(helper).or_insert_with(|| {
            self.functions.push((helper, helper.build()));
            self.first + self.functions.len() as u32 - 1
        });
        Func::from_u32(number)
    }
}

/// How long the expansion of an operation is.
enum Length {
    /// As long as a call.
    Short,
    /// Long.
    Long,
    /// Long, and too rare to be worth it.
    Rare,
}

/// How long the expansion of an operation on words is where nothing is known of its operands.
const fn length(op: Opcode) -> Length {
    match op {
        Opcode::SignExtend | Opcode::Rotl | Opcode::Rotr => Length::Rare,
        Opcode::Addmod
        | Opcode::Mulmod
        | Opcode::Exp
        | Opcode::Mul
        | Opcode::Udiv
        | Opcode::Sdiv
        | Opcode::Urem
        | Opcode::Srem
        | Opcode::Shl
        | Opcode::Lshr
        | Opcode::Ashr
        | Opcode::Byte
        | Opcode::CalldataLoad => Length::Long,
        _ => Length::Short,
    }
}
