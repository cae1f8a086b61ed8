//! Frontends, passes and the compilation driver.

#![forbid(unsafe_code)]

pub mod analysis;
pub mod driver;
pub mod frontend;
pub mod link;
pub mod passes;
pub mod pipeline;
pub mod rules;
