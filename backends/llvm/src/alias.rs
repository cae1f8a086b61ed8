//! What memory accesses may touch, told to LLVM as scopes.
//!
//! All that code can reach falls into regions that never overlap. Each load and store names its region and
//! declares that it touches no other one; a call declares the regions that it does not touch, from the effects
//! of what is called. LLVM's scoped alias analysis then keeps values across stores and calls that cannot
//! change them. What never changes while a frame runs is marked as invariant instead.

use evmc_abi::{Effects, Field};
use inkwell::context::Context;
use inkwell::values::{InstructionValue, MetadataValue};

/// A part of the memory that code can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Region {
    /// The gas counter, and where and why a check failed.
    Gas,
    /// Base and length of VM memory, lengths of linear memories.
    Bounds,
    /// Length of the returndata; what the runtime hands over to an entry point.
    Returndata,
    /// Globals and tables of the instance, and the lengths of its tables.
    Instance,
    /// VM memory, linear memories.
    Memory,
    /// The memory stack.
    Stack,
    /// Words for host functions, results of callees that no register holds, slots on the way between runtime and code.
    Words,
    /// Fields of the frame that no host function changes, the host table, calldata, what of an instance is fixed.
    Constant,
}

impl Region {
    const ALL: [Self; 8] = [
        Self::Gas,
        Self::Bounds,
        Self::Returndata,
        Self::Instance,
        Self::Memory,
        Self::Stack,
        Self::Words,
        Self::Constant,
    ];

    /// The region that a field of the frame belongs to.
    pub const fn of_field(field: Field) -> Self {
        match field {
            Field::Gas | Field::ExitStretch | Field::ExitHeight => Self::Gas,
            Field::Memory | Field::MemoryLen => Self::Bounds,
            Field::ReturndataLen => Self::Returndata,
            // The runtime changes them where a host function enters the same frame again.
            Field::Callee | Field::Depth | Field::Values => Self::Returndata,
            _ => Self::Constant,
        }
    }

    /// Whether something with these effects may touch the region.
    const fn is_touched_by(self, effects: Effects) -> bool {
        let by = match self {
            Self::Gas => Effects::METERED,
            Self::Bounds => Effects::GROWS_MEMORY,
            Self::Returndata | Self::Instance => Effects::WRITES_HOST.union(Effects::READS_HOST),
            Self::Memory => Effects::READS_MEMORY.union(Effects::WRITES_MEMORY).union(Effects::GROWS_MEMORY),
            Self::Stack => Effects::READS_STACK.union(Effects::WRITES_STACK),
            Self::Words | Self::Constant => return true,
        };
        effects.intersects(by)
    }
}

/// The regions as metadata of an LLVM context.
#[derive(Clone, Debug)]
pub(crate) struct Regions<'c> {
    context: &'c Context,
    scopes: [MetadataValue<'c>; Region::ALL.len()],
    /// For each region the list of itself, and the list of all others.
    lists: [(MetadataValue<'c>, MetadataValue<'c>); Region::ALL.len()],
    empty: MetadataValue<'c>,
    scope_kind: u32,
    noalias_kind: u32,
    invariant_kind: u32,
}

impl<'c> Regions<'c> {
    pub fn new(context: &'c Context) -> Self {
        let domain = context.metadata_node(&[context.metadata_string("evmc").into()]);
        let scopes = Region::ALL.map(|region| {
            let name = context.metadata_string(&format!("evmc.{region:?}"));
            context.metadata_node(&[name.into(), domain.into()])
        });
        let list = |keep: &dyn Fn(Region) -> bool| {
            let kept = Region::ALL.into_iter().filter(|&region| keep(region));
            let scopes: Vec<_> = kept.map(|region| scopes[region as usize].into()).collect();
            context.metadata_node(&scopes)
        };
        Self {
            context,
            lists: Region::ALL.map(|own| (list(&|region| region == own), list(&|region| region != own))),
            scopes,
            empty: context.metadata_node(&[]),
            scope_kind: context.get_kind_id("alias.scope"),
            noalias_kind: context.get_kind_id("noalias"),
            invariant_kind: context.get_kind_id("invariant.load"),
        }
    }

    /// Says which region a load or store touches.
    pub fn mark_access(&self, access: InstructionValue<'c>, region: Region) {
        let (own, others) = self.lists[region as usize];
        attach(access, own, self.scope_kind);
        attach(access, others, self.noalias_kind);
    }

    /// Says that a load reads what never changes.
    pub fn mark_invariant(&self, load: InstructionValue<'c>) {
        attach(load, self.empty, self.invariant_kind);
    }

    /// Says which regions a call with these effects does not touch.
    pub fn mark_call(&self, call: InstructionValue<'c>, effects: Effects) {
        let spared = Region::ALL.into_iter().filter(|region| !region.is_touched_by(effects));
        let scopes: Vec<_> = spared.map(|region| self.scopes[region as usize].into()).collect();
        if !scopes.is_empty() {
            attach(call, self.context.metadata_node(&scopes), self.noalias_kind);
        }
    }
}

/// Attaches a metadata node, which is what these are, to an instruction.
pub(crate) fn attach<'c>(instruction: InstructionValue<'c>, node: MetadataValue<'c>, kind: u32) {
    // The one failure is a value that is not a node.
    let _ = instruction.set_metadata(node, kind);
}
