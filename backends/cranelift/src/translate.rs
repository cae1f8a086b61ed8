//! The walk over one legal function.

use std::collections::HashMap;

use cranelift_codegen::ir::{
    Block, BlockArg, FuncRef, InstBuilder, SigRef, StackSlot, StackSlotData, StackSlotKind, Value, types,
};
use cranelift_entity::SecondaryMap;
use cranelift_frontend::{FunctionBuilder, Variable};
use cranelift_module::{FuncId, Module as _};
use cranelift_object::ObjectModule;
use evmc_abi::HostFn;
use evmc_backend::{BackendError, Convention, CpuLevel, Family};
use evmc_ir as ir;
use evmc_ir::{Imm, InstData, Instance, Opcode};

use crate::division::Checks;
use crate::gas::Exits;
use crate::linear::{Extension, extensions};
use crate::memory::Access;
use crate::signature::Interface;
use crate::value::{Held, machine_type};

/// Failure of a single instruction; the walk adds the place.
pub(crate) type Refusal = &'static str;

/// What a function needs to know of its module.
pub(crate) struct Surroundings<'a> {
    /// Where functions are declared.
    pub object: &'a mut ObjectModule,
    /// Cranelift's numbers of the functions.
    pub ids: &'a SecondaryMap<ir::Func, Option<FuncId>>,
    /// Conventions of the functions.
    pub interfaces: &'a SecondaryMap<ir::Func, Option<Interface>>,
    /// Conventions of functions that are called by reference.
    pub references: &'a SecondaryMap<ir::Sig, Option<Interface>>,
    /// The most memory for results that a function of the module gives, in bytes.
    pub most_returned: u32,
    /// What makes it a module of WebAssembly.
    pub instance: Option<&'a Instance>,
    /// Processor features.
    pub cpu: CpuLevel,
    /// Whether what is used in few blocks is to be kept close to them.
    pub keeps_near: bool,
}

/// The translation of one function.
pub(crate) struct Translator<'a, 'b> {
    /// The legal function.
    pub func: &'a ir::Function,
    /// Cranelift's builder.
    pub b: FunctionBuilder<'b>,
    /// The module.
    pub around: Surroundings<'a>,
    /// What values have become.
    pub held: SecondaryMap<ir::Value, Held>,
    /// Halves of whole values and the block in which they were split.
    pub splits: SecondaryMap<ir::Value, Option<(Block, Value, Value)>>,
    /// What blocks have become.
    pub blocks: SecondaryMap<ir::Block, Option<Block>>,
    /// How this function is left.
    pub interface: &'a Interface,
    /// The block in front of all others.
    pub prologue: Block,
    /// Constants, by type and zero-extended bits.
    pub constants: HashMap<(types::Type, i64), Value>,
    /// The frame pointer.
    pub frame: Value,
    /// Where results go that no register holds.
    pub result_memory: Option<Value>,
    /// The gas counter.
    pub gas: Variable,
    /// Shared exits.
    pub exits: Exits,
    /// Flags of memory accesses.
    pub access: Access,
    /// Whether the current block ended before its terminator.
    pub ended: bool,
    /// The current instruction's place in the source.
    pub source: u32,
    /// Places in the source of the accesses to linear memories, by number.
    pub accesses: Vec<u32>,
    /// What exits exclude in the current block.
    pub checks: Checks,
    /// Extensions of narrow loads.
    pub extensions: HashMap<ir::Value, Extension>,
    /// Words for host functions, and memory for results of callees.
    slots: [Option<StackSlot>; 2],
    functions: HashMap<ir::Func, FuncRef>,
    references: HashMap<ir::Sig, SigRef>,
    host_signature: Option<SigRef>,
}

impl<'a, 'b> Translator<'a, 'b> {
    /// Translates a function into `b`, which holds an empty function with the right signature. Gives the places in the
    /// source of its accesses to linear memories, by number.
    pub fn run(
        func: &'a ir::Function,
        b: FunctionBuilder<'b>,
        interface: &'a Interface,
        around: Surroundings<'a>,
    ) -> Result<Vec<u32>, BackendError> {
        let frontend = around.object.target_config();
        let mut translator = Self::new(func, b, interface, around);
        translator.enter();
        for &block in &func.layout {
            translator.block(block)?;
        }
        translator.finish_exits();
        translator.b.seal_all_blocks();
        translator.b.finalize(frontend);
        Ok(translator.accesses)
    }

