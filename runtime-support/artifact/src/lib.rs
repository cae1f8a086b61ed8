//! runtime-support/artifact
