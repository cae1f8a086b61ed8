//! Small computations as contracts: a loop that reads operands from calldata, computes with whatever
//! IR a test gives, and returns the results. What the loop itself needs is kept to few operations.

use evmc_abi::HostFn;
use evmc_backend::{Backend, Options};
use evmc_ir::{BlockCall, Builder, Function, Imm, Module, Opcode, Type, Value};
use revm::context::result::{ExecutionResult, Output};
use ruint::aliases::U256;

use crate::native::Native;

/// A value of type `ty` as a word, for results.
pub fn to_word(b: &mut Builder<'_>, value: Value) -> Value {
    let ty = b.func.ty(value);
    let integer = match ty {
        Type::F32 => Type::I32,
        Type::F64 => Type::I64,
        Type::V128 => Type::I128,
        _ => ty,
    };
    let value = b.convert(Opcode::Bitcast, integer, value);
    b.convert(Opcode::Zext, Type::I256, value)
}

/// A word as a value of type `ty`, for operands.
pub fn from_word(b: &mut Builder<'_>, ty: Type, word: Value) -> Value {
    let integer = match ty {
        Type::F32 => Type::I32,
        Type::F64 => Type::I64,
        Type::V128 => Type::I128,
        _ => ty,
    };
    let value = b.convert(Opcode::Trunc, integer, word);
    b.convert(Opcode::Bitcast, ty, value)
}

/// What a loop computes from up to three operands: results as words.
pub type Body<'a> = &'a dyn Fn(&mut Builder<'_>, [Value; 3]) -> Vec<Value>;

/// A contract that runs `body` for each three words of calldata and returns all results.
pub fn contract(rounds: usize, results: usize, body: Body<'_>) -> Module {
    let mut func = Function::new("entry", &[]);
    let mut b = Builder::new(&mut func);
    let (entry, head, step, done) = (b.create_block(), b.create_block(), b.create_block(), b.create_block());
    let i = b.add_param(head, Type::I64);
    b.switch_to(entry);
    let bytes = b.small(Type::I64, 32 * (rounds * results) as u64);
    b.effect(Opcode::MemEnsure, &[bytes]);
    let zero = b.small(Type::I64, 0);
    b.jump(head, &[zero]);
    b.switch_to(head);
    let end = b.small(Type::I64, rounds as u64);
    let more = b.binary(Opcode::Ult, i, end);
    b.branch(more, BlockCall::new(step, &[]), BlockCall::new(done, &[]));
    b.switch_to(step);
    one_round(&mut b, i, results, body);
    let one = b.small(Type::I64, 1);
    let next = b.binary(Opcode::Add, i, one);
    b.jump(head, &[next]);
    b.switch_to(done);
    let [offset, length] = [0, 32 * (rounds * results) as u64].map(|number| b.small(Type::I256, number));
    b.host(HostFn::Return, &[offset, length]);
    b.unreachable();
    let mut module = Module::default();
    module.entry = Some(module.functions.push(func));
    module
}

/// Loads the operands of round `i`, computes, and stores the results.
fn one_round(b: &mut Builder<'_>, i: Value, results: usize, body: Body<'_>) {
    let args = [0, 1, 2].map(|number| {
        let offset = item(b, i, 3, number);
        let offset = b.convert(Opcode::Zext, Type::I256, offset);
        let inst = b.op(Opcode::CalldataLoad, None, &[offset], Imm::None);
        b.func.insts[inst].results[0]
    });
    let words = body(b, args);
    assert_eq!(words.len(), results);
    for (number, word) in words.into_iter().enumerate() {
        let offset = item(b, i, results, number);
        b.mem_store(offset, word);
    }
}

/// Offset of word `number` of `words` in round `i`, in bytes.
fn item(b: &mut Builder<'_>, i: Value, words: usize, number: usize) -> Value {
    let size = b.small(Type::I64, 32 * words as u64);
    let base = b.binary(Opcode::Mul, i, size);
    let at = b.small(Type::I64, 32 * number as u64);
    b.binary(Opcode::Add, base, at)
}

/// Runs a contract on rows of operands; gives the result words.
pub fn results(module: &Module, options: &Options, backend: &dyn Backend, rows: &[[U256; 3]]) -> Vec<U256> {
    let native = Native::build(module, options, backend).unwrap_or_else(|error| panic!("{error}"));
    let calldata: Vec<u8> = rows.iter().flatten().flat_map(|word| word.to_be_bytes::<32>()).collect();
    match native.run(&calldata, 1 << 40) {
        ExecutionResult::Success { output: Output::Call(bytes), .. } => {
            bytes.chunks_exact(32).map(|word| U256::from_le_slice(word)).collect()
        }
        other => panic!("{other:?}"),
    }
}
