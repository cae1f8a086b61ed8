//! Each instruction against its row of the table: arity, types, immediates, targets.

use std::collections::HashSet;
use std::mem::discriminant;

use evmc_abi::wasm::MAX_SLOTS;
use evmc_abi::{Effects, Field, FieldKind};

use crate::entities::{Block, Inst, Value};
use crate::eval;
use crate::function::{Imm, InstData};
use crate::opcode::{ImmKind, Opcode, Slot};
use crate::shape::LaneShape;
use crate::types::{Type, TypeClass};

use super::{Report, Rule};

/// Checks every instruction of the layout.
pub(super) fn check(report: &mut Report<'_>) {
    let function = report.function;
    for &block in &function.layout {
        for (inst, data) in function.block_insts(block) {
            let mut check = Check { report, block, inst, data };
            check.kind();
        }
    }
}

/// One instruction and where its violations go.
struct Check<'c, 'r> {
    report: &'c mut Report<'r>,
    block: Block,
    inst: Inst,
    data: &'c InstData,
}

impl Check<'_, '_> {
    fn fail(&mut self, rule: Rule, message: String) {
        self.report.add(rule, Some(self.block), Some(self.inst), message);
    }

    fn ty(&self, value: Value) -> Type {
        self.report.function.values[value].ty
    }

    /// Checks what the others build on: controlling type and kind of immediate.
    fn kind(&mut self) {
        let row = self.data.opcode.row();
        let known = match self.data.ty {
            Some(ty) => row.types.contains(ty),
            None => row.types == crate::opcode::TypeSet::No,
        };
        if !known {
            let found = self.data.ty.map_or("none", Type::name);
            self.fail(Rule::Types, format!("controlling type {found} is not in {:?}", row.types));
            return;
        }
        if discriminant(&kind(&self.data.imm)) != discriminant(&row.imm) {
            let message = format!("the immediate is not of kind {:?}", row.imm);
            self.fail(Rule::Arity, message);
            return;
        }
        self.operands();
        self.results();
        self.immediate();
        self.targets();
    }

    fn operands(&mut self) {
        let row = self.data.opcode.row();
        let expected: Vec<Expected> = match row.args {
            [Slot::Rest] => self.rest_of_operands(),
            slots => slots.iter().map(|&slot| self.expected(slot)).collect(),
        };
        self.compare("operand", &self.data.args, &expected);
        if let [value] = self.data.args[..]
            && let Some(ty) = self.data.ty
        {
            self.conversion(ty, self.ty(value));
        }
    }

    fn results(&mut self) {
        let row = self.data.opcode.row();
        let expected: Vec<Expected> = match row.results {
            [Slot::Rest] => self.rest_of_results(),
            slots => slots.iter().map(|&slot| self.expected(slot)).collect(),
        };
        self.compare("result", &self.data.results, &expected);
    }

    /// The operands of calls and of `ret`.
    fn rest_of_operands(&self) -> Vec<Expected> {
        match self.data.imm {
            Imm::Host(function) => vec![Expected::Is(Type::I256); function.args()],
            Imm::Runtime(function) => vec![Expected::Is(Type::I64); function.args()],
            Imm::Signature(signature) => {
                let params = &self.report.module.signatures[signature].params;
                [Type::I64].iter().chain(params).copied().map(Expected::Is).collect()
            }
            Imm::Function(func) => {
                let callee = &self.report.module.functions[func];
                let entry = callee.entry().and_then(|block| callee.blocks.get(block));
                let params = entry.into_iter().flat_map(|block| &block.params);
                let types = params.filter_map(|&param| Some(callee.values.get(param)?.ty));
                types.map(Expected::Is).collect()
            }
            _ => self.report.function.results.iter().copied().map(Expected::Is).collect(),
        }
    }

    /// The results of calls.
    fn rest_of_results(&self) -> Vec<Expected> {
        match self.data.imm {
            Imm::Host(function) => vec![Expected::Is(Type::I256); function.results()],
            Imm::Runtime(function) => vec![Expected::Is(Type::I64); function.results()],
            Imm::Signature(signature) => {
                let results = &self.report.module.signatures[signature].results;
                results.iter().copied().map(Expected::Is).collect()
            }
            Imm::Function(func) => {
                let callee = &self.report.module.functions[func];
                callee.results.iter().copied().map(Expected::Is).collect()
            }
            _ => Vec::new(),
        }
    }

