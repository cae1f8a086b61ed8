//! Operations on the frame's instance: linear memories, globals, tables, references, the runtime.

use evmc_abi::{ExitCode, RuntimeFn};
use ruint::aliases::U256;

use crate::entities::Sig;
use crate::eval;
use crate::function::{Function, Imm, InstData};
use crate::opcode::Opcode;
use crate::types::Type;

use super::machine::{Flow, Interpreter, World};
use super::{Fault, Host, InstanceHost};

/// Whether an operation is about the instance.
pub(super) const fn is_about(opcode: Opcode) -> bool {
    use Opcode as Op;
    matches!(
        opcode,
        Op::LinLoad
            | Op::LinStore
            | Op::LinRead
            | Op::LinWrite
            | Op::LinFence
            | Op::MemorySize
            | Op::GlobalGet
            | Op::GlobalSet
            | Op::TableGet
            | Op::TableSet
            | Op::TableSize
            | Op::FuncImported
            | Op::FuncOwn
            | Op::FuncElement
            | Op::SlotGet
            | Op::SlotSet
            | Op::Runtime
            | Op::CallRef
            | Op::RetCallRef
    )
}

/// A value, or the code with which the operation ends the frame.
type Answer = Result<U256, ExitCode>;

impl Interpreter<'_> {
    /// Runs an operation that [`is_about`] the instance.
    pub(super) fn on_instance(
        &mut self,
        world: &mut World<'_, impl Host>,
        function: &Function,
        base: usize,
        data: &InstData,
    ) -> Result<Flow, Fault> {
        let instance = world.host.instance().ok_or(Fault::NoInstance)?;
        self.depart(base, &data.args);
        let answer = match data.imm {
            Imm::Linear { memory, offset } => match self.linear(instance, memory, offset, data) {
                Err(_) if matches!(data.opcode, Opcode::LinRead | Opcode::LinWrite) => {
                    let bytes = data.ty.unwrap_or(Type::I64).bytes();
                    return Err(Fault::Memory { offset: self.moving_u64(0).wrapping_add(offset), bytes });
                }
                answer => answer,
            },
            Imm::None => Ok(U256::ZERO),
            Imm::Index(index) => self.indexed(instance, index, data),
            Imm::Element { table, signature } => {
                look_up(instance, table, signature, self.moving_u64(0)).map(U256::from)
            }
            Imm::Runtime(called) => self.runtime(instance, called, &mut world.gas),
            _ => return Ok(self.call_reference(instance, &mut world.gas, base, data)),
        };
        Ok(match answer {
            Err(code) => Flow::Exit(code, None),
            Ok(bits) => {
                if let Some(&result) = data.results.first() {
                    self.set(base, result, eval::truncate(function.ty(result), bits));
                }
                Flow::Next
            }
        })
    }

    /// An operand as a number of 64 bits.
    fn moving_u64(&self, operand: usize) -> u64 {
        self.moving[operand].as_limbs()[0]
    }

    /// `lin.load` and `lin.store`, `lin.read` and `lin.write`.
    fn linear(&self, instance: &mut dyn InstanceHost, memory: u32, offset: u64, data: &InstData) -> Answer {
        let ty = data.ty.unwrap_or(Type::I64);
        let bytes = instance.linear(memory);
        let start = self.moving_u64(0).checked_add(offset).and_then(|start| usize::try_from(start).ok());
        let range = start.and_then(|start| Some(start..start.checked_add(ty.bytes() as usize)?));
        let place = range.and_then(|range| bytes.get_mut(range)).ok_or(ExitCode::MemoryOutOfBounds)?;
        if matches!(data.opcode, Opcode::LinLoad | Opcode::LinRead) {
            return Ok(U256::from_le_slice(place));
        }
        place.copy_from_slice(&self.moving[1].to_le_bytes::<32>()[..place.len()]);
        Ok(U256::ZERO)
    }

    /// Operations on something with a number.
    fn indexed(&self, instance: &mut dyn InstanceHost, index: u32, data: &InstData) -> Answer {
        match data.opcode {
            Opcode::MemorySize => {
                Ok(U256::from(instance.linear(index).len() as u64 / evmc_abi::wasm::PAGE_BYTES))
            }
            Opcode::GlobalGet => Ok(instance.global(index)),
            Opcode::GlobalSet => {
                instance.set_global(index, self.moving[0]);
                Ok(U256::ZERO)
            }
            Opcode::TableSize => Ok(U256::from(instance.table_len(index))),
            Opcode::FuncImported => Ok(U256::from(instance.imported(index))),
            Opcode::FuncOwn => Ok(U256::from(instance.own(index))),
            Opcode::SlotGet => Ok(U256::from(instance.slots()[index as usize])),
            Opcode::SlotSet => {
                let bits = eval::truncate(Type::I128, self.moving[0]);
                instance.slots()[index as usize] = bits.wrapping_to();
                Ok(U256::ZERO)
            }
            _ if self.moving_u64(0) >= instance.table_len(index) => Err(ExitCode::TableOutOfBounds),
            Opcode::TableGet => Ok(U256::from(instance.element(index, self.moving_u64(0)))),
            _ => {
                instance.set_element(index, self.moving_u64(0), self.moving_u64(1));
                Ok(U256::ZERO)
            }
        }
    }

    /// `runtime`.
    fn runtime(&self, instance: &mut dyn InstanceHost, called: RuntimeFn, gas: &mut u64) -> Answer {
        let mut args: Vec<u64> = self.moving.iter().map(|bits| bits.as_limbs()[0]).collect();
        args.resize(args.len().max(called.results()), 0);
        instance.runtime(called, &mut args, gas)?;
        Ok(U256::from(args.first().copied().unwrap_or_default()))
    }

    /// `call_ref` and `ret_call_ref`.
    fn call_reference(
        &mut self,
        instance: &mut dyn InstanceHost,
        gas: &mut u64,
        base: usize,
        data: &InstData,
    ) -> Flow {
        let reference = self.moving.remove(0).as_limbs()[0];
        let is_tail = data.opcode == Opcode::RetCallRef;
        if let Some(func) = instance.local(reference) {
            return if is_tail { Flow::Replace(func) } else { Flow::Call(func) };
        }
        match instance.call(reference, &mut self.moving, gas) {
            Err(trap) => Flow::Trap(trap),
            Ok(()) if is_tail => Flow::Return,
            Ok(()) => {
                self.arrive(base, &data.results);
                Flow::Next
            }
        }
    }
}

/// `func.element`.
fn look_up(instance: &dyn InstanceHost, table: u32, signature: Sig, index: u64) -> Result<u64, ExitCode> {
    if index >= instance.table_len(table) {
        return Err(ExitCode::UndefinedElement);
    }
    match instance.element(table, index) {
        0 => Err(ExitCode::UninitializedElement),
        reference if !instance.has_signature(reference, signature) => Err(ExitCode::IndirectCallTypeMismatch),
        reference => Ok(reference),
    }
}
