//! Native code that fails on purpose: contracts whose frames fault in machine code now and then.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use evmc_abi::{ExitCode, Field, HostFn, OpRow, StretchRange};
use evmc_artifact::Artifact;
use evmc_compiler::link::link;
use evmc_loader::LoadedCode;
use evmc_revm::{CodeSource, FaultKind, FrameCode, HostView, NativeCode};
use revm::{
    bytecode::Bytecode,
    primitives::{Address, B256, address, hardfork::SpecId},
};

use crate::objects;

/// An account that code fails by asking for: its database is to panic, with [`PANIC`].
pub const UNLUCKY: Address = address!("0x000000000000000000000000000000007a17dead");

/// Its lowest limb; the others are zero.
const UNLUCKY_LIMB: u32 = 0x7a17_dead;

/// What that panic says.
pub const PANIC: &str = "unlucky account";

/// Bytes of native stack of the code here, up to where it fails.
const STACK_BYTES: usize = 4096;

/// `push rbx; sub rsp, 160; mov rbx, rdi`: room for five words on an aligned stack, the frame in `rbx`.
const PROLOGUE: &[u8] = &[0x53, 0x48, 0x81, 0xec, 0xa0, 0, 0, 0, 0x48, 0x89, 0xfb];

/// Gas with which the code here calls host functions.
const PLENTY_OF_GAS: u32 = 1 << 30;

/// A call of a host function with these limbs, of 64 bits and less than 2^31, as its words.
fn host_call(function: HostFn, limbs: &[u32]) -> Vec<u8> {
    let mut code = Vec::new();
    for (place, limb) in limbs.iter().enumerate() {
        // mov qword [rsp + 8 * place], limb
        code.extend([0x48, 0xc7, 0x84, 0x24]);
        code.extend((8 * place as u32).to_le_bytes());
        code.extend(limb.to_le_bytes());
    }
    // mov qword [rbx + gas], plenty
    code.extend([0x48, 0xc7, 0x83]);
    code.extend((Field::Gas.offset() as u32).to_le_bytes());
    code.extend(PLENTY_OF_GAS.to_le_bytes());
    // mov rdi, rbx; mov rsi, rsp; mov rax, [rbx + host]; call [rax + function]
    code.extend([0x48, 0x89, 0xdf, 0x48, 0x89, 0xe6, 0x48, 0x8b, 0x83]);
    code.extend((Field::Host.offset() as u32).to_le_bytes());
    code.extend([0xff, 0x90]);
    code.extend((function.table_offset() as u32).to_le_bytes());
    code
}

/// Instructions that fail.
fn failure(kind: FaultKind) -> Vec<u8> {
    match kind {
        FaultKind::Instruction => vec![0x0f, 0x0b],            // ud2
        FaultKind::Arithmetic => vec![0x31, 0xc9, 0xf7, 0xf1], // xor ecx, ecx; div ecx
        FaultKind::Memory => vec![0x31, 0xc0, 0x8b, 0x00],     // xor eax, eax; mov eax, [rax]
        // xor ebp, ebp; bts rbp, 63; mov eax, [rbp]
        FaultKind::Bus => vec![0x31, 0xed, 0x48, 0x0f, 0xba, 0xed, 0x3f, 0x8b, 0x45, 0x00],
        FaultKind::Trap => vec![0xcc], // int3
        // again: sub rsp, 4088; call again
        FaultKind::Stack => vec![0x48, 0x81, 0xec, 0xf8, 0x0f, 0, 0, 0xe8, 0xf4, 0xff, 0xff, 0xff],
        FaultKind::Panic => {
            [host_call(HostFn::Balance, &[UNLUCKY_LIMB, 0, 0, 0]), exit(ExitCode::Unreachable)].concat()
        }
        FaultKind::Exit => exit(ExitCode::Unreachable),
    }
}

/// `add rsp, 160; pop rbx; mov eax, exit; ret`.
fn exit(code: ExitCode) -> Vec<u8> {
    vec![0x48, 0x81, 0xc4, 0xa0, 0, 0, 0, 0x5b, 0xb8, code as u8, 0, 0, 0, 0xc3]
}

