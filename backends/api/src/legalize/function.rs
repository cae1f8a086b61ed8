//! Walks a function and puts the legal form of each live instruction into a new one.

use cranelift_entity::SecondaryMap;
use cranelift_entity::packed_option::PackedOption;
use evmc_ir::{Block, Function, Imm, InstData, Opcode, Type, Value, Values};
use smallvec::SmallVec;

use super::division::{host_function, pairs};
use super::emit::Emit;
use super::live::Live;
use super::outline::{Helper, Helpers};
use super::part::{Mapped, Part, Word};

/// What a function needs to know of its surroundings.
#[derive(Debug)]
pub(super) struct Context<'h> {
    /// The module's helpers.
    pub helpers: &'h mut Helpers,
    /// The helper that is being built, which must not call itself.
    pub inside: Option<Helper>,
}

/// Results of an instruction of the source.
pub(super) type Results = SmallVec<[Mapped; 2]>;

/// The walk over one function.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    /// The source.
    pub func: &'a Function,
    /// The legal function.
    pub emit: Emit<'a>,
    /// What is live in the source.
    pub live: &'a Live,
    context: Context<'a>,
    map: SecondaryMap<Value, Mapped>,
    blocks: SecondaryMap<Block, PackedOption<Block>>,
}

/// The legal form of a function.
pub(super) fn legalize(func: &Function, context: Context<'_>) -> Function {
    let live = Live::new(func);
    let results: Vec<Type> = func.results.iter().flat_map(|&ty| legal_types(ty)).copied().collect();
    let mut legal = Function::new(func.name.clone(), &results);
    let mut walk = Walk {
        func,
        emit: Emit::new(&mut legal),
        live: &live,
        context,
        map: SecondaryMap::with_capacity(func.values.len()),
        blocks: SecondaryMap::with_capacity(func.blocks.len()),
    };
    walk.create_blocks();
    for &block in &live.order {
        walk.block(block);
    }
    legal
}

/// The types that stand for a value of type `ty`.
pub(super) const fn legal_types(ty: Type) -> &'static [Type] {
    match ty {
        Type::I1 => &[Type::I1],
        Type::I8 => &[Type::I8],
        Type::I16 => &[Type::I16],
        Type::I32 => &[Type::I32],
        Type::I64 => &[Type::I64],
        Type::I128 => &[Type::I128],
        Type::I256 => &[Type::I128, Type::I128],
        Type::F32 => &[Type::F32],
        Type::F64 => &[Type::F64],
        Type::V128 => &[Type::V128],
        Type::Ptr => &[Type::Ptr],
    }
}

impl<'a> Walk<'a> {
    /// Creates the legal blocks with the live parameters of the source's blocks.
    fn create_blocks(&mut self) {
        for &block in &self.live.order {
            let legal = self.emit.b.create_block();
            self.emit.b.func.blocks[legal].cold = self.func.blocks[block].cold;
            self.blocks[block] = legal.into();
            for &param in &self.func.blocks[block].params {
                if self.live.value(param) {
                    let types = legal_types(self.func.ty(param));
                    let values: SmallVec<[Value; 2]> =
                        types.iter().map(|&ty| self.emit.b.add_param(legal, ty)).collect();
                    self.map[param] = mapped(self.func.ty(param), &values);
                }
            }
        }
    }

    /// The legal block where a block of the source starts.
    pub fn legal_block(&self, block: Block) -> Block {
        // Targets of reachable blocks are reachable, so every one was created.
        self.blocks[block].expand().unwrap_or(block)
    }

    fn block(&mut self, block: Block) {
        self.emit.b.switch_to(self.legal_block(block));
        let func = self.func;
        for (_, data) in func.block_insts(block) {
            if self.live.inst(data) {
                self.inst(data);
            }
        }
    }

    fn inst(&mut self, data: &InstData) {
        if data.opcode.is_terminator() {
            return self.terminator(data);
        }
        let results = match self.operand_type(data) {
            Type::I256 => self.word_inst(data),
            _ => self.narrow_inst(data),
        };
        for (&result, mapped) in data.results.iter().zip(results) {
            self.map[result] = mapped;
        }
    }

    /// Whether an instruction is about words: its controlling type, except that conversions are
    /// about the wider of their types.
    fn operand_type(&self, data: &InstData) -> Type {
        match data.opcode {
            Opcode::CalldataLoad => Type::I256,
            Opcode::Trunc => self.func.ty(data.args[0]),
            _ => data.ty.unwrap_or(Type::I1),
        }
    }

