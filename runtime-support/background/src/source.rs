//! A store as EVMs see it that have their interpreted gas counted.

use std::sync::Arc;

use evmc_revm::{CodeSource, FrameCode};
use revm::{
    bytecode::Bytecode,
    primitives::{B256, hardfork::SpecId},
};

use crate::compiler::Shared;

/// The store's code; what is interpreted is reported to the compiler.
pub(crate) struct Watched(pub(crate) Arc<Shared>);

impl CodeSource for Watched {
    fn lookup(
        &self,
        code_hash: B256,
        code: &Bytecode,
        spec: SpecId,
        is_initcode: bool,
    ) -> Option<Arc<dyn FrameCode>> {
        self.0.codes.lookup(code_hash, code, spec, is_initcode)
    }

    fn epoch(&self) -> u64 {
        self.0.codes.epoch()
    }

    fn absence_lasts(&self) -> bool {
        self.0.codes.absence_lasts()
    }

    fn serves_initcode(&self) -> bool {
        self.0.codes.serves_initcode()
    }

    fn counts_gas(&self) -> bool {
        true
    }

    fn interpreted(&self, code_hash: B256, code: &Bytecode, spec: SpecId, gas: u64) {
        self.0.interpreted(code_hash, code, spec, gas);
    }

    fn quarantine(&self, code_hash: B256, spec: SpecId, reason: &str) {
        self.0.codes.quarantine(code_hash, spec, reason);
    }
}
