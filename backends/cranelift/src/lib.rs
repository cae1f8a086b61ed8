//! backends/cranelift
