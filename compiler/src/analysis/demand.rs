//! How many low bits of each value anybody looks at.
//!
//! A backward analysis: operations whose low bits depend on no higher bits of their operands (sums,
//! products, masks, shifts to the left) ask of their operands what is asked of them; everything else
//! asks for all bits. Starts with nothing and raises demands until they cover all uses; a demand is
//! one of a few sizes, so a value is raised at most a few times and the whole is linear.

use cranelift_entity::SecondaryMap;
use evmc_ir::{Func, Function, Imm, InstData, Opcode, Value, ValueDef};
use ruint::aliases::U256;
use smallvec::SmallVec;

/// Sizes of demands in bits.
const SIZES: [u32; 8] = [0, 1, 8, 16, 32, 64, 128, 256];

/// Demands by value.
#[derive(Clone, Debug)]
pub struct Demand {
    bits: SecondaryMap<Value, u32>,
}

/// The propagation.
struct Propagation<'f> {
    func: &'f Function,
    params: &'f dyn Fn(Func, usize) -> u32,
    demand: Demand,
    /// Arguments of each block parameter.
    args: SecondaryMap<Value, SmallVec<[Value; 2]>>,
    work: Vec<Value>,
}

impl Demand {
    /// Analyses a function; `params` gives what a function that it calls asks of a parameter.
    pub fn new(func: &Function, params: &dyn Fn(Func, usize) -> u32) -> Self {
        let mut propagation = Propagation {
            func,
            params,
            demand: Self { bits: SecondaryMap::with_capacity(func.values.len()) },
            args: SecondaryMap::new(),
            work: Vec::new(),
        };
        propagation.run();
        propagation.demand
    }

    /// Number of low bits of `value` that matter: no use tells values apart that agree in them.
    pub fn bits(&self, value: Value) -> u32 {
        self.bits[value]
    }
}

impl Propagation<'_> {
    fn run(&mut self) {
        let func = self.func;
        for &block in &func.layout {
            for (_, data) in func.block_insts(block) {
                for (number, &arg) in data.args.iter().enumerate() {
                    match data.imm {
                        Imm::Function(callee) => self.raise(arg, (self.params)(callee, number)),
                        _ if is_transparent(func, data) => {}
                        _ => self.raise(arg, func.ty(arg).bits()),
                    }
                }
                for target in data.targets() {
                    for (&param, &arg) in func.blocks[target.block].params.iter().zip(&target.args) {
                        self.args[param].push(arg);
                    }
                }
            }
        }
        while let Some(value) = self.work.pop() {
            self.spread(value);
        }
    }

    fn raise(&mut self, value: Value, bits: u32) {
        let wanted = bits.min(self.func.ty(value).bits());
        let size = SIZES.into_iter().find(|&size| size >= wanted).unwrap_or(256);
        if size > self.demand.bits[value] {
            self.demand.bits[value] = size;
            self.work.push(value);
        }
    }

    /// Asks of what `value` is made of for what is asked of `value`.
    fn spread(&mut self, value: Value) {
        let bits = self.demand.bits[value];
        match self.func.values[value].def {
            ValueDef::Param(_, _) => {
                for index in 0..self.args[value].len() {
                    self.raise(self.args[value][index], bits);
                }
            }
            ValueDef::Result(inst, _) => {
                let data = &self.func.insts[inst];
                if is_transparent(self.func, data) {
                    for (number, &arg) in data.args.iter().enumerate() {
                        self.raise(arg, asked(self.func, data, number, bits));
                    }
                }
            }
        }
    }
}

/// Whether less may be asked of operands than everything.
fn is_transparent(func: &Function, data: &InstData) -> bool {
    use Opcode as Op;
    let constant = |number: usize| func.constant(data.args[number]).is_some();
    match data.opcode {
        Op::Add | Op::Sub | Op::Mul | Op::And | Op::Or | Op::Xor | Op::Not | Op::Select => true,
        Op::Zext | Op::Trunc => true,
        Op::Shl | Op::Lshr | Op::Ashr => constant(1),
        Op::Byte | Op::SignExtend => constant(0),
        _ => false,
    }
}

/// What a transparent operation asks of operand `number` where `bits` low bits are asked of it.
fn asked(func: &Function, data: &InstData, number: usize, bits: u32) -> u32 {
    use Opcode as Op;
    let constant = |number: usize| func.constant(data.args[number]).unwrap_or(U256::MAX);
    let small = |number: usize| constant(number).min(U256::from(256)).to::<u32>();
    let width = func.ty(data.args[number]).bits();
    match (data.opcode, number) {
        (Op::And, _) => match func.constant(data.args[1 - number]) {
            Some(mask) => bits.min(mask.bit_len() as u32),
            None => bits,
        },
        (Op::Select, 0) => 1,
        (Op::Shl, 0) => bits.saturating_sub(small(1)),
        (Op::Lshr | Op::Ashr, 0) => bits + small(1),
        (Op::Byte, 1) => width.saturating_sub(8 * small(0)),
        // The bits above the byte come from its top bit.
        (Op::SignExtend, 1) => bits.min(8 * (small(0) + 1)),
        (Op::Shl | Op::Lshr | Op::Ashr | Op::Byte | Op::SignExtend, _) => width,
        _ => bits,
    }
}
