//! Which instructions of the machine code access a linear memory, and for which operation of the source.
//!
//! Cranelift notes the place of every instruction that may fault, with a code of one byte. Accesses of a function are
//! numbered as they are translated; the code is the number modulo [`CODES`], and the number itself is the source
//! location of what is translated from there on. An access that became an operand of a later instruction has that
//! one's location, so the number is the last before it with the right code. Instructions that the optimiser made have no location;
//! of them the number closest to that of the access before is taken, which errs only where hundreds of accesses changed
//! places, and only in what a trap says about the source.

use cranelift_codegen::CompiledCode;
use cranelift_codegen::ir::TrapCode;
use evmc_abi::descriptor::TrapSite;

/// Codes that tell accesses from one another; the others are Cranelift's.
const CODES: u32 = 249;
/// The code of a place that is never reached.
pub(crate) const NEVER: TrapCode = TrapCode::unwrap_user(250);

/// The code of an access.
pub(crate) fn trap_code(number: u32) -> Option<TrapCode> {
    TrapCode::user((number % CODES) as u8 + 1)
}

/// The accesses in a function's code, by offset from its start, given the places in the source by number.
pub(crate) fn trap_sites(code: &CompiledCode, sources: &[u32]) -> Vec<TrapSite> {
    let locations = code.buffer.get_srclocs_sorted();
    let (mut sites, mut before) = (Vec::new(), 0);
    for trap in code.buffer.traps() {
        let rest = u32::from(trap.code.as_raw().get()) - 1;
        if rest >= CODES {
            continue;
        }
        let range = locations.partition_point(|range| range.end <= trap.offset);
        let range = locations.get(range).filter(|range| range.start <= trap.offset);
        let location = range.map(|range| range.loc).filter(|location| !location.is_default());
        let most = match location {
            Some(location) => location.bits(),
            None => before + CODES / 2,
        };
        // The last number of at most `most` with this code; the first one where there is none.
        let number = if most < rest { rest } else { most - (most - rest) % CODES };
        let number = if (number as usize) < sources.len() { number } else { rest };
        before = number;
        let source = sources.get(number as usize).copied().unwrap_or_default();
        sites.push(TrapSite { offset: trap.offset, source });
    }
    sites
}
