//! Sections to a module description. Every section is validated before it is read, so that reading it takes what is there
//! at its word.

use evmc_wasm_module::{
    Data, Element, Export, FuncType, Function, Global, Import, ImportKind, Item, ModuleInfo, SegmentMode,
    Table, ValType,
};
use wasmparser::{
    ConstExpr, DataKind, ElementItems, ElementKind, ExternalKind, FuncToValidate, FunctionBody, Imports,
    Parser, Payload, TableInit, TypeRef, ValidPayload, Validator, ValidatorResources,
};

use super::profile::FEATURES;
use super::survey::Survey;
use super::{WasmConfig, WasmError, names, types, work};

mod expression;

use self::expression::Expressions;

/// A body of a function.
pub(super) struct Body<'a> {
    /// What validates it, until it is validated.
    pub validator: Option<FuncToValidate<ValidatorResources>>,
    /// The code.
    pub code: FunctionBody<'a>,
}

/// A module that is valid but for its bodies.
pub(super) struct Decoded<'a> {
    /// What of it is not code. Until signatures are numbered, they are numbers of `types`.
    pub info: ModuleInfo,
    /// Types by index.
    pub types: Vec<FuncType>,
    /// The type of each function, imported ones first.
    pub function_types: Vec<u32>,
    /// The bodies of the module's own functions.
    pub bodies: Vec<Body<'a>>,
    /// The signature of each type that a call may use.
    pub signatures: Vec<Option<u32>>,
    /// Work for what of it is not code.
    work: u64,
}

/// Decodes a module, and validates it but for its bodies.
///
/// # Errors
/// It is not valid, or over a limit.
pub(super) fn decode<'a>(wasm: &'a [u8], config: &WasmConfig) -> Result<Decoded<'a>, WasmError> {
    let limit = config.limits.module_bytes;
    if wasm.len() as u64 > limit {
        return Err(WasmError::TooLarge { offset: 0, what: "bytes of a module", limit });
    }
    let mut validator = Validator::new_with_features(FEATURES);
    let mut parser = Parser::new(0);
    parser.set_features(FEATURES);
    let mut decoder = Decoder::new(config);
    for payload in parser.parse_all(wasm) {
        let payload = payload?;
        if let ValidPayload::Func(validator, code) = validator.payload(&payload)? {
            decoder.body(validator, code);
        }
        decoder.section(payload)?;
    }
    Ok(decoder.finish())
}

struct Decoder<'a> {
    decoded: Decoded<'a>,
    expressions: Expressions,
}

impl<'a> Decoder<'a> {
    fn new(config: &WasmConfig) -> Self {
        let info = ModuleInfo { metered: config.metered, ..ModuleInfo::default() };
        let decoded = Decoded {
            info,
            types: Vec::new(),
            function_types: Vec::new(),
            bodies: Vec::new(),
            signatures: Vec::new(),
            work: 0,
        };
        Self { decoded, expressions: Expressions::new(config.limits.work) }
    }

    /// Counts the entries of a section.
    fn entries(&mut self, payload: &Payload<'a>) -> Result<(), WasmError> {
        let entries = match payload {
            Payload::TypeSection(section) => section.count(),
            Payload::ImportSection(section) => section.count(),
            Payload::TableSection(section) => section.count(),
            Payload::MemorySection(section) => section.count(),
            Payload::GlobalSection(section) => section.count(),
            Payload::ExportSection(section) => section.count(),
            Payload::ElementSection(section) => section.count(),
            Payload::DataSection(section) => section.count(),
            _ => return Ok(()),
        };
        let offset = payload.as_section().map_or(0, |(_, range)| range.start);
        self.expressions.spend(work::ENTRY * u64::from(entries), offset)
    }

