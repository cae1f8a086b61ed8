//! What is known of values before anything is changed: which are canonical, which are seen, and how deep in loops.

use cranelift_entity::SecondaryMap;
use evmc_ir::{Block, Function, InstData, Value};
use smallvec::SmallVec;

use super::role::{Format, Role};

/// Facts of one format.
#[derive(Default)]
pub(super) struct Facts {
    /// What each value is moved to.
    moves: SecondaryMap<Value, SmallVec<[Value; 2]>>,
    /// What is moved to each value.
    sources: SecondaryMap<Value, SmallVec<[Value; 2]>>,
    canonical: SecondaryMap<Value, bool>,
    /// Whether somebody can tell which NaN the value is, in its place or behind moves.
    seen: SecondaryMap<Value, bool>,
    /// For canonical values: the number of loops around the deepest place where it is seen.
    depth: SecondaryMap<Value, Option<u32>>,
}

/// A use that may see a value: the value, what it is moved to if it is, and the loops around.
struct Use {
    value: Value,
    moved_to: Option<Value>,
    depth: u32,
}

impl Facts {
    pub(super) fn find(func: &Function, format: Format, depths: &SecondaryMap<Block, u32>) -> Self {
        let mut facts = Self::default();
        let uses = facts.uses(func, format, depths);
        facts.find_canonical(func, format);
        facts.find_seen(&uses);
        facts.find_depths(uses);
        facts
    }

    /// Loops around the deepest place where a canonical value is seen; `None` where it is not.
    pub(super) fn seen_at(&self, value: Value) -> Option<u32> {
        self.depth[value]
    }

    /// Whether what is moved to a value must be settled before.
    pub(super) fn is_seen_as(&self, value: Value) -> bool {
        self.seen[value] && !self.canonical[value]
    }

    /// The canonical values that a value is moved to.
    pub(super) fn canonical_moves(&self, value: Value) -> impl Iterator<Item = Value> + '_ {
        self.moves[value].iter().copied().filter(|&to| self.canonical[to])
    }

    /// All uses of values that can hold the format, but for blind ones; fills in the moves.
    fn uses(&mut self, func: &Function, format: Format, depths: &SecondaryMap<Block, u32>) -> Vec<Use> {
        let mut uses = Vec::new();
        for &block in &func.layout {
            let depth = depths[block];
            for (_, data) in func.block_insts(block) {
                let held = data.args.iter().enumerate().filter(|(_, arg)| format.is_held_by(func.ty(**arg)));
                for (operand, &value) in held {
                    let moved_to = match format.role(data, operand) {
                        Role::Blind => continue,
                        Role::Sees => None,
                        Role::Moves => data.results.first().copied(),
                    };
                    uses.push(Use { value, moved_to, depth });
                }
                for target in data.targets() {
                    let params = target.args.iter().zip(&func.blocks[target.block].params);
                    let held = params.filter(|(_, param)| format.is_held_by(func.ty(**param)));
                    uses.extend(held.map(|(&value, &param)| Use { value, moved_to: Some(param), depth }));
                }
            }
        }
        for Use { value, moved_to, .. } in &uses {
            if let Some(to) = *moved_to {
                self.moves[*value].push(to);
                self.sources[to].push(*value);
            }
        }
        uses
    }

    /// Starts from what may be canonical and takes away what is not.
    fn find_canonical(&mut self, func: &Function, format: Format) {
        let mut others = Vec::new();
        let entry = func.entry();
        for &block in &func.layout {
            let params = func.blocks[block].params.iter().map(|&param| (param, Some(block) != entry));
            let results = func.block_insts(block).flat_map(|(_, data)| {
                let is_candidate = is_candidate(func, format, data);
                data.results.iter().map(move |&result| (result, is_candidate))
            });
            for (value, is_candidate) in params.chain(results) {
                self.canonical[value] = is_candidate;
                if !is_candidate && format.is_held_by(func.ty(value)) {
                    others.push(value);
                }
            }
        }
        while let Some(other) = others.pop() {
            for &to in &self.moves[other] {
                if std::mem::replace(&mut self.canonical[to], false) {
                    others.push(to);
                }
            }
        }
    }

    fn find_seen(&mut self, uses: &[Use]) {
        let direct = uses.iter().filter(|one| one.moved_to.is_none());
        let mut work: Vec<Value> = direct.map(|one| one.value).collect();
        while let Some(value) = work.pop() {
            if !std::mem::replace(&mut self.seen[value], true) {
                work.extend(&self.sources[value]);
            }
        }
    }

    /// The deepest places first, so that each value is reached from its deepest.
    fn find_depths(&mut self, mut uses: Vec<Use>) {
        uses.retain(|one| one.moved_to.is_none_or(|to| self.is_seen_as(to)));
        uses.sort_by_key(|one| std::cmp::Reverse(one.depth));
        for Use { value, depth, .. } in uses {
            let mut work = vec![value];
            while let Some(value) = work.pop() {
                if self.canonical[value] && self.depth[value].is_none() {
                    self.depth[value] = Some(depth);
                    work.extend(&self.sources[value]);
                }
            }
        }
    }
}

/// Whether the results of an instruction may be canonical.
fn is_candidate(func: &Function, format: Format, data: &InstData) -> bool {
    let bits = data.results.first().and_then(|&result| func.constant(result));
    Format::keeps_canonical(data) || format.is_canonical(data, bits)
}
