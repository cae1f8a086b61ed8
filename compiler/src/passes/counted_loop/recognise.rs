//! Which loops are copied, and what is known of them.

use std::collections::BTreeMap;

use evmc_abi::Effects;
use evmc_ir::{Block, BlockCall, Function, Imm, Inst, InstData, Opcode, Type, Value, ValueDef};

use super::affine::{Affine, Terms, affine};

/// Instructions of a loop that is copied, at most.
const MOST_INSTRUCTIONS: usize = 256;

/// Gas of a turn at most: that of 2³² turns is then a signed number of 64 bits.
const MOST_GAS: u64 = (1 << 31) - 1;

/// Groups of accesses at most: each is a counter of the copy, and a question in front of it.
const MOST_GROUPS: usize = 6;

/// A loop of one block whose turns can be counted.
#[derive(Clone, Debug)]
pub(super) struct Loop {
    /// The block.
    pub block: Block,
    /// What each parameter that counts adds in a turn.
    pub steps: BTreeMap<Value, u32>,
    /// The loop goes on while this is not 0 at the end of a turn.
    pub difference: Affine,
    /// Gas of a turn.
    pub gas: u64,
    /// Accesses by what their addresses have in common. None where an access is at an address that is no sum.
    pub groups: Vec<Group>,
    /// For each access of a group, its number and the displacement from its anchor, in bytes.
    pub places: BTreeMap<Inst, (usize, u64)>,
}

/// Accesses whose addresses differ by constants.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// The memory.
    pub memory: u32,
    /// The lowest address of all, its anchor.
    pub anchor: Affine,
    /// What it adds in a turn.
    pub step: i32,
    /// End of the access that reaches furthest, in bytes from the anchor.
    pub reach: u64,
}

impl Loop {
    /// The last instruction.
    pub fn last(&self, function: &Function) -> Inst {
        *function.blocks[self.block].insts.last().expect("the loop ends in a branch")
    }

    /// Where the loop goes at its end.
    pub fn exit(&self, function: &Function) -> BlockCall {
        let targets = function.insts[self.last(function)].targets();
        let exit = targets.into_iter().find(|target| target.block != self.block);
        exit.cloned().expect("one of the two targets is another block")
    }

    /// What a sum adds in a turn.
    pub fn step(&self, terms: &Terms) -> i32 {
        let of = |&(leaf, factor): &(Value, u32)| {
            self.steps.get(&leaf).map_or(0, |step| step.wrapping_mul(factor))
        };
        terms.iter().map(of).fold(0, u32::wrapping_add) as i32
    }
}

/// The loop that a block is, if it is one whose copy gains.
pub(super) fn recognise(function: &Function, block: Block, metered: bool) -> Option<Loop> {
    let (compared, back) = shape(function, block)?;
    if function.blocks[block].insts.len() > MOST_INSTRUCTIONS
        || !function.block_insts(block).all(|(_, data)| is_plain(data))
    {
        return None;
    }
    let leaf = leaves(function, block, &back);
    let of = |value| affine(function, value, &|value| leaf.is(function, block, value));
    let difference = of(compared[0])?.minus(&of(compared[1])?)?;
    let gas = function.block_insts(block).map(|(_, data)| paid(data)).fold(0, u64::saturating_add);
    if gas > MOST_GAS {
        return None;
    }
    let mut found = Loop {
        block,
        steps: leaf.steps.clone(),
        difference,
        gas,
        groups: Vec::new(),
        places: BTreeMap::new(),
    };
    let checks = function.block_insts(block).any(|(_, data)| data.opcode == Opcode::GasCheck);
    let gains = find_groups(function, &mut found, &of) || (metered && checks);
    (gains && found.step(&found.difference.terms) != 0).then_some(found)
}

/// What the loop compares at its end, and what it begins its next turn with.
fn shape(function: &Function, block: Block) -> Option<([Value; 2], Vec<Value>)> {
    let last = function.terminator(block)?;
    let Imm::Branch(targets) = &last.imm else { return None };
    let stays = targets.iter().position(|target| target.block == block)?;
    let condition = function.defining_inst(last.args[0])?;
    let goes_on_where = match condition.opcode {
        Opcode::Ne => 0,
        Opcode::Eq => 1,
        _ => return None,
    };
    let leaves = targets[1 - stays].block != block;
    let back = targets[stays].args.to_vec();
    (leaves && stays == goes_on_where && condition.ty == Some(Type::I32))
        .then(|| ([condition.args[0], condition.args[1]], back))
}

