//! The copy of a loop without checks.

use std::collections::HashMap;

use evmc_ir::{BlockCall, Function, Imm, Inst, InstData, Opcode, Type, Value, ValueData, ValueDef};
use ruint::aliases::U256;
use smallvec::SmallVec;

use super::recognise::Loop;
use super::{Blocks, add_param, push, push_value};

/// Fills the copy and the block behind it, which hands on what is used outside.
pub(super) fn emit(function: &mut Function, a_loop: &Loop, blocks: Blocks, outside: &[Value]) {
    let mut copies: HashMap<Value, Value> = HashMap::new();
    for param in function.blocks[a_loop.block].params.clone() {
        let ty = function.ty(param);
        copies.insert(param, add_param(function, blocks.fast, ty));
    }
    let places: Vec<Value> =
        a_loop.groups.iter().map(|_| add_param(function, blocks.fast, Type::I64)).collect();
    let mut copy = Copy { function, a_loop, blocks, copies, places };
    for inst in copy.function.blocks[a_loop.block].insts.clone() {
        copy.inst(inst);
    }
    let args: Vec<Value> = outside.iter().map(|&value| copy.of(value)).collect();
    if !a_loop.groups.is_empty() {
        push(function, blocks.fence, Opcode::LinFence, &[], Imm::None);
    }
    push(function, blocks.fence, Opcode::Jump, &[], Imm::Jump(BlockCall::new(blocks.join, &args)));
}

struct Copy<'a> {
    function: &'a mut Function,
    a_loop: &'a Loop,
    blocks: Blocks,
    /// What values of the loop are in the copy.
    copies: HashMap<Value, Value>,
    /// Where the groups of accesses are.
    places: Vec<Value>,
}

impl Copy<'_> {
    /// What a value is in the copy.
    fn of(&self, value: Value) -> Value {
        self.copies.get(&value).copied().unwrap_or(value)
    }

    /// Copies an instruction, if the copy has it.
    fn inst(&mut self, inst: Inst) {
        let data = self.function.insts[inst].clone();
        match data.opcode {
            Opcode::GasPay | Opcode::GasCheck => {}
            Opcode::Branch => self.branch(data),
            _ => {
                let mut args = data.args.iter().map(|&arg| self.of(arg)).collect::<SmallVec<[Value; 4]>>();
                let (mut opcode, mut imm, mut source) =
                    (data.opcode, data.imm.clone(), self.function.sources[inst]);
                if let (Some(&(group, place)), Imm::Linear { memory, .. }) =
                    (self.a_loop.places.get(&inst), &data.imm)
                {
                    opcode = if opcode == Opcode::LinLoad { Opcode::LinRead } else { Opcode::LinWrite };
                    args[0] = self.places[group];
                    imm = Imm::Linear { memory: *memory, offset: place };
                    source = 0;
                }
                let copy =
                    self.push(InstData { opcode, args, imm, results: SmallVec::new(), ..data.clone() });
                if source > 0 {
                    self.function.sources[copy] = source;
                }
                self.results(&data, copy);
            }
        }
    }

    fn push(&mut self, data: InstData) -> Inst {
        let inst = self.function.insts.push(data);
        self.function.blocks[self.blocks.fast].insts.push(inst);
        inst
    }

    fn results(&mut self, data: &InstData, copy: Inst) {
        for (number, &result) in data.results.iter().enumerate() {
            let ty = self.function.ty(result);
            let def = ValueDef::Result(copy, number as u32);
            let value = self.function.values.push(ValueData { ty, def });
            self.function.insts[copy].results.push(value);
            self.copies.insert(result, value);
        }
    }

    /// The end of a turn: the addresses of the groups go on too.
    fn branch(&mut self, data: InstData) {
        let next: Vec<Value> = (0..self.places.len()).map(|group| self.next(group)).collect();
        let Imm::Branch(targets) = &data.imm else { return };
        let targets = targets.each_ref().map(|target| {
            if target.block != self.a_loop.block {
                return BlockCall::new(self.blocks.fence, &[]);
            }
            let args: Vec<Value> =
                target.args.iter().map(|&arg| self.of(arg)).chain(next.iter().copied()).collect();
            BlockCall::new(self.blocks.fast, &args)
        });
        let args = data.args.iter().map(|&arg| self.of(arg)).collect();
        self.push(InstData { args, imm: Imm::Branch(Box::new(targets)), ..data });
    }

    /// The address of a group in the next turn.
    fn next(&mut self, group: usize) -> Value {
        let step = i64::from(self.a_loop.groups[group].step);
        if step == 0 {
            return self.places[group];
        }
        let constant = self.function.constants.push(U256::from(step as u64));
        let step = self.value(Opcode::Const, &[], Imm::Constant(constant));
        self.value(Opcode::Add, &[self.places[group], step], Imm::None)
    }

    fn value(&mut self, opcode: Opcode, args: &[Value], imm: Imm) -> Value {
        let (ty, results) = (Some(Type::I64), SmallVec::new());
        let data = InstData { opcode, ty, args: args.into(), imm, results };
        push_value(self.function, self.blocks.fast, data, Type::I64)
    }
}
