//! What each instruction says about memory and storage, and what it makes unknown.

use std::collections::HashMap;

use cranelift_entity::SecondaryMap;
use evmc_abi::{Effects, HostFn};
use evmc_ir::{Block, Func, Function, Imm, Inst, InstData, Module, Opcode, Type, Value};
use ruint::aliases::U256;
use smallvec::SmallVec;

use crate::analysis::call_graph::CallGraph;
use crate::analysis::place::{MOST_OFFSET, Place, Places};

use super::flow::Set;

/// Bytes of a word.
const WORD: i64 = 32;

/// What is read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Space {
    Memory,
    Storage,
    Transient,
}

/// A storage key, or the place of a word in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    /// A constant.
    Constant(U256),
    /// Root and distance.
    Near(Value, i64),
}

impl Key {
    fn of_place(place: Place) -> Self {
        match place.root {
            Some(root) => Self::Near(root, place.offset),
            None => Self::Constant(U256::from(place.offset.unsigned_abs())),
        }
    }
}

/// A range of memory.
#[derive(Clone, Copy, Debug)]
struct Range {
    start: Place,
    /// Behind the last byte, from the same root; `None` where that is not known.
    end: Option<i64>,
}

/// What an instruction makes unknown.
#[derive(Clone, Copy, Debug)]
enum Kill {
    Memory,
    Range(Range),
    All(Space),
    Key(Space, Key),
}

/// The word at `key` is `value`.
#[derive(Clone, Copy, Debug)]
struct Fact {
    space: Space,
    key: Key,
    value: Value,
}

/// What an instruction does.
#[derive(Clone, Debug, Default)]
struct Event {
    kills: SmallVec<[Kill; 2]>,
    /// Number of the fact that holds behind it.
    fact: Option<u32>,
    /// Whether it gives a value that may be known.
    is_load: bool,
}

/// What calls of each function make unknown.
#[derive(Debug)]
pub(super) struct Summaries {
    of: SecondaryMap<Func, Effects>,
}

impl Summaries {
    /// The effects of each function with all that it calls; recursive ones do everything.
    pub fn of(module: &Module) -> Self {
        let graph = CallGraph::of(module);
        let mut this = Self { of: SecondaryMap::with_default(Effects::PURE) };
        for &id in &graph.callees_first {
            let everything = Effects::WRITES_MEMORY | Effects::WRITES_HOST;
            let mut effects = if graph.recursive[id] { everything } else { Effects::PURE };
            let function = &module.functions[id];
            for (_, data) in function.layout.iter().flat_map(|&block| function.block_insts(block)) {
                effects = effects
                    | match data.imm {
                        Imm::Function(callee) => this.of[callee],
                        Imm::Host(_) if !changes_state(data) => {
                            if data.effects().contains(Effects::WRITES_MEMORY) {
                                Effects::WRITES_MEMORY
                            } else {
                                Effects::PURE
                            }
                        }
                        _ => data.effects(),
                    };
            }
            this.of[id] = effects;
        }
        this
    }
}

/// Whether a host function may change storage of any kind.
fn changes_state(data: &InstData) -> bool {
    matches!(
        data.imm,
        Imm::Host(
            HostFn::Sstore
                | HostFn::Tstore
                | HostFn::Call
                | HostFn::Callcode
                | HostFn::Delegatecall
                | HostFn::Create
                | HostFn::Create2
        )
    )
}

/// The facts of a function.
#[derive(Debug, Default)]
pub(super) struct Facts {
    list: Vec<Fact>,
    events: HashMap<Inst, Event>,
    by_key: HashMap<(Space, Key), Vec<u32>>,
    /// Facts about memory by root.
    by_root: HashMap<Option<Value>, Vec<u32>>,
    spaces: [Set; 3],
    /// Facts about constant keys.
    constant: Set,
}

impl Facts {
    /// Collects what the instructions of `blocks` do.
    pub fn of(function: &Function, places: &Places, blocks: &[Block], summaries: &Summaries) -> Self {
        let mut facts = Self::default();
        for &block in blocks {
            for (inst, data) in function.block_insts(block) {
                facts.collect(function, places, summaries, inst, data);
            }
        }
        facts.spaces = std::array::from_fn(|_| Set::empty(facts.list.len()));
        facts.constant = Set::empty(facts.list.len());
        for (number, fact) in facts.list.iter().enumerate() {
            facts.spaces[fact.space as usize].insert(number as u32);
            if matches!(fact.key, Key::Constant(_)) {
                facts.constant.insert(number as u32);
            }
        }
        facts
    }

    /// Number of facts.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The value that a load gives, if it is among the live facts.
    pub fn known(&self, load: Inst, live: &Set) -> Option<Value> {
        let event = self.events.get(&load).filter(|event| event.is_load)?;
        let own = event.fact?;
        let Fact { space, key, .. } = self.list[own as usize];
        let same = self.by_key[&(space, key)].iter();
        let known = same.copied().find(|&fact| fact != own && live.contains(fact))?;
        Some(self.list[known as usize].value)
    }

    /// Brings `live` from before an instruction to behind it.
    pub fn pass(&self, inst: Inst, live: &mut Set) {
        self.pass_without_adding(inst, live);
        if let Some(fact) = self.events.get(&inst).and_then(|event| event.fact) {
            live.insert(fact);
        }
    }

    /// Takes out of `live` what an instruction makes unknown.
    pub fn pass_without_adding(&self, inst: Inst, live: &mut Set) {
        let kills = self.events.get(&inst).into_iter().flat_map(|event| &event.kills);
        kills.for_each(|&kill| self.kill(kill, live));
    }

