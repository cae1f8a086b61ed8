//! Imports by name.

use std::collections::HashMap;

use crate::error::InstantiateError;
use crate::module::Module;
use crate::objects::Objects;
use crate::store::{Extern, InstanceId, Store};

/// Things of a store by the two names under which modules import them.
#[derive(Clone, Debug, Default)]
pub struct Linker {
    things: HashMap<String, HashMap<String, Extern>>,
}

impl Linker {
    /// No names.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names a thing; gives what had the name before.
    pub fn define(&mut self, module: &str, name: &str, thing: Extern) -> Option<Extern> {
        self.things.entry(module.to_owned()).or_default().insert(name.to_owned(), thing)
    }

    /// Names all that an instance exports.
    pub fn define_instance(&mut self, module: &str, store: &Store, instance: InstanceId) {
        let exports = store.module_info(instance).exports.iter();
        let exports =
            exports.filter_map(|export| Some((export.name.clone(), store.export(instance, &export.name)?)));
        self.things.insert(module.to_owned(), exports.collect());
    }

    /// What a module imports.
    ///
    /// # Errors
    /// A name is unknown.
    pub fn resolve(&self, module: &Module) -> Result<Vec<Extern>, InstantiateError> {
        let find = |module: &str, name: &str| self.things.get(module)?.get(name).copied();
        let things = module.imports().iter().map(|import| {
            find(&import.module, &import.name).ok_or_else(|| InstantiateError::UnknownImport {
                module: import.module.clone(),
                name: import.name.clone(),
            })
        });
        things.collect()
    }

    /// Makes an instance of a module from what it imports.
    ///
    /// # Errors
    /// A name is unknown; and as [`Store::instantiate`].
    pub fn instantiate(&self, store: &mut Store, module: &Module) -> Result<InstanceId, InstantiateError> {
        store.instantiate(module, &self.resolve(module)?)
    }
}
