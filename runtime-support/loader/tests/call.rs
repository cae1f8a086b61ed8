//! Linked objects are loaded and called.

#[path = "../../../testsuite/src/objects.rs"]
#[expect(dead_code, reason = "shared with the tests of the linker")]
mod objects;

use evmc_abi::{ExitCode, Frame};
use evmc_artifact::Artifact;
use evmc_compiler::link::link;
use evmc_loader::LoadedCode;

/// Loaded code that exits with the number `result`.
fn load(result: u32) -> LoadedCode {
    let object = objects::bytes(&objects::two_functions(result));
    let file = link(&object, objects::ENTRY, &objects::metadata()).expect("a closed object");
    LoadedCode::load(&Artifact::check(&file).expect("an intact artifact")).expect("memory")
}

/// Calls code that does not look at its frame.
fn call(code: &LoadedCode) -> ExitCode {
    // SAFETY: the two functions of the object read one constant of their own and nothing else.
    unsafe { code.call(&mut Frame::empty()) }.expect("no fault")
}

#[test]
fn call_through_plt_and_constant() {
    assert_eq!(call(&load(1)), ExitCode::Stop);
    assert_eq!(call(&load(ExitCode::InvalidJump as u32)), ExitCode::InvalidJump);
}

#[test]
fn unknown_exit_numbers_are_unreachable() {
    assert_eq!(call(&load(0)), ExitCode::Unreachable);
    assert_eq!(call(&load(u32::MAX)), ExitCode::Unreachable);
}

#[test]
fn tables_are_readable_in_place() {
    let code = load(1);
    assert_eq!(code.op_rows(), Some(&objects::OP_ROWS));
    assert_eq!(code.stretches(), objects::STRETCHES);
    assert_eq!(code.native_stack_bytes(), 64);
    assert!(code.uses_memory_stack());
}

#[test]
fn many_artifacts_at_once_and_from_other_threads() {
    let codes: Vec<_> = (0..2000).map(|_| load(1)).collect();
    std::thread::scope(|scope| {
        for half in codes.chunks(1000) {
            scope.spawn(move || half.iter().for_each(|code| assert_eq!(call(code), ExitCode::Stop)));
        }
    });
}
