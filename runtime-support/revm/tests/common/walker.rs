//! A stand-in for a compiler: code that walks the bytecode through the safe view of a frame.
//!
//! It does itself what compiled code does itself (stack, arithmetic, memory access, jumps, static
//! gas), and everything else by host functions. Each operation is a stretch of its own, so failed
//! static checks take the same way out as those of compiled code.

use std::sync::Arc;

use evmc_abi::{ExitCode, HostFn, OpRow, StretchRange, Word};
use evmc_revm::{CodeSource, FrameCode, HostView};
use revm::{
    bytecode::{Bytecode, opcode as op},
    context_interface::cfg::GasParams,
    interpreter::instructions::gas_table_spec,
    primitives::{B256, U256, hardfork::SpecId},
};

/// Walks every bytecode, on `native_stack_bytes` of pretended native stack.
pub struct Walkers {
    pub native_stack_bytes: usize,
}

impl CodeSource for Walkers {
    fn lookup(&self, _: B256, code: &Bytecode, spec: SpecId, _: bool) -> Option<Arc<dyn FrameCode>> {
        Some(Arc::new(Walker {
            rows: rows(spec),
            jumps: jump_destinations(code.original_byte_slice()),
            gas_params: GasParams::new_spec(spec),
            spec,
            native_stack_bytes: self.native_stack_bytes,
        }))
    }
}

struct Walker {
    rows: [OpRow; 256],
    jumps: Vec<bool>,
    gas_params: GasParams,
    spec: SpecId,
    native_stack_bytes: usize,
}

/// What an operation leads to.
type Next = Result<usize, ExitCode>;

impl FrameCode for Walker {
    fn run(&self, view: &mut HostView<'_>) -> ExitCode {
        let (mut pc, mut height) = (0, 0);
        loop {
            match self.step(view, pc, &mut height) {
                Ok(next) => pc = next,
                Err(exit) => return exit,
            }
        }
    }

    fn uses_memory_stack(&self) -> bool {
        true
    }

    fn native_stack_bytes(&self) -> usize {
        self.native_stack_bytes
    }

    fn op_rows(&self) -> &[OpRow; 256] {
        &self.rows
    }

    fn stretch(&self, number: u32) -> Option<StretchRange> {
        Some(StretchRange { start: number, end: number + 1 })
    }
}

