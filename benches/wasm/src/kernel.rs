//! What every kernel in Rust shares: a source of numbers, a checksum, and what a panic does.
//!
//! `kernel.h` says what holds for all kernels.

use core::panic::PanicInfo;

/// Kernels do not panic; if one does, it traps, or at least does not come back.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    loop {}
}

/// A linear congruential generator.
pub struct Random(pub u64);

impl Random {
    /// The next number: the high half of the state folded over its low one.
    pub fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 32) as u32 ^ (self.0 >> 11) as u32
    }
}

/// Takes `value` into a checksum; the order counts.
pub fn mix(sum: u64, value: u64) -> u64 {
    let sum = (sum ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    sum ^ sum >> 29
}
