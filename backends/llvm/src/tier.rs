//! Which modules LLVM compiles at all.
//!
//! LLVM's time grows faster than the code: instruction selection, scheduling and register allocation are
//! superlinear in the size of a function, and its passes in the number of its blocks. So the cost of a module is
//! estimated from the IR before LLVM sees it, as the sum over its functions of their size and a share that grows
//! with the square. A module beyond the limit of its level is left to the other backend, whole: one that LLVM
//! compiles in a hurry would run slower.
//!
//! The square is what the worst shapes take: chains of thousands of values that are live at once, edges from everywhere
//! to one place. Large contracts that a compiler wrote are milder: long functions of short blocks, with
//! few edges for their size. For such a module the square counts within its blocks, and a [wide
//! limit](`WIDE_LIMIT`) holds.
//!
//! Some operations on words become code that ties much around it together: through the flags of the processor (products,
//! shifts by a variable) or through everything known of a value (gas observed again and again). Hundreds of them
//! in one block take LLVM's scheduler seconds, so each block pays the [square of its knots](`KNOTS_SQUARED`), under
//! both limits. Code of compilers has a few in a block.
//!
//! The estimate depends on the module alone, so output stays deterministic, and the artifact names the backend
//! that made it.

use evmc_backend::OptLevel;
use evmc_ir::{Function, Imm, InstData, Module, Opcode, Type};

/// Most cost of a module at each level: about two seconds of CPU time. A thousand is 16 to 28 ms at level 2, and a
/// quarter of that at level 0.
const LIMITS: [(OptLevel, usize); 4] = [
    (OptLevel::None, 300_000),
    (OptLevel::Less, 90_000),
    (OptLevel::Default, 75_000),
    (OptLevel::Aggressive, 70_000),
];

/// Levels at which the wide limit holds as well.
const WIDE_LEVELS: [OptLevel; 2] = [OptLevel::Less, OptLevel::Default];

/// Most cost, with squares within blocks alone, of a module that is large and mild: about three seconds of CPU
/// time. A thousand is 16 to 19 ms at level 2, measured on a machine in use.
const WIDE_LIMIT: usize = 165_000;

/// Most cost, with squares of functions, of a module to which the wide limit applies.
const WIDE_COST_LIMIT: usize = 350_000;

/// Least size for each edge, over a module to which the wide limit applies. Contracts have 17 to 30; the allocator of
/// registers takes long where many values live over many edges.
const WIDE_EDGE_SIZE: usize = 15;

/// What a block adds to the cost under the wide limit.
const WIDE_BLOCK: usize = 2;

/// A block of this size adds the same again under the wide limit.
const WIDE_DOUBLE_SIZE: usize = 200;

/// A function of this size costs twice its size.
const DOUBLE_SIZE: usize = 30_000;

/// A function of so many blocks costs twice its size.
const DOUBLE_BLOCKS: usize = 3_000;

/// A function costs the square of its blocks by this, whatever is in them: each way out of a function is one
/// block with an edge from all that may leave, and much of LLVM looks at all edges for each.
const BLOCKS_SQUARED: usize = 300;

/// A block costs the square of its knots by this, besides its size. Measured at level 2 as what takes about one
/// second: 250 shifts by variables, 500 sign extensions or observations of gas, 800 products or 1,300 modular products.
const KNOTS_SQUARED: usize = 100;

/// Whether LLVM compiles a module at a level.
pub(crate) fn is_affordable(module: &Module, level: OptLevel) -> bool {
    let limit = LIMITS.iter().find(|(own, _)| *own == level).map_or(0, |&(_, limit)| limit);
    let extents: Vec<Extent> = module.functions.values().map(Extent::of).collect();
    let total = |what: fn(&Extent) -> usize| extents.iter().map(what).fold(0, usize::saturating_add);
    let cost = total(Extent::cost);
    let is_sparse = || total(|own| own.edges).saturating_mul(WIDE_EDGE_SIZE) <= total(|own| own.size);
    let is_mild = || cost <= WIDE_COST_LIMIT && total(Extent::mild_cost) <= WIDE_LIMIT && is_sparse();
    cost <= limit || (WIDE_LEVELS.contains(&level) && is_mild())
}

/// What the cost of a function depends on.
#[derive(Debug, Default)]
struct Extent {
    /// Instructions of LLVM's, about.
    size: usize,
    /// Blocks of LLVM's, about.
    blocks: usize,
    /// Edges between blocks of the IR.
    edges: usize,
    /// Squares of the sizes of the IR's blocks.
    squares: usize,
    /// Squares of the knots of the IR's blocks.
    squared_knots: usize,
}

impl Extent {
    fn of(func: &Function) -> Self {
        let mut extent = Self { blocks: func.layout.len(), ..Self::default() };
        for &block in &func.layout {
            let before = extent.size;
            let mut knots = 0usize;
            for (_, data) in func.block_insts(block) {
                extent.size += inst_cost(data);
                extent.blocks += inst_blocks(data);
                extent.edges += data.targets().len();
                knots += inst_knots(func, data);
            }
            extent.squared_knots = extent.squared_knots.saturating_add(knots.saturating_mul(knots));
            let own = extent.size - before;
            extent.squares = extent.squares.saturating_add(own.saturating_mul(own));
        }
        extent
    }

    /// Estimated cost: the size, and shares that grow with size and blocks.
    fn cost(&self) -> usize {
        let by_size = self.size.saturating_mul(self.size) / DOUBLE_SIZE;
        let by_blocks = self.size.saturating_mul(self.blocks) / DOUBLE_BLOCKS;
        let by_edges = self.blocks.saturating_mul(self.blocks) / BLOCKS_SQUARED;
        let by_function = by_size.saturating_add(by_blocks).saturating_add(by_edges);
        self.size.saturating_add(by_function).saturating_add(self.by_knots())
    }

