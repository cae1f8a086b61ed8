//! Other contracts: calls, creations, and what comes back.

use super::Generator;
use crate::{
    asm,
    fuzz::{case::FIRST_CONTRACT, program::Item},
};

/// The last precompile that any fork has at a small address (EIP-2537).
const LAST_PRECOMPILE: u64 = 0x11;

/// Short initcodes: deploys nothing; reverts; deploys one byte of memory; writes a slot; halts; deploys code
/// that must not be (EIP-3541).
const INITCODES: &[&[u8]] = &[
    &[0x00],
    &[0x60, 0x00, 0x60, 0x00, 0xfd],
    &[0x60, 0x01, 0x60, 0x00, 0xf3],
    &[0x60, 0x07, 0x60, 0x01, 0x55, 0x00],
    &[0xfe],
    &[0x60, 0xef, 0x60, 0x00, 0x53, 0x60, 0x01, 0x60, 0x00, 0xf3],
];

impl Generator<'_> {
    /// Pushes an address: a contract of the case, a precompile, or any.
    pub(super) fn any_address(&mut self) {
        match self.rng.u8(..12) {
            0..6 => {
                let number = u64::from(FIRST_CONTRACT) + self.rng.u64(..4);
                self.push_number(number);
            }
            6..9 => {
                let number = self.rng.u64(..=LAST_PRECOMPILE);
                self.push_number(number);
            }
            9 => self.op("ADDRESS"),
            10 => self.op("CALLER"),
            _ => self.value(),
        }
    }

    /// Calls, and looks at what came back.
    pub(super) fn call_contract(&mut self) {
        let name =
            self.rng.choice(["CALL", "CALL", "CALLCODE", "DELEGATECALL", "STATICCALL"]).unwrap_or("CALL");
        self.range();
        self.range();
        if matches!(name, "CALL" | "CALLCODE") {
            match self.rng.u8(..8) {
                0 => self.value(),
                1 => self.push_number(1),
                _ => self.push_number(0),
            }
        }
        self.any_address();
        match self.rng.u8(..6) {
            0 => self.value(),
            1 => {
                let gas = self.rng.u64(..10_000);
                self.push_number(gas);
            }
            2 => self.push_number(100_000),
            _ => self.op("GAS"),
        }
        self.op(name);
        self.look_at_returndata();
    }

    /// Copies returndata, mostly as much as there is: more than that ends the frame (EIP-211).
    fn look_at_returndata(&mut self) {
        match self.rng.u8(..8) {
            0..2 => {
                self.op("RETURNDATASIZE");
                self.push_number(0);
                self.offset();
                self.op("RETURNDATACOPY");
            }
            2 => {
                let length = self.rng.u64(..40);
                self.push_number(length);
                self.push_number(0);
                self.offset();
                self.op("RETURNDATACOPY");
            }
            3 => self.op("RETURNDATASIZE"),
            _ => {}
        }
    }

    /// Creates a contract from a short initcode, from this very code, or from whatever memory has.
    pub(super) fn create(&mut self) {
        let salted = self.chance(50);
        if salted {
            self.value();
        }
        match self.rng.u8(..4) {
            0 => {
                self.op("CODESIZE");
                self.push_number(0);
                self.push_number(0);
                self.op("CODECOPY");
                self.op("CODESIZE");
                self.push_number(0);
            }
            1 => self.range(),
            _ => self.short_initcode(),
        }
        let value = u64::from(self.chance(15));
        self.push_number(value);
        self.op(if salted { "CREATE2" } else { "CREATE" });
        self.look_at_returndata();
    }

    /// Puts a short initcode at the end of memory word 0 and pushes its length and offset.
    fn short_initcode(&mut self) {
        let initcode = self.rng.choice(INITCODES).copied().unwrap_or(&[0]);
        self.push_bytes(initcode.to_vec());
        self.push_number(0);
        self.op("MSTORE");
        self.push_number(initcode.len() as u64);
        self.push_number(32 - initcode.len() as u64);
    }

    /// Ends the frame.
    pub(super) fn end(&mut self) {
        match self.rng.u8(..16) {
            0..6 => {
                self.range();
                self.op("RETURN");
            }
            6..9 => {
                self.range();
                self.op("REVERT");
            }
            9..12 => self.op("STOP"),
            12 => {
                self.any_address();
                self.op("SELFDESTRUCT");
            }
            13 => self.items.push(Item::Bytes(vec![asm::opcode("INVALID")])),
            14 => self.items.push(Item::Bytes(vec![0x0c])),
            // The end of the code or whatever comes next.
            _ => {}
        }
    }
}