    fn new(
        func: &'a ir::Function,
        mut b: FunctionBuilder<'b>,
        interface: &'a Interface,
        around: Surroundings<'a>,
    ) -> Self {
        let gas = b.declare_var(types::I64);
        let access = Access::new(&mut b);
        let extensions = if around.instance.is_some() { extensions(func) } else { HashMap::new() };
        Self {
            func,
            b,
            around,
            held: SecondaryMap::with_capacity(func.values.len()),
            splits: SecondaryMap::new(),
            blocks: SecondaryMap::new(),
            interface,
            prologue: Block::from_u32(0),
            constants: HashMap::new(),
            frame: Value::from_u32(0),
            result_memory: None,
            gas,
            exits: Exits::default(),
            access,
            ended: false,
            source: 0,
            accesses: Vec::new(),
            checks: Checks::default(),
            extensions,
            slots: [None; 2],
            functions: HashMap::new(),
            references: HashMap::new(),
            host_signature: None,
        }
    }

    /// Creates the blocks, and an entry block in front that receives the parameters.
    fn enter(&mut self) {
        for &block in &self.func.layout {
            let data = &self.func.blocks[block];
            let own = self.b.create_block();
            if data.cold {
                self.b.set_cold_block(own);
            }
            self.blocks[block] = Some(own);
            if Some(block) != self.func.entry() {
                for &param in &data.params {
                    let value = self.b.append_block_param(own, machine_type(self.func.ty(param)));
                    self.held[param] = Held::One(value);
                }
            }
        }
        let prologue = self.b.create_block();
        self.prologue = prologue;
        self.b.append_block_params_for_function_params(prologue);
        self.b.switch_to_block(prologue);
        // Constants go to its top, even before its first instruction.
        self.b.ensure_inserted_block();
        self.b.seal_block(prologue);
        let params = self.b.block_params(prologue).to_vec();
        self.receive(&params);
        if let Some(entry) = self.func.entry().and_then(|entry| self.blocks[entry]) {
            self.b.ins().jump(entry, &[]);
        }
    }

    /// Takes frame, gas, parameters and the pointer for results.
    fn receive(&mut self, params: &[Value]) {
        let mut rest = params;
        let mut next = || {
            let (&first, others) = rest.split_first()?;
            rest = others;
            Some(first)
        };
        self.frame = next().unwrap_or(self.frame);
        let gas = match self.interface.convention {
            Convention::Metered | Convention::Counted => next(),
            _ => None,
        };
        let gas = match (gas, self.interface.convention) {
            (Some(gas), _) => gas,
            (None, Convention::Entry) if self.is_counted() => {
                self.load_field(types::I64, evmc_abi::Field::Gas)
            }
            (None, _) => self.i64(0),
        };
        self.b.def_var(self.gas, gas);
        if let Some(entry) = self.func.entry() {
            for &param in &self.func.blocks[entry].params {
                self.held[param] = Self::take_flat(self.func.ty(param), &mut rest);
            }
        }
        self.result_memory = rest.first().copied();
    }

    fn block(&mut self, block: ir::Block) -> Result<(), BackendError> {
        let Some(own) = self.blocks[block] else { return Ok(()) };
        self.b.switch_to_block(own);
        self.ended = false;
        self.checks = Checks::default();
        let func = self.func;
        for (inst, data) in func.block_insts(block) {
            if self.ended {
                break;
            }
            self.source = func.sources[inst];
            self.inst(data).map_err(|reason| BackendError::Unsupported {
                function: func.name.clone(),
                opcode: data.opcode,
                ty: data.ty,
                reason,
            })?;
        }
        Ok(())
    }

    /// Dispatches one instruction to its family.
    fn inst(&mut self, data: &InstData) -> Result<(), Refusal> {
        match Family::of(data.opcode) {
            Family::Constant => self.constant_value(data),
            Family::Arithmetic | Family::Division => return self.arithmetic(data),
            Family::Shift | Family::Bits => return self.shift_or_count(data),
            Family::Comparison => self.comparison(data),
            Family::Conversion => self.conversion(data),
            Family::Float => return self.float(data),
            Family::Vector => return self.vector(data),
            Family::Memory => self.memory(data),
            Family::Instance => return self.instance(data),
            Family::Metering => return self.metering(data),
            Family::Host => self.host(data),
            Family::Call if data.opcode == Opcode::Runtime => return self.runtime(data),
            Family::Call => return self.call(data),
            Family::Leave => return self.leave(data),
            Family::Modular | Family::Byte => return Err("after legalisation"),
        }
        Ok(())
    }

