//! The verifier on modules that no text describes. What can be written as text is tested by the files
//! in `testsuite/filetests/verify`.

use evmc_ir::text::{parse, print};
use evmc_ir::verify::Rule;
use evmc_ir::{Block, BlockCall, Constant, Func, Function, Imm, Inst, Module, Opcode, Stretch, Type, Value};
use evmc_ir::{ValueDef, verify};

const TEXT: &str = "entry %main
stretch0 = 0..4
function %main() {
block0:
    gas.charge 3, stretch0
    v0 = const.i64 7
    v1 = call %f(v0)
    jump block1(v1)
block1(v2: i64):
    v3 = add.i64 v2, v0
    exit stop
}
function %f(i64) -> i64 {
block0(v0: i64):
    ret v0
}
";

/// Rules that a change to the module breaks.
fn broken(change: impl FnOnce(&mut Module)) -> Vec<Rule> {
    let mut module = parse(TEXT).expect("the text is a module");
    change(&mut module);
    let _ = print(&module);
    let errors = verify(&module).err().unwrap_or_default();
    errors.iter().for_each(|error| assert!(!error.to_string().is_empty()));
    errors.into_iter().map(|error| error.rule).collect()
}

/// The same for a change to the entry function.
fn broken_main(change: impl FnOnce(&mut Function)) -> Vec<Rule> {
    broken(|module| change(&mut module.functions[Func::from_u32(0)]))
}

fn block(number: u32) -> Block {
    Block::from_u32(number)
}

fn inst(number: u32) -> Inst {
    Inst::from_u32(number)
}

fn value(number: u32) -> Value {
    Value::from_u32(number)
}

#[test]
fn the_text_itself_is_valid() {
    assert_eq!(broken(|_| {}), []);
}

#[test]
fn names_and_entry() {
    let rename =
        |name: &'static str| broken(move |module| module.functions[Func::from_u32(1)].name = name.into());
    assert_eq!(rename("main"), [Rule::Module]);
    assert_eq!(rename("two words"), [Rule::Module]);
    assert_eq!(rename(""), [Rule::Module]);
    assert_eq!(broken(|module| module.entry = Some(Func::from_u32(9))), [Rule::Module]);
}

#[test]
fn layout() {
    assert_eq!(broken_main(|f| f.layout.push(block(1))), [Rule::Layout]);
    assert_eq!(broken_main(|f| f.layout.push(block(8))), [Rule::Reference]);
    assert_eq!(broken_main(|f| f.layout.truncate(1)), [Rule::Reference]);
    let twice = broken_main(|f| f.blocks[block(1)].insts.insert(0, inst(1)));
    assert!(twice.contains(&Rule::Layout), "{twice:?}");
}

#[test]
fn references() {
    assert_eq!(broken_main(|f| f.blocks[block(1)].insts.insert(0, inst(99))), [Rule::Reference]);
    assert_eq!(broken_main(|f| f.blocks[block(1)].params[0] = value(99)), [Rule::Reference]);
    assert_eq!(broken_main(|f| f.insts[inst(4)].args[1] = value(99)), [Rule::Reference]);
    assert_eq!(broken_main(|f| f.insts[inst(4)].results[0] = value(99)), [Rule::Reference]);
    let constant = Imm::Constant(Constant::from_u32(9));
    assert_eq!(broken_main(|f| f.insts[inst(1)].imm = constant), [Rule::Reference]);
    let charge = Imm::Charge { gas: 3, stretch: Stretch::from_u32(5) };
    assert_eq!(broken_main(|f| f.insts[inst(0)].imm = charge), [Rule::Reference]);
    let callee = Imm::Function(Func::from_u32(7));
    assert_eq!(broken_main(|f| f.insts[inst(2)].imm = callee), [Rule::Reference]);
    let target = Imm::Jump(BlockCall::new(block(5), &[]));
    assert_eq!(broken_main(|f| f.insts[inst(3)].imm = target), [Rule::Reference]);
}

#[test]
fn definitions() {
    let def = ValueDef::Param(block(1), 3);
    assert_eq!(broken_main(|f| f.values[value(2)].def = def), [Rule::Definition]);
    let def = ValueDef::Result(inst(77), 0);
    assert_eq!(broken_main(|f| f.values[value(3)].def = def), [Rule::Definition]);
    // A value whose instruction has left the layout.
    let removed = broken_main(|f| {
        f.blocks[block(0)].insts.remove(1);
    });
    assert_eq!(removed, [Rule::Dominance, Rule::Dominance]);
}

#[test]
fn immediates_and_controlling_types() {
    assert_eq!(broken_main(|f| f.insts[inst(1)].imm = Imm::None), [Rule::Arity]);
    assert_eq!(broken_main(|f| f.insts[inst(4)].imm = Imm::Offset(1)), [Rule::Arity]);
    assert_eq!(broken_main(|f| f.insts[inst(4)].ty = None), [Rule::Types]);
    assert_eq!(broken_main(|f| f.insts[inst(0)].ty = Some(Type::I64)), [Rule::Types]);
    let other = broken_main(|f| f.insts[inst(4)].opcode = Opcode::AddCarry);
    assert_eq!(other, [Rule::Arity]);
}

/// Changes at pseudo-random places are found or harmless, and never make verifier or printer panic.
#[test]
fn random_damage_does_not_panic() {
    let mut state = 11u64;
    let mut random = move |below: u32| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as u32 % below
    };
    for _ in 0..3000 {
        broken_main(|f| {
            for _ in 0..1 + random(3) {
                let at = inst(random(6));
                match random(8) {
                    0 => f.insts[at].opcode = Opcode::ALL[random(Opcode::ALL.len() as u32) as usize],
                    1 => f.insts[at].ty = Some(Type::ALL[random(Type::ALL.len() as u32) as usize]),
                    2 => f.insts[at].args.push(value(random(6))),
                    3 => drop(f.insts[at].results.pop()),
                    4 => f.insts[at].imm = Imm::Jump(BlockCall::new(block(random(3)), &[value(random(6))])),
                    5 => f.blocks[block(random(2))].insts.push(inst(random(8))),
                    6 => f.layout.push(block(random(4))),
                    _ => f.blocks[block(random(2))].params.push(value(random(6))),
                }
            }
        });
    }
}
