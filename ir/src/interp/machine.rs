//! The state of a run, and what each instruction does to it.

use std::collections::HashMap;

use cranelift_entity::EntityRef;
use evmc_abi::frame::STACK_WORDS;
use evmc_abi::{ExitCode, Field, HostFn};
use ruint::aliases::U256;

use crate::entities::{Block, Func, Inst, Stretch, Value};
use crate::eval::{self, eval_inst};
use crate::function::{BlockCall, Function, Imm, InstData, Module};
use crate::opcode::Opcode;
use crate::types::Type;

use super::{Completion, Fault, Host, Outcome, Trap, instance};

/// Most values of all active calls together: 256 MiB.
pub(super) const MAX_VALUES: usize = 1 << 23;

/// Runs a module; keeps its buffers from run to run.
#[derive(Clone, Debug)]
pub struct Interpreter<'m> {
    module: &'m Module,
    /// Values of the active calls, each call's from its base on.
    values: Vec<U256>,
    /// The frame's memory stack.
    stack: Vec<U256>,
    callers: Vec<Activation<'m>>,
    /// Values on their way to parameters or results.
    pub(super) moving: Vec<U256>,
    /// Cases of the long switches met so far: value to index.
    switches: HashMap<(Func, Inst), HashMap<U256, usize>>,
}

/// Most cases of a `switch` that are searched one by one.
const SHORT_SWITCH: usize = 8;

/// A function being run.
#[derive(Clone, Copy, Debug)]
struct Activation<'m> {
    func: Func,
    function: &'m Function,
    /// Instructions of the current block.
    insts: &'m [Inst],
    /// Index of the next of them.
    next: usize,
    /// Where the call's values begin.
    base: usize,
}

/// What comes after an instruction.
pub(super) enum Flow {
    Next,
    Jump,
    Call(Func),
    Return,
    Exit(ExitCode, Option<(Stretch, u32)>),
    /// As [`Flow::Call`], in the place of the function.
    Replace(Func),
    /// The end of the frame by a function of another instance.
    Trap(Trap),
}

impl Flow {
    /// The flow behind a host function.
    fn after(result: Result<(), ExitCode>) -> Self {
        result.map_or_else(|code| Self::Exit(code, None), |()| Self::Next)
    }
}

/// The world and the counter of a run.
pub(super) struct World<'h, H> {
    pub(super) host: &'h mut H,
    pub(super) gas: u64,
}

impl<'m> Interpreter<'m> {
    /// An interpreter for a verified module.
    pub fn new(module: &'m Module) -> Self {
        let items = if module.uses_memory_stack { STACK_WORDS } else { 0 };
        Self {
            module,
            values: Vec::new(),
            stack: vec![U256::ZERO; items],
            callers: Vec::new(),
            moving: Vec::new(),
            switches: HashMap::new(),
        }
    }

    /// Runs the entry; see [`super::run`].
    ///
    /// # Errors
    /// As there.
    pub fn run(&mut self, host: &mut impl Host, gas: u64, fuel: u64) -> Result<Outcome, Fault> {
        let entry = self.module.entry.ok_or(Fault::NoEntry)?;
        match self.call(entry, &[], host, gas, fuel)? {
            Completion::Exited(outcome) => Ok(outcome),
            Completion::Returned { gas, .. } => {
                Ok(Outcome { code: ExitCode::Unreachable, gas, failed: None, source: 0 })
            }
        }
    }

