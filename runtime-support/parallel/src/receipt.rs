//! Receipts: what a transaction came to, as the header commits to it.

use alloy_primitives::{B256, Bloom, BloomInput, Log, keccak256};
use alloy_rlp::{BufMut, Encodable, Header};
use alloy_trie::root::ordered_trie_root_with_encoder;

/// What a transaction came to (EIP-658, from Byzantium on).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Type of the transaction (EIP-2718); 0 is a legacy one.
    pub tx_type: u8,
    /// Whether it succeeded.
    pub is_success: bool,
    /// Gas used by the transactions up to and with this one.
    pub cumulative_gas_used: u64,
    /// What it logged.
    pub logs: Vec<Log>,
}

impl Receipt {
    /// The filter of the logs' addresses and topics.
    pub fn bloom(&self) -> Bloom {
        let mut bloom = Bloom::ZERO;
        for log in &self.logs {
            bloom.accrue(BloomInput::Raw(log.address.as_slice()));
            for topic in log.data.topics() {
                bloom.accrue(BloomInput::Raw(topic.as_slice()));
            }
        }
        bloom
    }

    /// Appends the receipt as EIP-2718 encodes it: the type, unless it is a legacy one, and an RLP list.
    pub fn encode_2718(&self, out: &mut Vec<u8>) {
        if self.tx_type != 0 {
            out.push(self.tx_type);
        }
        let bloom = self.bloom();
        let logs: &[Log] = &self.logs;
        let payload_length = self.is_success.length()
            + self.cumulative_gas_used.length()
            + bloom.length()
            + alloy_rlp::list_length(logs);
        Header { list: true, payload_length }.encode(out);
        let out: &mut dyn BufMut = out;
        self.is_success.encode(out);
        self.cumulative_gas_used.encode(out);
        bloom.encode(out);
        alloy_rlp::encode_list(logs, out);
    }

    /// Keccak-256 of the encoded receipt.
    pub fn hash(&self) -> B256 {
        let mut bytes = Vec::new();
        self.encode_2718(&mut bytes);
        keccak256(bytes)
    }
}

/// The root of the trie over the receipts of a block.
pub fn receipts_root(receipts: &[Receipt]) -> B256 {
    ordered_trie_root_with_encoder(receipts, Receipt::encode_2718)
}

/// The filter over the logs of a block.
pub fn logs_bloom(receipts: &[Receipt]) -> Bloom {
    receipts.iter().fold(Bloom::ZERO, |all, receipt| all | receipt.bloom())
}
