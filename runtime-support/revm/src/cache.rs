//! Code that an EVM has been given before, so that a frame need not ask its source.
//!
//! A source is shared between threads, and asking it takes a lock. An EVM belongs to one thread and
//! keeps what it was given in a table of [`ENTRIES`] places, one for each value of a few bits of the
//! code hash; an entry holds its whole key, so a lookup gives the code that was asked for or none.
//! The source bounds what it holds and says by [`CodeSource::epoch`] when it has let go of code; then
//! the table is emptied, before the next transaction, and the source sees again what is in use.
//!
//! That the source has no code is remembered too, if it says that this lasts ([`CodeSource::absence_lasts`]);
//! otherwise it is asked each time, and so it is for initcode, which seldom runs twice.

use std::{collections::HashSet, rc::Rc, sync::Arc};

use revm::{
    bytecode::Bytecode,
    primitives::{B256, hardfork::SpecId},
};

use crate::{
    code::{CodeSource, FrameCode},
    stack,
};

/// Places in the table; a power of two.
const ENTRIES: usize = 4096;

/// What code is known by.
type Key = (B256, SpecId);

/// Code with what is asked about it for every frame.
pub(crate) struct Runnable {
    /// The code.
    pub(crate) code: Arc<dyn FrameCode>,
    /// Native stack that has to be left when a frame starts, in bytes.
    pub(crate) native_stack_bytes: usize,
    /// [`FrameCode::uses_memory_stack`].
    pub(crate) uses_memory_stack: bool,
    /// What it is code for.
    key: Key,
}

impl Runnable {
    fn new(code: Arc<dyn FrameCode>, key: Key) -> Rc<Self> {
        Rc::new(Self {
            native_stack_bytes: code.native_stack_bytes().saturating_add(stack::HOST_MARGIN_BYTES),
            uses_memory_stack: code.uses_memory_stack(),
            code,
            key,
        })
    }
}

/// Code for a bytecode and a fork, or that there is none. The count of its uses is the EVM's own: counting those of the
/// `Arc` for every frame would have all threads write to the same place.
struct Entry {
    code_hash: B256,
    spec: SpecId,
    code: Option<Rc<Runnable>>,
}

/// A table of code by code hash and fork.
pub(crate) struct CodeCache {
    source: Arc<dyn CodeSource>,
    /// [`CodeSource::absence_lasts`].
    absence_lasts: bool,
    /// [`CodeSource::serves_initcode`].
    serves_initcode: bool,
    epoch: u64,
    entries: Box<[Option<Entry>]>,
    /// Code that has failed, which is asked for no more.
    refused: HashSet<Key>,
}

impl CodeCache {
    /// An empty table over a source.
    pub(crate) fn new(source: Arc<dyn CodeSource>) -> Self {
        Self {
            absence_lasts: source.absence_lasts(),
            serves_initcode: source.serves_initcode(),
            epoch: source.epoch(),
            source,
            entries: std::iter::repeat_with(|| None).take(ENTRIES).collect(),
            refused: HashSet::new(),
        }
    }

    /// Whether there may be code for what creates a contract.
    pub(crate) const fn serves_initcode(&self) -> bool {
        self.serves_initcode
    }

    /// Forgets everything if the source has let go of code; to be called between transactions.
    #[inline]
    pub(crate) fn follow_source(&mut self) {
        let epoch = self.source.epoch();
        if self.epoch != epoch {
            self.epoch = epoch;
            self.entries.fill_with(|| None);
        }
    }

    /// Code from the table, or from the source; the arguments are those of [`CodeSource::lookup`].
    #[inline]
    pub(crate) fn lookup(
        &mut self,
        code_hash: B256,
        code: &Bytecode,
        spec: SpecId,
        is_initcode: bool,
    ) -> Option<Rc<Runnable>> {
        if !is_initcode && let Some(entry) = self.entry(&code_hash, spec) {
            return entry.code.clone();
        }
        self.ask(code_hash, code, spec, is_initcode)
    }

    /// Code from the table, for an account's code; the source is not asked.
    #[inline]
    pub(crate) fn known(&self, code_hash: &B256, spec: SpecId) -> Option<Rc<Runnable>> {
        self.entry(code_hash, spec)?.code.clone()
    }

    /// What the table holds about an account's code.
    #[inline]
    fn entry(&self, code_hash: &B256, spec: SpecId) -> Option<&Entry> {
        let entry = self.entries[place(code_hash)].as_ref()?;
        (entry.code_hash == *code_hash && entry.spec == spec).then_some(entry)
    }

    /// What the source says, which goes into the table if it may be kept.
    #[cold]
    fn ask(
        &mut self,
        code_hash: B256,
        code: &Bytecode,
        spec: SpecId,
        is_initcode: bool,
    ) -> Option<Rc<Runnable>> {
        if self.refused.contains(&(code_hash, spec)) {
            return None;
        }
        let code = self.source.lookup(code_hash, code, spec, is_initcode);
        let code = code.map(|code| Runnable::new(code, (code_hash, spec)));
        if !is_initcode && (code.is_some() || self.absence_lasts) {
            self.entries[place(&code_hash)] = Some(Entry { code_hash, spec, code: code.clone() });
        }
        code
    }

