//! Published state tests that are not run unless asked for, with the reason for each.
//!
//! A test is known by its file's name, which is the same in all published sets.

/// Takes minutes in an interpreter.
pub const SLOW: &str = "slow; --slow runs it";

/// Creates a contract at an address that has storage, which no mainnet state can hold (EIP-7610). revm
/// leaves the outcome open.
const COLLISION: &str = "contract creation at an address with storage (EIP-7610)";

/// Does not hold a number where one should be.
const MALFORMED: &str = "malformed on purpose: value of more than 256 bits";

/// A fork that mainnet never ran and revm does not have.
pub const UNKNOWN_FORK: &str = "fork is not supported";

/// File names without `.json`, and why they are not run.
const FILES: &[(&str, &str)] = &[
    ("Call50000_sha256", SLOW),
    ("static_Call50000_sha256", SLOW),
    ("loopMul", SLOW),
    ("CALLBlake2f_MaxRounds", SLOW),
    ("InitCollision", COLLISION),
    ("InitCollisionParis", COLLISION),
    ("RevertInCreateInInit", COLLISION),
    ("RevertInCreateInInit_Paris", COLLISION),
    ("RevertInCreateInInitCreate2", COLLISION),
    ("RevertInCreateInInitCreate2Paris", COLLISION),
    ("create2collisionStorage", COLLISION),
    ("create2collisionStorageParis", COLLISION),
    ("dynamicAccountOverwriteEmpty", COLLISION),
    ("dynamicAccountOverwriteEmpty_Paris", COLLISION),
    ("init_collision_create_opcode", COLLISION),
    ("init_collision_create_tx", COLLISION),
    ("ValueOverflow", MALFORMED),
    ("ValueOverflowParis", MALFORMED),
];

/// Why the tests of the file called `name` are not run, `None` if they are.
pub fn reason(name: &str, slow: bool) -> Option<&'static str> {
    let base = name.rsplit(['/', '!']).next()?;
    let stem = base.strip_suffix(".json").unwrap_or(base);
    let (_, reason) = FILES.iter().find(|(file, _)| *file == stem)?;
    (*reason != SLOW || !slow).then_some(*reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_tests_run_when_asked_for() {
        assert_eq!(reason("a.tar.zst!x/loopMul.json", false), Some(SLOW));
        assert_eq!(reason("x/loopMul.json", true), None);
        assert_eq!(reason("loopMul2.json", false), None);
        assert_eq!(reason("InitCollision.json", true), Some(COLLISION));
    }
}
