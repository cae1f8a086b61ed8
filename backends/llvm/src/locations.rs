//! Where the machine code of WebAssembly comes from: which operation of the source a fault belongs to.
//!
//! Debug information carries it through LLVM: the offset of an operation in the source is the line of LLVM's
//! instructions for it, and the object's line table gives it back. LLVM keeps lines as well as it can, not always;
//! where it folds an access into another instruction, that one's line counts, so such an instruction has the line
//! of the access. The table is for nothing but the message about a trap.
//!
//! Debug information changes no code, names no file and does not reach the artifact.

use std::collections::BTreeMap;

use evmc_abi::descriptor::TrapSite;
use evmc_backend::BackendError;
use evmc_ir::{Inst, Opcode, Value, ValueDef};
use gimli::{DebugLine, DebugLineOffset, LittleEndian};
use inkwell::builder::Builder;
use inkwell::context::Context;
use inkwell::debug_info::{
    AsDIScope, DICompileUnit, DIFlags, DIFlagsConstants, DISubroutineType, DWARFEmissionKind,
    DWARFSourceLanguage, DebugInfoBuilder, debug_metadata_version,
};
use inkwell::module::{FlagBehavior, Module};
use inkwell::values::FunctionValue;
use object::read::elf::ElfFile64;
use object::{Endianness, Object, ObjectSection, ObjectSymbol, RelocationTarget};

use crate::translate::Translator;

/// LLVM wants a name.
const FILE_NAME: &str = "wasm";

/// The form of debug information.
const DWARF_VERSION: u64 = 4;

/// Length of an address, in bytes.
const ADDRESS_BYTES: u8 = 8;

/// Debug information in the works.
#[derive(Debug)]
pub(crate) struct Locations<'c> {
    context: &'c Context,
    builder: DebugInfoBuilder<'c>,
    unit: DICompileUnit<'c>,
    ty: DISubroutineType<'c>,
}

impl<'c> Locations<'c> {
    pub fn new(context: &'c Context, module: &Module<'c>) -> Self {
        let number = |value| context.i32_type().const_int(value, false);
        let version = number(debug_metadata_version().into());
        module.add_basic_value_flag("Debug Info Version", FlagBehavior::Warning, version);
        module.add_basic_value_flag("Dwarf Version", FlagBehavior::Warning, number(DWARF_VERSION));
        let (builder, unit) = module.create_debug_info_builder(
            false,
            DWARFSourceLanguage::C,
            FILE_NAME,
            "",
            "",
            true,
            "",
            0,
            "",
            DWARFEmissionKind::LineTablesOnly,
            0,
            false,
            false,
            "",
            "",
        );
        let ty = builder.create_subroutine_type(unit.get_file(), None, &[], DIFlags::ZERO);
        Self { context, builder, unit, ty }
    }

    /// Says that a function has locations.
    pub fn add(&self, function: FunctionValue<'c>) {
        let flags = DIFlags::ZERO;
        let (scope, file) = (self.unit.as_debug_info_scope(), self.unit.get_file());
        let program =
            self.builder.create_function(scope, "", None, file, 0, self.ty, true, true, 0, flags, true);
        function.set_subprogram(program);
    }

    /// Says where what is built next comes from.
    pub fn set(&self, b: &Builder<'c>, function: FunctionValue<'c>, source: u32) {
        if let Some(program) = function.get_subprogram() {
            let scope = program.as_debug_info_scope();
            b.set_current_debug_location(self.builder.create_debug_location(
                self.context,
                source,
                0,
                scope,
                None,
            ));
        }
    }

    /// Completes the module's debug information.
    pub fn finish(&self) {
        self.builder.finalize();
    }
}

impl Translator<'_, '_> {
    /// Notes where an instruction comes from. To LLVM, only an access to linear memory comes from anywhere, and what works
    /// on the value of one, with which it may become one instruction of the processor.
    pub fn locate(&mut self, inst: Inst) {
        let func = self.func;
        self.source = func.sources[inst];
        let Some(locations) = &self.unit.locations else { return };
        let accesses = |inst: Inst| matches!(func.insts[inst].opcode, Opcode::LinLoad | Opcode::LinStore);
        let origin = |&value: &Value| match func.values[value].def {
            ValueDef::Result(origin, _) => Some(origin).filter(|&origin| accesses(origin)),
            ValueDef::Param(..) => None,
        };
        let access = match accesses(inst) {
            true => Some(inst),
            false => func.insts[inst].args.iter().find_map(origin),
        };
        locations.set(&self.b, self.function, access.map_or(0, |access| func.sources[access]));
    }
}

/// Why locations cannot be told from an object.
#[derive(Debug, thiserror::Error)]
enum LineError {
    #[error("the object cannot be read: {0}")]
    Object(#[from] object::Error),
    #[error("the line table cannot be read: {0}")]
    Line(#[from] gimli::Error),
}

/// Where in the source the accesses of an object come from: a row holds up to the next one.
pub(crate) fn trap_sites(object: &[u8]) -> Result<Vec<TrapSite>, BackendError> {
    let rows = rows(object)
        .map_err(|error| BackendError::Internal { function: String::new(), reason: error.to_string() })?;
    let mut sites: Vec<TrapSite> = Vec::new();
    for (offset, source) in rows {
        // Code without a place of its own faults on no memory.
        if source != 0 && sites.last().is_none_or(|last| last.source != source) {
            sites.push(TrapSite { offset, source });
        }
    }
    Ok(sites)
}

/// The lines of an object by offsets in `.text`.
fn rows(object: &[u8]) -> Result<BTreeMap<u32, u32>, LineError> {
    let file: ElfFile64<'_, Endianness> = ElfFile64::parse(object)?;
    let (Some(section), Some(text)) = (file.section_by_name(".debug_line"), file.section_by_name(".text"))
    else {
        return Ok(BTreeMap::new());
    };
    let mut data = section.uncompressed_data()?.into_owned();
    for (offset, relocation) in section.relocations() {
        let RelocationTarget::Symbol(index) = relocation.target() else { continue };
        let symbol = file.symbol_by_index(index)?;
        let is_text = symbol.section_index() == Some(text.index());
        // What is not in `.text` has no place in the table.
        let address =
            if is_text { symbol.address().wrapping_add_signed(relocation.addend()) } else { u64::MAX };
        let bytes = usize::from(relocation.size() / 8);
        if let Some(place) = usize::try_from(offset).ok().and_then(|at| data.get_mut(at..at + bytes)) {
            place.copy_from_slice(&address.to_le_bytes()[..bytes]);
        }
    }
    let mut rows = BTreeMap::new();
    let lines = DebugLine::new(&data, LittleEndian);
    let program = lines.program(DebugLineOffset(0), ADDRESS_BYTES, None, None)?;
    let mut state = program.rows();
    while let Some((_, row)) = state.next_row()? {
        if let (Ok(offset), false) = (u32::try_from(row.address()), row.end_sequence()) {
            let line = row.line().map_or(0, |line| line.get());
            rows.insert(offset, u32::try_from(line).unwrap_or(0));
        }
    }
    Ok(rows)
}