    fn constant_value(&mut self, data: &InstData) {
        let Imm::Constant(constant) = data.imm else { return };
        let [low, high, ..] = *self.func.constants[constant].as_limbs();
        let held = match data.ty.unwrap_or(ir::Type::I64) {
            ir::Type::I128 => Held::Halves(self.i64(low), self.i64(high)),
            ir::Type::F32 => Held::One(self.b.ins().f32const(f32::from_bits(low as u32))),
            ir::Type::F64 => Held::One(self.b.ins().f64const(f64::from_bits(low))),
            ir::Type::V128 => {
                let bytes: Vec<u8> = [low, high].iter().flat_map(|limb| limb.to_le_bytes()).collect();
                let bits = self.b.func.dfg.constants.insert(bytes.into());
                Held::One(self.b.ins().vconst(types::I8X16, bits))
            }
            ty => Held::One(self.iconst(machine_type(ty), low as i64)),
        };
        self.set(data, held);
    }

    /// Words on the native stack for functions of host and runtime.
    pub fn words(&mut self) -> StackSlot {
        let insts = self.func.layout.iter().flat_map(|&block| self.func.block_insts(block));
        let bytes = |data: &InstData| match (data.opcode, &data.imm) {
            (_, Imm::Host(function)) => 32 * function.words(),
            (_, Imm::Runtime(function)) => 8 * function.args().max(function.results()),
            (Opcode::MemEnsure, _) => 32 * HostFn::MemoryGrow.words(),
            (Opcode::CalldataLoad, _) => 32 * HostFn::CalldataLoad.words(),
            _ => 0,
        };
        match self.slots[0] {
            Some(slot) => slot,
            None => {
                let most = insts.map(|(_, data)| bytes(data)).max().unwrap_or(0);
                self.slot(0, most as u32)
            }
        }
    }

    /// Memory on the native stack for results of callees.
    pub fn returned(&mut self) -> StackSlot {
        match self.slots[1] {
            Some(slot) => slot,
            None => {
                let most = match self.around.instance {
                    Some(_) => self.most_returned_here(),
                    None => self.around.most_returned,
                };
                self.slot(1, most)
            }
        }
    }

    /// The most memory for results that a function which is called here gives, in bytes.
    fn most_returned_here(&self) -> u32 {
        let insts = self.func.layout.iter().flat_map(|&block| self.func.block_insts(block));
        insts.filter_map(|(_, data)| Some(self.called(data)?.results.memory)).max().unwrap_or(0)
    }

    fn slot(&mut self, number: usize, bytes: u32) -> StackSlot {
        let data = StackSlotData::new(StackSlotKind::ExplicitSlot, bytes, 4);
        let slot = self.b.create_sized_stack_slot(data);
        self.slots[number] = Some(slot);
        slot
    }

    /// A function of the module, to be called.
    pub fn function(&mut self, func: ir::Func) -> Option<FuncRef> {
        if let Some(&known) = self.functions.get(&func) {
            return Some(known);
        }
        let id = self.around.ids[func]?;
        let new = self.around.object.declare_func_in_func(id, self.b.func);
        self.functions.insert(func, new);
        Some(new)
    }

    /// The signature of functions that are called by reference.
    pub fn reference_signature(&mut self, sig: ir::Sig) -> Option<SigRef> {
        if let Some(&known) = self.references.get(&sig) {
            return Some(known);
        }
        let signature = self.around.references[sig].as_ref()?.signature.clone();
        let new = self.b.import_signature(signature);
        self.references.insert(sig, new);
        Some(new)
    }

    /// The signature of host functions.
    pub fn host_signature(&mut self) -> SigRef {
        match self.host_signature {
            Some(signature) => signature,
            None => {
                let signature = self.b.import_signature(crate::signature::host_signature());
                self.host_signature = Some(signature);
                signature
            }
        }
    }

    /// A new block that only the current one enters, with parameters.
    pub fn next_block(&mut self, params: &[types::Type]) -> Block {
        let block = self.b.create_block();
        for &ty in params {
            self.b.append_block_param(block, ty);
        }
        block
    }

    /// Goes on in a block whose predecessors are all known.
    pub fn enter_sealed(&mut self, block: Block) {
        self.b.switch_to_block(block);
        self.b.seal_block(block);
    }

    /// Branches to a cold block with arguments where the condition holds, else goes on.
    pub fn branch_aside(&mut self, condition: Value, cold: Block, args: &[Value]) {
        let args: Vec<BlockArg> = args.iter().map(|&arg| arg.into()).collect();
        let next = self.b.create_block();
        self.b.ins().brif(condition, cold, &args, next, &[]);
        self.enter_sealed(next);
    }
}
