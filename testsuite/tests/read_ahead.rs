//! Reads that are kept for all workers, and made ahead: the outcome is the same, and the state is read less often.

use std::{sync::Arc, time::Duration};

use evmc_parallel::{BlockEngine, Options, Outcome, Schedule};
use evmc_revm::{CodeSource, NoCode};
use evmc_testsuite::blocks::{MadeBlock, adversarial, matrix::Kind, slow::SlowState, synthetic};

fn engine(threads: usize, caches_reads: bool, readers: usize) -> BlockEngine<SlowState> {
    let codes: Arc<dyn CodeSource> = Arc::new(NoCode);
    let options = Options { threads, caches_reads, readers, records_list: true, ..Options::default() };
    BlockEngine::new(options, &codes).expect("the system has threads")
}

fn in_memory(made: &MadeBlock) -> Arc<SlowState> {
    Arc::new(SlowState::new(Arc::clone(&made.state), Duration::ZERO))
}

/// What tells two outcomes apart.
fn result(outcome: &Outcome, base: &SlowState) -> String {
    let post = outcome.post_state(base).expect("the state is in memory");
    let list = outcome.access_list(base).expect("the state is in memory");
    format!("{} {:?} {post:?} {list:?}", outcome.gas_used, outcome.receipts_root())
}

#[test]
fn blocks_come_to_the_same() {
    let mut plain = engine(1, false, 0);
    let mut engines = [engine(1, true, 0), engine(1, false, 2), engine(2, true, 0), engine(4, false, 3)];
    for made in adversarial::all() {
        let base = in_memory(&made);
        let expected = plain.execute(&made.block, &base, &Schedule::Sequential).expect("the block is valid");
        let list = Arc::new(expected.access_list(&*base).expect("in memory").expect("it was asked for"));
        let expected = result(&expected, &base);
        for kind in Kind::ALL {
            for engine in &mut engines {
                let outcome = engine.execute(&made.block, &base, &kind.schedule(&list)).expect("it is valid");
                assert_eq!(result(&outcome, &base), expected, "{}, {}", made.name, kind.name());
            }
        }
    }
}

#[test]
fn what_was_read_is_not_read_again() {
    let mut saved = 0;
    for made in synthetic::all() {
        let reads = |mut engine: BlockEngine<SlowState>| {
            let base = in_memory(&made);
            engine.execute(&made.block, &base, &Schedule::Sequential).expect("the block is valid");
            base.reads()
        };
        let (without, with) = (reads(engine(1, false, 0)), reads(engine(1, true, 0)));
        assert!(with <= without, "{}: {with} reads instead of {without}", made.name);
        saved += usize::from(2 * with < without);
    }
    assert!(saved > 0, "only {saved} blocks read less than half");
}

#[test]
fn what_a_block_changes_is_known_to_the_next() {
    for made in adversarial::all() {
        let (first, mut kept, mut fresh) = (in_memory(&made), engine(2, true, 0), engine(2, true, 0));
        let outcome = kept.execute(&made.block, &first, &Schedule::Optimistic).expect("the block is valid");
        // The same block again: of what it is to do, the nonces are wrong by now.
        let next = Arc::new(first.after(outcome.state.clone()));
        let mut block = (*made.block).clone();
        for tx in &mut block.transactions {
            let sender = outcome.state.info_of(&tx.caller).flatten();
            tx.nonce += sender.map_or(0, |info| info.nonce).saturating_sub(first_nonce(&made, tx.caller));
        }
        let block = Arc::new(block);
        kept.advance(&outcome);
        let told = |outcome: Result<Outcome, _>, base: &SlowState| match outcome {
            Ok(outcome) => result(&outcome, base),
            Err(error) => format!("{error:?}"),
        };
        let (with, with_reads) = (kept.execute(&block, &next, &Schedule::Sequential), next.reads());
        let again = Arc::new(next.after(outcome.state.clone()));
        let (without, without_reads) = (fresh.execute(&block, &again, &Schedule::Sequential), again.reads());
        assert!(with_reads <= without_reads, "{}: {with_reads} > {without_reads}", made.name);
        assert_eq!(told(with, &next), told(without, &again), "{}", made.name);
        // An outcome of an execution that is not the last one counts for nothing.
        kept.advance(&outcome);
        let back = kept.execute(&made.block, &first, &Schedule::Sequential).expect("the block is valid");
        assert_eq!(result(&back, &first), result(&outcome, &first), "{}", made.name);
    }
}

/// The nonce of an account before a block.
fn first_nonce(made: &MadeBlock, address: revm::primitives::Address) -> u64 {
    let info = revm::DatabaseRef::basic_ref(&*made.state, address).expect("the state is in memory");
    info.map_or(0, |info| info.nonce)
}
