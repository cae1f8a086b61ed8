//! Native code of our own kernels: what Clang or rustc make of the source.

use std::process::Command;

use evmc_bench_native::NativeKernel;

use crate::wasm_kernels::{
    entrant::{Entrant, Run},
    set::{Kernel, OWN_FOLDER},
};

/// The name of the baseline processor, whose code is what compilers make by default.
const BASELINE: &str = "x86-64";

/// Compiled for a processor by `wasm/build.sh`, which has the options.
#[derive(Debug)]
pub struct Native {
    name: &'static str,
    /// As Clang and rustc call it.
    cpu: &'static str,
}

impl Native {
    /// Code for the processor `cpu`.
    pub fn new(name: &'static str, cpu: &'static str) -> Self {
        Self { name, cpu }
    }
}

impl Entrant for Native {
    fn name(&self) -> &str {
        self.name
    }

    fn is_default(&self) -> bool {
        self.cpu == BASELINE
    }

    fn load(&self, kernel: &Kernel) -> Result<Run, String> {
        if !kernel.is_own {
            return Err("no source".to_owned());
        }
        // What is mapped stays, the file need not.
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let object = folder.path().join("kernel.so");
        let mut command = Command::new(format!("{OWN_FOLDER}/build.sh"));
        command.args(["native", &kernel.name]).arg(&object).arg(self.cpu);
        let output = command.output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        let mut native = NativeKernel::open(&object).map_err(|error| error.to_string())?;
        Ok(Box::new(move |n| Ok(native.run(n))))
    }
}
