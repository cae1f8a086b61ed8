//! One long block.

use evmc_compiler::frontend::evm::opcode::{Fork, OpInfo, table};
use evmc_testsuite::asm::Assembler;

use super::{Bomb, USE_TOP, fill, repeat, scatter};

/// A family that repeats a few operations: name, description, head, body.
macro_rules! chains {
    ($($name:literal, $what:literal, $head:literal, $body:literal;)*) => {
        /// The families of this module that repeat a few operations, and the rest.
        pub const BOMBS: &[Bomb] = &[
            $(Bomb { name: $name, what: $what, generate: |size| repeat(size, $head, $body) },)*
            Bomb { name: "push32_pop", what: "32-byte constants dropped", generate: |size| wide_constants(size, "POP") },
            Bomb { name: "push32_mul", what: "32-byte factors", generate: |size| wide_constants(size, "MUL") },
            Bomb { name: "random_bytes", what: "random bytes", generate: random_bytes },
            Bomb { name: "random_operations", what: "random defined operations", generate: random_operations },
        ];
    };
}

chains! {
    "mload_chain", "each MLOAD reads where the last one said", "0 CALLDATALOAD", "MLOAD";
    "mstore_dynamic", "MSTORE at offsets from the calldata", "", "0 CALLDATALOAD DUP1 MSTORE";
    "mload_mstore_same", "memory word read and written", "0 CALLDATALOAD", "DUP1 MLOAD DUP2 MSTORE";
    "mstore8_chain", "bytes written at a live offset", "0 CALLDATALOAD", "DUP1 DUP1 MSTORE8";
    "msize", "memory size observed between writes", "0", "MSIZE MSTORE MSIZE";
    "mcopy_chain", "MCOPY of live operands", "0 CALLDATALOAD", "DUP1 DUP1 DUP1 MCOPY";
    "add_chain", "ADD on a live value", "0 CALLDATALOAD", "DUP1 ADD";
    "mul_chain", "MUL on a live value", "0 CALLDATALOAD", "DUP1 MUL";
    "mul_two", "products of two live values", "0 CALLDATALOAD 32 CALLDATALOAD", "DUP2 MUL SWAP1";
    "div_chain", "DIV by calldata", "0 CALLDATALOAD", "CALLDATASIZE CALLDATALOAD DIV";
    "sdiv_chain", "SDIV by a live value", "0 CALLDATALOAD 32 CALLDATALOAD", "DUP2 SDIV";
    "mod_smod_chain", "MOD and SMOD by live values", "0 CALLDATALOAD 32 CALLDATALOAD", "DUP2 MOD DUP2 SMOD";
    "exp_chain", "EXP with a live exponent", "0 CALLDATALOAD", "DUP1 EXP";
    "addmod_chain", "ADDMOD of live values", "0 CALLDATALOAD", "DUP1 DUP1 ADDMOD";
    "mulmod_chain", "MULMOD of live values", "0 CALLDATALOAD 32 CALLDATALOAD", "DUP2 DUP2 MULMOD";
    "signextend_byte", "SIGNEXTEND and BYTE by live values", "0 CALLDATALOAD", "DUP1 SIGNEXTEND DUP1 BYTE";
    "shift_chain", "SHL, SHR, SAR by live amounts", "0 CALLDATALOAD 32 CALLDATALOAD", "DUP2 SHL DUP2 SHR DUP2 SAR";
    "sar_chain", "SAR of a value by itself", "0 CALLDATALOAD", "DUP1 SAR";
    "compare_chain", "comparisons of live values", "0 CALLDATALOAD 32 CALLDATALOAD", "DUP2 LT DUP2 SGT DUP2 EQ ISZERO";
    "clz_not", "CLZ and NOT", "0 CALLDATALOAD", "CLZ NOT";
    "rotate_16", "sixteen live values added around", "0 CALLDATALOAD 1 CALLDATALOAD 2 CALLDATALOAD 3 CALLDATALOAD \
        4 CALLDATALOAD 5 CALLDATALOAD 6 CALLDATALOAD 7 CALLDATALOAD 8 CALLDATALOAD 9 CALLDATALOAD 10 CALLDATALOAD \
        11 CALLDATALOAD 12 CALLDATALOAD 13 CALLDATALOAD 14 CALLDATALOAD 15 CALLDATALOAD", "DUP16 MUL SWAP15";
    "swap_only", "SWAP permutations of unknown values", "CALLER ORIGIN GAS CALLVALUE CALLDATASIZE", "SWAP1 SWAP2 SWAP3 SWAP4";
    "constants_folded", "arithmetic of constants", "1", "3 MUL 7 ADD";
    "gas_pop", "GAS observed and dropped", "", "GAS POP";
    "gas_sum", "GAS observed and added up", "0", "GAS ADD";
    "pc_codesize", "constants of the code", "0", "PC ADD CODESIZE XOR";
    "sload_chain", "each SLOAD reads the slot that the last one said", "0", "SLOAD";
    "sload_caller", "SLOAD of one slot", "", "CALLER SLOAD POP";
    "sstore_chain", "SSTORE to a live slot", "0 CALLDATALOAD", "DUP1 DUP1 SSTORE";
    "sload_sstore", "a slot counted up", "", "0 SLOAD 1 ADD 0 SSTORE";
    "tload_tstore", "transient storage read and written", "0 CALLDATALOAD", "DUP1 TLOAD DUP2 TSTORE";
    "keccak_chain", "hash of a hash", "0 CALLDATALOAD", "0 MSTORE 32 0 KECCAK256";
    "keccak_pair", "mapping slots", "", "CALLER 0 MSTORE 64 0 KECCAK256 32 MSTORE";
    "log4_chain", "LOG4 of live operands", "0 CALLDATALOAD", "DUP1 DUP1 DUP1 DUP1 DUP1 DUP1 LOG4";
    "log0", "LOG0 of nothing", "", "0 0 LOG0";
    "call_chain", "calls with gas left, result dropped", "", "0 0 0 0 0 ADDRESS GAS CALL POP";
    "call_result", "calls of what the last call said", "0 CALLDATALOAD", "0 0 0 0 0 DUP6 GAS CALL ADD";
    "call_dup", "calls with one live operand", "0 CALLDATALOAD", "DUP1 DUP1 DUP1 DUP1 DUP1 DUP1 DUP1 CALL POP";
    "staticcall_delegatecall", "calls of both kinds", "0", "DUP1 DUP1 DUP1 DUP1 ADDRESS GAS STATICCALL POP DUP1 DUP1 DUP1 DUP1 ADDRESS GAS DELEGATECALL POP";
    "callcode_chain", "CALLCODE", "0", "DUP1 DUP1 DUP1 DUP1 DUP1 ADDRESS GAS CALLCODE POP";
    "create_chain", "CREATE of nothing", "0", "DUP1 DUP1 CREATE";
    "create2_chain", "CREATE2 with live operands", "0 CALLDATALOAD", "DUP1 DUP1 DUP1 CREATE2";
    "balance_chain", "accounts by the balance of the last", "0 CALLDATALOAD", "BALANCE";
    "extcode_chain", "EXTCODESIZE and EXTCODEHASH", "0 CALLDATALOAD", "EXTCODESIZE EXTCODEHASH";
    "extcodecopy_chain", "EXTCODECOPY with live operands", "0 CALLDATALOAD", "DUP1 DUP1 DUP1 DUP1 EXTCODECOPY";
    "returndatacopy_chain", "RETURNDATACOPY with live operands", "0 CALLDATALOAD", "DUP1 DUP1 DUP1 RETURNDATACOPY";
    "codecopy_chain", "CODECOPY with live operands", "0 CALLDATALOAD", "DUP1 DUP1 DUP1 CODECOPY";
    "calldatacopy_chain", "CALLDATACOPY of constants", "", "CALLDATASIZE 0 0 CALLDATACOPY";
    "calldataload_chain", "each CALLDATALOAD reads where the last one said", "0", "CALLDATALOAD";
    "blockhash_chain", "BLOCKHASH and BLOBHASH", "0", "BLOCKHASH BLOBHASH";
    "environment", "every constant of the environment", "", "ADDRESS ORIGIN CALLER CALLVALUE GASPRICE COINBASE TIMESTAMP \
        NUMBER DIFFICULTY GASLIMIT CHAINID SELFBALANCE BASEFEE BLOBBASEFEE POP POP POP POP POP POP POP POP POP POP POP POP POP POP";
    "stops", "STOP only", "", "STOP";
    "invalids", "INVALID only", "", "INVALID";
    "reverts", "REVERT of nothing", "", "0 0 REVERT";
    "selfdestructs", "SELFDESTRUCT", "", "CALLER SELFDESTRUCT";
    "underflow", "POP of nothing", "", "POP";
    "overflow", "pushes beyond the stack", "", "CALLER";
}