    /// A value of at most 128 bits.
    pub fn part(&self, value: Value) -> Part {
        match self.map[value] {
            Mapped::Narrow(part) => part,
            Mapped::Word(word) => word.lo,
            Mapped::Dead => Part::ZERO,
        }
    }

    /// A word.
    pub fn word(&self, value: Value) -> Word {
        match self.map[value] {
            Mapped::Word(word) => word,
            Mapped::Narrow(part) => Word::low(part),
            Mapped::Dead => Word::ZERO,
        }
    }

    /// The legal values of a value, in the instruction stream.
    pub fn values(&mut self, value: Value) -> SmallVec<[Value; 2]> {
        match (self.map[value], self.func.ty(value)) {
            (Mapped::Word(word), _) => SmallVec::from_slice(&self.emit.word_values(word)),
            (Mapped::Narrow(part), ty) => SmallVec::from_elem(self.emit.value(ty, part), 1),
            (Mapped::Dead, ty) => legal_types(ty).iter().map(|&ty| self.emit.value(ty, Part::ZERO)).collect(),
        }
    }

    /// The legal values of several values.
    pub fn all_values(&mut self, values: impl IntoIterator<Item = Value>) -> Values {
        values.into_iter().flat_map(|value| self.values(value)).collect()
    }

    /// An instruction on words.
    fn word_inst(&mut self, data: &InstData) -> Results {
        let op = data.opcode;
        let words: SmallVec<[Word; 3]> = data.args.iter().map(|&arg| self.word(arg)).collect();
        let word = match (op, &words[..]) {
            (Opcode::AddCarry, &[a, b]) => return two(self.emit.word_add_carry(a, b)),
            (Opcode::SubBorrow, &[a, b]) => return two(self.emit.word_sub_borrow(a, b)),
            (Opcode::Eq | Opcode::Ne | Opcode::Ult | Opcode::Ule | Opcode::Ugt | Opcode::Uge, &[a, b])
            | (Opcode::Slt | Opcode::Sle | Opcode::Sgt | Opcode::Sge, &[a, b]) => {
                return narrow(self.emit.word_compare(op, a, b));
            }
            (Opcode::Select, &[_, a, b]) => {
                let condition = self.part(data.args[0]);
                self.emit.word_select(condition, a, b)
            }
            (Opcode::Zext | Opcode::Sext | Opcode::Trunc | Opcode::Bitcast, _) => return self.convert(data),
            (Opcode::MemStore | Opcode::StackStore, _) => return self.store(data),
            (Opcode::Const | Opcode::MemLoad | Opcode::StackLoad | Opcode::FrameGet, _) => self.load(data),
            _ => self.word_value(op, &words),
        };
        SmallVec::from_elem(Mapped::Word(word), 1)
    }

    /// An operation whose operands and only result are words.
    fn word_value(&mut self, op: Opcode, words: &[Word]) -> Word {
        let e = &mut self.emit;
        match (op, words) {
            (Opcode::Add, &[a, b]) => e.word_add(a, b),
            (Opcode::Sub, &[a, b]) => e.word_sub(a, b),
            (Opcode::And | Opcode::Or | Opcode::Xor, &[a, b]) => e.word_bitwise(op, a, b),
            (Opcode::Not, &[a]) => e.word_not(a),
            (Opcode::Clz | Opcode::Ctz | Opcode::Popcnt, &[a]) => e.word_count(op, a),
            (Opcode::Bswap, &[a]) => e.word_bswap(a),
            _ => match self.short_form(op, words) {
                Some(word) => word,
                None if self.calls_helper(Helper::Word(op)) => {
                    self.call_helper(Helper::Word(op), words).first().copied().unwrap_or(Word::ZERO)
                }
                None => self.long_form(op, words),
            },
        }
    }

