//! Stretches: where static gas is charged, and how much.
//!
//! A stretch is a run of operations of one block whose static gas is charged at its start in one
//! sum. It ends behind every operation that [`super::opcode::Op::ends_stretch`] names: it observes
//! gas, charges more, touches state or leaves, and what is charged behind it must not be charged
//! before it (EIP-7928 makes the order visible even in frames that fail). Inside a stretch the
//! order of charges and stack checks is not observable, since each of their failures loses the
//! frame; which one comes first is found out afterwards, by [`evmc_abi::stretch::first_failure`].
//!
//! An EIP-8024 operation is a stretch of its own of which only the gas and the change of the height are
//! described: what it needs of the stack depends on the immediate, and lowering checks both after the
//! charge.

use evmc_abi::StretchRange;

use super::decode::{BlockId, Code, Operation};
use super::opcode::Op;

/// Operations after which a stretch is cut in any case, so that lowering can bound its units.
const MOST_OPERATIONS: u32 = 64;

/// A run of operations charged at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The operations' place in the bytecode.
    pub range: StretchRange,
    /// Sum of their static gas.
    pub gas: u64,
    /// Stack items that must be there at the start for no operation to underflow.
    pub needs: u32,
    /// The most items above the starting height that there are behind any operation.
    pub grows: u32,
    /// Stack items at the end less those at the start.
    pub change: i32,
}

impl Stretch {
    fn starting_at(pc: u32) -> Self {
        Self { range: StretchRange { start: pc, end: pc }, gas: 0, needs: 0, grows: 0, change: 0 }
    }

    fn push(&mut self, operation: &Operation) {
        let row = operation.info.row();
        self.range.end = operation.next;
        self.gas += u64::from(row.static_gas);
        let below = self.change - i32::from(row.inputs);
        self.needs = self.needs.max(below.min(0).unsigned_abs());
        let later = if operation.info.is_defined() { operation.info.inputs - row.inputs } else { 0 };
        let copied = i32::from(operation.op() == Op::DupN && !operation.has_invalid_immediate());
        self.change = below + i32::from(row.outputs) - i32::from(later) + copied;
        self.grows = self.grows.max((self.change - copied).max(0).unsigned_abs());
    }

    fn is_empty(&self) -> bool {
        self.range.start == self.range.end
    }
}

/// The stretches of a block, in order; together they cover it.
pub fn stretches(code: &Code<'_>, block: BlockId) -> Vec<Stretch> {
    let mut done = Vec::new();
    let mut open = Stretch::starting_at(code.blocks()[block].start);
    let mut operations = 0;
    for operation in code.operations(block) {
        if operation.op().has_stack_immediate() && !open.is_empty() {
            done.push(std::mem::replace(&mut open, Stretch::starting_at(operation.pc)));
        }
        open.push(&operation);
        operations += 1;
        if operation.info.ends_stretch() || operations >= MOST_OPERATIONS {
            operations = 0;
            done.push(std::mem::replace(&mut open, Stretch::starting_at(operation.next)));
        }
    }
    if !open.is_empty() {
        done.push(open);
    }
    // An immediate that the code cuts short reaches beyond its end; a stretch does not.
    if let Some(last) = done.last_mut() {
        last.range.end = last.range.end.min(code.bytes().len() as u32);
    }
    done
}

#[cfg(test)]
mod tests {
    use cranelift_entity::EntityRef;

    use super::*;
    use crate::frontend::evm::opcode::Fork;

    fn of(bytes: &[u8], fork: Fork) -> Vec<Stretch> {
        stretches(&Code::decode(bytes, fork), BlockId::new(0))
    }

    fn stretch(start: u32, end: u32, gas: u64, needs: u32, grows: u32, change: i32) -> Stretch {
        Stretch { range: StretchRange { start, end }, gas, needs, grows, change }
    }

    #[test]
    fn a_stretch_ends_behind_what_observes_gas_or_state() {
        // ADD PUSH1 1 SLOAD DUP2 GAS POP STOP
        let bytes = [0x01, 0x60, 1, 0x54, 0x81, 0x5a, 0x50, 0x00];
        let expected = [stretch(0, 4, 106, 2, 0, 0), stretch(4, 6, 5, 2, 2, 2), stretch(6, 8, 2, 1, 0, -1)];
        assert_eq!(of(&bytes, Fork::Osaka), expected);
    }

    #[test]
    fn operations_of_later_forks_only_charge() {
        // PUSH1 1, CLZ before Osaka
        assert_eq!(of(&[0x60, 1, 0x1e], Fork::Prague), [stretch(0, 3, 8, 0, 1, 1)]);
    }

    #[test]
    fn stack_immediates_stand_alone() {
        // PUSH0, DUPN 17, POP
        let expected = [stretch(0, 1, 2, 0, 1, 1), stretch(1, 3, 3, 0, 0, 1), stretch(3, 4, 2, 1, 0, -1)];
        assert_eq!(of(&[0x5f, 0xe6, 0x80, 0x50], Fork::Amsterdam), expected);
    }
}
