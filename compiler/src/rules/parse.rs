//! Reads the text of a rule.

use evmc_ir::{ImmKind, Opcode};

use super::term::{CONSTANTS, Query, Rule, Term, VALUES};

/// Reads `LHS => RHS if CONDITION …`.
///
/// # Errors
/// What is wrong, for whoever wrote the rule.
pub(super) fn rule(text: &str) -> Result<Rule, String> {
    let (left, rest) = text.split_once("=>").ok_or("no `=>`")?;
    let (right, conditions) = rest.split_once(" if ").unwrap_or((rest, ""));
    let (left, right) = (only(left)?, only(right)?);
    if !matches!(left, Term::Op(..)) {
        return Err("the left side is no operation".into());
    }
    Ok(Rule { left, right, conditions: terms(conditions)? })
}

fn only(text: &str) -> Result<Term, String> {
    let mut terms = terms(text)?;
    if terms.len() != 1 {
        return Err(format!("`{text}` is not one term"));
    }
    terms.pop().ok_or_else(String::new)
}

fn terms(text: &str) -> Result<Vec<Term>, String> {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let mut tokens = spaced.split_whitespace();
    // Terms of the operations that are open, outermost first.
    let mut open: Vec<(Vec<Term>, &str)> = vec![(Vec::new(), "")];
    while let Some(token) = tokens.next() {
        let finished = match token {
            "(" => {
                open.push((Vec::new(), tokens.next().ok_or("nothing behind `(`")?));
                continue;
            }
            ")" => {
                let (args, name) = open.pop().ok_or("`)` without `(`")?;
                operation(name, args)?
            }
            _ => atom(token)?,
        };
        open.last_mut().ok_or("`)` without `(`")?.0.push(finished);
    }
    match open.pop() {
        Some((terms, _)) if open.is_empty() => Ok(terms),
        _ => Err("`(` without `)`".into()),
    }
}

fn operation(name: &str, args: Vec<Term>) -> Result<Term, String> {
    let query = match name {
        "max" => Some(Query::Max),
        "min" => Some(Query::Min),
        "zeros" => Some(Query::Zeros),
        _ => None,
    };
    if let (Some(query), [Term::Value(value)]) = (query, &args[..]) {
        return Ok(Term::Known(query, *value));
    }
    let op = Opcode::from_name(name).ok_or_else(|| format!("unknown operation `{name}`"))?;
    let row = op.row();
    if row.imm != ImmKind::None || !row.effects.is_pure() || row.args.len() != args.len() {
        return Err(format!("`{name}` of {} operands cannot be in a rule", args.len()));
    }
    Ok(Term::Op(op, args))
}

fn atom(token: &str) -> Result<Term, String> {
    let named = |names: &[char]| names.iter().position(|name| token.chars().eq([*name]));
    Ok(match token {
        "bits" => Term::Width(1),
        "bytes" => Term::Width(8),
        _ => match (named(&VALUES), named(&CONSTANTS)) {
            (Some(value), _) => Term::Value(value),
            (_, Some(constant)) => Term::Constant(constant),
            _ => Term::Number(token.parse().map_err(|_| format!("what is `{token}`?"))?),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_named() {
        for (text, error) in [
            ("(add x 0)", "no `=>`"),
            ("x => x", "the left side is no operation"),
            ("(add x => x", "`(` without `)`"),
            ("(add x) => x", "`add` of 1 operands cannot be in a rule"),
            ("(mem.load x) => x", "`mem.load` of 1 operands cannot be in a rule"),
            ("(plus x y) => x", "unknown operation `plus`"),
            ("(add x w) => x", "what is `w`?"),
        ] {
            assert_eq!(rule(text).unwrap_err(), error, "{text}");
        }
    }
}