    /// Estimated cost under the wide limit.
    fn mild_cost(&self) -> usize {
        let by_blocks = (WIDE_BLOCK * self.blocks).saturating_add(self.squares / WIDE_DOUBLE_SIZE);
        self.size.saturating_add(by_blocks).saturating_add(self.by_knots())
    }

    fn by_knots(&self) -> usize {
        self.squared_knots / KNOTS_SQUARED
    }
}

/// Estimated number of instructions of LLVM's that an instruction becomes.
fn inst_cost(data: &InstData) -> usize {
    let limbs = data.ty.map_or(1, |ty| ty.bits().div_ceil(64) as usize);
    match (data.opcode, &data.imm) {
        (Opcode::Const, _) => 0,
        (Opcode::CalldataLoad, _) => 25,
        (Opcode::Host, _) => 12 + 4 * data.args.len(),
        (Opcode::Call, _) => 10 + 2 * data.args.len(),
        (Opcode::MemEnsure, _) => 15,
        (Opcode::GasCharge | Opcode::GasChargeAt | Opcode::GasChargeDyn | Opcode::StackCheck, _) => 4,
        (Opcode::ExitIf, _) => 3,
        (Opcode::Mul, _) => limbs * limbs,
        (Opcode::Udiv | Opcode::Sdiv | Opcode::Urem | Opcode::Srem, _) if data.ty == Some(Type::I256) => 40,
        (Opcode::Addmod | Opcode::Mulmod | Opcode::Exp, _) => 20,
        (Opcode::Shl | Opcode::Lshr | Opcode::Ashr | Opcode::Byte | Opcode::SignExtend, _) => 4 * limbs,
        (_, Imm::Switch(table)) => 2 * table.cases.len(),
        _ => limbs,
    }
}

/// How much an instruction ties its block together; only what is wider than the processor's words does.
fn inst_knots(func: &Function, data: &InstData) -> usize {
    let is_wide = data.ty.is_some_and(|ty| ty.bits() > 64);
    let is_variable = data.args.iter().all(|&arg| func.constant(arg).is_none());
    match data.opcode {
        Opcode::GasRemaining => 5,
        _ if !is_wide => 0,
        Opcode::Mul => 3,
        Opcode::Addmod | Opcode::Mulmod | Opcode::Exp => 2,
        Opcode::Shl | Opcode::Lshr | Opcode::Ashr if is_variable => 12,
        Opcode::Byte | Opcode::SignExtend if is_variable => 5,
        _ => 0,
    }
}

/// Blocks of LLVM's that an instruction adds.
fn inst_blocks(data: &InstData) -> usize {
    match data.opcode {
        Opcode::MemEnsure | Opcode::CalldataLoad => 3,
        Opcode::Udiv | Opcode::Sdiv | Opcode::Urem | Opcode::Srem => 3,
        Opcode::Host | Opcode::Call | Opcode::ExitIf | Opcode::StackCheck => 1,
        Opcode::GasCharge | Opcode::GasChargeAt | Opcode::GasChargeDyn => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use evmc_ir::Builder;

    use super::*;

    /// A module with one function of `blocks` blocks, each of which adds a word to itself `count` times.
    fn chain(blocks: usize, count: usize) -> Module {
        let mut func = Function::new("chain", &[]);
        let mut b = Builder::new(&mut func);
        let mut block = b.create_block();
        let mut value = b.add_param(block, Type::I256);
        for number in 1..=blocks {
            b.switch_to(block);
            for _ in 0..count {
                value = b.binary(Opcode::Add, value, value);
            }
            if number == blocks {
                b.ret(&[]);
            } else {
                block = b.create_block();
                b.jump(block, &[]);
            }
        }
        let mut module = Module::default();
        module.functions.push(func);
        module
    }

    fn cost(module: &Module) -> usize {
        module.functions.values().map(|func| Extent::of(func).cost()).sum()
    }

    #[test]
    fn large_functions_cost_more_than_their_size() {
        let [small, large] = [1_000, 10_000].map(|count| cost(&chain(1, count)));
        assert!(large > 15 * small, "{small} {large}");
        assert!(is_affordable(&chain(1, 1_000), OptLevel::Default));
        assert!(!is_affordable(&chain(1, 100_000), OptLevel::None));
    }

    #[test]
    fn products_of_words_in_one_block_are_few() {
        /// One block that multiplies `count` times.
        fn products(ty: Type, count: usize) -> Module {
            let mut func = Function::new("products", &[]);
            let mut b = Builder::new(&mut func);
            let block = b.create_block();
            let mut value = b.add_param(block, ty);
            b.switch_to(block);
            for _ in 0..count {
                value = b.binary(Opcode::Mul, value, value);
            }
            b.ret(&[]);
            let mut module = Module::default();
            module.functions.push(func);
            module
        }
        assert!(is_affordable(&products(Type::I256, 500), OptLevel::Default));
        assert!(!is_affordable(&products(Type::I256, 1_500), OptLevel::Default));
        assert!(is_affordable(&products(Type::I64, 5_000), OptLevel::Default));
    }

    #[test]
    fn the_wide_limit_is_for_sparse_code_of_short_blocks() {
        let mild = chain(1_500, 12);
        assert!(is_affordable(&mild, OptLevel::Default), "{}", cost(&mild));
        assert!(!is_affordable(&mild, OptLevel::Aggressive));
        // One long block, many edges, too much.
        for (blocks, count) in [(1, 18_000), (4_000, 2), (1_700, 12)] {
            let module = chain(blocks, count);
            assert!(!is_affordable(&module, OptLevel::Default), "{blocks} {count}: {}", cost(&module));
        }
    }
}
