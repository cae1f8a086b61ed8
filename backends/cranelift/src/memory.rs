//! VM memory, the memory stack, calldata and the fields of the frame.

use cranelift_codegen::ir::{AliasRegionData, InstBuilder, MemFlagsData, Value, condcodes::IntCC, types};
use cranelift_frontend::FunctionBuilder;
use evmc_abi::{Field, FieldKind, HostFn};
use evmc_ir::{Imm, InstData, Opcode, Type};

use crate::translate::Translator;
use crate::value::{Held, machine_type};

/// Flags of memory accesses by what is accessed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    /// Fields of the frame that host functions may change.
    pub field: MemFlagsData,
    /// What never changes while a frame runs: most fields, the host table, calldata.
    pub constant: MemFlagsData,
    /// VM memory.
    pub memory: MemFlagsData,
    /// The memory stack.
    pub stack: MemFlagsData,
    /// Slots of the native stack.
    pub slot: MemFlagsData,
    /// Linear memories, without the trap code.
    pub linear: MemFlagsData,
    /// What is known of memories and tables; functions of the runtime change it.
    pub definition: MemFlagsData,
    /// Globals.
    pub global: MemFlagsData,
    /// Elements of tables.
    pub element: MemFlagsData,
    /// Arguments and results on their way between runtime and code.
    pub value: MemFlagsData,
    /// What a reference points to: it never changes, but only a reference that is not null points to one.
    pub record: MemFlagsData,
}

impl Access {
    /// Declares the alias regions in a function.
    pub fn new(b: &mut FunctionBuilder<'_>) -> Self {
        let mut number = 0;
        let mut region = |description: &'static str| {
            number += 1;
            let data = AliasRegionData { user_id: number, description: description.into() };
            let region = b.func.dfg.alias_regions.insert(data);
            MemFlagsData::new().with_notrap().with_alias_region(Some(region))
        };
        Self {
            field: region("frame").with_aligned(),
            memory: region("memory"),
            stack: region("stack").with_aligned(),
            slot: region("slot").with_aligned(),
            linear: region("linear"),
            definition: region("definition").with_aligned(),
            global: region("global").with_aligned(),
            element: region("element").with_aligned(),
            value: region("value").with_aligned(),
            record: MemFlagsData::new().with_notrap().with_readonly().with_aligned(),
            constant: MemFlagsData::new().with_notrap().with_readonly().with_can_move(),
        }
    }
}

/// Whether a function of host or runtime may change a field while the frame runs.
const fn may_change(field: Field) -> bool {
    matches!(
        field,
        Field::Gas
            | Field::Memory
            | Field::MemoryLen
            | Field::ReturndataLen
            | Field::ExitStretch
            | Field::ExitHeight
            | Field::Values
            | Field::Callee
            | Field::Depth
    )
}

impl Translator<'_, '_> {
    /// Instructions that read or write memory of any kind.
    pub fn memory(&mut self, data: &InstData) {
        match data.opcode {
            Opcode::MemLoad => self.mem_load(data),
            Opcode::MemStore => self.mem_store(data),
            Opcode::MemEnsure => self.mem_ensure(data),
            Opcode::CalldataLoad => self.calldata_load(data),
            Opcode::FrameGet => self.frame_get(data),
            Opcode::StackLoad => {
                let (address, offset) = self.stack_item(data);
                self.load_word(data, self.access.stack, address, offset);
            }
            _ => {
                let (address, offset) = self.stack_item(data);
                self.store_word(data, self.access.stack, address, offset);
            }
        }
    }

    /// Loads a field of the frame.
    pub fn load_field(&mut self, ty: types::Type, field: Field) -> Value {
        let flags = if may_change(field) { self.access.field } else { self.access.constant };
        self.b.ins().load(ty, flags, self.frame, field.offset() as i32)
    }

    /// Stores a field of the frame.
    pub fn store_field(&mut self, field: Field, value: Value) {
        self.b.ins().store(self.access.field, value, self.frame, field.offset() as i32);
    }

