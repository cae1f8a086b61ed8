//! Blocks in which transactions depend on each other in every way that is hard.

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, address, hex, keccak256};
use revm::{context::TxEnv, primitives::hardfork::SpecId};

use super::{
    BENEFICIARY, BlockBuilder, MadeBlock, PLENTY, account, address_word, programs, synthetic::transfers, word,
};

/// Where each program is put.
const MEMO: u64 = 70;
const FACTORY: u64 = 71;
const WATCHER: u64 = 72;
const COUNTER: u64 = 73;
const OTHER: u64 = 74;

/// Stores the roots of beacon blocks (EIP-4788), with its code on mainnet.
pub const BEACON_ROOTS: (Address, &[u8]) = (
    address!("0x000F3df6D732807Ef1319fB7B8bB8522d0Beac02"),
    &hex!(
        "3373fffffffffffffffffffffffffffffffffffffffe14604d57602036146024575f5ffd5b5f35801560495762001fff"
        "810690815414603c575f5ffd5b62001fff01545f5260205ff35b5f5ffd5b62001fff42064281555f359062001fff015500"
    ),
);

/// Stores the hashes of blocks (EIP-2935), with its code on mainnet.
pub const BLOCK_HASHES: (Address, &[u8]) = (
    address!("0x0000F90827F1C53a10cb7A02335B175320002935"),
    &hex!(
        "3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff81"
        "430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500"
    ),
);

/// Takes requests for withdrawal (EIP-7002).
const WITHDRAWAL_REQUESTS: Address = address!("0x00000961Ef480Eb55e80D19ad83579A64c007002");

/// All blocks that are valid.
pub fn all() -> Vec<MadeBlock> {
    vec![
        empty(),
        transfers(1500),
        nonce_chain(),
        money_chain(),
        hash_chain(),
        reborn(SpecId::ISTANBUL, "destroyed and created again"),
        reborn(SpecId::SHANGHAI, "destroyed and created again, Shanghai"),
        reborn_at_once(),
        created_then_called(),
        delegations(),
        coinbase_is_read(),
        coinbase_is_a_contract(),
        colliding_slots(),
        failing(),
        gas_limit_edge(0),
        touches(SpecId::HOMESTEAD, "touched accounts, Homestead"),
        touches(SpecId::SPURIOUS_DRAGON, "touched accounts, Spurious Dragon"),
        touches(SpecId::SHANGHAI, "touched accounts, Shanghai"),
        system_calls(),
    ]
}

/// All blocks that are not.
pub fn invalid() -> Vec<MadeBlock> {
    vec![gas_limit_edge(1), wrong_nonce(), poor_sender()]
}

/// A payment to an account that then gets two withdrawals, and requests for withdrawal (EIP-7002) by a contract that gives out
/// three bytes.
pub fn surrounded() -> MadeBlock {
    let mut builder = BlockBuilder::new(SpecId::PRAGUE);
    let (from, owner) = (account(1), account(2));
    builder.contract(WITHDRAWAL_REQUESTS, &programs::request_stub(), &[]);
    builder.fund_all([from]).pay(from, owner, 1).pay(from, account(3), 1);
    builder.withdraw(owner, 2).withdraw(account(4), 0).withdraw(owner, 3);
    builder.finish("withdrawals and requests")
}

/// A block without transactions.
fn empty() -> MadeBlock {
    BlockBuilder::new(SpecId::CANCUN).finish("empty")
}

/// One sender for everything.
fn nonce_chain() -> MadeBlock {
    let mut builder = BlockBuilder::new(SpecId::CANCUN);
    let (from, counter) = (account(1), account(COUNTER));
    builder.fund(from, PLENTY).contract(counter, &programs::counter(), &[]);
    for number in 0..40 {
        builder.pay(from, account(1000 + number), 9).call(from, counter, Vec::new());
        builder.create(from, programs::deployer(&programs::memo()));
    }
    builder.finish("one sender")
}

/// Each sender gets what it spends from the one before; some get it in two parts, or through a contract.
fn money_chain() -> MadeBlock {
    let mut builder = BlockBuilder::new(SpecId::CANCUN);
    let (payer, watcher) = (account(OTHER), account(WATCHER));
    builder.contract(watcher, &programs::watcher(), &[]);
    builder.state.insert(payer, U256::from(1000), 1, &programs::payer().into(), []);
    builder.fund(account(1), PLENTY);
    for number in 1..60 {
        let (from, to) = (account(number), account(number + 1));
        let amount = PLENTY >> number;
        builder.call(from, payer, address_word(to));
        builder.pay(from, to, amount / 2).pay(from, to, amount / 8);
        builder.call(from, watcher, address_word(to));
    }
    builder.finish("money passed on")
}

