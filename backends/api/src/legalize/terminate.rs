//! Terminators: block arguments without the dead ones, conditions without complements, and
//! switches over words.

use evmc_ir::{BlockCall, Imm, InstData, Opcode, SwitchTable, Type, Value};
use ruint::aliases::U256;

use super::function::Walk;
use super::part::{Part, Word};

const I64: Type = Type::I64;

impl Walk<'_> {
    /// A terminator.
    pub fn terminator(&mut self, data: &InstData) {
        match &data.imm {
            Imm::Jump(target) => {
                let target = self.target(target);
                self.emit.b.jump(target.block, &target.args);
            }
            Imm::Branch(targets) => self.branch(data.args[0], targets),
            Imm::Switch(table) => self.switch(data.args[0], table),
            _ => {
                let args = self.all_values(data.args.iter().copied());
                self.emit.b.push(data.opcode, data.ty, args, data.imm.clone(), []);
            }
        }
    }

    /// A branch target with its live arguments.
    fn target(&mut self, call: &BlockCall) -> BlockCall {
        let (live, func) = (self.live, self.func);
        let args = self.all_values(live.args(func, call));
        BlockCall { block: self.legal_block(call.block), args }
    }

    fn branch(&mut self, condition: Value, [yes, no]: &[BlockCall; 2]) {
        let condition = self.part(condition);
        let (yes, no) = (self.target(yes), self.target(no));
        match condition {
            Part::Const(known) => {
                let target = if known == 0 { no } else { yes };
                self.emit.b.jump(target.block, &target.args);
            }
            Part::Value(value) => match self.complement_of(condition) {
                Some(inner) => self.emit.b.branch(inner, no, yes),
                None => self.emit.b.branch(value, yes, no),
            },
        }
    }

    /// The value of which a condition is the complement.
    fn complement_of(&self, condition: Part) -> Option<Value> {
        let def = self.emit.def(condition).filter(|def| def.opcode == Opcode::Xor)?;
        let ones = self.emit.b.func.constant(def.args[1])? == U256::from(1);
        ones.then_some(def.args[0])
    }

    fn switch(&mut self, operand: Value, table: &SwitchTable) {
        let ty = self.func.ty(operand);
        let word = match ty {
            Type::I256 => self.word(operand),
            Type::I128 => Word::low(self.part(operand)),
            _ => {
                let value = self.values(operand)[0];
                let cases = table.cases.iter().map(|(key, call)| (*key, self.target(call))).collect();
                let default = self.target(&table.default);
                return self.emit.b.switch(value, cases, default);
            }
        };
        self.word_switch(word, table);
    }

    /// A switch over a word: the cases above 64 bits one by one, the others by a 64-bit switch
    /// behind a test of the upper bits.
    fn word_switch(&mut self, word: Word, table: &SwitchTable) {
        let fits = |key: &U256| key.bit_len() <= 64;
        for (key, call) in table.cases.iter().filter(|(key, _)| !fits(key)) {
            let equal = self.emit.word_compare(Opcode::Eq, word, Word::constant(*key));
            let call = self.target(call);
            self.branch_off(equal, call);
        }
        let upper = self.emit.word_compare(Opcode::Ugt, word, Word::constant(U256::from(u64::MAX)));
        let default = self.target(&table.default);
        self.branch_off(upper, default.clone());
        let low = self.emit.trunc(I64, Type::I128, word.lo);
        let low = self.emit.value(I64, low);
        let cases = table.cases.iter().filter(|(key, _)| fits(key));
        let cases = cases.map(|(key, call)| (*key, self.target(call))).collect();
        self.emit.b.switch(low, cases, default);
    }

    /// Branches to `target` where the condition holds and goes on in a new block.
    fn branch_off(&mut self, condition: Part, target: BlockCall) {
        if condition.is_zero() {
            return;
        }
        let condition = self.emit.value(Type::I1, condition);
        let next = self.emit.b.create_block();
        self.emit.b.branch(condition, target, BlockCall::new(next, &[]));
        self.emit.b.switch_to(next);
    }
}