impl Walker {
    fn step(&self, view: &mut HostView<'_>, pc: usize, height: &mut usize) -> Next {
        let Some(&opcode) = view.code().get(pc) else {
            return Err(ExitCode::Stop);
        };
        let row = self.rows[opcode as usize];
        let failed = |view: &mut HostView<'_>| {
            view.set_failed_stretch(pc as u32, *height as u32);
            Err(ExitCode::Stretch)
        };
        let Some(gas) = view.gas().checked_sub(row.static_gas.into()) else {
            return failed(view);
        };
        self.check_known(opcode)?;
        if matches!(opcode, op::DUPN | op::SWAPN | op::EXCHANGE) {
            view.set_gas(gas);
            return move_deep(view, pc, opcode, height);
        }
        let (inputs, outputs) = (usize::from(row.inputs), usize::from(row.outputs));
        if *height < inputs || *height - inputs + outputs > 1024 {
            return failed(view);
        }
        view.set_gas(gas);
        // A log looks for its topics last: it may fail for another reason before it misses one.
        let inputs = inputs + topics(opcode);
        let present = inputs.min(*height);
        let mut words = [Word::default(); 17];
        let stack = view.stack_mut().expect("asked for");
        for (i, word) in words[..present].iter_mut().enumerate() {
            *word = stack[*height - 1 - i];
        }
        let next = self.operate(view, pc, opcode, &mut words)?;
        if present < inputs {
            return Err(ExitCode::StackUnderflow);
        }
        *height = *height - inputs + outputs;
        let stack = view.stack_mut().expect("asked for");
        for (i, word) in words[..outputs].iter().enumerate() {
            stack[*height - 1 - i] = *word;
        }
        Ok(next)
    }

    fn check_known(&self, opcode: u8) -> Result<(), ExitCode> {
        let since = match opcode {
            op::INVALID => return Err(ExitCode::InvalidOpcode),
            op::DELEGATECALL => SpecId::HOMESTEAD,
            op::STATICCALL | op::REVERT => SpecId::BYZANTIUM,
            op::RETURNDATASIZE | op::RETURNDATACOPY => SpecId::BYZANTIUM,
            op::SHL | op::SHR | op::SAR | op::EXTCODEHASH => SpecId::PETERSBURG,
            op::PUSH0 => SpecId::SHANGHAI,
            op::TLOAD | op::TSTORE | op::MCOPY | op::BLOBHASH => SpecId::CANCUN,
            op::CLZ => SpecId::OSAKA,
            op::DUPN | op::SWAPN | op::EXCHANGE => SpecId::AMSTERDAM,
            _ if op::OPCODE_INFO[opcode as usize].is_none() => {
                return Err(ExitCode::OpcodeNotFound);
            }
            _ => return Ok(()),
        };
        if self.spec.is_enabled_in(since) { Ok(()) } else { Err(ExitCode::NotActivated) }
    }

    fn operate(&self, view: &mut HostView<'_>, pc: usize, opcode: u8, words: &mut [Word]) -> Next {
        match opcode {
            op::STOP => return Err(ExitCode::Stop),
            op::JUMP => return self.jump(words[0]),
            op::JUMPI if words[1] != Word::default() => return self.jump(words[0]),
            op::PUSH0..=op::PUSH32 => {
                let mut bytes = [0; 32];
                let len = usize::from(opcode - op::PUSH0);
                for i in 0..len {
                    bytes[32 - len + i] = view.code().get(pc + 1 + i).copied().unwrap_or(0);
                }
                words[0] = word(U256::from_be_bytes(bytes));
                return Ok(pc + 1 + len);
            }
            op::DUP1..=op::DUP16 => {
                let n = usize::from(opcode - op::DUP1);
                words.copy_within(0..=n, 1);
                words[0] = words[n + 1];
            }
            op::SWAP1..=op::SWAP16 => words.swap(0, usize::from(opcode - op::SWAP1) + 1),
            op::PC => words[0] = Word::from_u64(pc as u64),
            op::MLOAD | op::MSTORE | op::MSTORE8 => access(view, opcode, words)?,
            op::EXP => {
                let cost = self.gas_params.exp_cost(number(words[1]));
                let left = view.gas().checked_sub(cost).ok_or(ExitCode::OutOfGas)?;
                view.set_gas(left);
                view.call(HostFn::Exp, words)?;
            }
            _ if pure(view, opcode, words) => {}
            _ => view.call(host_function(opcode), words)?,
        }
        Ok(pc + 1)
    }

    fn jump(&self, target: Word) -> Next {
        let target = usize::try_from(number(target)).unwrap_or(usize::MAX);
        match self.jumps.get(target) {
            Some(true) => Ok(target),
            _ => Err(ExitCode::InvalidJump),
        }
    }
}

/// How many topics the operation logs.
fn topics(opcode: u8) -> usize {
    if (op::LOG0..=op::LOG4).contains(&opcode) { usize::from(opcode - op::LOG0) } else { 0 }
}

/// `DUPN`, `SWAPN` and `EXCHANGE` (EIP-8024), whose stack needs are in the immediate operand.
fn move_deep(view: &mut HostView<'_>, pc: usize, opcode: u8, height: &mut usize) -> Next {
    let x = usize::from(view.code().get(pc + 1).copied().unwrap_or(0));
    let (q, r) = ((x ^ 143) / 16, (x ^ 143) % 16);
    let (n, m, invalid) = match opcode {
        op::EXCHANGE if q < r => (q + 1, r + 1, 82..128),
        op::EXCHANGE => (r + 1, 29 - q, 82..128),
        _ => (0, (x + 145) % 256, 91..128),
    };
    if invalid.contains(&x) {
        return Err(ExitCode::InvalidImmediate);
    }
    let stack = view.stack_mut().expect("asked for");
    if opcode == op::DUPN {
        if *height < m || *height == 1024 {
            return Err(ExitCode::StackOverflow);
        }
        stack[*height] = stack[*height - m];
        *height += 1;
    } else {
        if *height <= m {
            return Err(ExitCode::StackUnderflow);
        }
        stack.swap(*height - 1 - n, *height - 1 - m);
    }
    Ok(pc + 2)
}

/// Memory access with its growth.
fn access(view: &mut HostView<'_>, opcode: u8, words: &mut [Word]) -> Result<(), ExitCode> {
    let [start, high @ ..] = words[0].0;
    if high != [0; 3] {
        return Err(ExitCode::InvalidOperand);
    }
    let len = if opcode == op::MSTORE8 { 1 } else { 32 };
    let end = start.saturating_add(len);
    if end > view.memory().len() as u64 {
        view.call(HostFn::MemoryGrow, &mut [Word::from_u64(end)])?;
    }
    let range = start as usize..end as usize;
    match opcode {
        op::MLOAD => words[0] = word(U256::from_be_slice(&view.memory()[range])),
        op::MSTORE => {
            view.memory_mut()[range].copy_from_slice(&number(words[1]).to_be_bytes::<32>());
        }
        _ => view.memory_mut()[range].fill(words[1].0[0] as u8),
    }
    Ok(())
}