    fn frame_get(&mut self, data: &InstData) {
        let Imm::Field(field) = data.imm else { return };
        let own = match field.kind() {
            FieldKind::U32 => types::I32,
            FieldKind::Pointer | FieldKind::U64 => types::I64,
            FieldKind::Word => {
                return self.load_word(data, self.access.constant, self.frame, field.offset() as i32);
            }
        };
        let value = self.load_field(own, field);
        let wanted = data.ty.unwrap_or(Type::I64);
        let held = if wanted == Type::I128 {
            let low = if own == types::I64 { value } else { self.b.ins().uextend(types::I64, value) };
            Held::Halves(low, self.i64(0))
        } else {
            Held::One(self.resize(value, machine_type(wanted)))
        };
        self.set(data, held);
    }

    /// Zero-extends or truncates an integer of at most 64 bits.
    pub fn resize(&mut self, value: Value, to: types::Type) -> Value {
        let from = self.b.func.dfg.value_type(value);
        match from.bits().cmp(&to.bits()) {
            std::cmp::Ordering::Less => self.b.ins().uextend(to, value),
            std::cmp::Ordering::Equal => value,
            std::cmp::Ordering::Greater => self.b.ins().ireduce(to, value),
        }
    }

    /// The address of a byte of VM memory.
    fn memory_address(&mut self, offset: evmc_ir::Value) -> Value {
        let offset = self.one(offset);
        let base = self.load_field(types::I64, Field::Memory);
        self.b.ins().iadd(base, offset)
    }

    /// Address and displacement of an item of the memory stack.
    fn stack_item(&mut self, data: &InstData) -> (Value, i32) {
        let Imm::Offset(items) = data.imm else { return (self.frame, 0) };
        let height = self.one(data.args[0]);
        let base = self.load_field(types::I64, Field::Stack);
        let shift = self.i64(5);
        let bytes = self.b.ins().ishl(height, shift);
        (self.b.ins().iadd(base, bytes), items.saturating_mul(32))
    }

    fn mem_load(&mut self, data: &InstData) {
        let address = self.memory_address(data.args[0]);
        let flags = self.access.memory;
        let held = match data.ty.unwrap_or(Type::I64) {
            Type::I256 => return self.load_word(data, flags, address, 0),
            Type::I128 => {
                let [low, high] = [0, 8].map(|at| self.b.ins().load(types::I64, flags, address, at));
                Held::Halves(low, high)
            }
            Type::I1 => {
                let byte = self.b.ins().load(types::I8, flags, address, 0);
                Held::One(self.mask_bit(byte))
            }
            ty => Held::One(self.b.ins().load(machine_type(ty), flags, address, 0)),
        };
        self.set(data, held);
    }

    fn mem_store(&mut self, data: &InstData) {
        let address = self.memory_address(data.args[0]);
        let flags = self.access.memory;
        match data.ty.unwrap_or(Type::I64) {
            Type::I256 => self.store_word(data, flags, address, 0),
            Type::I128 => {
                let (low, high) = self.halves(data.args[1]);
                self.b.ins().store(flags, low, address, 0);
                self.b.ins().store(flags, high, address, 8);
            }
            _ => {
                let value = self.one(data.args[1]);
                self.b.ins().store(flags, value, address, 0);
            }
        }
    }

    /// Loads a word as the instruction's two results.
    fn load_word(&mut self, data: &InstData, flags: MemFlagsData, address: Value, offset: i32) {
        let limbs = [0, 8, 16, 24].map(|at| self.b.ins().load(types::I64, flags, address, offset + at));
        self.set_word(data, limbs);
    }

    /// Notes a word, limbs lowest first, as the two results of an instruction.
    fn set_word(&mut self, data: &InstData, [a, b, c, d]: [Value; 4]) {
        for (&result, held) in data.results.iter().zip([Held::Halves(a, b), Held::Halves(c, d)]) {
            self.held[result] = held;
        }
    }

