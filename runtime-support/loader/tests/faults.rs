//! Code that faults gives its caller an error; other faults are none of the loader's business.

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

#[path = "../../../testsuite/src/objects.rs"]
#[expect(dead_code, reason = "shared with the tests of the linker")]
mod objects;

use std::{
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use evmc_abi::{ExitCode, Frame};
use evmc_artifact::Artifact;
use evmc_compiler::link::link;
use evmc_loader::{End, Fault, FaultKind, LoadedCode, call_within};

/// Code that begins with `bytes`.
fn load(bytes: &[u8]) -> LoadedCode {
    let mut object = objects::empty();
    objects::add_function(&mut object, objects::ENTRY, bytes);
    let file = link(&objects::bytes(&object), objects::ENTRY, &objects::metadata()).expect("a closed object");
    LoadedCode::load(&Artifact::check(&file).expect("an intact artifact")).expect("memory")
}

/// Calls code that does not look at its frame.
fn call(code: &LoadedCode) -> Result<ExitCode, Fault> {
    // SAFETY: the codes of these tests do not look at the frame, save for what their test says, and touch no memory
    // but their stack.
    unsafe { code.call(&mut Frame::empty()) }
}

/// Codes that fault, with the kind and the offset of the instruction. Each first overwrites what a
/// call must preserve.
fn faulty() -> Vec<(Vec<u8>, FaultKind, Option<usize>)> {
    // xor ebx, ebx; xor ebp, ebp; xor r12d, r12d; mov r13, r12; mov r14, r12; mov r15, r12; std
    let spoil = [
        0x31, 0xdb, 0x31, 0xed, 0x45, 0x31, 0xe4, 0x4d, 0x89, 0xe5, 0x4d, 0x89, 0xe6, 0x4d, 0x89, 0xe7, 0xfd,
    ];
    let at =
        |bytes: &[u8], kind, offset: usize| ([&spoil[..], bytes].concat(), kind, Some(spoil.len() + offset));
    vec![
        at(&[0x0f, 0x0b], FaultKind::Instruction, 0),            // ud2
        at(&[0x31, 0xc9, 0xf7, 0xf1], FaultKind::Arithmetic, 2), // xor ecx, ecx; div ecx
        at(&[0x31, 0xc0, 0x8b, 0x00], FaultKind::Memory, 2),     // xor eax, eax; mov eax, [rax]
        at(&[0x48, 0x0f, 0xba, 0xed, 0x3f, 0x8b, 0x45, 0x00], FaultKind::Bus, 5), // bts rbp, 63; mov eax, [rbp]
        at(&[0xcc], FaultKind::Trap, 0),                                          // int3
        at(&[0xe8, 0xfb, 0xff, 0xff, 0xff], FaultKind::Stack, 0),                 // call itself
        (vec![0x31, 0xc0, 0xff, 0xd0], FaultKind::Memory, None),                  // xor eax, eax; call rax
    ]
}

#[test]
fn every_fault_ends_the_call_and_nothing_else() {
    let intact = load(&[0xb8, ExitCode::Stop as u8, 0, 0, 0, 0xc3]);
    for (bytes, kind, offset) in faulty() {
        let code = load(&bytes);
        for _ in 0..100 {
            let fault = call(&code).expect_err("the code faults");
            assert_eq!((fault.kind, fault.offset), (kind, offset), "{fault}");
            assert_eq!(call(&intact), Ok(ExitCode::Stop));
        }
    }
}

/// Faults that [`nested`] has seen in the calls that it made.
static INNER_FAULTS: AtomicU32 = AtomicU32::new(0);

/// What the code of [`faults_end_the_innermost_call`] calls: calls faulting code, and gives 1.
extern "C" fn nested(_: *mut Frame) -> u32 {
    for (bytes, kind, _) in faulty() {
        let fault = call(&load(&bytes)).expect_err("the code faults");
        assert_eq!(fault.kind, kind);
        INNER_FAULTS.fetch_add(1, Ordering::Relaxed);
    }
    1
}

#[test]
fn faults_end_the_innermost_call() {
    // sub rsp, 8; mov rax, IMMEDIATE; call rax; add rsp, 8
    let address = (nested as extern "C" fn(*mut Frame) -> u32 as usize).to_le_bytes();
    let outer =
        [&[0x48, 0x83, 0xec, 8, 0x48, 0xb8][..], &address, &[0xff, 0xd0, 0x48, 0x83, 0xc4, 8]].concat();
    let before = INNER_FAULTS.load(Ordering::Relaxed);
    assert_eq!(call(&load(&[&outer[..], &[0xc3]].concat())), Ok(ExitCode::Stop));
    // And then the outer one: ud2.
    let fault = call(&load(&[&outer[..], &[0x0f, 0x0b]].concat())).expect_err("the code faults");
    assert_eq!((fault.kind, fault.offset), (FaultKind::Instruction, Some(outer.len())));
    assert_eq!(INNER_FAULTS.load(Ordering::Relaxed) - before, 14);
}

/// `mov rax, ADDRESS; jmp rax` behind `before`.
fn jumps(before: &[u8], address: usize) -> LoadedCode {
    load(&[before, &[0x48, 0xb8], &address.to_le_bytes(), &[0xff, 0xe0]].concat())
}

#[test]
fn code_leaves_its_callers_at_once() {
    // mov esi, 17; mov edx, 1234
    let arguments = [0xbe, 17, 0, 0, 0, 0xba, 0xd2, 4, 0, 0];
    let spoil = &faulty()[0].0[..16];
    let leaves = jumps(&[spoil, &arguments].concat(), evmc_loader::leave as *const () as usize);
    // sub rsp, 8; mov rax, ADDRESS; call rax; ud2
    let address = (leaves.entry() as usize).to_le_bytes();
    let calls = load(&[&[0x48, 0x83, 0xec, 8, 0x48, 0xb8][..], &address, &[0xff, 0xd0, 0x0f, 0x0b]].concat());
    let mut frame = Frame::empty();
    let frame = &raw mut frame;
    for code in [&leaves, &calls] {
        for _ in 0..100 {
            // SAFETY: the codes look at no frame, and both are in the given ranges.
            let end = unsafe { call_within(code.entry(), frame, &[leaves.code(), calls.code()]) };
            assert_eq!(end, Ok(End { number: 17, source: 1234, frame }));
        }
    }
}

#[test]
fn faults_are_found_in_every_code_of_a_call() {
    let faults = load(&[0x90, 0x0f, 0x0b]);
    let jumps = jumps(&[], faults.entry() as usize);
    let ranges = [jumps.code(), 0..0, faults.code()];
    // SAFETY: the codes look at no frame, and both are in the given ranges.
    let fault = unsafe { call_within(jumps.entry(), &mut Frame::empty(), &ranges) }.expect_err("a fault");
    assert_eq!((fault.kind, fault.code, fault.offset), (FaultKind::Instruction, 2, Some(1)));
}

#[test]
fn threads_fault_at_once() {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for (bytes, kind, offset) in faulty() {
                    let code = load(&bytes);
                    for _ in 0..200 {
                        let fault = call(&code).expect_err("the code faults");
                        assert_eq!((fault.kind, fault.offset), (kind, offset));
                    }
                }
            });
        }
    });
}

