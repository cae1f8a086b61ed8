//! Blocks of many similar transactions: what a schedule gains and costs in pure form.

use alloy_primitives::{Address, U256};
use revm::primitives::hardfork::SpecId;

use super::{BlockBuilder, MadeBlock, PLENTY, account, address_word, word};
use crate::assembly::assemble;

/// First account of each kind; kinds are far apart.
const SENDERS: u64 = 1 << 20;
const RECIPIENTS: u64 = 2 << 20;
const TOKENS: u64 = 3 << 20;
const POOLS: u64 = 4 << 20;

/// A token: `to` and `amount` as two words move that much from the caller to `to`.
const TOKEN: &str = "
    CALLER
    PUSH 0
    MSTORE
    PUSH 0
    PUSH 32
    MSTORE
    PUSH 64
    PUSH 0
    KECCAK256        ; slot of the caller's balance
    DUP1
    SLOAD
    PUSH 32
    CALLDATALOAD     ; slot balance amount
    DUP1
    DUP3
    LT
    PUSH @poor
    JUMPI
    SWAP1
    SUB
    SWAP1
    SSTORE
    PUSH 0
    CALLDATALOAD
    PUSH 0
    MSTORE
    PUSH 64
    PUSH 0
    KECCAK256        ; slot of the recipient's balance
    DUP1
    SLOAD
    PUSH 32
    CALLDATALOAD
    ADD
    SWAP1
    SSTORE
    PUSH 32
    CALLDATALOAD
    PUSH 0
    MSTORE
    PUSH 0
    CALLDATALOAD
    CALLER
    PUSH 7
    PUSH 32
    PUSH 0
    LOG3
    PUSH 1
    PUSH 0
    MSTORE
    PUSH 32
    PUSH 0
    RETURN
poor:
    PUSH 0
    PUSH 0
    REVERT
";

/// A pool of two tokens, whose addresses are in slots 0 and 1 and whose reserves in 2 and 3. A word as calldata is
/// swapped: reserves move along x * y, a price is searched for in many steps, and both tokens are called.
const POOL: &str = "
    PUSH 0
    CALLDATALOAD     ; amount
    PUSH 2
    SLOAD
    DUP2
    ADD              ; amount in
    DUP1
    PUSH 2
    SSTORE
    PUSH 3
    SLOAD            ; amount in out
    DUP1
    DUP4
    MUL
    DUP3
    SWAP1
    DIV              ; amount in out bought
    DUP1
    DUP3
    SUB
    PUSH 3
    SSTORE           ; amount in out bought
    PUSH 400
steps:               ; amount in out bought steps
    DUP3
    DUP5
    DUP3
    MULMOD
    POP
    PUSH 1
    SWAP1
    SUB
    DUP1
    PUSH @steps
    JUMPI
    POP
    DUP1
    PUSH 32
    MSTORE
    CALLER
    PUSH 0
    MSTORE
    PUSH 0
    PUSH 0
    PUSH 64
    PUSH 0
    PUSH 0
    PUSH 0
    SLOAD
    GAS
    CALL
    POP
    CALLER
    PUSH 1
    XOR
    PUSH 0
    MSTORE
    PUSH 0
    PUSH 0
    PUSH 64
    PUSH 0
    PUSH 0
    PUSH 1
    SLOAD
    GAS
    CALL
    POP
    STOP
";

fn code(text: &str) -> Vec<u8> {
    assemble(text).expect("the program is right")
}

/// The slot in which a token keeps the balance of `owner`.
fn balance_slot(owner: Address) -> U256 {
    let preimage = [address_word(owner), word(U256::ZERO)].concat();
    alloy_primitives::keccak256(preimage).into()
}

/// Puts a token with so much for each owner into the state.
fn put_token(builder: &mut BlockBuilder, token: Address, owners: impl Iterator<Item = Address>) {
    let storage = owners.map(|owner| (balance_slot(owner), U256::from(PLENTY)));
    builder.state.insert(token, U256::ZERO, 1, &code(TOKEN).into(), storage);
}

/// Plain transfers between accounts that have nothing to do with each other.
pub fn transfers(count: u64) -> MadeBlock {
    let mut builder = BlockBuilder::new(SpecId::CANCUN);
    for number in 0..count {
        let (from, to) = (account(SENDERS + number), account(RECIPIENTS + number));
        builder.fund(from, PLENTY).fund(to, 1).pay(from, to, 1000);
    }
    builder.finish("raw transfers")
}

/// Transfers of one token between accounts that have nothing to do with each other.
pub fn token_transfers(count: u64) -> MadeBlock {
    let mut builder = BlockBuilder::new(SpecId::CANCUN);
    let token = account(TOKENS);
    put_token(&mut builder, token, (0..count).map(|number| account(SENDERS + number)));
    for number in 0..count {
        let from = account(SENDERS + number);
        let data = [address_word(account(RECIPIENTS + number)), word(U256::from(5))].concat();
        builder.fund(from, PLENTY).call(from, token, data);
    }
    builder.finish("ERC-20, independent")
}

/// Swaps in `pools` pools in turn.
fn swaps(count: u64, pools: u64, name: &'static str) -> MadeBlock {
    let mut builder = BlockBuilder::new(SpecId::CANCUN);
    for number in 0..pools {
        let pool = account(POOLS + number);
        let tokens = [0, 1].map(|side| account(TOKENS + 2 * number + side));
        for token in tokens {
            put_token(&mut builder, token, [pool].into_iter());
        }
        let slots = tokens.map(|token| U256::from_be_bytes(token.into_word().0));
        let reserve = U256::from(PLENTY >> 20);
        let values = [slots[0], slots[1], reserve, reserve];
        let storage = values.into_iter().enumerate().map(|(slot, value)| (U256::from(slot), value));
        builder.state.insert(pool, U256::ZERO, 1, &code(POOL).into(), storage);
    }
    for number in 0..count {
        let from = account(SENDERS + number);
        let pool = account(POOLS + number % pools);
        builder.fund(from, PLENTY).call(from, pool, word(U256::from(1_000_000 + number)));
    }
    builder.finish(name)
}

/// Swaps in as many pools.
pub fn independent_swaps(count: u64) -> MadeBlock {
    swaps(count, count, "Uniswap, independent")
}

/// Swaps in one pool.
pub fn swaps_in_one_pool(count: u64) -> MadeBlock {
    swaps(count, 1, "Uniswap, one pool")
}

/// All kinds, of a size that takes some milliseconds.
pub fn all() -> Vec<MadeBlock> {
    vec![transfers(4000), token_transfers(2000), independent_swaps(300), swaps_in_one_pool(300)]
}
