//! What each instruction says about memory and storage, and what it makes unknown.

use std::collections::HashMap;

use cranelift_entity::SecondaryMap;
use evmc_abi::{Effects, HostFn};
use evmc_ir::{Block, Func, Function, Imm, Inst, InstData, Module, Opcode, Type, Value};
use ruint::aliases::U256;
use smallvec::SmallVec;

use crate::analysis::bit_set::BitSet;
use crate::analysis::call_graph::CallGraph;
use crate::analysis::memory::{self, Access, Span};
use crate::analysis::place::{Place, Places};

/// Bytes of a word.
const WORD: i64 = 32;

/// Bytes of two words.
const TWO_WORDS: i64 = 2 * WORD;

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

/// What an instruction makes unknown.
#[derive(Clone, Copy, Debug)]
enum Kill {
    Memory,
    Span(Span),
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
    /// The words in memory that it hashes.
    hashed: SmallVec<[Key; 2]>,
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
    spaces: [BitSet; 3],
    /// Facts about constant keys.
    constant: BitSet,
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
        facts.spaces = std::array::from_fn(|_| BitSet::empty(facts.list.len()));
        facts.constant = BitSet::empty(facts.list.len());
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
    pub fn known(&self, load: Inst, live: &BitSet) -> Option<Value> {
        let event = self.events.get(&load).filter(|event| event.is_load)?;
        let own = event.fact?;
        let Fact { space, key, .. } = self.list[own as usize];
        self.live_value(space, key, live, Some(own))
    }

    /// The words that a host function hashes, as they are in memory, if all are among the live facts.
    pub fn hashed(&self, inst: Inst, live: &BitSet) -> Option<SmallVec<[Value; 2]>> {
        let keys = &self.events.get(&inst).filter(|event| !event.hashed.is_empty())?.hashed;
        keys.iter().map(|&key| self.live_value(Space::Memory, key, live, None)).collect()
    }

    /// The value of a key by a live fact other than `own`.
    fn live_value(&self, space: Space, key: Key, live: &BitSet, own: Option<u32>) -> Option<Value> {
        let mut same = self.by_key.get(&(space, key))?.iter().copied();
        let known = same.find(|&fact| Some(fact) != own && live.contains(fact))?;
        Some(self.list[known as usize].value)
    }

    /// Brings `live` from before an instruction to behind it.
    pub fn pass(&self, inst: Inst, live: &mut BitSet) {
        self.pass_without_adding(inst, live);
        if let Some(fact) = self.events.get(&inst).and_then(|event| event.fact) {
            live.insert(fact);
        }
    }

    /// Takes out of `live` what an instruction makes unknown.
    pub fn pass_without_adding(&self, inst: Inst, live: &mut BitSet) {
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
                event.kills.extend(memory::must_write(function, places, data).map(Kill::Span));
                event.fact = is_word.then(|| self.memory_fact(places.get(data.args[0]), data.args[1]));
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
        if event.fact.is_some() || !event.kills.is_empty() || !event.hashed.is_empty() {
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
        event.kills.extend(match memory::may_write(function, places, data) {
            Access::Nothing => None,
            Access::Within(span) => Some(Kill::Span(span)),
            Access::Anything => Some(Kill::Memory),
        });
        if host == HostFn::Keccak256 {
            event.hashed = hashed_words(function, places, data);
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

    fn kill(&self, kill: Kill, live: &mut BitSet) {
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
            Kill::Span(span) => {
                let same_root = self.by_root.get(&span.start.root).into_iter().flatten().copied();
                let spared: SmallVec<[u32; 16]> =
                    same_root.filter(|&fact| live.contains(fact) && !self.overlaps(fact, span)).collect();
                live.remove_all(&self.spaces[Space::Memory as usize]);
                spared.into_iter().for_each(|fact| live.insert(fact));
            }
        }
    }

    /// Whether a fact about memory lies in a span of the same root.
    fn overlaps(&self, fact: u32, span: Span) -> bool {
        let offset = match self.list[fact as usize].key {
            Key::Constant(offset) => offset.as_limbs()[0] as i64,
            Key::Near(_, offset) => offset,
        };
        let start = Place { root: span.start.root, offset };
        Span { start, end: Some(offset + WORD) }.may_overlap(span)
    }
}

/// A key of storage.
fn storage_key(function: &Function, key: Value) -> Key {
    function.constant(key).map_or(Key::Near(key, 0), Key::Constant)
}

/// The words that `KECCAK256` hashes, if they are one or two.
fn hashed_words(function: &Function, places: &Places, data: &InstData) -> SmallVec<[Key; 2]> {
    let Span { start, end: Some(end) } = memory::span(function, places, data.args[0], data.args[1]) else {
        return SmallVec::new();
    };
    let words = match end - start.offset {
        WORD => 1,
        TWO_WORDS => 2,
        _ => 0,
    };
    let words = (0..words).map(|word| start.plus(word * WORD).map(Key::of_place));
    words.collect::<Option<_>>().unwrap_or_default()
}