/// Names, to the test's own process, the fault that it is to have outside of generated code.
const FATAL: &str = "EVMC_TEST_FATAL";

/// A host function that reads where nothing is.
extern "C" fn unsound(_: *mut Frame) -> u32 {
    // SAFETY: none: this is what ends the process.
    unsafe { std::ptr::without_provenance::<u32>(8).read_volatile() }
}

/// What a process with [`FATAL`] does.
fn die(how: &str) {
    let address = (unsound as extern "C" fn(*mut Frame) -> u32 as usize).to_le_bytes();
    let calls_unsound = [&[0x48, 0xb8][..], &address, &[0xff, 0xe0]].concat();
    let endless = [0xeb, 0xfe];
    match how {
        "host" => _ = call(&load(&calls_unsound)),
        "outside" => {
            _ = call(&load(&[0x0f, 0x0b]));
            unsound(std::ptr::null_mut());
        }
        _ => {
            println!("ready");
            _ = call(&load(&endless));
        }
    }
}

#[test]
fn other_faults_end_the_process() {
    const SIGSEGV: i32 = 11;
    if let Ok(how) = std::env::var(FATAL) {
        return die(&how);
    }
    for how in ["host", "outside", "sent"] {
        let mut command = Command::new(std::env::current_exe().expect("a test is a program"));
        command.args(["--exact", "other_faults_end_the_process", "--nocapture"]).env(FATAL, how);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a process");
        if how == "sent" {
            let lines =
                std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().expect("a pipe")));
            assert!(lines.map_while(Result::ok).any(|line| line.contains("ready")));
            // At the first, the standard library's handler goes back to the system's default, and no more.
            for _ in 0..2 {
                std::thread::sleep(std::time::Duration::from_millis(100));
                let id = child.id().to_string();
                Command::new("kill").args(["-SEGV", &id]).status().expect("a signal is sent");
            }
        }
        let status = child.wait().expect("it ends");
        assert_eq!(status.signal(), Some(SIGSEGV), "{how}: {status}");
    }
}