/// Loaded code that stores to a slot, and then fails.
///
/// # Panics
/// When the system has no memory for it.
pub fn failing(kind: FaultKind) -> NativeCode {
    let store = host_call(HostFn::Sstore, &[0xfa17, 0, 0, 0, 7, 0, 0, 0]);
    let code = [PROLOGUE, &store, &failure(kind)].concat();
    let mut object = objects::empty();
    objects::add_function(&mut object, objects::ENTRY, &code);
    let file = link(&objects::bytes(&object), objects::ENTRY, &objects::metadata()).expect("a closed object");
    let checked = Artifact::check(&file).expect("an intact artifact");
    NativeCode::trust(LoadedCode::load(&checked).expect("memory")).expect("EVM code")
}

/// How the report of a fault begins.
const fn said(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Panic => "panic in the host function balance",
        FaultKind::Exit => "compiled code left in an impossible way",
        signal => signal.name(),
    }
}

/// What all code of an [`Injector`] shares.
struct Plan {
    kind: FaultKind,
    failing: NativeCode,
    random: Mutex<fastrand::Rng>,
    /// One of so many frames fails.
    one_in: u32,
    injected: AtomicU64,
    quarantined: AtomicU64,
}

/// Code of another source, of which some frames fail: before they do anything, or when they have done everything.
pub struct Injector {
    codes: Arc<dyn CodeSource>,
    plan: Arc<Plan>,
}

impl Injector {
    /// A source in which one of so many frames, by a seed, fails in this way.
    pub fn new(codes: Arc<dyn CodeSource>, kind: FaultKind, one_in: u32, seed: u64) -> Self {
        let random = Mutex::new(fastrand::Rng::with_seed(seed));
        let (injected, quarantined) = Default::default();
        let plan = Plan { kind, failing: failing(kind), random, one_in, injected, quarantined };
        Self { codes, plan: Arc::new(plan) }
    }

    /// Frames that have failed.
    pub fn injected(&self) -> u64 {
        self.plan.injected.load(Ordering::Relaxed)
    }

    /// How often code was reported to have failed in this way.
    pub fn quarantined(&self) -> u64 {
        self.plan.quarantined.load(Ordering::Relaxed)
    }
}

impl CodeSource for Injector {
    fn lookup(
        &self,
        hash: B256,
        code: &Bytecode,
        spec: SpecId,
        initcode: bool,
    ) -> Option<Arc<dyn FrameCode>> {
        let code = self.codes.lookup(hash, code, spec, initcode)?;
        Some(Arc::new(Injected { code, plan: Arc::clone(&self.plan) }))
    }

    fn quarantine(&self, _: B256, _: SpecId, reason: &str) {
        if reason.starts_with(said(self.plan.kind)) {
            self.plan.quarantined.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Code of which some frames fail.
struct Injected {
    code: Arc<dyn FrameCode>,
    plan: Arc<Plan>,
}

impl FrameCode for Injected {
    fn run(&self, view: &mut HostView<'_>) -> ExitCode {
        let (fails, is_late) = {
            let mut random = self.plan.random.lock().unwrap_or_else(PoisonError::into_inner);
            (random.u32(..self.plan.one_in) == 0, random.bool())
        };
        if !fails {
            return self.code.run(view);
        }
        self.plan.injected.fetch_add(1, Ordering::Relaxed);
        if is_late {
            self.code.run(view);
        }
        self.plan.failing.run(view)
    }

    fn uses_memory_stack(&self) -> bool {
        self.code.uses_memory_stack()
    }

    fn native_stack_bytes(&self) -> usize {
        self.code.native_stack_bytes().max(STACK_BYTES)
    }

    fn op_rows(&self) -> &[OpRow; 256] {
        self.code.op_rows()
    }

    fn stretch(&self, number: u32) -> Option<StretchRange> {
        self.code.stretch(number)
    }
}
