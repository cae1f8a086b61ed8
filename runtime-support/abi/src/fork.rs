//! What compiled code takes from a fork.
//!
//! Code depends on the operations of a fork and what they cost, not on its name: forks whose tables of
//! operations are equal share code. Such forks are a *class*, which is known by its first fork. The rest of
//! what distinguishes forks (access costs, refunds, transaction rules) is the runtime's business.
//!
//! The hashes stand here so that a node, which has no compiler, can tell code that was compiled from
//! other tables than it trusts. The compiler's tests hold this table against the compiler's own.

use crate::descriptor::EVM_FORKS;

/// What a fork means to compiled code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForkRules {
    /// Number of the first fork with the same operations at the same static gas.
    pub class: u16,
    /// BLAKE3 of the gas table, as in [`crate::Descriptor::gas_table_hash`].
    pub gas_table_hash: [u8; 32],
}

/// The rules of a fork, or `None` where the number is of no known fork.
pub fn rules(fork: u16) -> Option<&'static ForkRules> {
    RULES.get(usize::from(fork))
}

/// Whether code for one fork can run under the other; false where one is unknown.
pub fn share_code(one: u16, other: u16) -> bool {
    matches!((rules(one), rules(other)), (Some(one), Some(other)) if one.class == other.class)
}

const fn row(class: u16, gas_table_hash: &str) -> ForkRules {
    ForkRules { class, gas_table_hash: bytes(gas_table_hash) }
}

/// The bytes of 64 hexadecimal digits.
const fn bytes(text: &str) -> [u8; 32] {
    let digits = text.as_bytes();
    assert!(digits.len() == 64, "32 bytes");
    let mut bytes = [0; 32];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = digit(digits[2 * at]) << 4 | digit(digits[2 * at + 1]);
        at += 1;
    }
    bytes
}

const fn digit(character: u8) -> u8 {
    match character {
        b'0'..=b'9' => character - b'0',
        b'a'..=b'f' => character - b'a' + 10,
        _ => panic!("a hexadecimal digit"),
    }
}

/// The rules of each fork, by its number.
pub const RULES: [ForkRules; EVM_FORKS as usize] = [
    row(0, "e9ee974069179837c8a0205d65013df6d1c57acdfc6f991eee3fed51f71e7d56"),
    row(1, "0f37c9213cf34bbacda80f565a4cba536e07fdc1f6f1c5266eb0de5a5be88c34"),
    row(2, "9eaaf860826d32a0dc2de5a6b8b4e69413b05099473ddd3142321f735827f46a"),
    row(3, "859922eb31e5e0215cafab902d4948bbd97d2c6ec6f2ec6d8a9df31131dea10b"),
    row(4, "9880e33691cca9dbe38bb4fc30ea7ccb1e3ac2aa6075b420b92ccc932dab176d"),
    row(5, "960cfb3e254893ec696105ba1251ea773421476709252722294816aad64b54a2"),
    row(6, "5bc33003d3557244985c89298f17838fdc1ec213afe74141e0c65212ff28080c"),
    row(7, "85afc345eeee866ddad6eb9f26e2be75fde9d371765c51cc20231f28ad4483ae"),
    row(8, "c2322c11bbf417e1af77b9c5e51079f7c3a380c3955b22bf68e493375bdd0399"),
    row(8, "c2322c11bbf417e1af77b9c5e51079f7c3a380c3955b22bf68e493375bdd0399"),
    row(10, "fc55551ffe62c65ee665c290df2e10bcca1cd88af7173f68cb7b946d07f76d91"),
    row(11, "59d42cc0afc3485692e9d7b5247e2e2d17daf636d215d995fb3a38cbfb7f6263"),
    row(11, "59d42cc0afc3485692e9d7b5247e2e2d17daf636d215d995fb3a38cbfb7f6263"),
    row(13, "c695680f74ea8601dd24ada082d0f9a0fd9bdad9117aaff5df771dcc62cb0777"),
    row(14, "f096f45f4f766624e16d3aa0eff5e3340f1dddc6d650c6504f32a38c4cc1b6ea"),
];