    /// Forgets code that has failed, for good, and tells the source.
    pub(crate) fn quarantine(&mut self, code: &Runnable, reason: &str) {
        let (code_hash, spec) = code.key;
        self.entries[place(&code_hash)].take_if(|entry| entry.code_hash == code_hash && entry.spec == spec);
        self.refused.insert(code.key);
        self.source.quarantine(code_hash, spec, reason);
    }
}

/// Where the code with this hash may be in the table.
fn place(code_hash: &B256) -> usize {
    usize::from(u16::from_le_bytes([code_hash[0], code_hash[1]])) % ENTRIES
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use evmc_abi::{ExitCode, OpRow, StretchRange};

    use super::*;
    use crate::view::HostView;

    /// A source of code that does nothing, with the number of lookups and an epoch to set.
    #[derive(Default)]
    struct Counting {
        lookups: AtomicU64,
        epoch: AtomicU64,
        absence_lasts: bool,
    }

    struct Nothing;

    impl FrameCode for Nothing {
        fn run(&self, _: &mut HostView<'_>) -> ExitCode {
            unreachable!("nothing runs it")
        }

        fn uses_memory_stack(&self) -> bool {
            false
        }

        fn native_stack_bytes(&self) -> usize {
            usize::MAX
        }

        fn op_rows(&self) -> &[OpRow; 256] {
            unreachable!("nothing runs it")
        }

        fn stretch(&self, _: u32) -> Option<StretchRange> {
            None
        }
    }

    impl CodeSource for Counting {
        fn lookup(&self, hash: B256, _: &Bytecode, _: SpecId, _: bool) -> Option<Arc<dyn FrameCode>> {
            self.lookups.fetch_add(1, Ordering::Relaxed);
            (hash != B256::ZERO).then(|| Arc::new(Nothing) as Arc<dyn FrameCode>)
        }

        fn epoch(&self) -> u64 {
            self.epoch.load(Ordering::Relaxed)
        }

        fn absence_lasts(&self) -> bool {
            self.absence_lasts
        }
    }

    /// Counts the lookups that a source sees when an EVM looks for the code with a number.
    fn counter(source: &Arc<Counting>) -> impl FnMut(u8, SpecId, bool) -> u64 {
        let mut cache = CodeCache::new(Arc::clone(source) as Arc<dyn CodeSource>);
        move |number, spec, is_initcode| {
            let before = source.lookups.load(Ordering::Relaxed);
            cache.follow_source();
            let code = cache.lookup(B256::with_last_byte(number), &Bytecode::new(), spec, is_initcode);
            assert_eq!(code.is_some(), number != 0);
            source.lookups.load(Ordering::Relaxed) - before
        }
    }

    #[test]
    fn absence_that_lasts_is_asked_for_once() {
        let source = Arc::new(Counting { absence_lasts: true, ..Counting::default() });
        let mut lookups = counter(&source);
        assert_eq!(lookups(0, SpecId::CANCUN, false), 1);
        assert_eq!(lookups(0, SpecId::CANCUN, false), 0);
        assert_eq!(lookups(0, SpecId::OSAKA, false), 1, "another fork");
        assert_eq!(lookups(0, SpecId::OSAKA, true), 1, "initcode");
        assert_eq!(lookups(1, SpecId::OSAKA, false), 1, "another code in the same place");
        assert_eq!(lookups(0, SpecId::OSAKA, false), 1);
        source.epoch.store(1, Ordering::Relaxed);
        assert_eq!(lookups(0, SpecId::OSAKA, false), 1, "another epoch");
        assert_eq!(lookups(0, SpecId::OSAKA, false), 0);
    }

    #[test]
    fn the_source_is_asked_once_for_each_code_and_fork() {
        let source = Arc::new(Counting::default());
        let mut lookups = counter(&source);
        assert_eq!(lookups(1, SpecId::CANCUN, false), 1);
        assert_eq!(lookups(1, SpecId::CANCUN, false), 0);
        assert_eq!(lookups(1, SpecId::OSAKA, false), 1, "another fork");
        assert_eq!(lookups(2, SpecId::OSAKA, false), 1, "another code in the same place");
        assert_eq!(lookups(2, SpecId::OSAKA, true), 1, "initcode");
        assert_eq!(lookups(2, SpecId::OSAKA, false), 0);
        source.epoch.store(1, Ordering::Relaxed);
        assert_eq!(lookups(2, SpecId::OSAKA, false), 1, "another epoch");
        assert_eq!(lookups(0, SpecId::OSAKA, false) + lookups(0, SpecId::OSAKA, false), 2, "no code");
    }
}
