//! The kernels of the benchmarks, where they are given: they lower, verify and run.

use std::path::PathBuf;

use evmc_compiler::frontend::wasm::WasmConfig;
use ruint::aliases::U256;

use crate::instance::Instance;

/// Kernels, with arguments that the interpreter can take and results of native builds.
const KERNELS: [(&str, u32, Option<u64>); 7] = [
    ("fib", 20, Some(6_765)),
    ("keccak", 3, None),
    ("sha256", 3, None),
    ("mont256", 50, None),
    ("gemm", 3, None),
    ("nbody", 20, None),
    ("coremark", 1, None),
];

#[test]
fn kernels_run() {
    let folder =
        std::env::var_os("EVMC_DATA").map_or_else(|| PathBuf::from("../../shared/data"), PathBuf::from);
    for metered in [true, false] {
        let config = WasmConfig { metered, ..WasmConfig::default() };
        for (name, n, expected) in KERNELS {
            let Ok(wasm) = std::fs::read(folder.join(format!("wasm-kernels/{name}.wasm"))) else {
                println!("{name} is not given");
                continue;
            };
            let mut instance = Instance::new(&wasm, &config).unwrap_or_else(|why| panic!("{name}: {why:?}"));
            let results =
                instance.call("run", &[U256::from(n)]).unwrap_or_else(|code| panic!("{name}: {code:?}"));
            println!("{name} {n}: {results:?}, gas {}", i64::MAX as u64 - instance.gas);
            if let Some(expected) = expected {
                assert_eq!(results, [U256::from(expected)], "{name}");
            }
        }
    }
}
