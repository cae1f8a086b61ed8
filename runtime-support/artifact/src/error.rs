//! Why an artifact is refused.

use evmc_abi::CpuFeatures;
use evmc_abi::descriptor::{Language, Table};
use thiserror::Error;

/// Why an artifact is refused: one variant for each thing that can be wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CheckError {
    /// The file does not begin as an ELF file does.
    #[error("not an ELF file")]
    NotElf,
    /// The file ends before the tables that its header announces, or before its recorded length.
    #[error("the file is truncated: {needed} bytes expected, {found} found")]
    Truncated {
        /// Bytes that should be there.
        needed: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// The file is longer than it says.
    #[error("{extra} bytes of trailing data behind the artifact")]
    TrailingData {
        /// Bytes too many.
        extra: u64,
    },
    /// The file is longer than 4 GiB.
    #[error("the file is too long for an artifact: {len} bytes")]
    TooLong {
        /// Length of the file, in bytes.
        len: u64,
    },
    /// Not the 64-bit class.
    #[error("wrong ELF class {0}: artifacts are 64-bit")]
    WrongClass(u8),
    /// Not little-endian.
    #[error("wrong byte order {0}: artifacts are little-endian")]
    WrongEndianness(u8),
    /// Not ELF version 1 or not the plain ABI.
    #[error("unknown ELF version {0}")]
    WrongElfVersion(u32),
    /// Not a shared object.
    #[error("wrong ELF type {0}: artifacts are shared objects")]
    WrongType(u16),
    /// For another machine.
    #[error("wrong machine {found}: this machine is {expected} (ELF numbers)")]
    WrongMachine {
        /// ELF number of the machine that the artifact is for.
        found: u16,
        /// ELF number of this machine.
        expected: u16,
    },
    /// Header fields that describe the tables of the file have impossible values.
    #[error("malformed ELF header: {0}")]
    MalformedHeader(&'static str),
    /// A program header of a kind that artifacts do not have (interpreter, thread-local data, …).
    #[error("segment {index} has the forbidden type {kind:#x}")]
    ForbiddenSegment {
        /// Index of the program header.
        index: usize,
        /// ELF segment type.
        kind: u32,
    },
    /// A segment leaves the file, or its size in memory differs from its size in the file.
    #[error("segment {index} is out of range of the file")]
    SegmentOutOfRange {
        /// Index of the program header.
        index: usize,
    },
    /// A loaded segment is not where artifacts have it: page-aligned, address equal to file offset.
    #[error("segment {index} is misplaced: address, file offset and page do not agree")]
    SegmentMisplaced {
        /// Index of the program header.
        index: usize,
    },
    /// Both writable and executable.
    #[error("segment {index} is writable and executable")]
    WritableExecutable {
        /// Index of the program header.
        index: usize,
    },
    /// Writable.
    #[error("segment {index} is writable: artifacts hold no writable data")]
    WritableSegment {
        /// Index of the program header.
        index: usize,
    },
    /// The stack is asked to be executable.
    #[error("the artifact asks for an executable stack")]
    ExecutableStack,
    /// Not one read-only segment at the start of the file and one executable segment.
    #[error("{read_only} read-only and {executable} executable segments: artifacts have one of each")]
    SegmentCount {
        /// Read-only segments found.
        read_only: usize,
        /// Executable segments found.
        executable: usize,
    },
    /// Loaded segments overlap or are out of order.
    #[error("loaded segments overlap or are out of order")]
    SegmentsOverlap,
    /// There is no usable dynamic section.
    #[error("malformed dynamic section: {0}")]
    MalformedDynamic(&'static str),
    /// The artifact needs another library.
    #[error("the artifact needs another library (DT_NEEDED)")]
    Needed,
    /// Code that would run when the file is loaded or unloaded.
    #[error("the artifact has an initialiser or finaliser (dynamic tag {tag:#x})")]
    Initialiser {
        /// ELF dynamic tag.
        tag: u64,
    },
    /// Something would have to be patched when the file is loaded.
    #[error("the artifact has dynamic relocations (dynamic tag {tag:#x})")]
    DynamicRelocation {
        /// ELF dynamic tag.
        tag: u64,
    },
    /// The code itself would have to be patched when the file is loaded.
    #[error("the artifact relocates its code (DT_TEXTREL)")]
    TextRelocation,
    /// A dynamic tag that artifacts do not have.
    #[error("unexpected dynamic tag {tag:#x}")]
    UnexpectedDynamicTag {
        /// ELF dynamic tag.
        tag: u64,
    },
    /// The dynamic symbol table is damaged.
    #[error("malformed dynamic symbol table: {0}")]
    MalformedSymbols(&'static str),
    /// A symbol that somebody else would have to define.
    #[error("undefined symbol `{name}`")]
    UndefinedSymbol {
        /// The symbol.
        name: String,
    },
    /// An exported symbol other than the descriptor.
    #[error("unexpected exported symbol `{name}`")]
    UnexpectedSymbol {
        /// The symbol.
        name: String,
    },
    /// No symbol for the descriptor.
    #[error("no descriptor: the file is not an evmc artifact")]
    MissingDescriptor,
    /// The descriptor lies outside the read-only segment or is misaligned.
    #[error("the descriptor at {address:#x} is out of range or misaligned")]
    DescriptorMisplaced {
        /// Its address.
        address: u64,
    },
    /// The descriptor does not begin with the magic bytes.
    #[error("wrong magic bytes in the descriptor")]
    Magic,
    /// Built for another version of the ABI.
    #[error("artifact of ABI version {found}, this runtime has {expected}: recompile it")]
    AbiVersion {
        /// Version of the artifact.
        found: u32,
        /// Version of this runtime.
        expected: u32,
    },
    /// The descriptor has another length than this ABI version says.
    #[error("descriptor of {found} bytes, {expected} expected")]
    DescriptorSize {
        /// Length that the descriptor states, in bytes.
        found: u32,
        /// Length of this ABI version, in bytes.
        expected: u32,
    },
    /// The content does not match the checksum.
    #[error("checksum mismatch: the file is damaged")]
    Checksum,
    /// The language number means nothing.
    #[error("unknown language {0}")]
    UnknownLanguage(u8),
    /// The backend number means nothing.
    #[error("unknown backend {0}")]
    UnknownBackend(u8),
    /// The fork number means nothing.
    #[error("unknown fork {0}")]
    UnknownFork(u16),
    /// The optimisation level means nothing.
    #[error("unknown optimisation level {0}")]
    UnknownOptLevel(u8),
    /// Flags or reserved bytes that mean nothing.
    #[error("unknown flags {0:#x} in the descriptor")]
    UnknownFlags(u32),
    /// The processor lacks features that the code needs.
    #[error("this machine lacks CPU features that the code needs: {missing}")]
    CpuFeatures {
        /// What is missing.
        missing: CpuFeatures,
    },
    /// The code range of the descriptor is not the executable segment.
    #[error("the code range of the descriptor is not the executable segment")]
    CodeRange,
    /// A table leaves the read-only segment or is misaligned.
    #[error("the {} table is out of range or misaligned", .0.name())]
    TableOutOfRange(Table),
    /// A table has the wrong length for its language.
    #[error("the {} table has a wrong length of {bytes} bytes", .table.name())]
    TableLength {
        /// The table.
        table: Table,
        /// Its length, in bytes.
        bytes: u32,
    },
    /// An entry point lies outside the code.
    #[error("entry point {index} at {offset:#x} is outside the code")]
    EntryOutOfRange {
        /// Row of the entry table.
        index: usize,
        /// Offset from the start of the code, in bytes.
        offset: u32,
    },
    /// An entry point is misaligned.
    #[error("entry point {index} at {offset:#x} is misaligned")]
    EntryMisaligned {
        /// Row of the entry table.
        index: usize,
        /// Offset from the start of the code, in bytes.
        offset: u32,
    },
    /// The number of an entry point means nothing for its language, or is not above the one before.
    #[error("entry point {index} has the number {id:#x}, which is unknown or out of order")]
    EntryId {
        /// Row of the entry table.
        index: usize,
        /// The number.
        id: u32,
    },
    /// The description of the module leaves the read-only segment, misses, or is there without a module.
    #[error("the description of the module is out of range or does not belong to the language")]
    Module,
    /// A row of the opcode table has unknown flags or reserved bytes set.
    #[error("row {opcode:#04x} of the opcode table has unknown flags or reserved bytes set")]
    OpRow {
        /// The opcode byte.
        opcode: u8,
    },
    /// A stretch leaves the bytecode.
    #[error("stretch {index} leaves the bytecode")]
    StretchOutOfRange {
        /// Row of the stretch table.
        index: usize,
    },
    /// A trap site lies outside the code or out of order.
    #[error("trap site {index} is outside the code or out of order")]
    TrapSite {
        /// Row of the trap-site table.
        index: usize,
    },
    /// The artifact is not of the language that the caller expects.
    #[error("the artifact is of another language than {}", .expected.name())]
    Language {
        /// Language that the caller expects.
        expected: Language,
    },
    /// The artifact counts gas where the caller expects it not to, or the other way.
    #[error("the artifact {}", if *.metered { "counts gas" } else { "does not count gas" })]
    Metering {
        /// Whether the artifact counts gas.
        metered: bool,
    },
    /// The artifact is of other bytecode than the caller expects.
    #[error("artifact of other bytecode: code hash mismatch")]
    CodeHash,
    /// The artifact was compiled from another gas table than is known here.
    #[error("the artifact was compiled from another gas table")]
    GasTable,
    /// The artifact is for another fork than the caller expects.
    #[error("artifact for fork {found}, fork {expected} expected")]
    Fork {
        /// Fork of the artifact.
        found: u16,
        /// Fork that the caller expects.
        expected: u16,
    },
}
