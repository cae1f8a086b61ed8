//! Small contracts that made-up blocks are built from. They run on every fork.

use crate::assembly::assemble;

/// Assembles words: a number is a `PUSH1`, `@name` the push of a label, `name:` its place.
fn program(text: &str) -> Vec<u8> {
    let line = |word: &str| match word.parse::<u8>() {
        Ok(number) => format!("PUSH1 {number:#04x}"),
        Err(_) if word.starts_with('@') => format!("PUSH {word}"),
        Err(_) => word.to_owned(),
    };
    let lines: Vec<_> = text.split_whitespace().map(line).collect();
    assemble(&lines.join("\n")).expect("the program is right")
}

/// A memory: two words of calldata set a slot, one logs it, none has the contract destroyed.
pub fn memo() -> Vec<u8> {
    program(
        "CALLDATASIZE ISZERO @destroy JUMPI
         CALLDATASIZE 32 EQ @read JUMPI
         32 CALLDATALOAD 0 CALLDATALOAD SSTORE STOP
         read: 0 CALLDATALOAD SLOAD 0 MSTORE 32 0 LOG0 STOP
         destroy: CALLER SELFDESTRUCT",
    )
}

/// Initcode that sets slot 1 to 99 and deploys a runtime code.
pub fn deployer(runtime: &[u8]) -> Vec<u8> {
    let length = u16::try_from(runtime.len()).expect("the code is short").to_be_bytes();
    let mut code = vec![0x60, 99, 0x60, 1, 0x55, 0x61];
    code.extend(length);
    code.extend([0x60, 19, 0x60, 0, 0x39, 0x61]);
    code.extend(length);
    code.extend([0x60, 0, 0xf3]);
    code.extend(runtime);
    code
}

/// Deploys the initcode in the calldata by `CREATE2` with salt 0, and logs the address.
pub fn factory() -> Vec<u8> {
    program("CALLDATASIZE 0 0 CALLDATACOPY 0 CALLDATASIZE 0 0 CREATE2 0 MSTORE 32 0 LOG0 STOP")
}

/// Does the same, and calls what it has deployed without data.
pub fn factory_and_caller() -> Vec<u8> {
    program(
        "CALLDATASIZE 0 0 CALLDATACOPY 0 CALLDATASIZE 0 0 CREATE2
         0 0 0 0 0 DUP6 GAS CALL 0 MSTORE 32 0 LOG0 STOP",
    )
}

/// Logs balance and code of the account in the calldata.
pub fn watcher() -> Vec<u8> {
    program(
        "0 CALLDATALOAD BALANCE 0 MSTORE 0 CALLDATALOAD EXTCODESIZE 32 MSTORE
         64 0 LOG0 STOP",
    )
}

/// Logs the balance of the block's beneficiary.
pub fn coinbase_watcher() -> Vec<u8> {
    program("COINBASE BALANCE 0 MSTORE 32 0 LOG0 STOP")
}

/// Pays the block's beneficiary 5 wei.
pub fn coinbase_payer() -> Vec<u8> {
    program("0 0 0 0 5 COINBASE GAS CALL POP STOP")
}

/// Pays the account in the calldata 5 wei and logs whether that went well.
pub fn payer() -> Vec<u8> {
    program("0 0 0 0 5 0 CALLDATALOAD GAS CALL 0 MSTORE 32 0 LOG0 STOP")
}

/// Counts its calls in slot 0, and logs the count.
pub fn counter() -> Vec<u8> {
    program("0 SLOAD 1 ADD DUP1 0 SSTORE 0 MSTORE 32 0 LOG0 STOP")
}

/// Makes slot 0 the hash of itself and the caller, a few times.
pub fn hash_chain() -> Vec<u8> {
    program(
        "0 SLOAD 0 MSTORE CALLER 32 MSTORE 20
         again: 64 0 KECCAK256 0 MSTORE 1 SWAP1 SUB DUP1 @again JUMPI
         0 MLOAD 0 SSTORE STOP",
    )
}

/// Sets slot 0 and then fails: by `REVERT` with one word of calldata, by `INVALID` with two, by running out of gas
/// without any.
pub fn failing() -> Vec<u8> {
    program(
        "7 0 SSTORE CALLDATASIZE ISZERO @loop JUMPI CALLDATASIZE 32 EQ @revert JUMPI INVALID
         revert: 0 0 REVERT
         loop: @loop JUMP",
    )
}

/// Destroys itself and leaves what it has to the block's beneficiary.
pub fn heir_to_coinbase() -> Vec<u8> {
    program("COINBASE SELFDESTRUCT")
}

/// Gives out three bytes and counts that in slot 0.
pub fn request_stub() -> Vec<u8> {
    program("0 SLOAD 1 ADD 0 SSTORE 7 2 MSTORE8 3 0 RETURN")
}