/// Each transaction computes from what the one before has stored.
fn hash_chain() -> MadeBlock {
    let mut builder = BlockBuilder::new(SpecId::CANCUN);
    builder.contract(account(COUNTER), &programs::hash_chain(), &[(0, 5)]);
    for number in 1..100 {
        builder.fund(account(number + 100), PLENTY).call(account(number + 100), account(COUNTER), Vec::new());
    }
    builder.finish("one dependency chain")
}

/// A contract with storage is destroyed, created again at the same address, written and read by different senders.
fn reborn(spec: SpecId, name: &'static str) -> MadeBlock {
    let mut builder = BlockBuilder::new(spec);
    let initcode = programs::deployer(&programs::memo());
    let factory = account(FACTORY);
    let child = factory.create2(B256::ZERO, keccak256(&initcode));
    builder.contract(factory, &programs::factory(), &[]);
    builder.contract(child, &programs::memo(), &[(1, 11), (2, 22), (3, 33)]);
    let write = |slot: u64, value: u64| [word(U256::from(slot)), word(U256::from(value))].concat();
    let read = |slot: u64| word(U256::from(slot));
    let mut sender = 100;
    let mut call = |to, data| {
        sender += 1;
        builder.fund(account(sender), PLENTY).call(account(sender), to, data);
    };
    for round in 0..6 {
        call(child, read(1));
        call(child, write(2, round));
        call(child, write(4, round + 1));
        call(child, read(2));
        if round != 3 {
            call(child, Vec::new());
        }
        call(child, read(1));
        call(child, read(3));
        call(child, write(3, 7));
        call(factory, initcode.clone());
        call(child, read(1));
        call(child, read(2));
        call(child, write(1, 11));
        call(child, read(4));
    }
    builder.fund_all((1..4).map(account)).pay(account(1), child, 5);
    builder.call(account(2), child, Vec::new()).pay(account(3), child, 0);
    builder.finish(name)
}

/// Contracts that are created and destroyed within a transaction, which is all that EIP-6780 leaves.
fn reborn_at_once() -> MadeBlock {
    let mut builder = BlockBuilder::new(SpecId::CANCUN);
    let initcode = programs::deployer(&programs::memo());
    let (factory, caller) = (account(FACTORY), account(OTHER));
    builder.contract(factory, &programs::factory(), &[]);
    builder.contract(caller, &programs::factory_and_caller(), &[]);
    let child = caller.create2(B256::ZERO, keccak256(&initcode));
    let lasting = factory.create2(B256::ZERO, keccak256(&initcode));
    for number in 0..10 {
        let from = |nth: u64| account(100 + 10 * number + nth);
        builder.fund_all((0..10).map(from));
        builder.call(from(0), caller, initcode.clone());
        builder.call(from(1), child, word(U256::ONE)).pay(from(2), child, 3);
        builder.call(from(3), factory, initcode.clone());
        builder.call(from(4), lasting, Vec::new());
        builder.call(from(5), lasting, word(U256::ONE));
    }
    builder.finish("created and destroyed at once")
}

/// Contracts that are called by others than who created them.
fn created_then_called() -> MadeBlock {
    let mut builder = BlockBuilder::new(SpecId::CANCUN);
    builder.contract(account(WATCHER), &programs::watcher(), &[]);
    for number in 0..30 {
        let (creator, user) = (account(100 + number), account(200 + number));
        builder.fund(creator, PLENTY).fund(user, PLENTY);
        let created = creator.create(0);
        builder.pay(user, created, 1);
        builder.create(creator, programs::deployer(&programs::memo()));
        builder.call(user, created, [word(U256::from(3)), word(U256::from(number))].concat());
        builder.call(creator, created, word(U256::from(3)));
        builder.call(user, account(WATCHER), address_word(created));
    }
    builder.finish("created, then called")
}

