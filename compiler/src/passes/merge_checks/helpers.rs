//! Functions that cold blocks share, so that a check there costs a call and not its own copy.

use cranelift_entity::EntityRef;
use evmc_abi::ExitCode;
use evmc_ir::{Builder, Func, Function, Module, Opcode, Type, Value};

/// Longest range, and farthest start, in bytes, of memory that grows at once: prices do not wrap.
pub(super) const MOST_AT_ONCE: u64 = 1 << 32;

/// A shared function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Helper {
    /// `(offset: i256, length: i64)`: both checks of an access.
    Access,
    /// `(so far: i64, offset: i256, length: i64) -> i64`: gas, with an upper bound for growing to hold so
    /// many bytes there; 2^64 − 1 where that is more than any gas, or the place too far.
    Price,
}

/// The helpers that are used, which follow the module's own functions.
#[derive(Debug)]
pub(super) struct Helpers {
    first: usize,
    used: Vec<Helper>,
}

impl Helpers {
    /// No helper yet, for a module with so many functions.
    pub fn new(functions: usize) -> Self {
        Self { first: functions, used: Vec::new() }
    }

    /// The function of a helper.
    pub fn get(&mut self, helper: Helper) -> Func {
        let index = self.used.iter().position(|&used| used == helper).unwrap_or_else(|| {
            self.used.push(helper);
            self.used.len() - 1
        });
        Func::new(self.first + index)
    }

    /// Appends the helpers that are used.
    pub fn append_to(self, module: &mut Module) {
        for helper in self.used {
            module.functions.push(match helper {
                Helper::Access => access(),
                Helper::Price => price(),
            });
        }
    }
}

/// Starts a function with parameters.
fn start<const N: usize>(b: &mut Builder<'_>, types: [Type; N]) -> [Value; N] {
    let block = b.create_block();
    let params = types.map(|ty| b.add_param(block, ty));
    b.switch_to(block);
    params
}

fn access() -> Function {
    let mut function = Function::new("memory.access", &[]);
    let mut b = Builder::new(&mut function);
    let [offset, length] = start(&mut b, [Type::I256, Type::I64]);
    let most = b.small(Type::I256, u64::MAX);
    let exceeds = b.binary(Opcode::Ugt, offset, most);
    b.exit_if(ExitCode::InvalidOperand, exceeds);
    let low = b.convert(Opcode::Trunc, Type::I64, offset);
    let end = saturating_sum(&mut b, low, length);
    b.effect(Opcode::MemEnsure, &[end]);
    b.ret(&[]);
    function
}

/// The bound is what memory of that length costs in all, by the Yellow Paper (3 gas a word, and
/// words² / 512), with a word more.
fn price() -> Function {
    let mut function = Function::new("memory.price", &[Type::I64]);
    let mut b = Builder::new(&mut function);
    let [so_far, offset, length] = start(&mut b, [Type::I64, Type::I256, Type::I64]);
    let farthest = b.small(Type::I256, MOST_AT_ONCE);
    let is_far = b.binary(Opcode::Ugt, offset, farthest);
    let low = b.convert(Opcode::Trunc, Type::I64, offset);
    let end = b.binary(Opcode::Add, low, length);
    let [five, one, three, nine] = [5, 1, 3, 9].map(|number| b.small(Type::I64, number));
    let words = b.binary(Opcode::Lshr, end, five);
    let words = b.binary(Opcode::Add, words, one);
    let linear = b.binary(Opcode::Mul, words, three);
    let square = b.binary(Opcode::Mul, words, words);
    let quadratic = b.binary(Opcode::Lshr, square, nine);
    let bound = b.binary(Opcode::Add, linear, quadratic);
    let sum = saturating_sum(&mut b, so_far, bound);
    let most = b.small(Type::I64, u64::MAX);
    let price = b.select(is_far, most, sum);
    b.ret(&[price]);
    function
}

fn saturating_sum(b: &mut Builder<'_>, x: Value, y: Value) -> Value {
    let (sum, carry) = b.pair(Opcode::AddCarry, Type::I64, &[x, y]);
    let most = b.small(Type::I64, u64::MAX);
    b.select(carry, most, sum)
}