    fn collect(
        &mut self,
        function: &Function,
        places: &Places,
        summaries: &Summaries,
        inst: Inst,
        data: &InstData,
    ) {
        let mut event = Event::default();
        let is_word = data.ty == Some(Type::I256);
        match (data.opcode, &data.imm) {
            (Opcode::MemLoad, _) if is_word => {
                event.is_load = true;
                event.fact = Some(self.memory_fact(places.get(data.args[0]), data.results[0]));
            }
            (Opcode::MemStore, _) => {
                let place = places.get(data.args[0]);
                let bytes = data.ty.map_or(WORD, |ty| i64::from(ty.bytes()));
                event.kills.push(Kill::Range(Range { start: place, end: Some(place.offset + bytes) }));
                event.fact = is_word.then(|| self.memory_fact(place, data.args[1]));
            }
            (Opcode::Host, &Imm::Host(host)) => self.host(function, places, host, data, &mut event),
            (Opcode::Call, &Imm::Function(callee)) => {
                if summaries.of[callee].contains(Effects::WRITES_MEMORY) {
                    event.kills.push(Kill::Memory);
                }
                if summaries.of[callee].contains(Effects::WRITES_HOST) {
                    event.kills.extend([Kill::All(Space::Storage), Kill::All(Space::Transient)]);
                }
            }
            _ => {}
        }
        if event.fact.is_some() || !event.kills.is_empty() {
            self.events.insert(inst, event);
        }
    }

    fn host(
        &mut self,
        function: &Function,
        places: &Places,
        host: HostFn,
        data: &InstData,
        event: &mut Event,
    ) {
        let space = match host {
            HostFn::Sload | HostFn::Sstore => Some(Space::Storage),
            HostFn::Tload | HostFn::Tstore => Some(Space::Transient),
            _ => None,
        };
        if let Some(space) = space {
            let key = storage_key(function, data.args[0]);
            event.is_load = !data.results.is_empty();
            if !event.is_load {
                event.kills.push(Kill::Key(space, key));
            }
            let value = data.results.first().or(data.args.get(1)).copied();
            event.fact = value.map(|value| self.push(Fact { space, key, value }));
            return;
        }
        if changes_state(data) {
            event.kills.extend([Kill::All(Space::Storage), Kill::All(Space::Transient)]);
        }
        if data.effects().contains(Effects::WRITES_MEMORY) {
            event.kills.push(match written_range(host) {
                Some((start, length)) => {
                    let start = places.get(data.args[start]);
                    let length =
                        function.constant(data.args[length]).and_then(|length| i64::try_from(length).ok());
                    let length = length.filter(|&length| length <= MOST_OFFSET);
                    Kill::Range(Range { start, end: length.map(|length| start.offset + length) })
                }
                None => Kill::Memory,
            });
        }
    }

    fn memory_fact(&mut self, place: Place, value: Value) -> u32 {
        let number = self.push(Fact { space: Space::Memory, key: Key::of_place(place), value });
        self.by_root.entry(place.root).or_default().push(number);
        number
    }

    fn push(&mut self, fact: Fact) -> u32 {
        let number = self.list.len() as u32;
        self.by_key.entry((fact.space, fact.key)).or_default().push(number);
        self.list.push(fact);
        number
    }

    fn kill(&self, kill: Kill, live: &mut Set) {
        match kill {
            Kill::Memory => live.remove_all(&self.spaces[Space::Memory as usize]),
            Kill::All(space) => live.remove_all(&self.spaces[space as usize]),
            Kill::Key(space, key) => {
                // A constant key differs from all other constants, and from nothing else.
                if matches!(key, Key::Constant(_)) {
                    live.remove_all_but(&self.spaces[space as usize], &self.constant);
                    self.by_key.get(&(space, key)).into_iter().flatten().for_each(|&fact| live.remove(fact));
                } else {
                    live.remove_all(&self.spaces[space as usize]);
                }
            }
            Kill::Range(range) => {
                let same_root = self.by_root.get(&range.start.root).into_iter().flatten().copied();
                let spared: SmallVec<[u32; 16]> =
                    same_root.filter(|&fact| live.contains(fact) && !self.overlaps(fact, range)).collect();
                live.remove_all(&self.spaces[Space::Memory as usize]);
                spared.into_iter().for_each(|fact| live.insert(fact));
            }
        }
    }

    /// Whether a fact about memory lies in a range of the same root.
    fn overlaps(&self, fact: u32, range: Range) -> bool {
        let start = match self.list[fact as usize].key {
            Key::Constant(offset) => offset.as_limbs()[0] as i64,
            Key::Near(_, offset) => offset,
        };
        start + WORD > range.start.offset && range.end.is_none_or(|end| start < end)
    }
}

/// A key of storage.
fn storage_key(function: &Function, key: Value) -> Key {
    function.constant(key).map_or(Key::Near(key, 0), Key::Constant)
}

/// Which operands of a host function say where it writes memory, and how much.
const fn written_range(host: HostFn) -> Option<(usize, usize)> {
    match host {
        HostFn::CalldataCopy | HostFn::CodeCopy | HostFn::ReturndataCopy | HostFn::MemoryCopy => Some((0, 2)),
        HostFn::ExtcodeCopy => Some((1, 3)),
        HostFn::Call | HostFn::Callcode => Some((5, 6)),
        HostFn::Delegatecall | HostFn::Staticcall => Some((4, 5)),
        _ => None,
    }
}
