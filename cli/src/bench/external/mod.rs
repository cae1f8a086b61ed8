//! Engines that are other programs.

use thiserror::Error;

/// Why an external engine cannot be talked to any more.
#[derive(Debug, Error)]
pub enum ExternalError {}