/// Accounts whose code is set, set otherwise and taken away, which pay and are paid meanwhile (EIP-7702).
fn delegations() -> MadeBlock {
    let mut builder = BlockBuilder::new(SpecId::PRAGUE);
    let (counter, memo, watcher) = (account(COUNTER), account(MEMO), account(WATCHER));
    builder.contract(counter, &programs::counter(), &[]);
    builder.contract(memo, &programs::memo(), &[]).contract(watcher, &programs::watcher(), &[]);
    for number in 0..12 {
        let (authority, sponsor, friend) =
            (account(100 + number), account(200 + number), account(300 + number));
        builder.fund(authority, PLENTY).fund(sponsor, PLENTY).fund(friend, PLENTY);
        builder.pay(friend, authority, 1);
        builder.delegate(sponsor, authority, Vec::new(), &[(authority, counter)]);
        builder.pay(authority, friend, 2).call(friend, authority, Vec::new());
        let paid = builder.tx(friend, TxKind::Call(authority), 3, Vec::new());
        builder.push(paid);
        builder.delegate(sponsor, authority, word(U256::ZERO), &[(authority, memo)]);
        builder.call(friend, authority, [word(U256::ZERO), word(U256::from(50))].concat());
        builder.call(friend, watcher, address_word(authority));
        builder.delegate(sponsor, friend, Vec::new(), &[(authority, counter), (authority, counter)]);
        builder.call(friend, authority, Vec::new());
        builder.delegate(sponsor, friend, Vec::new(), &[(authority, Address::ZERO)]);
        builder.pay(friend, authority, 4).call(friend, watcher, address_word(authority));
        builder.pay(authority, sponsor, 5);
    }
    builder.finish("code set and set again")
}

/// The beneficiary's balance is read, paid to, and paid from.
fn coinbase_is_read() -> MadeBlock {
    let mut builder = BlockBuilder::new(SpecId::CANCUN);
    let (watcher, payer) = (account(WATCHER), account(OTHER));
    builder.contract(watcher, &programs::coinbase_watcher(), &[]);
    builder.state.insert(payer, U256::from(1000), 1, &programs::coinbase_payer().into(), []);
    for number in 0..30 {
        let from = |nth: u64| account(100 + 10 * number + nth);
        builder.fund_all((0..6).map(from));
        builder.call(from(0), watcher, Vec::new()).pay(from(1), account(9), 1);
        builder.pay(from(2), BENEFICIARY, 17).call(from(3), payer, Vec::new());
        builder.pay(from(4), account(9), 1).pay(BENEFICIARY, account(9), 3);
        builder.call(from(5), watcher, Vec::new());
    }
    builder.finish("the beneficiary is read")
}

/// The beneficiary has code, is destroyed, inherits, and is created again.
fn coinbase_is_a_contract() -> MadeBlock {
    let mut builder = BlockBuilder::new(SpecId::SHANGHAI);
    let initcode = programs::deployer(&programs::memo());
    let (factory, heir) = (account(FACTORY), account(OTHER));
    let child = factory.create2(B256::ZERO, keccak256(&initcode));
    builder.block.env.beneficiary = child;
    builder.contract(factory, &programs::factory(), &[]);
    builder.contract(child, &programs::memo(), &[(1, 11)]);
    builder.contract(account(WATCHER), &programs::coinbase_watcher(), &[]);
    builder.state.insert(heir, U256::from(1000), 1, &programs::heir_to_coinbase().into(), []);
    for number in 0..8 {
        let from = |nth: u64| account(100 + 10 * number + nth);
        builder.fund_all((0..8).map(from));
        builder.call(from(0), child, word(U256::ONE)).call(from(1), child, Vec::new());
        builder.pay(from(2), account(9), 1).call(from(3), account(WATCHER), Vec::new());
        builder.call(from(4), factory, initcode.clone()).call(from(5), heir, Vec::new());
        builder.pay(from(6), child, 1).call(from(7), child, word(U256::ONE));
    }
    builder.finish("the beneficiary is a contract")
}

/// Two slots of one contract that have the same hash of 64 bits in the engine's filter; its own tests make sure of that.
fn colliding_slots() -> MadeBlock {
    let slots = [U256::from_limbs([1, 0, 0, 0]), U256::from_limbs([2, 0, 0, COLLIDING_LIMB])];
    let mut builder = BlockBuilder::new(SpecId::CANCUN);
    let memo = account(MEMO);
    builder.contract(memo, &programs::memo(), &[]);
    for number in 0..60 {
        let from = account(100 + number);
        builder.fund(from, PLENTY);
        let slot = word(slots[usize::from(number % 3 == 0)]);
        let data = if number % 2 == 0 { [slot, word(U256::from(number))].concat() } else { slot };
        builder.call(from, memo, data);
    }
    builder.finish("slots with one hash")
}

