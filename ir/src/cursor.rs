//! A position in a function, from which passes change it.
//!
//! A cursor stands at an instruction of a block, or behind its last. Inserting puts instructions
//! before the position; removing takes them out of the layout and leaves their data in the arena, so
//! that numbers stay. Cost: inserting and removing shift the rest of the block; a pass that rebuilds
//! whole blocks does better to fill a new list.

use cranelift_entity::SecondaryMap;
use smallvec::SmallVec;

use crate::entities::{Block, Inst, Value};
use crate::function::{Function, Imm, InstData, ValueData, ValueDef, Values};
use crate::opcode::Opcode;
use crate::types::Type;

/// A position in a function.
#[derive(Debug)]
pub struct Cursor<'f> {
    /// The function that is changed.
    pub func: &'f mut Function,
    block: Block,
    index: usize,
}

impl<'f> Cursor<'f> {
    /// A cursor at the first instruction of `block`.
    pub fn at_start(func: &'f mut Function, block: Block) -> Self {
        Self { func, block, index: 0 }
    }

    /// A cursor at the last instruction of `block`, its terminator in a complete function.
    pub fn at_end(func: &'f mut Function, block: Block) -> Self {
        let index = func.blocks[block].insts.len().saturating_sub(1);
        Self { func, block, index }
    }

    /// The block.
    pub fn block(&self) -> Block {
        self.block
    }

    /// The instruction at the position; `None` behind the last.
    pub fn inst(&self) -> Option<Inst> {
        self.func.blocks[self.block].insts.get(self.index).copied()
    }

    /// The data of the instruction at the position; `None` behind the last.
    pub fn data(&self) -> Option<&InstData> {
        self.inst().map(|inst| &self.func.insts[inst])
    }

    /// Goes to the next instruction and gives it; `None` behind the last.
    pub fn advance(&mut self) -> Option<Inst> {
        let count = self.func.blocks[self.block].insts.len();
        self.index = (self.index + 1).min(count);
        self.inst()
    }

    /// Goes to the first instruction of another block.
    pub fn go_to(&mut self, block: Block) {
        self.block = block;
        self.index = 0;
    }

    /// Inserts an instruction before the position, which stays at its instruction.
    pub fn insert_before(
        &mut self,
        opcode: Opcode,
        ty: Option<Type>,
        args: &[Value],
        imm: Imm,
        results: &[Type],
    ) -> Inst {
        let inst = self.create(opcode, ty, args, imm, results);
        self.func.blocks[self.block].insts.insert(self.index, inst);
        self.index += 1;
        inst
    }

    /// Inserts an instruction behind the one at the position, and goes to it.
    pub fn insert_after(
        &mut self,
        opcode: Opcode,
        ty: Option<Type>,
        args: &[Value],
        imm: Imm,
        results: &[Type],
    ) -> Inst {
        let inst = self.create(opcode, ty, args, imm, results);
        let insts = &mut self.func.blocks[self.block].insts;
        self.index = (self.index + 1).min(insts.len());
        insts.insert(self.index, inst);
        inst
    }

    /// Inserts a pure operation of controlling type `ty` with one result of that type.
    pub fn value_before(&mut self, opcode: Opcode, ty: Type, args: &[Value]) -> Value {
        let inst = self.insert_before(opcode, Some(ty), args, Imm::None, &[ty]);
        self.func.insts[inst].results[0]
    }

    /// Inserts a constant.
    pub fn constant_before(&mut self, ty: Type, bits: ruint::aliases::U256) -> Value {
        let constant = self.func.constants.push(bits);
        let inst = self.insert_before(Opcode::Const, Some(ty), &[], Imm::Constant(constant), &[ty]);
        self.func.insts[inst].results[0]
    }