    fn section(&mut self, payload: Payload<'a>) -> Result<(), WasmError> {
        self.entries(&payload)?;
        match payload {
            Payload::TypeSection(section) => self.types(section),
            Payload::ImportSection(section) => self.imports(section),
            Payload::FunctionSection(section) => self.functions(section),
            Payload::TableSection(section) => self.tables(section),
            Payload::MemorySection(section) => {
                for memory in section {
                    self.decoded.info.memories.push(types::memory(memory?));
                }
                Ok(())
            }
            Payload::GlobalSection(section) => self.globals(section),
            Payload::ExportSection(section) => self.exports(section),
            Payload::StartSection { func, .. } => {
                self.decoded.info.start = Some(func);
                Ok(())
            }
            Payload::ElementSection(section) => self.elements(section),
            Payload::DataSection(section) => self.data(section),
            Payload::CustomSection(section) if section.name() == "name" => {
                let functions = self.decoded.function_types.len() as u32;
                self.decoded.info.names = names::read(section.data_reader(), functions);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn types(&mut self, section: wasmparser::TypeSectionReader<'a>) -> Result<(), WasmError> {
        for group in section {
            let functions = group?.into_types().map(|ty| types::function(ty.unwrap_func()));
            self.decoded.types.extend(functions);
        }
        Ok(())
    }

    fn imports(&mut self, section: wasmparser::ImportSectionReader<'a>) -> Result<(), WasmError> {
        for imports in section {
            // The other forms belong to a proposal that is not taken.
            let Imports::Single(_, import) = imports? else { continue };
            let kind = match import.ty {
                TypeRef::Func(ty) => {
                    self.decoded.function_types.push(ty);
                    ImportKind::Function(ty)
                }
                TypeRef::Table(ty) => ImportKind::Table(types::table(ty)),
                TypeRef::Memory(ty) => ImportKind::Memory(types::memory(ty)),
                TypeRef::Global(ty) => ImportKind::Global(types::global(ty)),
                TypeRef::Tag(_) | TypeRef::FuncExact(_) => continue,
            };
            let (module, name) = (import.module.to_owned(), import.name.to_owned());
            self.decoded.info.imports.push(Import { module, name, kind });
        }
        Ok(())
    }

    fn functions(&mut self, section: wasmparser::FunctionSectionReader<'a>) -> Result<(), WasmError> {
        for ty in section {
            self.decoded.function_types.push(ty?);
        }
        Ok(())
    }

    fn tables(&mut self, section: wasmparser::TableSectionReader<'a>) -> Result<(), WasmError> {
        for table in section {
            let table = table?;
            let init = match table.init {
                TableInit::RefNull => None,
                TableInit::Expr(expression) => Some(self.expressions.read(&expression)?),
            };
            self.decoded.info.tables.push(Table { ty: types::table(table.ty), init });
        }
        Ok(())
    }

    fn globals(&mut self, section: wasmparser::GlobalSectionReader<'a>) -> Result<(), WasmError> {
        for global in section {
            let global = global?;
            let init = self.expressions.read(&global.init_expr)?;
            self.decoded.info.globals.push(Global { ty: types::global(global.ty), init });
        }
        Ok(())
    }

    fn exports(&mut self, section: wasmparser::ExportSectionReader<'a>) -> Result<(), WasmError> {
        for export in section {
            let export = export?;
            let item = match export.kind {
                ExternalKind::Func | ExternalKind::FuncExact => {
                    self.expressions.refers_to(export.index);
                    Item::Function(export.index)
                }
                ExternalKind::Table => Item::Table(export.index),
                ExternalKind::Memory => Item::Memory(export.index),
                ExternalKind::Global => Item::Global(export.index),
                ExternalKind::Tag => continue,
            };
            self.decoded.info.exports.push(Export { name: export.name.to_owned(), item });
        }
        Ok(())
    }

    fn elements(&mut self, section: wasmparser::ElementSectionReader<'a>) -> Result<(), WasmError> {
        for element in section {
            let element = element?;
            let mode = match element.kind {
                ElementKind::Passive => SegmentMode::Passive,
                ElementKind::Declared => SegmentMode::Declared,
                ElementKind::Active { table_index, offset_expr } => {
                    SegmentMode::Active(table_index.unwrap_or(0), self.expressions.read(&offset_expr)?)
                }
            };
            let (ty, items) = self.items(element.items)?;
            self.decoded.info.elements.push(Element { mode, ty, items });
        }
        Ok(())
    }

    fn items(
        &mut self,
        items: ElementItems<'a>,
    ) -> Result<(ValType, Vec<evmc_wasm_module::ConstExpr>), WasmError> {
        Ok(match items {
            ElementItems::Functions(functions) => {
                let items = functions.into_iter_with_offsets().map(|item| {
                    let (offset, function) = item?;
                    self.expressions.function(function, offset)
                });
                (ValType::FuncRef, items.collect::<Result<_, _>>()?)
            }
            ElementItems::Expressions(ty, expressions) => {
                let read = |expression: Result<ConstExpr<'a>, _>| self.expressions.read(&expression?);
                (types::reference(ty), expressions.into_iter().map(read).collect::<Result<_, _>>()?)
            }
        })
    }

    fn data(&mut self, section: wasmparser::DataSectionReader<'a>) -> Result<(), WasmError> {
        for data in section {
            let data = data?;
            let mode = match data.kind {
                DataKind::Passive => SegmentMode::Passive,
                DataKind::Active { memory_index, offset_expr } => {
                    SegmentMode::Active(memory_index, self.expressions.read(&offset_expr)?)
                }
            };
            self.decoded.info.data.push(Data { mode, bytes: data.data.to_vec() });
        }
        Ok(())
    }

    fn body(&mut self, validator: FuncToValidate<ValidatorResources>, code: FunctionBody<'a>) {
        let range = code.range();
        let (start, end) = (range.start as u32, range.end as u32);
        self.decoded.info.functions.push(Function { signature: validator.ty, start, end });
        self.decoded.bodies.push(Body { validator: Some(validator), code });
    }

    fn finish(mut self) -> Decoded<'a> {
        let imported = self.decoded.info.shape().imported_functions;
        if let Some(start) = self.decoded.info.start {
            self.expressions.refers_to(start);
        }
        self.decoded.work = self.expressions.work();
        self.decoded.info.referenced = self.expressions.referenced(imported);
        self.decoded
    }
}

impl Decoded<'_> {
    /// Work for what of the module is not code, and for the functions between runtime and code, once signatures are numbered.
    pub(super) fn work(&self) -> u64 {
        let values = |ty: &FuncType| (ty.params.len() + ty.results.len()) as u64;
        let signature = |ty| work::SIGNATURE + work::SIGNATURE_VALUE * values(ty);
        self.work + self.info.types.iter().map(signature).sum::<u64>()
    }

    /// Numbers the types that calls may use, equal ones the same, in the order of the module.
    pub(super) fn number_signatures(&mut self, surveys: &[Survey]) {
        let mut used = vec![false; self.types.len()];
        let indirect = surveys.iter().flat_map(|survey| &survey.called_types);
        for &ty in self.function_types.iter().chain(indirect) {
            used[ty as usize] = true;
        }
        let mut numbers = std::collections::HashMap::new();
        for (ty, used) in self.types.iter().zip(used) {
            let number = used.then(|| {
                *numbers.entry(ty).or_insert_with(|| {
                    self.info.types.push(ty.clone());
                    self.info.types.len() as u32 - 1
                })
            });
            self.signatures.push(number);
        }
        let number = |ty: u32| self.signatures[ty as usize].unwrap_or_default();
        for import in &mut self.info.imports {
            if let ImportKind::Function(ty) = &mut import.kind {
                *ty = number(*ty);
            }
        }
        for function in &mut self.info.functions {
            function.signature = number(function.signature);
        }
    }
}