    /// Stores the word in the instruction's last two operands.
    fn store_word(&mut self, data: &InstData, flags: MemFlagsData, address: Value, offset: i32) {
        for (&half, at) in data.args[1..].iter().zip([0, 16]) {
            let (low, high) = self.halves(half);
            self.b.ins().store(flags, low, address, offset + at);
            self.b.ins().store(flags, high, address, offset + at + 8);
        }
    }

    /// Calls the host where the memory is too short.
    fn mem_ensure(&mut self, data: &InstData) {
        let end = self.one(data.args[0]);
        let length = self.load_field(types::I64, Field::MemoryLen);
        let short = self.b.ins().icmp(IntCC::UnsignedGreaterThan, end, length);
        let (grow, next) = (self.b.create_block(), self.b.create_block());
        self.b.set_cold_block(grow);
        self.b.ins().brif(short, grow, &[], next, &[]);
        self.enter_sealed(grow);
        let zero = self.i64(0);
        self.call_host(HostFn::MemoryGrow, &[end, zero, zero, zero]);
        self.b.ins().jump(next, &[]);
        self.enter_sealed(next);
    }

    /// Loads natively where all 32 bytes are inside the calldata, else asks the host.
    fn calldata_load(&mut self, data: &InstData) {
        let ((offset, limb1), (limb2, limb3)) = (self.halves(data.args[0]), self.halves(data.args[1]));
        let outside = self.outside_calldata(offset, [limb1, limb2, limb3]);
        let (fast, slow) = (self.b.create_block(), self.b.create_block());
        self.b.set_cold_block(slow);
        let join = self.next_block(&[types::I64; 4]);
        self.b.ins().brif(outside, slow, &[], fast, &[]);

        self.enter_sealed(fast);
        let base = self.load_field(types::I64, Field::Calldata);
        let address = self.b.ins().iadd(base, offset);
        // The most significant byte comes first.
        let limbs = [24, 16, 8, 0].map(|at| {
            let limb = self.b.ins().load(types::I64, self.access.constant_here(), address, at);
            self.b.ins().bswap(limb)
        });
        self.b.ins().jump(join, &limbs.map(Into::into));

        self.enter_sealed(slow);
        let words = self.call_host(HostFn::CalldataLoad, &[offset, limb1, limb2, limb3]);
        let limbs = self.load_limbs(words, 0);
        self.b.ins().jump(join, &limbs.map(Into::into));

        self.enter_sealed(join);
        let &[a, b, c, d] = self.b.block_params(join) else { return };
        self.set_word(data, [a, b, c, d]);
    }

    /// Whether 32 bytes at an offset, given as limbs, may reach beyond the calldata.
    fn outside_calldata(&mut self, offset: Value, upper: [Value; 3]) -> Value {
        let end = self.b.ins().iadd_imm_s(offset, 32);
        let length = self.load_field(types::I64, Field::CalldataLen);
        let beyond = self.b.ins().icmp(IntCC::UnsignedGreaterThan, end, length);
        // An offset of 2^62 or more could wrap; lengths are below that.
        let mut large = match self.constant(offset) {
            Some(known) if known >> 62 == 0 => None,
            _ => {
                let shift = self.i64(62);
                Some(self.b.ins().ushr(offset, shift))
            }
        };
        for limb in upper {
            if self.constant(limb) != Some(0) {
                large = Some(large.map_or(limb, |large| self.b.ins().bor(large, limb)));
            }
        }
        match large {
            None => beyond,
            Some(large) => {
                let zero = self.i64(0);
                let large = self.b.ins().icmp(IntCC::NotEqual, large, zero);
                self.b.ins().bor(large, beyond)
            }
        }
    }
}

impl Access {
    /// What never changes, but may only be read where the program reads it.
    const fn constant_here(&self) -> MemFlagsData {
        MemFlagsData::new().with_notrap()
    }
}