    /// Makes the instruction at the position another one, which keeps its results.
    ///
    /// # Panics
    /// Behind the last instruction.
    pub fn replace(&mut self, opcode: Opcode, ty: Option<Type>, args: &[Value], imm: Imm) {
        let inst = self.inst().expect("the cursor stands at an instruction");
        let data = &mut self.func.insts[inst];
        data.opcode = opcode;
        data.ty = ty;
        data.args = args.into();
        data.imm = imm;
    }

    /// Takes the instruction at the position out of the layout; the position is then at the next.
    /// Nothing may use its results any more.
    ///
    /// # Panics
    /// Behind the last instruction.
    pub fn remove(&mut self) -> Inst {
        self.func.blocks[self.block].insts.remove(self.index)
    }

    /// A new instruction outside the layout.
    fn create(
        &mut self,
        opcode: Opcode,
        ty: Option<Type>,
        args: &[Value],
        imm: Imm,
        results: &[Type],
    ) -> Inst {
        let args: Values = args.into();
        let data = InstData { opcode, ty, args, imm, results: SmallVec::new() };
        let inst = self.func.insts.push(data);
        for (number, &ty) in results.iter().enumerate() {
            let def = ValueDef::Result(inst, number as u32);
            let value = self.func.values.push(ValueData { ty, def });
            self.func.insts[inst].results.push(value);
        }
        inst
    }
}

/// Values that are to be replaced by others, all at once at the end of a pass.
///
/// Replacements may chain; they must not form a cycle. One walk over the function rewrites all uses,
/// so a pass that replaces many values stays linear.
#[derive(Clone, Debug, Default)]
pub struct Replacements {
    by: SecondaryMap<Value, Option<Value>>,
    any: bool,
}

impl Replacements {
    /// Uses of `old` are to become uses of `new`.
    pub fn insert(&mut self, old: Value, new: Value) {
        debug_assert!(self.resolve(new) != old, "replacements form a cycle");
        self.by[old] = Some(new);
        self.any = true;
    }

    /// What stands in the place of `value`.
    pub fn resolve(&mut self, value: Value) -> Value {
        let mut last = value;
        while let Some(next) = self.by[last] {
            last = next;
        }
        let mut at = value;
        while let Some(next) = self.by[at].filter(|&next| next != last) {
            self.by[at] = Some(last);
            at = next;
        }
        last
    }

    /// Rewrites every use in the layout.
    pub fn apply(&mut self, function: &mut Function) {
        if !self.any {
            return;
        }
        let Function { layout, blocks, insts, .. } = function;
        for &inst in layout.iter().flat_map(|&block| &blocks[block].insts) {
            let data = &mut insts[inst];
            data.args.iter_mut().for_each(|arg| *arg = self.resolve(*arg));
            for target in data.targets_mut() {
                target.args.iter_mut().for_each(|arg| *arg = self.resolve(*arg));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ruint::aliases::U256;

    use super::*;
    use crate::text::{parse, print};
    use crate::verify::verify;

    #[test]
    fn edits_keep_the_function_valid() {
        let text = "function %f(i64) -> i64 {\nblock0(v0: i64):\n    v1 = add.i64 v0, v0\n    ret v1\n}\n";
        let mut module = parse(text).unwrap();
        let function = module.functions.values_mut().next().unwrap();
        let block = function.layout[0];
        let param = function.blocks[block].params[0];
        let mut cursor = Cursor::at_start(function, block);
        let sum = cursor.data().unwrap().results[0];
        let two = cursor.constant_before(Type::I64, U256::from(2));
        let product = cursor.value_before(Opcode::Mul, Type::I64, &[param, two]);
        cursor.remove();
        cursor.insert_after(Opcode::Ret, None, &[sum], Imm::None, &[]);
        assert_eq!(cursor.advance(), None);
        let mut cursor = Cursor::at_end(function, block);
        cursor.remove();
        let mut replacements = Replacements::default();
        replacements.insert(sum, product);
        replacements.apply(function);
        verify(&module).unwrap_or_else(|errors| panic!("{}", errors[0]));
        assert!(print(&module).contains("v3 = mul.i64 v0, v2\n    ret v3"));
    }
}
