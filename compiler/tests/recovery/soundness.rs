//! Soundness of the recovery: random executions never leave what it predicts.

use crate::data;
use crate::walker::Walker;
use evmc_compiler::frontend::evm::cfg;
use evmc_compiler::frontend::evm::decode::Code;
use evmc_compiler::frontend::evm::opcode::Fork;

#[test]
fn walks_over_the_corpus_stay_inside_the_prediction() {
    let Some(corpus) = data::corpus() else {
        return;
    };
    let (mut jumps, mut visited, mut blocks) = (0, 0, 0);
    for (seed, contract) in corpus.iter().enumerate() {
        let code = Code::decode(&contract.code, Fork::default());
        let program = cfg::recover(&code);
        let mut walker = Walker::new(&code, &program, seed as u64);
        for _ in 0..20 {
            walker.walk(1000);
        }
        for function in program.functions.keys() {
            for _ in 0..6 {
                walker.walk_from(function, 200);
            }
        }
        jumps += walker.jumps;
        visited += walker.visited.len();
        blocks += code.blocks().len();
    }
    println!("{jumps} blocks executed, {visited} of {blocks} distinct ones");
}

/// A random program: blocks of stack shuffling, labels, masks and conditions.
fn random_program(random: &mut fastrand::Rng) -> Vec<u8> {
    let mut code = Vec::new();
    let count = random.u16(2..14);
    let mut labels = Vec::new();
    for _ in 0..count {
        labels.push(code.len() as u16);
        code.push(0x5b);
        for _ in 0..random.usize(1..9) {
            random_operation(&mut code, count, random);
        }
        match random.u8(..8) {
            0..=2 => code.push(0x56),
            3..=4 => random_jump(&mut code, &[0x56], count, random),
            5..=6 => random_jump(&mut code, &[0x57], count, random),
            _ => {}
        }
    }
    // Labels stand as their number behind a PUSH2 so far.
    let mut pc = 0;
    while pc < code.len() {
        if code[pc] == 0x61 {
            let label = labels[usize::from(code[pc + 2]) % labels.len()];
            code[pc + 1..pc + 3].copy_from_slice(&label.to_be_bytes());
        }
        pc += match code[pc] {
            push @ 0x60..=0x7f => usize::from(push) - 0x5e,
            _ => 1,
        };
    }
    code
}

fn random_jump(code: &mut Vec<u8>, jump: &[u8], labels: u16, random: &mut fastrand::Rng) {
    code.extend([0x61, 0, random.u16(..labels) as u8]);
    code.extend(jump);
}

fn random_operation(code: &mut Vec<u8>, labels: u16, random: &mut fastrand::Rng) {
    match random.u8(..20) {
        0..=5 => code.extend([0x61, 0, random.u16(..labels) as u8]),
        6 => code.extend([0x60, random.u8(..3)]),
        7..=9 => code.push(random.u8(0x80..0x85)),
        10..=12 => code.push(random.u8(0x90..0x94)),
        13 => code.push(0x50),
        14 => code.push(0x15),
        15 => code.push([0x01, 0x03, 0x14, 0x16][random.usize(..4)]),
        16 => code.extend([0x60, [0x07, 0x1f, 0xff][random.usize(..3)], 0x16]),
        17 => code.extend([0x62, 0, 0xff, 0xff, 0x16]),
        18 => code.push([0x30, 0x34, 0x54][random.usize(..3)]),
        _ => code.extend([0x36, 0x61, 0, random.u16(..labels) as u8, 0x57]),
    }
}

#[test]
fn walks_over_random_programs_stay_inside_the_prediction() {
    let mut random = fastrand::Rng::with_seed(8024);
    let (mut jumps, mut resolved) = (0, 0);
    for seed in 0..20_000 {
        let mut bytes = random_program(&mut random);
        if random.bool() {
            bytes.resize(bytes.len() + 256, 0);
        }
        let code = Code::decode(&bytes, Fork::default());
        let program = cfg::recover(&code);
        resolved += usize::from(program.is_resolved());
        let mut walker = Walker::new(&code, &program, seed);
        let walks = std::panic::AssertUnwindSafe(|| {
            (0..30).for_each(|_| walker.walk(200));
            program.functions.keys().for_each(|function| walker.walk_from(function, 100));
        });
        if let Err(panic) = std::panic::catch_unwind(walks) {
            eprintln!("program {seed}: {}", hex::encode(&bytes));
            std::panic::resume_unwind(panic);
        }
        jumps += walker.jumps;
    }
    println!("{jumps} blocks executed, {resolved} programs resolved");
}
