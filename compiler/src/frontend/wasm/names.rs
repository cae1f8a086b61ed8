//! Names of functions: those that a module tells, and those in the IR, which must be printable and unique.

use std::collections::{BTreeMap, HashSet};

use evmc_wasm_module::ModuleInfo;
use wasmparser::{BinaryReader, Name, NameSectionReader};

/// Longest name in the IR, without what makes it unique, in bytes.
const MAX_NAME: usize = 100;

/// The names that a `name` section tells of the first `functions` functions, by index, ascending; the first where it tells several.
/// Of a section that is not well-formed, those before the place where it is not: it changes nothing of what a module
/// means.
pub(super) fn read(section: BinaryReader<'_>, functions: u32) -> Vec<(u32, String)> {
    let subsections = NameSectionReader::new(section);
    let mut names: BTreeMap<u32, String> = BTreeMap::new();
    for subsection in subsections.into_iter().map_while(Result::ok) {
        if let Name::Function(known) = subsection {
            for naming in known.into_iter().map_while(Result::ok).filter(|naming| naming.index < functions) {
                names.entry(naming.index).or_insert_with(|| naming.name.to_owned());
            }
        }
    }
    names.into_iter().collect()
}

/// Names in the IR: those of the module's own functions, then those of the two entries of each signature.
pub(super) fn choose(info: &ModuleInfo, own: u32) -> Vec<String> {
    let shape = info.shape();
    let entries: Vec<_> = (0..shape.signatures)
        .flat_map(|signature| [format!("enter.{signature}"), format!("host.{signature}")])
        .collect();
    let mut taken: HashSet<String> = entries.iter().cloned().collect();
    let mut names = Vec::with_capacity(own as usize + entries.len());
    for number in 0..own {
        let index = shape.imported_functions + number;
        let mut name = info.name(index).map(printable).filter(|name| !name.is_empty());
        let fallback = || format!("f{index}");
        let mut candidate = name.take().unwrap_or_else(fallback);
        while !taken.insert(candidate.clone()) {
            candidate = format!("{candidate}.{index}");
        }
        names.push(candidate);
    }
    names.extend(entries);
    names
}

/// The first characters of a name, with those that the text form has not replaced.
fn printable(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.$".contains(c);
    name.chars().take(MAX_NAME).map(|c| if allowed(c) { c } else { '_' }).collect()
}