    /// Calls one function; see [`super::call`].
    ///
    /// # Errors
    /// As there.
    pub fn call(
        &mut self,
        func: Func,
        args: &[U256],
        host: &mut impl Host,
        gas: u64,
        mut fuel: u64,
    ) -> Result<Completion, Fault> {
        let function = self.module.functions.get(func).ok_or(Fault::Arguments)?;
        if function.param_types().count() != args.len() {
            return Err(Fault::Arguments);
        }
        self.callers.clear();
        self.moving.clear();
        self.moving.extend(function.param_types().zip(args).map(|(ty, &arg)| eval::truncate(ty, arg)));
        let mut world = World { host, gas };
        let mut active = self.enter(func, 0)?;
        loop {
            let inst = active.insts[active.next];
            active.next += 1;
            fuel = fuel.checked_sub(1).ok_or(Fault::OutOfFuel)?;
            match self.step(&mut world, &mut active, inst)? {
                Flow::Next | Flow::Jump => {}
                Flow::Call(callee) => {
                    let base = active.base + active.function.values.len();
                    self.callers.push(active);
                    active = self.enter(callee, base)?;
                }
                Flow::Replace(callee) => active = self.enter(callee, active.base)?,
                Flow::Return => match self.callers.pop() {
                    Some(caller) => {
                        active = caller;
                        let call = active.insts[active.next - 1];
                        self.arrive(active.base, &active.function.insts[call].results);
                    }
                    None => {
                        let results = std::mem::take(&mut self.moving);
                        return Ok(Completion::Returned { results, gas: world.gas });
                    }
                },
                Flow::Exit(code, failed) => {
                    let source = active.function.sources[inst];
                    return Ok(Completion::Exited(Outcome { code, gas: world.gas, failed, source }));
                }
                Flow::Trap(Trap { code, source }) => {
                    let outcome = Outcome { code, gas: world.gas, failed: None, source };
                    return Ok(Completion::Exited(outcome));
                }
            }
        }
    }

