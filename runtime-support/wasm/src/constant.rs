//! Constant expressions: their types, checked once with the module, and their values.

use evmc_wasm_module::{ConstOp, GlobalType, ImportKind, ModuleInfo, SegmentMode, ValType};

use crate::error::ModuleError;

/// Checks that every expression of a module gives one value of the type that it must have.
pub(crate) fn check(info: &ModuleInfo) -> Result<(), ModuleError> {
    let globals = global_types(info);
    let is = |steps: &[ConstOp], ty| match result(steps, &globals) {
        Some(found) if found == ty => Ok(()),
        _ => Err(ModuleError::Constant),
    };
    info.globals.iter().try_for_each(|global| is(&global.init, global.ty.value))?;
    for table in &info.tables {
        table.init.iter().try_for_each(|init| is(init, table.ty.element))?;
    }
    for element in &info.elements {
        element.items.iter().try_for_each(|item| is(item, element.ty))?;
        if let SegmentMode::Active(_, offset) = &element.mode {
            is(offset, ValType::I32)?;
        }
    }
    info.data.iter().try_for_each(|data| match &data.mode {
        SegmentMode::Active(_, offset) => is(offset, ValType::I32),
        SegmentMode::Passive | SegmentMode::Declared => Ok(()),
    })
}

/// Types of all globals, imported ones first.
pub(crate) fn global_types(info: &ModuleInfo) -> Vec<GlobalType> {
    let imported = info.imports.iter().filter_map(|import| match import.kind {
        ImportKind::Global(ty) => Some(ty),
        _ => None,
    });
    imported.chain(info.globals.iter().map(|global| global.ty)).collect()
}

/// The type of an expression's value; `None` where it gives none, or is not well-typed.
fn result(steps: &[ConstOp], globals: &[GlobalType]) -> Option<ValType> {
    use ConstOp as Op;
    let mut stack = Vec::new();
    for step in steps {
        let ty = match *step {
            Op::Const(ty, _) => ty,
            Op::GlobalGet(index) => globals.get(index as usize)?.value,
            Op::RefFunc(_) => ValType::FuncRef,
            Op::I32Add | Op::I32Sub | Op::I32Mul => operands(&mut stack, ValType::I32)?,
            Op::I64Add | Op::I64Sub | Op::I64Mul => operands(&mut stack, ValType::I64)?,
        };
        stack.push(ty);
    }
    stack.pop().filter(|_| stack.is_empty())
}

/// Pops two operands of a type.
fn operands(stack: &mut Vec<ValType>, ty: ValType) -> Option<ValType> {
    (stack.pop()? == ty && stack.pop()? == ty).then_some(ty)
}

/// What expressions refer to.
pub(crate) trait Scope {
    /// The bits of a global.
    fn global(&self, index: u32) -> u128;

    /// A reference to a function.
    fn function(&mut self, index: u32) -> u64;
}

/// The bits of an expression that [`check`] passed.
pub(crate) fn value(steps: &[ConstOp], scope: &mut impl Scope) -> u128 {
    use ConstOp as Op;
    // Nearly all are one step.
    if let [step] = steps {
        return leaf(step, scope).unwrap_or_default();
    }
    let mut stack = Vec::with_capacity(steps.len());
    for step in steps {
        let bits = leaf(step, scope).unwrap_or_else(|| {
            let (b, a) = (stack.pop().unwrap_or_default() as u64, stack.pop().unwrap_or_default() as u64);
            let bits = match step {
                Op::I32Add | Op::I64Add => a.wrapping_add(b),
                Op::I32Sub | Op::I64Sub => a.wrapping_sub(b),
                _ => a.wrapping_mul(b),
            };
            let is_short = matches!(step, Op::I32Add | Op::I32Sub | Op::I32Mul);
            u128::from(if is_short { u64::from(bits as u32) } else { bits })
        });
        stack.push(bits);
    }
    stack.pop().unwrap_or_default()
}

/// The bits of a step without operands.
fn leaf(step: &ConstOp, scope: &mut impl Scope) -> Option<u128> {
    match *step {
        ConstOp::Const(_, bits) => Some(bits),
        ConstOp::GlobalGet(index) => Some(scope.global(index)),
        ConstOp::RefFunc(index) => Some(scope.function(index).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Numbers;

    impl Scope for Numbers {
        fn global(&self, index: u32) -> u128 {
            100 + u128::from(index)
        }

        fn function(&mut self, index: u32) -> u64 {
            1000 + u64::from(index)
        }
    }

    #[test]
    fn arithmetic_wraps_at_its_width() {
        use ConstOp as Op;
        let i32 = |bits: u32| Op::Const(ValType::I32, bits.into());
        let i64 = |bits: u64| Op::Const(ValType::I64, bits.into());
        let of = |steps: &[ConstOp]| value(steps, &mut Numbers);
        assert_eq!(of(&[i32(3), i32(5), Op::I32Sub]), 0xffff_fffe);
        assert_eq!(of(&[i64(3), i64(5), Op::I64Sub]), 0xffff_ffff_ffff_fffe);
        assert_eq!(of(&[i32(1 << 31), i32(6), Op::I32Mul, i32(9), Op::I32Add]), 9);
        assert_eq!(of(&[Op::GlobalGet(2), i64(2), Op::I64Mul]), 204);
        assert_eq!(of(&[Op::RefFunc(7)]), 1007);
    }

    #[test]
    fn types_are_checked() {
        use ConstOp as Op;
        let globals = [GlobalType { value: ValType::I64, mutable: false }];
        let ty = |steps: &[ConstOp]| result(steps, &globals);
        let one = Op::Const(ValType::I32, 1);
        assert_eq!(ty(&[one, one, Op::I32Add]), Some(ValType::I32));
        assert_eq!(ty(&[Op::GlobalGet(0)]), Some(ValType::I64));
        assert_eq!(ty(&[Op::RefFunc(0)]), Some(ValType::FuncRef));
        for wrong in [&[one, one][..], &[], &[one, Op::I32Add], &[one, one, Op::I64Add], &[Op::GlobalGet(1)]]
        {
            assert_eq!(ty(wrong), None, "{wrong:?}");
        }
    }
}
