//! Functions and modules: arenas, layout, and the data of instructions.

use cranelift_entity::{PrimaryMap, SecondaryMap};
use evmc_abi::wasm::EntryId;
use evmc_abi::{Effects, ExitCode, Field, HostFn, InstanceShape, RuntimeFn, StretchRange};
use ruint::aliases::U256;
use smallvec::SmallVec;

use crate::entities::{Block, Constant, Func, Inst, Sig, Stretch, Value};
use crate::opcode::Opcode;
use crate::shape::LaneShape;
use crate::types::Type;

/// A list of values; most are short.
pub type Values = SmallVec<[Value; 4]>;

/// A branch target with the arguments for its block parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockCall {
    /// The block.
    pub block: Block,
    /// One argument per block parameter.
    pub args: Values,
}

impl BlockCall {
    /// A target with arguments.
    pub fn new(block: Block, args: &[Value]) -> Self {
        Self { block, args: args.into() }
    }
}

/// Targets of a `switch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchTable {
    /// Value and target, each value once.
    pub cases: Vec<(U256, BlockCall)>,
    /// Where every other value goes.
    pub default: BlockCall,
}

/// What an instruction carries besides its operands; the variant follows from the opcode's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imm {
    /// Nothing.
    None,
    /// A constant of the function's pool.
    Constant(Constant),
    /// Gas.
    Amount(u64),
    /// Gas and the stretch that it pays for.
    Charge {
        /// Gas.
        gas: u64,
        /// The stretch.
        stretch: Stretch,
    },
    /// An exit code.
    Exit(ExitCode),
    /// A field of the frame.
    Field(Field),
    /// A host function.
    Host(HostFn),
    /// A function of the module.
    Function(Func),
    /// A function of the runtime.
    Runtime(RuntimeFn),
    /// A memory of the instance, and what is added to an address, in bytes.
    Linear {
        /// The memory.
        memory: u32,
        /// The displacement.
        offset: u64,
    },
    /// The number of something that belongs to the instance, or of a slot.
    Index(u32),
    /// A table of the instance, and the signature that what is called must have.
    Element {
        /// The table.
        table: u32,
        /// The signature.
        signature: Sig,
    },
    /// A signature.
    Signature(Sig),
    /// A displacement in stack items.
    Offset(i32),
    /// A stretch.
    Stretch(Stretch),
    /// One target.
    Jump(BlockCall),
    /// Targets for true and for false.
    Branch(Box<[BlockCall; 2]>),
    /// Targets by value.
    Switch(Box<SwitchTable>),
    /// A lane shape.
    Shape(LaneShape),
    /// The number of a lane.
    Lane(u8),
    /// Numbers of bytes in two vectors.
    Shuffle([u8; 16]),
}

/// An instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstData {
    /// The operation.
    pub opcode: Opcode,
    /// The controlling type, where the operation has one.
    pub ty: Option<Type>,
    /// Operands.
    pub args: Values,
    /// Immediate.
    pub imm: Imm,
    /// Results.
    pub results: SmallVec<[Value; 2]>,
}

impl InstData {
    /// All effects, those of a host function included.
    pub fn effects(&self) -> Effects {
        match self.imm {
            Imm::Host(function) => function.effects(),
            Imm::Runtime(function) => function.effects(),
            _ => self.opcode.row().effects,
        }
    }

    /// The branch targets, in the order of the text form.
    pub fn targets(&self) -> SmallVec<[&BlockCall; 2]> {
        match &self.imm {
            Imm::Jump(target) => SmallVec::from_slice(&[target]),
            Imm::Branch(targets) => targets.iter().collect(),
            Imm::Switch(table) => {
                table.cases.iter().map(|(_, target)| target).chain([&table.default]).collect()
            }
            _ => SmallVec::new(),
        }
    }

    /// The branch targets, to be changed.
    pub fn targets_mut(&mut self) -> SmallVec<[&mut BlockCall; 2]> {
        match &mut self.imm {
            Imm::Jump(target) => {
                let mut targets = SmallVec::new();
                targets.push(target);
                targets
            }
            Imm::Branch(targets) => targets.iter_mut().collect(),
            Imm::Switch(table) => {
                let SwitchTable { cases, default } = &mut **table;
                cases.iter_mut().map(|(_, target)| target).chain([default]).collect()
            }
            _ => SmallVec::new(),
        }
    }
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueDef {
    /// The n-th parameter of a block.
    Param(Block, u32),
    /// The n-th result of an instruction.
    Result(Inst, u32),
}

/// A value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueData {
    /// Its type.
    pub ty: Type,
    /// Where it comes from.
    pub def: ValueDef,
}

