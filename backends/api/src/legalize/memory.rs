//! Words that move between registers and memory.
//!
//! These keep `i256` as their controlling type and have two operands or results in place of each
//! word: the backend knows best how to address the halves.

use evmc_abi::{Field, FieldKind};
use evmc_ir::{BlockCall, Imm, InstData, Opcode, Type, Value};
use smallvec::SmallVec;

use super::division::pairs;
use super::emit::Emit;
use super::part::{Part, Word};

const I64: Type = Type::I64;
const I128: Type = Type::I128;

impl Emit<'_> {
    /// An operation that reads a word from memory, given its legal operands.
    pub fn load_word(&mut self, data: &InstData, args: &[Value]) -> Word {
        let args = SmallVec::from_slice(args);
        let inst = self.b.push(data.opcode, Some(Type::I256), args, data.imm.clone(), [I128, I128]);
        pairs(&self.b.func.insts[inst].results)[0]
    }

    /// An operation that writes a word to memory.
    pub fn store_word(&mut self, data: &InstData, address: Value, word: Word) {
        let [lo, hi] = self.word_values(word);
        let args = SmallVec::from_slice(&[address, lo, hi]);
        self.b.push(data.opcode, Some(Type::I256), args, data.imm.clone(), []);
    }

    /// `calldata.load`, given both halves of the offset.
    pub fn load_calldata(&mut self, offset: &[Value]) -> Word {
        let args = SmallVec::from_slice(offset);
        let inst = self.b.push(Opcode::CalldataLoad, Some(Type::I256), args, Imm::None, [I128, I128]);
        pairs(&self.b.func.insts[inst].results)[0]
    }

    /// A field of the frame as a word.
    pub fn frame_word(&mut self, data: &InstData, field: Field) -> Word {
        match field.kind() {
            FieldKind::Word => self.load_word(data, &[]),
            FieldKind::Pointer | FieldKind::U32 | FieldKind::U64 => {
                let number = self.one(Opcode::FrameGet, I64, &[], Imm::Field(field));
                Word::low(self.zext(I128, I64, number))
            }
        }
    }

    /// `mem.ensure`: nothing where the memory is long enough; `grow` appends what happens else.
    pub fn ensure(&mut self, end: Part, grow: impl FnOnce(&mut Self, Value)) {
        if end.is_zero() {
            return;
        }
        let length = self.one(Opcode::FrameGet, I64, &[], Imm::Field(Field::MemoryLen));
        let short = self.compare(Opcode::Ugt, I64, end, length);
        let short = self.value(Type::I1, short);
        let cold = self.b.create_cold_block();
        let next = self.b.create_block();
        self.b.branch(short, BlockCall::new(cold, &[]), BlockCall::new(next, &[]));
        self.b.switch_to(cold);
        let end = self.value(I64, end);
        grow(self, end);
        self.b.jump(next, &[]);
        self.b.switch_to(next);
    }
}
