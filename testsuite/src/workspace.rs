//! What cargo knows about this workspace, for the tests that hold its shape.

use std::{path::PathBuf, process::Command};

use serde::Deserialize;

/// The part of `cargo metadata` that the tests ask for.
#[derive(Clone, Debug, Deserialize)]
pub struct Workspace {
    /// The workspace's members.
    pub packages: Vec<Package>,
    /// Folder of the root manifest.
    pub workspace_root: PathBuf,
}

/// A member of the workspace.
#[derive(Clone, Debug, Deserialize)]
pub struct Package {
    /// Name in its manifest.
    pub name: String,
    /// Path of its manifest.
    pub manifest_path: PathBuf,
    /// What it depends on.
    pub dependencies: Vec<Dependency>,
    /// Libraries, binaries, tests and benchmarks.
    pub targets: Vec<Target>,
}

/// A dependency as the manifest has it.
#[derive(Clone, Debug, Deserialize)]
pub struct Dependency {
    /// Name of the package.
    pub name: String,
    /// `dev` or `build`; absent where the package itself needs it.
    pub kind: Option<String>,
}

/// A compilation unit.
#[derive(Clone, Debug, Deserialize)]
pub struct Target {
    /// `lib`, `bin`, `test`, `bench` and the like.
    pub kind: Vec<String>,
    /// Its first source file.
    pub src_path: PathBuf,
}

impl Workspace {
    /// Asks cargo; nothing is downloaded.
    ///
    /// # Panics
    /// Cargo fails or answers something else.
    pub fn load() -> Self {
        let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["metadata", "--offline", "--no-deps", "--format-version", "1"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo can be run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("cargo metadata has the known form")
    }
}

impl Package {
    /// Names of what the package needs outside its own tests.
    pub fn needs(&self) -> impl Iterator<Item = &str> {
        self.dependencies
            .iter()
            .filter(|dependency| dependency.kind.as_deref() != Some("dev"))
            .map(|dependency| dependency.name.as_str())
    }
}

impl Target {
    /// Whether it is a test outside the crate's own sources.
    pub fn is_test(&self) -> bool {
        self.kind.iter().any(|kind| kind == "test")
    }
}
