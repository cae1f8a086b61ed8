//! backends/api