    /// The short expansion of an operation that is long in general.
    fn short_form(&mut self, op: Opcode, words: &[Word]) -> Option<Word> {
        let e = &mut self.emit;
        match (op, words) {
            (Opcode::Shl | Opcode::Lshr | Opcode::Ashr, &[a, b]) if b.as_constant().is_some() => {
                Some(e.word_shift_by(op, a, b))
            }
            (Opcode::Byte | Opcode::SignExtend, &[index, a]) if index.as_constant().is_some() => {
                Some(if op == Opcode::Byte { e.word_byte(index, a) } else { e.word_sign_extend(index, a) })
            }
            (Opcode::Mul, &[a, b]) => {
                let power = |word: Word| word.as_constant().is_some_and(|c| c.is_power_of_two());
                let small = e.word_bits(a).max(e.word_bits(b)) <= 64;
                (small || power(a) || power(b)).then(|| e.word_mul(a, b))
            }
            (Opcode::Udiv | Opcode::Sdiv | Opcode::Urem | Opcode::Srem, &[a, b]) => {
                e.short_division(op, a, b)
            }
            (Opcode::Exp, &[base, exponent]) => e.short_exp(base, exponent),
            _ => None,
        }
    }

    /// The long expansion.
    fn long_form(&mut self, op: Opcode, words: &[Word]) -> Word {
        let e = &mut self.emit;
        match (op, words) {
            (Opcode::Mul, &[a, b]) => e.word_mul(a, b),
            (Opcode::Shl | Opcode::Lshr | Opcode::Ashr, &[a, b]) => e.word_shift_by(op, a, b),
            (Opcode::Rotl | Opcode::Rotr, &[a, b]) => e.word_rotate(op == Opcode::Rotl, a, b),
            (Opcode::Byte, &[index, a]) => e.word_byte(index, a),
            (Opcode::SignExtend, &[index, a]) => e.word_sign_extend(index, a),
            (Opcode::Udiv | Opcode::Sdiv | Opcode::Urem | Opcode::Srem, &[a, b]) => e.word_divide(op, a, b),
            (Opcode::CalldataLoad, &[offset]) => {
                let args = e.word_values(offset);
                e.load_calldata(&args)
            }
            _ => host_function(op).map_or(Word::ZERO, |function| e.host_word(function, words)),
        }
    }

    /// Whether an operation becomes a call of its helper; never inside that helper.
    fn calls_helper(&mut self, helper: Helper) -> bool {
        self.context.inside != Some(helper) && self.context.helpers.outlines(helper)
    }

    /// Calls a helper on words.
    fn call_helper(&mut self, helper: Helper, args: &[Word]) -> SmallVec<[Word; 1]> {
        let args: Values = args.iter().flat_map(|&word| self.emit.word_values(word)).collect();
        let results = match helper {
            Helper::Word(op) => op.row().results.len(),
            Helper::Ensure => 0,
            Helper::Host(function) => function.results(),
        };
        let function = self.context.helpers.get(helper);
        pairs(&self.emit.b.call(function, &args, &vec![Type::I128; 2 * results]))
    }

    /// A call of a host function.
    pub fn host(&mut self, data: &InstData) -> Results {
        let Imm::Host(function) = data.imm else { return Results::new() };
        let args: SmallVec<[Word; 8]> = data.args.iter().map(|&arg| self.word(arg)).collect();
        let helper = Helper::Host(function);
        let results = if self.calls_helper(helper) {
            self.call_helper(helper, &args)
        } else {
            self.emit.host(function, &args)
        };
        results.into_iter().map(Mapped::Word).collect()
    }

    /// `mem.ensure`.
    pub fn ensure(&mut self, data: &InstData) -> Results {
        let end = self.part(data.args[0]);
        if self.context.inside == Some(Helper::Ensure) {
            let end = self.emit.value(Type::I64, end);
            self.emit.b.effect(Opcode::MemEnsure, &[end]);
        } else {
            let helper = self.context.helpers.get(Helper::Ensure);
            self.emit.ensure(end, |emit, end| {
                emit.b.call(helper, &[end], &[]);
            });
        }
        Results::new()
    }
}

/// What values of a legal function stand for.
pub(super) fn mapped(ty: Type, values: &[Value]) -> Mapped {
    match (ty, values) {
        (Type::I256, &[lo, hi]) => Mapped::Word(Word { lo: Part::Value(lo), hi: Part::Value(hi) }),
        (_, &[value]) => Mapped::Narrow(Part::Value(value)),
        _ => Mapped::Dead,
    }
}

/// A single narrow result.
pub(super) fn narrow(part: Part) -> Results {
    SmallVec::from_elem(Mapped::Narrow(part), 1)
}

/// A word and a bit.
fn two((word, bit): (Word, Part)) -> Results {
    SmallVec::from_slice(&[Mapped::Word(word), Mapped::Narrow(bit)])
}