    fn expected(&self, slot: Slot) -> Expected {
        match (slot, self.data.ty) {
            (Slot::Is(ty), _) => Expected::Is(ty),
            (Slot::T, Some(ty)) => Expected::Is(ty),
            (Slot::AnyInt, _) => Expected::Int,
            (Slot::AnyFloat, _) => Expected::Float,
            (Slot::T | Slot::SameWidth | Slot::Rest, _) => Expected::Any,
        }
    }

    fn compare(&mut self, what: &str, values: &[Value], expected: &[Expected]) {
        if values.len() != expected.len() {
            let (found, wanted) = (values.len(), expected.len());
            self.fail(Rule::Arity, format!("{found} {what}s, expected {wanted}"));
            return;
        }
        for (&value, &expected) in values.iter().zip(expected) {
            let ty = self.ty(value);
            let wanted = match expected {
                Expected::Is(wanted) if wanted != ty => wanted.name(),
                Expected::Int if !ty.is_int() => "an integer",
                Expected::Float if ty.class() != TypeClass::Float => "a float",
                _ => continue,
            };
            self.fail(Rule::Types, format!("{what} {value} is {ty}, expected {wanted}"));
        }
    }

    /// The widths of a conversion to `to`.
    fn conversion(&mut self, to: Type, from: Type) {
        let (holds, must) = match self.data.opcode {
            Opcode::Zext | Opcode::Sext => (from.bits() < to.bits(), "widen"),
            Opcode::Trunc => (from.bits() > to.bits(), "narrow"),
            Opcode::Bitcast => (from.bits() == to.bits(), "keep the width"),
            Opcode::SintToF | Opcode::UintToF => {
                (matches!(from, Type::I32 | Type::I64), "take 32 or 64 bits")
            }
            _ => return,
        };
        if !holds {
            self.fail(Rule::Types, format!("from {from} to {to} does not {must}"));
        }
    }

    fn immediate(&mut self) {
        let stack = Effects::READS_STACK | Effects::WRITES_STACK;
        let uses_stack = self.data.effects().intersects(stack) && self.data.opcode != Opcode::Call;
        if uses_stack && !self.report.module.uses_memory_stack {
            self.fail(Rule::MemoryStack, "the module declares no memory stack".into());
        }
        match (&self.data.imm, self.data.ty) {
            (Imm::Field(field), Some(ty)) => self.field(*field, ty),
            (Imm::Shape(_) | Imm::Lane(_) | Imm::Shuffle(_), _) => self.lanes(),
            (Imm::Linear { .. } | Imm::Index(_) | Imm::Element { .. } | Imm::Runtime(_), _) => {
                self.of_instance()
            }
            (Imm::Function(func), _) if self.data.opcode == Opcode::RetCall => {
                let results = &self.report.module.functions[*func].results;
                self.same_results(results);
            }
            (Imm::Signature(signature), _) if self.data.opcode == Opcode::RetCallRef => {
                let results = &self.report.module.signatures[*signature].results;
                self.same_results(results);
            }
            (Imm::Constant(constant), Some(ty)) => {
                let bits = self.report.function.constants[*constant];
                if bits > eval::mask(ty) {
                    self.fail(Rule::Constant, format!("{bits:#x} does not fit {ty}"));
                }
            }
            (Imm::Switch(table), Some(ty)) => {
                let mut seen = HashSet::new();
                for (bits, _) in &table.cases {
                    if *bits > eval::mask(ty) {
                        self.fail(Rule::Constant, format!("case {bits:#x} does not fit {ty}"));
                    }
                    if !seen.insert(bits) {
                        self.fail(Rule::Target, format!("case {bits:#x} stands twice"));
                    }
                }
            }
            _ => {}
        }
    }

    /// What is called in the place of this function gives what this function gives.
    fn same_results(&mut self, results: &[Type]) {
        if results != self.report.function.results {
            self.fail(Rule::Types, "the callee has other results".into());
        }
    }