/// A live value, then a wide constant and an operation on both, again and again.
fn wide_constants(size: usize, operation: &str) -> Vec<u8> {
    let mut asm = Assembler::new();
    asm.ops("0 CALLDATALOAD");
    fill(size - 2, &mut asm, 34, |asm, number| {
        let constant: [u8; 32] = std::array::from_fn(|i| scatter(number * 32 + i) as u8);
        asm.push_bytes(&constant).ops(operation);
    });
    asm.ops(USE_TOP);
    asm.finish()
}

fn random_bytes(size: usize) -> Vec<u8> {
    (0..size).map(|i| scatter(i) as u8).collect()
}

/// Operations that always find their operands, and leave the stack between 1 and 100 items high.
fn random_operations(size: usize) -> Vec<u8> {
    let defined = |info: &&OpInfo| info.is_defined() && !info.op.leaves_block() && info.immediate == 0;
    let choice: Vec<_> = table(Fork::Osaka).iter().filter(defined).collect();
    let (mut asm, mut height) = (Assembler::new(), 0);
    fill(size - 2, &mut asm, 3, |asm, number| {
        let info = choice[scatter(number) % choice.len()];
        let (inputs, outputs) = (usize::from(info.inputs), usize::from(info.outputs));
        if height <= inputs {
            asm.byte(0x60).byte(number as u8).ops("CALLDATALOAD");
            height += 1;
        } else if height < 100 || outputs <= inputs {
            asm.byte(info.opcode);
            height = height - inputs + outputs;
        }
    });
    asm.ops(USE_TOP);
    asm.finish()
}