/// Operations that need no host; says whether `opcode` is one.
fn pure(view: &HostView<'_>, opcode: u8, words: &mut [Word]) -> bool {
    let (a, b) = (number(words[0]), number(words[1]));
    let shift = usize::try_from(a).unwrap_or(usize::MAX);
    let frame = view.fields();
    words[0] = word(match opcode {
        op::POP | op::JUMPDEST | op::JUMPI => return true,
        op::ADD => a.wrapping_add(b),
        op::SUB => a.wrapping_sub(b),
        op::MUL => a.wrapping_mul(b),
        op::LT => U256::from(a < b),
        op::GT => U256::from(a > b),
        op::SLT => U256::from(ordered(a) < ordered(b)),
        op::SGT => U256::from(ordered(a) > ordered(b)),
        op::EQ => U256::from(a == b),
        op::ISZERO => U256::from(a.is_zero()),
        op::AND => a & b,
        op::OR => a | b,
        op::XOR => a ^ b,
        op::NOT => !a,
        op::BYTE if shift < 32 => U256::from(b.byte(31 - shift)),
        op::BYTE => U256::ZERO,
        op::SHL => b.checked_shl(shift).unwrap_or_else(|| b.wrapping_shl(shift.min(256))),
        op::SHR => b.wrapping_shr(shift.min(256)),
        op::SAR => b.arithmetic_shr(shift.min(256)),
        op::CLZ => U256::from(a.leading_zeros()),
        op::SIGNEXTEND if shift < 31 => {
            let unused = 248 - 8 * shift;
            (b << unused).arithmetic_shr(unused)
        }
        op::SIGNEXTEND => b,
        op::ADDRESS => number(frame.address),
        op::CALLER => number(frame.caller),
        op::CALLVALUE => number(frame.callvalue),
        op::CALLDATASIZE => U256::from(frame.calldata_len),
        op::CODESIZE => U256::from(frame.code_len),
        op::RETURNDATASIZE => U256::from(frame.returndata_len),
        op::MSIZE => U256::from(frame.memory_len),
        op::GAS => U256::from(frame.gas),
        _ => return false,
    });
    true
}

/// Orders words as two's complement.
fn ordered(a: U256) -> U256 {
    a ^ (U256::ONE << 255)
}

fn number(word: Word) -> U256 {
    U256::from_limbs(word.0)
}

fn word(value: U256) -> Word {
    Word(value.into_limbs())
}

/// The host function of an operation that has one, found by name.
fn host_function(opcode: u8) -> HostFn {
    let name = match opcode {
        op::DIV => "udiv",
        op::MOD => "urem",
        op::SMOD => "srem",
        op::MCOPY => "memory_copy",
        op::DIFFICULTY => "prevrandao",
        op::RETURN => "return_data",
        _ => &op::OPCODE_INFO[opcode as usize].expect("known").name().to_lowercase(),
    };
    let plain = |name: &str| name.replace('_', "");
    let function = HostFn::ALL.iter().find(|f| plain(f.name()) == plain(name));
    *function.unwrap_or_else(|| panic!("no host function {name}"))
}

fn jump_destinations(code: &[u8]) -> Vec<bool> {
    let mut valid = vec![false; code.len()];
    let mut pc = 0;
    while pc < code.len() {
        valid[pc] = code[pc] == op::JUMPDEST;
        let immediate = code[pc].checked_sub(op::PUSH0).filter(|n| *n <= 32);
        pc += 1 + usize::from(immediate.unwrap_or(0));
    }
    valid
}

fn rows(spec: SpecId) -> [OpRow; 256] {
    let gas = gas_table_spec(spec);
    std::array::from_fn(|opcode| {
        let mut row = OpRow { static_gas: gas[opcode], ..OpRow::default() };
        let Some(info) = op::OPCODE_INFO[opcode] else {
            return row;
        };
        (row.inputs, row.outputs) = (info.inputs(), info.outputs());
        row.inputs -= topics(opcode as u8) as u8;
        row.immediate = info.immediate_size();
        row.flags = match opcode as u8 {
            op::DUP1..=op::DUP16 => OpRow::UNDERFLOW_IS_OVERFLOW,
            op::SSTORE | op::TSTORE | op::CREATE | op::CREATE2 | op::SELFDESTRUCT => OpRow::REFUSES_STATIC,
            op::LOG0..=op::LOG4 => OpRow::REFUSES_STATIC,
            _ => 0,
        };
        row
    })
}
