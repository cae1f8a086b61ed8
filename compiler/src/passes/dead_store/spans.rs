//! The spans that a function stores to, and what each instruction makes of them.

use std::collections::HashMap;

use cranelift_entity::EntitySet;
use evmc_ir::{Block, Func, Function, Imm, Inst, InstData, Opcode, Value};

use crate::analysis::bit_set::BitSet;
use crate::analysis::memory::{self, Access, Span};
use crate::analysis::place::Places;

/// What an instruction does to memory, seen from behind it.
#[derive(Clone, Copy, Debug)]
struct Event {
    /// What is there is left behind: the frame ends.
    ends: bool,
    /// All its bytes are written.
    writes: Option<Span>,
    /// Bytes of it may be read, before they are written.
    reads: Access,
    /// The number of the span that it stores to.
    stores: Option<u32>,
}

/// The spans of a function.
#[derive(Debug, Default)]
pub(super) struct Spans {
    list: Vec<Span>,
    numbers: HashMap<Span, u32>,
    by_root: HashMap<Option<Value>, Vec<u32>>,
    events: HashMap<Inst, Event>,
    /// The roots of spans that are defined as results, and as parameters.
    results: HashMap<Inst, Vec<Value>>,
    params: HashMap<Block, Vec<Value>>,
}

impl Spans {
    /// Collects what the instructions of `blocks` do; `readers` are the functions that read memory.
    pub fn of(function: &Function, places: &Places, blocks: &[Block], readers: &EntitySet<Func>) -> Self {
        let mut spans = Self::default();
        for &block in blocks {
            for (inst, data) in function.block_insts(block) {
                spans.collect(function, places, readers, inst, data);
            }
        }
        spans.find_roots(function, blocks);
        spans
    }

    /// Notes where the roots are defined.
    fn find_roots(&mut self, function: &Function, blocks: &[Block]) {
        let roots = |values: &[Value]| {
            let roots = values.iter().copied().filter(|&value| self.by_root.contains_key(&Some(value)));
            Some(roots.collect::<Vec<_>>()).filter(|roots| !roots.is_empty())
        };
        let (mut results, mut params) = (HashMap::new(), HashMap::new());
        for &block in blocks {
            params.extend(roots(&function.blocks[block].params).map(|roots| (block, roots)));
            for (inst, data) in function.block_insts(block) {
                results.extend(roots(&data.results).map(|roots| (inst, roots)));
            }
        }
        (self.results, self.params) = (results, params);
    }

    /// Number of spans.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Number of instructions that do anything to them.
    pub fn accesses(&self) -> usize {
        self.events.len()
    }

    /// Whether an instruction stores to one of these spans, and does nothing else.
    pub fn is_stored(&self, inst: Inst, spans: &BitSet) -> bool {
        let stored = self.events.get(&inst).and_then(|event| event.stores);
        stored.is_some_and(|number| spans.contains(number))
    }

    /// Brings the spans that are `dead` at the start of a block to the ends of those before it.
    pub fn enter(&self, block: Block, dead: &mut BitSet) {
        self.forget(self.params.get(&block), dead);
    }

    /// Takes the spans out whose root is one of these values, as before it is defined it is another value.
    fn forget(&self, roots: Option<&Vec<Value>>, dead: &mut BitSet) {
        for root in roots.into_iter().flatten() {
            self.by_root.get(&Some(*root)).into_iter().flatten().for_each(|&number| dead.remove(number));
        }
    }

    /// Brings the spans that are `dead` behind an instruction to before it.
    pub fn pass(&self, inst: Inst, dead: &mut BitSet) {
        self.forget(self.results.get(&inst), dead);
        let Some(event) = self.events.get(&inst) else { return };
        if event.ends {
            *dead = BitSet::full(self.len());
        }
        if let Some(span) = event.writes {
            let inside = self.of_root(span).filter(|&number| span.must_contain(self.list[number as usize]));
            inside.for_each(|number| dead.insert(number));
        }
        match event.reads {
            Access::Nothing => {}
            Access::Anything => *dead = BitSet::empty(self.len()),
            Access::Within(span) => self.read(span, dead),
        }
    }

    /// Keeps what a read of a span cannot see.
    fn read(&self, span: Span, dead: &mut BitSet) {
        let mut spared = BitSet::empty(self.len());
        let outside = self.of_root(span).filter(|&number| !span.may_overlap(self.list[number as usize]));
        outside.for_each(|number| spared.insert(number));
        dead.intersect(&spared);
    }

    /// The spans with the root of another one.
    fn of_root(&self, span: Span) -> impl Iterator<Item = u32> {
        self.by_root.get(&span.start.root).into_iter().flatten().copied()
    }

    fn collect(
        &mut self,
        function: &Function,
        places: &Places,
        readers: &EntitySet<Func>,
        inst: Inst,
        data: &InstData,
    ) {
        let writes = memory::must_write(function, places, data);
        let reads = match (data.opcode, &data.imm) {
            (Opcode::Ret, _) => Access::Anything,
            (Opcode::Call, Imm::Function(callee)) if readers.contains(*callee) => Access::Anything,
            _ => memory::may_read(function, places, data),
        };
        let ends = match data.imm {
            Imm::Host(host) => host.always_exits(),
            _ => matches!(data.opcode, Opcode::Exit | Opcode::Unreachable),
        };
        if !ends && writes.is_none() && reads == Access::Nothing {
            return;
        }
        let stores = writes.filter(|_| data.opcode == Opcode::MemStore).map(|span| self.number(span));
        self.events.insert(inst, Event { ends, writes, reads, stores });
    }

    fn number(&mut self, span: Span) -> u32 {
        let next = self.list.len() as u32;
        *self.numbers.entry(span).or_insert_with(|| {
            self.list.push(span);
            self.by_root.entry(span.start.root).or_default().push(next);
            next
        })
    }
}
