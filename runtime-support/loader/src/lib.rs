//! runtime-support/loader