/// A basic block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockData {
    /// Parameters; those of the entry block are the function's.
    pub params: Vec<Value>,
    /// Instructions in order, the terminator last.
    pub insts: Vec<Inst>,
    /// Whether the block is rarely run and belongs out of line.
    pub cold: bool,
}

/// A function. Gas counter and VM memory are state of the frame that every function shares.
#[derive(Clone, Debug, Default)]
pub struct Function {
    /// Name, printed as `%name`; unique in the module.
    pub name: String,
    /// Types of the results.
    pub results: Vec<Type>,
    /// Blocks in layout order; the first is the entry.
    pub layout: Vec<Block>,
    /// Blocks.
    pub blocks: PrimaryMap<Block, BlockData>,
    /// Instructions.
    pub insts: PrimaryMap<Inst, InstData>,
    /// Values.
    pub values: PrimaryMap<Value, ValueData>,
    /// Constants.
    pub constants: PrimaryMap<Constant, U256>,
    /// For instructions that can trap: where in the source their operation stands, as an offset in bytes.
    pub sources: SecondaryMap<Inst, u32>,
}

impl Function {
    /// An empty function.
    pub fn new(name: impl Into<String>, results: &[Type]) -> Self {
        Self { name: name.into(), results: results.to_vec(), ..Self::default() }
    }

    /// The entry block, or `None` in a function without blocks.
    pub fn entry(&self) -> Option<Block> {
        self.layout.first().copied()
    }

    /// Types of the parameters.
    pub fn param_types(&self) -> impl Iterator<Item = Type> + '_ {
        let params = self.entry().map_or(&[][..], |entry| &self.blocks[entry].params);
        params.iter().map(|&param| self.values[param].ty)
    }

    /// Type of a value.
    pub fn ty(&self, value: Value) -> Type {
        self.values[value].ty
    }

    /// The instructions of a block.
    pub fn block_insts(&self, block: Block) -> impl DoubleEndedIterator<Item = (Inst, &InstData)> {
        self.blocks[block].insts.iter().map(|&inst| (inst, &self.insts[inst]))
    }

    /// The last instruction of a block, if it ends the block.
    pub fn terminator(&self, block: Block) -> Option<&InstData> {
        let inst = *self.blocks[block].insts.last()?;
        Some(&self.insts[inst]).filter(|data| data.opcode.is_terminator())
    }

    /// The instruction that defines `value`; `None` for a block parameter.
    pub fn defining_inst(&self, value: Value) -> Option<&InstData> {
        match self.values[value].def {
            ValueDef::Result(inst, _) => Some(&self.insts[inst]),
            ValueDef::Param(..) => None,
        }
    }

    /// The constant that defines `value`, if one does.
    pub fn constant(&self, value: Value) -> Option<U256> {
        match self.defining_inst(value)?.imm {
            Imm::Constant(constant) => Some(self.constants[constant]),
            _ => None,
        }
    }

    /// Number of instructions in the layout.
    pub fn size(&self) -> usize {
        self.layout.iter().map(|&block| self.blocks[block].insts.len()).sum()
    }
}

/// Parameters and results of functions that may be called by reference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Signature {
    /// Types of the parameters, the logical depth first.
    pub params: Vec<Type>,
    /// Types of the results.
    pub results: Vec<Type>,
}

/// What makes a module one of WebAssembly: it runs as an instance, and many of its functions can be entered.
///
/// Exits of such a module end the runtime's innermost entry at once, from any depth of calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// What has a place in the instance area.
    pub shape: InstanceShape,
    /// Whether gas is counted: whether functions take and give the counter.
    pub metered: bool,
    /// Functions that the runtime finds by number.
    pub entries: Vec<(EntryId, Func)>,
}

/// A compiled program: functions that call one another, and the stretches that their checks name.
#[derive(Clone, Debug, Default)]
pub struct Module {
    /// Functions.
    pub functions: PrimaryMap<Func, Function>,
    /// The function that the runtime enters; it has neither parameters nor results.
    pub entry: Option<Func>,
    /// Stretches of the source.
    pub stretches: PrimaryMap<Stretch, StretchRange>,
    /// Whether any function uses the frame's memory stack.
    pub uses_memory_stack: bool,
    /// Signatures of functions that are called by reference.
    pub signatures: PrimaryMap<Sig, Signature>,
    /// What a module of WebAssembly has beside its functions; it has no `entry`.
    pub instance: Option<Instance>,
}
