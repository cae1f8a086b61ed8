//! Every rewrite rule, put to an SMT solver: no values for its names make the sides differ.
//!
//! Needs `z3` on the path, and says so where it is missing. Rules are asked at 8 bits, and those
//! without products and quotients, which solvers are slow at, at 256 bits as well. What the solver
//! does not decide in time is counted and left to the tests by evaluation in `rules.rs`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use evmc_compiler::rules::term::{CONSTANTS, FLAG, VALUES, is_comparison};
use evmc_compiler::rules::{Query, Rule, Term, rules_for};
use evmc_ir::{Opcode, Type};

/// Milliseconds that the solver may take for one question.
const TIMEOUT_MS: u32 = 200;

#[test]
fn a_solver_finds_no_counterexample() {
    let mut questions = Vec::new();
    let mut script = format!("(set-option :timeout {TIMEOUT_MS})\n");
    for rule in Opcode::ALL.iter().flat_map(|&op| rules_for(op)) {
        for ty in [Type::I8, Type::I256] {
            if let Some(question) = question(rule, ty) {
                script += &question;
                questions.push((rule, ty));
            }
        }
    }
    let Some(answers) = z3(&script) else {
        println!("skipped: no `z3` on the path");
        return;
    };
    let answers: Vec<_> = answers.lines().collect();
    assert_eq!(answers.len(), questions.len(), "{answers:?}");
    for (answer, (rule, ty)) in answers.iter().zip(&questions) {
        assert!(matches!(*answer, "unsat" | "unknown" | "timeout"), "{answer}: {ty} {rule:?}");
    }
    let proved = answers.iter().filter(|&&answer| answer == "unsat").count();
    println!("{proved} of {} questions proved, none refuted", questions.len());
    // How many are decided depends on the machine; most are in a few milliseconds.
    assert!(proved * 2 >= questions.len());
}

/// What the solver says to a script, or `None` where there is no solver.
fn z3(script: &str) -> Option<String> {
    let mut solver =
        Command::new("z3").arg("-in").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    let mut input = solver.stdin.take().expect("standard input is a pipe");
    let text = script.to_owned();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = solver.wait_with_output().expect("the solver ends");
    writer.join().expect("the script is written").expect("the solver reads it");
    Some(String::from_utf8(output.stdout).expect("the solver answers in text"))
}

/// Operations that are slow to decide at full width.
fn is_hard(op: Opcode) -> bool {
    use Opcode as Op;
    matches!(
        op,
        Op::Mul | Op::Udiv | Op::Urem | Op::Sdiv | Op::Srem | Op::Addmod | Op::Mulmod | Op::Popcnt | Op::Ctz
    )
}

fn mentions(term: &Term, found: &dyn Fn(Opcode) -> bool) -> bool {
    match term {
        Term::Op(op, args) => found(*op) || args.iter().any(|arg| mentions(arg, found)),
        _ => false,
    }
}

/// The question whether a rule is wrong at a type, if it can be asked.
fn question(rule: &Rule, ty: Type) -> Option<String> {
    let terms = || [&rule.left, &rule.right].into_iter().chain(&rule.conditions);
    if ty == Type::I256 && terms().any(|term| mentions(term, &is_hard))
        || !rule.root().row().types.contains(ty)
    {
        return None;
    }
    let width = ty.bits();
    let mut text = String::from("(push)\n");
    for (number, name) in VALUES.iter().enumerate() {
        let bits = if number == FLAG { 1 } else { width };
        for part in ["", "_max", "_min", "_zeros"] {
            let _ = writeln!(text, "(declare-const {name}{part} (_ BitVec {bits}))");
        }
        let _ = writeln!(text, "(assert (bvule {name} {name}_max))\n(assert (bvule {name}_min {name}))");
        let _ = writeln!(text, "(assert (= (bvand {name} {name}_zeros) (_ bv0 {bits})))");
    }
    for name in CONSTANTS {
        let _ = writeln!(text, "(declare-const {name} (_ BitVec {width}))");
    }
    for condition in &rule.conditions {
        let bits = if is_flag(condition) { 1 } else { width };
        let _ = writeln!(text, "(assert (not (= {} (_ bv0 {bits}))))", smt(condition, width)?);
    }
    let bits = if is_flag(&rule.left) { 1 } else { width };
    let (left, right) = (sized(&rule.left, bits, width)?, sized(&rule.right, bits, width)?);
    let _ = writeln!(text, "(assert (not (= {left} {right})))\n(check-sat)\n(pop)");
    Some(text)
}

/// Whether a term is an `i1` in a rule about wider values.
fn is_flag(term: &Term) -> bool {
    match term {
        Term::Value(name) => *name == FLAG,
        Term::Op(Opcode::Not, args) => is_flag(&args[0]),
        Term::Op(op, _) => is_comparison(*op),
        _ => false,
    }
}

/// A term as SMT-LIB text; numbers have `bits` bits, and values that are no flags `width`.
fn sized(term: &Term, bits: u32, width: u32) -> Option<String> {
    match term {
        Term::Number(-1) => Some(format!("(bvnot (_ bv0 {bits}))")),
        Term::Number(number) => number_text(u32::try_from(*number).ok()?, bits),
        Term::Width(unit) => number_text(width / unit, bits),
        _ => smt(term, width),
    }
}