/// The highest limb of the second slot of [`colliding_slots`].
const COLLIDING_LIMB: u64 = 0x10c5_6c2a_13c4_c2bd;

/// Transactions that fail in all ways, among some that do not.
fn failing() -> MadeBlock {
    let mut builder = BlockBuilder::new(SpecId::CANCUN);
    let (failing, counter) = (account(OTHER), account(COUNTER));
    builder.contract(failing, &programs::failing(), &[]).contract(counter, &programs::counter(), &[]);
    for number in 0..20 {
        let from = account(100 + number);
        builder.fund(from, PLENTY);
        for words in 0..3 {
            builder.call(from, failing, vec![0; 32 * words]).call(from, counter, Vec::new());
        }
        builder.create(from, vec![0xfe]).create(from, vec![0x60, 0, 0x60, 0, 0xfd]);
        let short = builder.tx(from, TxKind::Call(counter), 0, Vec::new());
        builder.push(TxEnv { gas_limit: 21_010, ..short });
    }
    builder.finish("failing")
}

/// Transfers that use the block's gas up to the last unit, or `beyond` that.
fn gas_limit_edge(beyond: u64) -> MadeBlock {
    let mut builder = BlockBuilder::new(SpecId::CANCUN);
    let count = 50;
    for number in 0..count {
        let from = account(100 + number);
        builder.fund(from, PLENTY).pay(from, account(1000 + number % 7), 1);
    }
    builder.block.env.gas_limit = 21_000 * count - beyond;
    builder.finish(if beyond == 0 { "all gas used" } else { "too much gas used" })
}

/// A nonce is left out in the middle.
fn wrong_nonce() -> MadeBlock {
    let mut builder = BlockBuilder::new(SpecId::CANCUN);
    for number in 0..40 {
        let from = account(100 + number % 8);
        builder.fund(from, PLENTY);
        if number == 25 {
            builder.take_nonce(from);
        }
        builder.pay(from, account(1000), 1);
    }
    builder.finish("a nonce is left out")
}

/// A sender that gets its money one transaction too late.
fn poor_sender() -> MadeBlock {
    let mut builder = BlockBuilder::new(SpecId::CANCUN);
    builder.fund(account(1), PLENTY);
    for number in 10..40 {
        builder.pay(account(1), account(number), PLENTY >> 10);
        let from = if number == 30 { number + 1 } else { number };
        builder.pay(account(from), account(9), 1);
    }
    builder.finish("paid too late")
}

/// Accounts that are touched and nothing else: they vanish, appear or stay, as the fork has it.
fn touches(spec: SpecId, name: &'static str) -> MadeBlock {
    let mut builder = BlockBuilder::new(spec);
    let (empty, watcher) = (account(900), account(WATCHER));
    builder.state.insert(empty, U256::ZERO, 0, &Bytes::new(), []);
    builder.contract(watcher, &programs::watcher(), &[]).contract(account(OTHER), &programs::payer(), &[]);
    for number in 0..12 {
        let from = |nth: u64| account(100 + 10 * number + nth);
        builder.fund_all((0..8).map(from));
        builder.pay(from(0), empty, 0).pay(from(1), account(901 + number), 0);
        builder.call(from(2), watcher, address_word(empty));
        builder.call(from(3), account(OTHER), address_word(account(901 + number)));
        builder.pay(from(4), account(901 + number), u128::from(number % 2));
        let free = builder.tx(from(5), TxKind::Call(account(960)), 0, Vec::new());
        builder.push(TxEnv { gas_price: u128::from(builder.block.env.basefee), ..free });
        builder.call(from(6), watcher, address_word(BENEFICIARY));
    }
    builder.finish(name)
}

/// System contracts are called before the transactions, which read what that left behind.
fn system_calls() -> MadeBlock {
    let mut builder = BlockBuilder::new(SpecId::PRAGUE);
    for (contract, code) in [BEACON_ROOTS, BLOCK_HASHES] {
        builder.contract(contract, code, &[]);
    }
    builder.block.parent_hash = Some(B256::repeat_byte(0x11));
    builder.block.parent_beacon_root = Some(B256::repeat_byte(0x22));
    for number in 0..20 {
        let from = account(100 + number);
        builder.fund(from, PLENTY);
        let time = builder.block.env.timestamp;
        builder.call(from, BEACON_ROOTS.0, word(time)).call(from, BLOCK_HASHES.0, word(U256::from(999)));
    }
    builder.finish("system calls")
}