/// Whether an instruction may be in the copy: it neither calls nor changes anything but linear memory.
fn is_plain(data: &InstData) -> bool {
    let known = matches!(
        data.opcode,
        Opcode::LinLoad
            | Opcode::LinStore
            | Opcode::GasPay
            | Opcode::GasCheck
            | Opcode::ExitIf
            | Opcode::GlobalGet
            | Opcode::Branch
    );
    known || data.effects() == Effects::PURE
}

/// What a turn pays.
fn paid(data: &InstData) -> u64 {
    match (data.opcode, &data.imm) {
        (Opcode::GasPay, &Imm::Amount(amount)) => amount,
        _ => 0,
    }
}

/// What addresses are sums of.
struct Leaves {
    steps: BTreeMap<Value, u32>,
}

impl Leaves {
    /// As [`affine`] asks: parameters that count and what is defined outside are leaves, other parameters no sums.
    fn is(&self, function: &Function, block: Block, value: Value) -> Option<bool> {
        match function.values[value].def {
            ValueDef::Param(home, _) if home == block => Some(self.steps.contains_key(&value)),
            ValueDef::Result(inst, _) if function.blocks[block].insts.contains(&inst) => None,
            _ => Some(true),
        }
    }
}

/// The parameters that add a constant in each turn.
fn leaves(function: &Function, block: Block, back: &[Value]) -> Leaves {
    let params = &function.blocks[block].params;
    let mut leaves = Leaves { steps: BTreeMap::new() };
    let all = |value: Value| match function.values[value].def {
        ValueDef::Result(inst, _) if function.blocks[block].insts.contains(&inst) => None,
        _ => Some(true),
    };
    for (&param, &next) in params.iter().zip(back) {
        let step = affine(function, next, &all).filter(|sum| sum.terms[..] == [(param, 1)]);
        if let Some(step) = step {
            leaves.steps.insert(param, step.constant);
        }
    }
    leaves
}

/// Puts the accesses of the loop into groups; gives whether all are in one, and there are any.
fn find_groups(function: &Function, found: &mut Loop, of: &impl Fn(Value) -> Option<Affine>) -> bool {
    let mut members: Vec<(Inst, usize, Affine)> = Vec::new();
    let mut groups: Vec<Group> = Vec::new();
    for (inst, data) in function.block_insts(found.block) {
        let Imm::Linear { memory, .. } = data.imm else { continue };
        let Some(address) = address(function, data.args[0]).and_then(of) else { return false };
        let is_mine = |group: &Group| group.memory == memory && group.anchor.terms == address.terms;
        let number = groups.iter().position(is_mine).unwrap_or(groups.len());
        if number == groups.len() {
            let step = found.step(&address.terms);
            groups.push(Group { memory, anchor: address.clone(), step, reach: 0 });
        }
        let anchor = &mut groups[number].anchor;
        if (address.constant as i32) < anchor.constant as i32 {
            anchor.constant = address.constant;
        }
        members.push((inst, number, address));
    }
    if groups.is_empty() || groups.len() > MOST_GROUPS {
        return false;
    }
    for (inst, number, address) in members {
        let data = &function.insts[inst];
        let (Imm::Linear { offset, .. }, group) = (&data.imm, &mut groups[number]) else { continue };
        let place = u64::from(address.constant.wrapping_sub(group.anchor.constant)) + offset;
        group.reach = group.reach.max(place + u64::from(data.ty.unwrap_or(Type::I64).bytes()));
        found.places.insert(inst, (number, place));
    }
    found.groups = groups;
    true
}

/// The number of 32 bits that an address is.
fn address(function: &Function, address: Value) -> Option<Value> {
    let data = function.defining_inst(address).filter(|data| data.opcode == Opcode::Zext)?;
    Some(data.args[0])
}