fn number_text(number: u32, bits: u32) -> Option<String> {
    (bits >= 32 || number < 1 << bits).then(|| format!("(_ bv{number} {bits})"))
}

fn smt(term: &Term, width: u32) -> Option<String> {
    let part = |query: &Query| match query {
        Query::Max => "_max",
        Query::Min => "_min",
        Query::Zeros => "_zeros",
    };
    match term {
        Term::Value(name) => Some(VALUES[*name].to_string()),
        Term::Constant(name) => Some(CONSTANTS[*name].to_string()),
        Term::Known(query, name) => Some(format!("{}{}", VALUES[*name], part(query))),
        Term::Op(op, args) => {
            let operands = if args.iter().any(is_flag) && *op != Opcode::Select { 1 } else { width };
            let texts: Option<Vec<_>> = args.iter().map(|arg| sized(arg, operands, width)).collect();
            operation(*op, &texts?, args, operands)
        }
        _ => sized(term, width, width),
    }
}

/// An operation on operands of `bits` bits.
fn operation(op: Opcode, args: &[String], terms: &[Term], bits: u32) -> Option<String> {
    use Opcode as Op;
    let zero = format!("(_ bv0 {bits})");
    let plain = |name: &str| Some(format!("({name} {})", args.join(" ")));
    let total = |name: &str| Some(format!("(ite (= {1} {zero}) {zero} ({name} {0} {1}))", args[0], args[1]));
    let flag = |name: &str| Some(format!("(ite ({name} {} {}) #b1 #b0)", args[0], args[1]));
    match op {
        Op::Add => plain("bvadd"),
        Op::Sub => plain("bvsub"),
        Op::Mul => plain("bvmul"),
        Op::And => plain("bvand"),
        Op::Or => plain("bvor"),
        Op::Xor => plain("bvxor"),
        Op::Not => plain("bvnot"),
        Op::Shl => plain("bvshl"),
        Op::Lshr => plain("bvlshr"),
        Op::Ashr => plain("bvashr"),
        Op::Udiv => total("bvudiv"),
        Op::Urem => total("bvurem"),
        Op::Sdiv => total("bvsdiv"),
        Op::Srem => total("bvsrem"),
        Op::Eq => flag("="),
        Op::Ne => flag("distinct"),
        Op::Ult => flag("bvult"),
        Op::Ule => flag("bvule"),
        Op::Ugt => flag("bvugt"),
        Op::Uge => flag("bvuge"),
        Op::Slt => flag("bvslt"),
        Op::Sle => flag("bvsle"),
        Op::Sgt => flag("bvsgt"),
        Op::Sge => flag("bvsge"),
        Op::Select => {
            let condition = match &terms[0] {
                Term::Number(number) => format!("(_ bv{number} 1)"),
                _ => args[0].clone(),
            };
            Some(format!("(ite (= {condition} #b1) {} {})", args[1], args[2]))
        }
        Op::Addmod => Some(modular("bvadd", 1, args, bits)),
        Op::Mulmod => Some(modular("bvmul", bits, args, bits)),
        _ => bytes_and_bits(op, args, bits),
    }
}

/// `(a ∘ b) mod n` with `extra` more bits.
fn modular(op: &str, extra: u32, args: &[String], bits: u32) -> String {
    let wide: Vec<_> = args.iter().map(|arg| format!("((_ zero_extend {extra}) {arg})")).collect();
    let exact = format!("(bvurem ({op} {} {}) {})", wide[0], wide[1], wide[2]);
    format!("(ite (= {} (_ bv0 {bits})) (_ bv0 {bits}) ((_ extract {} 0) {exact}))", args[2], bits - 1)
}

/// Operations that look at single bits or bytes.
fn bytes_and_bits(op: Opcode, args: &[String], bits: u32) -> Option<String> {
    let number = |n: u32| format!("(_ bv{n} {bits})");
    let last = number(bits / 8 - 1);
    let bit = |n: u32| format!("((_ extract {n} {n}) {})", args[0]);
    Some(match op {
        Opcode::Bswap => {
            let bytes = (0..bits / 8).map(|n| format!("((_ extract {} {}) {})", 8 * n + 7, 8 * n, args[0]));
            match bits {
                8 => args[0].clone(),
                _ => format!("(concat {})", bytes.collect::<Vec<_>>().join(" ")),
            }
        }
        Opcode::Byte => {
            let amount = format!("(bvshl (bvsub {last} {}) {})", args[0], number(3));
            let byte = format!("(bvand (bvlshr {} {amount}) {})", args[1], number(255));
            format!("(ite (bvugt {} {last}) {} {byte})", args[0], number(0))
        }
        Opcode::SignExtend => {
            let amount = format!("(bvshl (bvsub {last} {}) {})", args[0], number(3));
            let extended = format!("(bvashr (bvshl {} {amount}) {amount})", args[1]);
            format!("(ite (bvuge {} {last}) {} {extended})", args[0], args[1])
        }
        Opcode::Ctz => (0..bits)
            .rev()
            .fold(number(bits), |rest, n| format!("(ite (= {} #b1) {} {rest})", bit(n), number(n))),
        Opcode::Popcnt => {
            let ones = (0..bits).map(|n| format!("((_ zero_extend {}) {})", bits - 1, bit(n)));
            format!("(bvadd {})", ones.collect::<Vec<_>>().join(" "))
        }
        _ => return None,
    })
}
