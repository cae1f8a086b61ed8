//! Compiled contracts in nodes that are built on `alloy-evm`, such as reth.
//!
//! Such a node makes its EVMs with an [`EvmFactory`]. [`AotEvmFactory`] is one: put it where
//! [`EthEvmFactory`](alloy_evm::EthEvmFactory) stood, give it a source of code, and everything above it
//! (block executor, payload builder, RPC) runs frames natively where the source has code for them. Types of
//! transactions, errors, precompiles and environments are those of the stock factory.
//!
//! With an inspector every frame is interpreted by revm's own loop, so traces are exact; see
//! [`AotEthEvm`].
//!
//! What this crate does not do: find, verify or compile code. That is the source's; [`integration`] has it all, from
//! the compiler to the node.

#![forbid(unsafe_code)]

mod evm;
mod factory;
#[doc = include_str!("../../../docs/INTEGRATION.md")]
pub mod integration {}

#[doc(no_inline)]
pub use alloy_evm::EvmFactory;
pub use evm::AotEthEvm;
pub use factory::AotEvmFactory;
