//! `.eh_frame`: one entry for each function.
//!
//! `cranelift-object` can write this section too, but with absolute addresses, which a shared
//! object could only hold with dynamic relocations. Here they are relative to where they stand.

use cranelift_codegen::isa::TargetIsa;
use cranelift_codegen::isa::unwind::UnwindInfo;
use cranelift_codegen::{CodegenError, CompiledCode};
use cranelift_module::FuncId;
use cranelift_object::ObjectProduct;
use gimli::RunTimeEndian;
use gimli::constants::{DW_EH_PE_pcrel, DW_EH_PE_sdata4};
use gimli::write::{
    Address, CieId, EhFrame, EndianVec, FrameTable, RelocateWriter, Relocation, RelocationTarget,
};
use object::write::StandardSection;
use object::{RelocationEncoding, RelocationFlags, RelocationKind};

/// The unwind tables of a module.
#[derive(Debug, Default)]
pub(crate) struct Unwind {
    table: FrameTable,
    common: Option<CieId>,
    /// Functions by the number under which the table knows them.
    functions: Vec<FuncId>,
}

/// Why there is no section.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnwindError {
    /// Cranelift has no unwind information.
    #[error(transparent)]
    Codegen(#[from] CodegenError),
    /// The section cannot be encoded.
    #[error(transparent)]
    Encode(#[from] gimli::write::Error),
    /// The section does not fit the object.
    #[error(transparent)]
    Object(#[from] object::write::Error),
}

impl Unwind {
    /// Adds a compiled function.
    pub fn add(&mut self, id: FuncId, isa: &dyn TargetIsa, code: &CompiledCode) -> Result<(), UnwindError> {
        let info = code.create_unwind_info(isa)?;
        let (Some(UnwindInfo::SystemV(info)), Some(mut common)) = (info, isa.create_systemv_cie()) else {
            return Ok(());
        };
        common.fde_address_encoding = DW_EH_PE_pcrel | DW_EH_PE_sdata4;
        let common = *self.common.get_or_insert_with(|| self.table.add_cie(common));
        let address = Address::Symbol { symbol: self.functions.len(), addend: 0 };
        self.table.add_fde(common, info.to_fde(address));
        self.functions.push(id);
        Ok(())
    }

    /// Writes the section.
    pub fn write(&self, product: &mut ObjectProduct) -> Result<(), UnwindError> {
        let mut frames =
            EhFrame(Section { bytes: EndianVec::new(RunTimeEndian::Little), relocations: Vec::new() });
        self.table.write_eh_frame(&mut frames)?;
        let Section { bytes, relocations } = frames.0;
        let section = product.object.section_id(StandardSection::EhFrame);
        product.object.append_section_data(section, bytes.slice(), 8);
        for relocation in relocations {
            let RelocationTarget::Symbol(number) = relocation.target else { continue };
            let relocation = object::write::Relocation {
                offset: relocation.offset as u64,
                symbol: product.function_symbol(self.functions[number]),
                addend: relocation.addend,
                flags: RelocationFlags::Generic {
                    kind: RelocationKind::Relative,
                    encoding: RelocationEncoding::Generic,
                    size: 8 * relocation.size,
                },
            };
            product.object.add_relocation(section, relocation)?;
        }
        Ok(())
    }
}

/// The section's bytes and what is to be relocated in them.
struct Section {
    bytes: EndianVec<RunTimeEndian>,
    relocations: Vec<Relocation>,
}

impl RelocateWriter for Section {
    type Writer = EndianVec<RunTimeEndian>;

    fn writer(&self) -> &Self::Writer {
        &self.bytes
    }

    fn writer_mut(&mut self) -> &mut Self::Writer {
        &mut self.bytes
    }

    fn relocate(&mut self, relocation: Relocation) {
        self.relocations.push(relocation);
    }
}