    /// What the immediate numbers is something that the instance has.
    fn of_instance(&mut self) {
        let Some(instance) = &self.report.module.instance else {
            self.fail(Rule::Reference, "the module is not that of an instance".into());
            return;
        };
        let shape = instance.shape;
        let (number, count) = match (self.data.opcode, &self.data.imm) {
            (_, &Imm::Linear { memory, .. }) => (memory, shape.memories),
            (_, &Imm::Element { table, .. }) => (table, shape.tables),
            (Opcode::MemorySize, &Imm::Index(number)) => (number, shape.memories),
            (Opcode::GlobalGet | Opcode::GlobalSet, &Imm::Index(number)) => {
                (number, shape.imported_globals.saturating_add(shape.own_globals))
            }
            (Opcode::FuncImported, &Imm::Index(number)) => (number, shape.imported_functions),
            (Opcode::FuncOwn, &Imm::Index(number)) => (number, shape.referenced_functions),
            (Opcode::TableGet | Opcode::TableSet | Opcode::TableSize, &Imm::Index(number)) => {
                (number, shape.tables)
            }
            (Opcode::SlotGet | Opcode::SlotSet, &Imm::Index(number)) => (number, MAX_SLOTS),
            _ => return,
        };
        if number >= count {
            self.fail(Rule::Reference, format!("there is no number {number}"));
        }
    }

    /// The shape is one of the row's, lanes exist.
    fn lanes(&mut self) {
        match (&self.data.imm, self.data.opcode.row().imm) {
            (Imm::Shape(shape), ImmKind::Shape(shapes)) if !shapes.contains(shape) => {
                self.fail(Rule::Types, format!("{shape} is not one of {shapes:?}"));
            }
            (&Imm::Lane(lane), _) => {
                let lanes = self.data.ty.and_then(LaneShape::of_lane).map_or(0, LaneShape::lanes);
                if u32::from(lane) >= lanes {
                    self.fail(Rule::Reference, format!("there is no lane {lane}"));
                }
            }
            (Imm::Shuffle(bytes), _) => {
                if let Some(byte) = bytes.iter().find(|&&byte| byte >= 32) {
                    self.fail(Rule::Reference, format!("there is no byte {byte}"));
                }
            }
            _ => {}
        }
    }

    fn field(&mut self, field: Field, ty: Type) {
        let name = field.name();
        let holds = match field.kind() {
            FieldKind::Pointer => ty == Type::Ptr,
            FieldKind::U32 => ty.is_int() && ty.bits() >= 32,
            FieldKind::U64 => ty.is_int() && ty.bits() >= 64,
            FieldKind::Word => ty == Type::I256,
        };
        if !holds {
            self.fail(Rule::Types, format!("field {name} is not read as {ty}"));
        }
        if field == Field::Gas {
            let message = "the gas field is stale in compiled code; use gas.remaining".into();
            self.fail(Rule::Types, message);
        }
    }

    fn targets(&mut self) {
        for target in self.data.targets() {
            let params = &self.report.function.blocks[target.block].params;
            let (block, found, wanted) = (target.block, target.args.len(), params.len());
            if found != wanted {
                let message = format!("{block} takes {wanted} arguments, {found} given");
                self.fail(Rule::Target, message);
                continue;
            }
            for (&arg, &param) in target.args.iter().zip(params) {
                let (found, wanted) = (self.ty(arg), self.ty(param));
                if found != wanted {
                    let message = format!("argument {arg} is {found}, {block} expects {wanted}");
                    self.fail(Rule::Target, message);
                }
            }
        }
    }
}

/// What type a slot wants.
#[derive(Clone, Copy)]
enum Expected {
    Is(Type),
    Int,
    Float,
    Any,
}

/// The kind of an immediate, without the shapes that a row allows.
fn kind(imm: &Imm) -> ImmKind {
    match imm {
        Imm::None => ImmKind::None,
        Imm::Constant(_) => ImmKind::Constant,
        Imm::Charge { .. } => ImmKind::Charge,
        Imm::Exit(_) => ImmKind::Exit,
        Imm::Field(_) => ImmKind::Field,
        Imm::Host(_) => ImmKind::Host,
        Imm::Function(_) => ImmKind::Function,
        Imm::Runtime(_) => ImmKind::Runtime,
        Imm::Amount(_) => ImmKind::Amount,
        Imm::Linear { .. } => ImmKind::Linear,
        Imm::Index(_) => ImmKind::Index,
        Imm::Element { .. } => ImmKind::Element,
        Imm::Signature(_) => ImmKind::Signature,
        Imm::Offset(_) => ImmKind::Offset,
        Imm::Stretch(_) => ImmKind::Stretch,
        Imm::Jump(_) => ImmKind::Jump,
        Imm::Branch(_) => ImmKind::Branch,
        Imm::Switch(_) => ImmKind::Switch,
        Imm::Shape(_) => ImmKind::Shape(&[]),
        Imm::Lane(_) => ImmKind::Lane,
        Imm::Shuffle(_) => ImmKind::Shuffle,
    }
}
