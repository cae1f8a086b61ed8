//! Blocks in which transactions depend on each other in every way that is hard.

use super::MadeBlock;

/// All of them.
pub fn all() -> Vec<MadeBlock> {
    Vec::new()
}
