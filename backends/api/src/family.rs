//! Families of operations: backends have a file for each, and dispatch by this one table.

use evmc_ir::Opcode;

/// Operations that a backend translates in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Constants.
    Constant,
    /// Sums, differences, products, bitwise logic.
    Arithmetic,
    /// Quotients and remainders.
    Division,
    /// Modular arithmetic and powers.
    Modular,
    /// Shifts and rotations.
    Shift,
    /// Counts of bits, order of bytes.
    Bits,
    /// A byte of a value, and extension from one.
    Byte,
    /// Integer comparisons, and selection.
    Comparison,
    /// Conversions between types.
    Conversion,
    /// Floating point.
    Float,
    /// Vectors of lanes.
    Vector,
    /// VM memory, the memory stack, calldata, fields of the frame.
    Memory,
    /// What belongs to an instance of WebAssembly: linear memories, globals, tables, references, slots.
    Instance,
    /// The gas counter, and checks that end the frame.
    Metering,
    /// Calls of host functions.
    Host,
    /// Calls of functions of the module.
    Call,
    /// Ends of blocks.
    Leave,
}

impl Family {
    /// The family of an operation.
    pub const fn of(opcode: Opcode) -> Self {
        use Opcode as Op;
        match opcode {
            Op::Const => Self::Constant,
            Op::Add | Op::Sub | Op::Mul | Op::AddCarry | Op::SubBorrow => Self::Arithmetic,
            Op::And | Op::Or | Op::Xor | Op::Not => Self::Arithmetic,
            Op::Udiv | Op::Sdiv | Op::Urem | Op::Srem => Self::Division,
            Op::Addmod | Op::Mulmod | Op::Exp => Self::Modular,
            Op::Shl | Op::Lshr | Op::Ashr | Op::Rotl | Op::Rotr => Self::Shift,
            Op::Clz | Op::Ctz | Op::Popcnt | Op::Bswap => Self::Bits,
            Op::Byte | Op::SignExtend => Self::Byte,
            Op::Eq | Op::Ne | Op::Ult | Op::Ule | Op::Ugt | Op::Uge => Self::Comparison,
            Op::Slt | Op::Sle | Op::Sgt | Op::Sge | Op::Select => Self::Comparison,
            Op::Zext | Op::Sext | Op::Trunc | Op::Bitcast => Self::Conversion,
            Op::Fadd | Op::Fsub | Op::Fmul | Op::Fdiv | Op::Fmin | Op::Fmax => Self::Float,
            Op::Fcanon | Op::Fsqrt | Op::Fabs | Op::Fneg | Op::Fcopysign => Self::Float,
            Op::Fceil | Op::Ffloor | Op::Ftrunc | Op::Fnearest => Self::Float,
            Op::Feq | Op::Fne | Op::Flt | Op::Fle => Self::Float,
            Op::Fpromote | Op::Fdemote | Op::FtoSint | Op::FtoUint => Self::Float,
            Op::SintToF | Op::UintToF => Self::Float,
            Op::Vsplat | Op::Vextract | Op::Vinsert | Op::Vshuffle | Op::Vswizzle => Self::Vector,
            Op::VanyTrue | Op::VallTrue | Op::Vbitmask => Self::Vector,
            Op::Vadd | Op::Vsub | Op::Vmul | Op::Vabs | Op::Vpopcnt => Self::Vector,
            Op::VsaddSat | Op::VuaddSat | Op::VssubSat | Op::VusubSat => Self::Vector,
            Op::Vsmin | Op::Vumin | Op::Vsmax | Op::Vumax => Self::Vector,
            Op::Vavgr | Op::Vq15mulrSat | Op::Vdot => Self::Vector,
            Op::Vshl | Op::Vlshr | Op::Vashr => Self::Vector,
            Op::Veq | Op::Vult | Op::Vule | Op::Vslt | Op::Vsle => Self::Vector,
            Op::Vsnarrow | Op::Vunarrow => Self::Vector,
            Op::VsextLow | Op::VsextHigh | Op::VzextLow | Op::VzextHigh => Self::Vector,
            Op::VsaddPairs | Op::VuaddPairs => Self::Vector,
            Op::Vfadd | Op::Vfsub | Op::Vfmul | Op::Vfdiv | Op::Vfmin | Op::Vfmax => Self::Vector,
            Op::Vpmin | Op::Vpmax | Op::Vfsqrt | Op::Vfcanon => Self::Vector,
            Op::Vfceil | Op::Vffloor | Op::Vftrunc | Op::Vfnearest => Self::Vector,
            Op::Vfeq | Op::Vfne | Op::Vflt | Op::Vfle => Self::Vector,
            Op::VfToSint | Op::VfToUint | Op::VsintToF | Op::VuintToF => Self::Vector,
            Op::Vfpromote | Op::Vfdemote => Self::Vector,
            Op::LinLoad
            | Op::LinStore
            | Op::LinRead
            | Op::LinWrite
            | Op::LinFence
            | Op::MemorySize
            | Op::GlobalGet
            | Op::GlobalSet => Self::Instance,
            Op::TableGet | Op::TableSet | Op::TableSize => Self::Instance,
            Op::FuncImported | Op::FuncOwn | Op::FuncElement => Self::Instance,
            Op::SlotGet | Op::SlotSet => Self::Instance,
            Op::GasPay | Op::GasCheck | Op::DepthCheck => Self::Metering,
            Op::MemLoad | Op::MemStore | Op::MemEnsure => Self::Memory,
            Op::CalldataLoad | Op::FrameGet | Op::StackLoad | Op::StackStore => Self::Memory,
            Op::StackCheck | Op::GasCharge | Op::GasChargeAt | Op::GasChargeDyn => Self::Metering,
            Op::GasCredit | Op::GasRemaining | Op::ExitIf => Self::Metering,
            Op::Host => Self::Host,
            Op::Call | Op::CallRef | Op::Runtime => Self::Call,
            Op::RetCall | Op::RetCallRef => Self::Leave,
            Op::Jump | Op::Branch | Op::Switch | Op::Ret | Op::Exit | Op::Unreachable => Self::Leave,
        }
    }
}
