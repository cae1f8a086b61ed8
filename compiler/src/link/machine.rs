//! What the linker knows of each machine, as data.

use object::{Architecture, elf};

use super::error::LinkError;

/// How the value of a relocation is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// Symbol + addend − place.
    Relative,
    /// Symbol + addend: not known before the file is loaded.
    Absolute,
}

/// A relocation type: its ELF number, how its value is found, and how many bytes it fills.
pub(super) struct Relocation {
    r_type: u32,
    pub(super) base: Base,
    pub(super) bytes: usize,
}

/// A machine.
pub(super) struct Machine {
    architecture: Architecture,
    /// ELF machine number.
    pub(super) number: u16,
    /// Alignment of loaded segments, in bytes.
    pub(super) page: u64,
    /// Byte that fills gaps between functions and faults when executed.
    pub(super) padding: u8,
    relocations: &'static [Relocation],
}

/// Every machine that can be linked for.
const MACHINES: &[Machine] = &[Machine {
    architecture: Architecture::X86_64,
    number: elf::EM_X86_64,
    page: 0x1000,
    padding: 0xcc,
    relocations: &[
        row(elf::R_X86_64_PC32, Base::Relative, 4),
        row(elf::R_X86_64_PLT32, Base::Relative, 4),
        row(elf::R_X86_64_PC64, Base::Relative, 8),
        row(elf::R_X86_64_64, Base::Absolute, 8),
        row(elf::R_X86_64_32, Base::Absolute, 4),
        row(elf::R_X86_64_32S, Base::Absolute, 4),
    ],
}];

/// A row of a relocation table.
const fn row(r_type: u32, base: Base, bytes: usize) -> Relocation {
    Relocation { r_type, base, bytes }
}

impl Machine {
    /// The machine of this architecture.
    pub(super) fn of(architecture: Architecture) -> Result<&'static Self, LinkError> {
        let found = MACHINES.iter().find(|machine| machine.architecture == architecture);
        found.ok_or(LinkError::UnsupportedMachine(architecture))
    }

    /// The relocation with this ELF number.
    pub(super) fn relocation(&self, r_type: u32) -> Option<&'static Relocation> {
        self.relocations.iter().find(|row| row.r_type == r_type)
    }
}