    /// Starts a function whose arguments are moving.
    fn enter(&mut self, func: Func, base: usize) -> Result<Activation<'m>, Fault> {
        let function = &self.module.functions[func];
        let end = base + function.values.len();
        if end > MAX_VALUES {
            return Err(Fault::TooDeep);
        }
        // Values of earlier calls stay behind: SSA never reads what was not written.
        self.values.resize(self.values.len().max(end), U256::ZERO);
        let entry = function.entry().unwrap_or(Block::new(0));
        self.arrive(base, &function.blocks[entry].params);
        Ok(Activation { func, function, insts: &function.blocks[entry].insts, next: 0, base })
    }

    pub(super) fn get(&self, base: usize, value: Value) -> U256 {
        self.values[base + value.index()]
    }

    fn get_u64(&self, base: usize, value: Value) -> u64 {
        self.get(base, value).as_limbs()[0]
    }

    pub(super) fn set(&mut self, base: usize, value: Value, bits: U256) {
        self.values[base + value.index()] = bits;
    }

    /// Puts values on the way; all are read before any is written.
    pub(super) fn depart(&mut self, base: usize, values: &[Value]) {
        self.moving.clear();
        self.moving.extend(values.iter().map(|&value| self.values[base + value.index()]));
    }

    /// Takes values off the way.
    pub(super) fn arrive(&mut self, base: usize, values: &[Value]) {
        for (&value, &bits) in values.iter().zip(&self.moving) {
            self.values[base + value.index()] = bits;
        }
    }

    /// Runs one instruction.
    fn step(
        &mut self,
        world: &mut World<'_, impl Host>,
        active: &mut Activation<'m>,
        inst: Inst,
    ) -> Result<Flow, Fault> {
        let data = &active.function.insts[inst];
        let base = active.base;
        match data.opcode {
            Opcode::MemLoad | Opcode::MemStore => return self.access(world.host, base, data),
            Opcode::StackLoad | Opcode::StackStore => return self.access_stack(base, data),
            Opcode::MemEnsure | Opcode::CalldataLoad | Opcode::FrameGet | Opcode::Host => {
                return Ok(self.ask_host(world, base, data));
            }
            Opcode::GasCharge
            | Opcode::GasChargeAt
            | Opcode::GasChargeDyn
            | Opcode::GasCredit
            | Opcode::GasRemaining
            | Opcode::GasPay
            | Opcode::GasCheck
            | Opcode::DepthCheck
            | Opcode::StackCheck
            | Opcode::ExitIf
            | Opcode::Exit
            | Opcode::Unreachable => return Ok(self.check(&mut world.gas, base, data)),
            opcode if instance::is_about(opcode) => {
                return self.on_instance(world, active.function, base, data);
            }
            Opcode::Jump | Opcode::Branch | Opcode::Switch | Opcode::Ret | Opcode::Call | Opcode::RetCall => {
                return Ok(self.control(active, inst, data));
            }
            _ => self.pure(active.function, base, data),
        }
        Ok(Flow::Next)
    }

    /// Constants and everything that [`eval_inst`] knows.
    fn pure(&mut self, function: &Function, base: usize, data: &InstData) {
        if let Imm::Constant(constant) = data.imm {
            self.set(base, data.results[0], function.constants[constant]);
            return;
        }
        let mut args = [U256::ZERO; 3];
        for (place, &arg) in args.iter_mut().zip(&data.args) {
            *place = self.get(base, arg);
        }
        let from = function.ty(data.args[0]);
        let results = eval_inst(data, from, &args[..data.args.len()]);
        for (&value, bits) in data.results.iter().zip(results.into_iter().flatten()) {
            self.set(base, value, bits);
        }
    }

    /// `mem.load` and `mem.store`; `i1` takes a byte of which the low bit counts.
    fn access(&mut self, host: &mut impl Host, base: usize, data: &InstData) -> Result<Flow, Fault> {
        let ty = data.ty.unwrap_or(Type::I256);
        let offset = self.get_u64(base, data.args[0]);
        let bytes = ty.bytes();
        let fault = Fault::Memory { offset, bytes };
        let start = usize::try_from(offset).map_err(|_| fault)?;
        let range = start..start.checked_add(bytes as usize).ok_or(fault)?;
        if data.opcode == Opcode::MemLoad {
            let bits = U256::from_le_slice(host.memory().get(range).ok_or(fault)?);
            self.set(base, data.results[0], eval::truncate(ty, bits));
        } else {
            let value = self.get(base, data.args[1]).to_le_bytes::<32>();
            let place = host.memory_mut().get_mut(range).ok_or(fault)?;
            place.copy_from_slice(&value[..bytes as usize]);
        }
        Ok(Flow::Next)
    }

    fn access_stack(&mut self, base: usize, data: &InstData) -> Result<Flow, Fault> {
        let Imm::Offset(offset) = data.imm else { return Ok(Flow::Next) };
        let height = self.get_u64(base, data.args[0]);
        let item = height.checked_add_signed(offset.into()).and_then(|item| usize::try_from(item).ok());
        let Some(item) = item.filter(|&item| item < self.stack.len()) else {
            return Err(Fault::Stack { height, offset });
        };
        if data.opcode == Opcode::StackLoad {
            self.set(base, data.results[0], self.stack[item]);
        } else {
            self.stack[item] = self.get(base, data.args[1]);
        }
        Ok(Flow::Next)
    }

    /// Everything that the host answers.
    fn ask_host(&mut self, world: &mut World<'_, impl Host>, base: usize, data: &InstData) -> Flow {
        match data.imm {
            Imm::Field(field) => {
                let bits = match field {
                    Field::MemoryLen => U256::from(world.host.memory().len()),
                    field => world.host.field(field),
                };
                self.set(base, data.results[0], bits);
                Flow::Next
            }
            Imm::Host(function) => self.call_host(world, base, function, data),
            _ if data.opcode == Opcode::CalldataLoad => {
                self.call_host(world, base, HostFn::CalldataLoad, data)
            }
            _ if self.get(base, data.args[0]) <= U256::from(world.host.memory().len()) => Flow::Next,
            _ => self.call_host(world, base, HostFn::MemoryGrow, data),
        }
    }

    fn call_host(
        &mut self,
        world: &mut World<'_, impl Host>,
        base: usize,
        function: HostFn,
        data: &InstData,
    ) -> Flow {
        self.depart(base, &data.args);
        self.moving.resize(function.words(), U256::ZERO);
        let result = world.host.call(function, &mut self.moving, &mut world.gas);
        self.arrive(base, &data.results);
        Flow::after(result)
    }

    /// Gas, checks and exits.
    fn check(&mut self, gas: &mut u64, base: usize, data: &InstData) -> Flow {
        let operand = |i: usize| self.get_u64(base, data.args[i]);
        let height = |i: usize| operand(i).min(u32::MAX.into()) as u32;
        let (amount, failure) = match (data.opcode, &data.imm) {
            (Opcode::GasCharge, Imm::Charge { gas, .. }) => (*gas, Flow::Exit(ExitCode::OutOfGas, None)),
            (Opcode::GasChargeAt, Imm::Charge { gas, stretch }) => {
                (*gas, Flow::Exit(ExitCode::Stretch, Some((*stretch, height(0)))))
            }
            (Opcode::GasChargeDyn, _) => (operand(0), Flow::Exit(ExitCode::OutOfGas, None)),
            (Opcode::GasCredit, _) => {
                *gas = gas.wrapping_add(operand(0));
                return Flow::Next;
            }
            (Opcode::GasPay, Imm::Amount(amount)) => {
                *gas = gas.wrapping_sub(*amount);
                return Flow::Next;
            }
            (Opcode::GasCheck | Opcode::DepthCheck, _) if self.is_metered() && (*gas as i64) < 0 => {
                return Flow::Exit(ExitCode::OutOfGas, None);
            }
            (Opcode::DepthCheck, _) if (operand(0) as i64) < 0 => {
                return Flow::Exit(ExitCode::CallStackExhausted, None);
            }
            (Opcode::GasCheck | Opcode::DepthCheck, _) => return Flow::Next,
            (Opcode::GasRemaining, _) => {
                self.set(base, data.results[0], U256::from(*gas));
                return Flow::Next;
            }
            (Opcode::StackCheck, Imm::Stretch(stretch)) => {
                let holds = (operand(1)..=operand(2)).contains(&operand(0));
                let failure = Flow::Exit(ExitCode::Stretch, Some((*stretch, height(0))));
                return if holds { Flow::Next } else { failure };
            }
            (Opcode::ExitIf, _) if operand(0) == 0 => return Flow::Next,
            (_, Imm::Exit(code)) => {
                if *code == ExitCode::OutOfGas {
                    *gas = 0;
                }
                return Flow::Exit(*code, None);
            }
            _ => return Flow::Exit(ExitCode::Unreachable, None),
        };
        match gas.checked_sub(amount) {
            Some(left) => {
                *gas = left;
                Flow::Next
            }
            None => {
                if matches!(failure, Flow::Exit(ExitCode::OutOfGas, _)) {
                    *gas = 0;
                }
                failure
            }
        }
    }

    /// Whether the module counts gas; those of the EVM do.
    fn is_metered(&self) -> bool {
        self.module.instance.as_ref().is_none_or(|instance| instance.metered)
    }

    /// Targets, calls and returns.
    fn control(&mut self, active: &mut Activation<'m>, inst: Inst, data: &'m InstData) -> Flow {
        let base = active.base;
        match &data.imm {
            Imm::Jump(target) => self.go(active, target),
            Imm::Branch(targets) => {
                let taken = self.get(base, data.args[0]).is_zero();
                self.go(active, &targets[usize::from(taken)]);
            }
            Imm::Switch(table) => {
                let bits = self.get(base, data.args[0]);
                let case = self.case((active.func, inst), &table.cases, bits);
                self.go(active, case.map_or(&table.default, |index| &table.cases[index].1));
            }
            Imm::Function(callee) => {
                self.depart(base, &data.args);
                return match data.opcode {
                    Opcode::RetCall => Flow::Replace(*callee),
                    _ => Flow::Call(*callee),
                };
            }
            _ => {
                self.depart(base, &data.args);
                return Flow::Return;
            }
        }
        Flow::Jump
    }

    /// Index of the case for `bits`.
    fn case(&mut self, place: (Func, Inst), cases: &[(U256, BlockCall)], bits: U256) -> Option<usize> {
        if cases.len() <= SHORT_SWITCH {
            return cases.iter().position(|(case, _)| *case == bits);
        }
        let index = self
            .switches
            .entry(place)
            .or_insert_with(|| cases.iter().enumerate().map(|(index, (case, _))| (*case, index)).collect());
        index.get(&bits).copied()
    }

    fn go(&mut self, active: &mut Activation<'m>, target: &BlockCall) {
        self.depart(active.base, &target.args);
        let block = &active.function.blocks[target.block];
        self.arrive(active.base, &block.params);
        active.insts = &block.insts;
        active.next = 0;
    }
}
