//! Text to IR. A flat grammar, so the parser does not recurse and is linear in the text.
//!
//! The parser checks what it needs to know to build the module: syntax, that names are defined, and
//! defined once. Everything else, the number and types of operands included, is left to the
//! verifier, whose rules can thus be tested from text.

mod body;

use std::collections::HashMap;

use cranelift_entity::{EntityRef, PrimaryMap, SecondaryMap};
use evmc_abi::wasm::EntryId;
use evmc_abi::{InstanceShape, StretchRange};
use ruint::aliases::U256;

use crate::entities::{Block, Func, Inst, Sig, Stretch};
use crate::function::{Module, Signature};
use crate::types::Type;
use crate::verify::VerifyError;

use super::lexer::{Kind, Token, tokens};

/// Most numbers of values and blocks that a text may leave out, in all functions together. A bound
/// on memory for hostile text; removing instructions leaves gaps, but never so many.
const MAX_GAPS: usize = 1 << 22;

/// Why a text is not a module, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct ParseError {
    /// Line, counted from 1.
    pub line: u32,
    /// Column in bytes, counted from 1.
    pub column: u32,
    /// What was expected and what stands there, or which name is wrong.
    pub message: String,
}

/// Where in the text things stand.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    functions: PrimaryMap<Func, Lines>,
}

/// Lines of a function.
#[derive(Clone, Debug, Default)]
struct Lines {
    head: u32,
    blocks: SecondaryMap<Block, u32>,
    insts: SecondaryMap<Inst, u32>,
}

impl SourceMap {
    /// The line of a verifier error, counted from 1; `None` for errors of the module's head.
    pub fn line(&self, error: &VerifyError) -> Option<u32> {
        let lines = self.functions.get(error.func?)?;
        let inst = error.inst.map(|inst| lines.insts[inst]);
        let block = error.block.map(|block| lines.blocks[block]);
        Some(inst.or(block).unwrap_or(lines.head))
    }
}

/// Parses a module. It need not satisfy the verifier.
///
/// # Errors
/// The first place where the text is not a module's.
pub fn parse(text: &str) -> Result<Module, ParseError> {
    parse_with_lines(text).map(|(module, _)| module)
}

/// Parses a module and tells where its parts stand in the text.
///
/// # Errors
/// The first place where the text is not a module's.
pub fn parse_with_lines(text: &str) -> Result<(Module, SourceMap), ParseError> {
    let tokens = tokens(text)?;
    let mut parser = Parser {
        text,
        tokens: &tokens,
        at: 0,
        module: Module::default(),
        lines: SourceMap::default(),
        names: HashMap::new(),
        results: PrimaryMap::new(),
        gaps: MAX_GAPS,
    };
    parser.collect_names()?;
    parser.head()?;
    while parser.peek().kind != Kind::End {
        parser.function()?;
    }
    Ok((parser.module, parser.lines))
}

type Result<T, E = ParseError> = std::result::Result<T, E>;

/// The parser's state: a position in the tokens, and what was built so far.
struct Parser<'t> {
    text: &'t str,
    tokens: &'t [Token],
    at: usize,
    module: Module,
    lines: SourceMap,
    names: HashMap<&'t str, Func>,
    /// Types of every function's results, which calls need before the function is parsed.
    results: PrimaryMap<Func, Vec<Type>>,
    /// Numbers of values and blocks that may still be left out.
    gaps: usize,
}

/// The line of a function that opens it.
struct Head<'t> {
    name: Token,
    text: &'t str,
    params: Vec<Type>,
    results: Vec<Type>,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Token {
        self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn next(&mut self) -> Token {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn str(&self, token: Token) -> &'t str {
        &self.text[token.start..token.end]
    }

    /// The line of the token before the current one.
    fn line(&self) -> u32 {
        self.at.checked_sub(1).map_or(1, |before| self.tokens[before].line)
    }

    /// Whether the current token stands on the line of the one before it.
    fn same_line(&self) -> bool {
        self.peek().kind != Kind::End && self.peek().line == self.line()
    }

    fn error<T>(&self, token: Token, message: impl Into<String>) -> Result<T> {
        Err(ParseError { line: token.line, column: token.column, message: message.into() })
    }

    fn expected<T>(&self, what: &str) -> Result<T> {
        let token = self.peek();
        let found = match token.kind {
            Kind::End => "the end of the text".into(),
            _ => format!("`{}`", self.str(token)),
        };
        self.error(token, format!("expected {what}, found {found}"))
    }

    /// Takes the token if it reads `text`.
    fn accept(&mut self, text: &str) -> bool {
        let found = self.str(self.peek()) == text;
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, text: &str) -> Result<()> {
        if self.accept(text) { Ok(()) } else { self.expected(&format!("`{text}`")) }
    }

    /// Takes a token of a kind.
    fn take(&mut self, kind: Kind, what: &str) -> Result<Token> {
        if self.peek().kind == kind { Ok(self.next()) } else { self.expected(what) }
    }

    fn end_of_line(&self) -> Result<()> {
        if self.same_line() { self.expected("the end of the line") } else { Ok(()) }
    }

    fn ty(&mut self) -> Result<Type> {
        match Type::from_name(self.str(self.peek())) {
            Some(ty) => {
                self.next();
                Ok(ty)
            }
            None => self.expected("a type"),
        }
    }

    /// An unsigned number that fits `T`.
    fn number<T: TryFrom<U256>>(&mut self, what: &str) -> Result<T> {
        let bits = (self.peek().kind == Kind::Number).then(|| magnitude(self.str(self.peek())));
        match bits.flatten().and_then(|bits| T::try_from(bits).ok()) {
            Some(number) => {
                self.next();
                Ok(number)
            }
            None => self.expected(what),
        }
    }

    /// The number behind `prefix` in the current token: an entity such as `v12`.
    fn entity(&self, prefix: &str) -> Option<usize> {
        let token = self.peek();
        let digits = self.str(token).strip_prefix(prefix)?;
        let plain = token.kind == Kind::Word && digits.bytes().all(|byte| byte.is_ascii_digit());
        let canonical = plain && (digits == "0" || !digits.starts_with('0'));
        digits.parse::<u32>().ok().filter(|&n| canonical && n < u32::MAX).map(|n| n as usize)
    }

    fn stretch(&mut self) -> Result<Stretch> {
        match self.entity("stretch") {
            Some(number) if number < self.module.stretches.len() => {
                self.next();
                Ok(Stretch::new(number))
            }
            Some(_) => self.expected("a stretch of the module"),
            None => self.expected("a stretch"),
        }
    }

    fn signature(&mut self) -> Result<Sig> {
        match self.entity("sig") {
            Some(number) if number < self.module.signatures.len() => {
                self.next();
                Ok(Sig::new(number))
            }
            Some(_) => self.expected("a signature of the module"),
            None => self.expected("a signature"),
        }
    }

    /// A function of the module.
    fn func(&mut self) -> Result<Func> {
        match self.names.get(self.str(self.peek())) {
            Some(&func) => {
                self.next();
                Ok(func)
            }
            None => self.expected("a function of the module"),
        }
    }

    /// Finds all functions, so that calls may name later ones.
    fn collect_names(&mut self) -> Result<()> {
        for at in 0..self.tokens.len() {
            self.at = at;
            let first = at == 0 || !self.same_line();
            if first && self.str(self.peek()) == "function" {
                self.next();
                let head = self.function_head()?;
                let func = self.results.push(head.results);
                if self.names.insert(head.text, func).is_some() {
                    return self.error(head.name, format!("{} is defined twice", head.text));
                }
            }
        }
        self.at = 0;
        Ok(())
    }

    /// The lines before the first function.
    fn head(&mut self) -> Result<()> {
        loop {
            if self.accept("entry") {
                self.entry()?;
            } else if self.accept("instance") {
                self.instance()?;
            } else if self.entity("sig") == Some(self.module.signatures.len()) {
                self.next();
                self.expect("=")?;
                let (params, results) = self.function_type()?;
                self.module.signatures.push(Signature { params, results });
            } else if self.accept("memory_stack") {
                self.module.uses_memory_stack = true;
            } else if self.entity("stretch") == Some(self.module.stretches.len()) {
                self.next();
                self.expect("=")?;
                let start = self.number("an offset")?;
                self.take(Kind::Dots, "`..`")?;
                let end = self.number("an offset")?;
                self.module.stretches.push(StretchRange { start, end });
            } else if self.peek().kind == Kind::End || self.str(self.peek()) == "function" {
                return Ok(());
            } else {
                let next = Stretch::new(self.module.stretches.len());
                return self.expected(&format!(
                    "`entry`, `memory_stack`, `instance`, a signature, `{next}` or `function`"
                ));
            }
            self.end_of_line()?;
        }
    }

    /// `%name` of the one entry, or `number %name` of one of several.
    fn entry(&mut self) -> Result<()> {
        if self.peek().kind != Kind::Number {
            self.module.entry = Some(self.func()?);
            return Ok(());
        }
        let token = self.peek();
        let Some(id) = EntryId::from_bits(self.number("the number of an entry")?) else {
            return self.error(token, "expected the number of an entry");
        };
        let func = self.func()?;
        self.module.instance.get_or_insert_default().entries.push((id, func));
        Ok(())
    }

    /// `metered memories = 1, tables = 2`, each part only where it is not zero.
    fn instance(&mut self) -> Result<()> {
        let metered = self.accept("metered");
        let mut shape = InstanceShape::default();
        while self.same_line() {
            let name = self.str(self.peek());
            let Some(field) = super::shape_field(&mut shape, name) else {
                return self.expected("something that an instance has");
            };
            self.next();
            self.expect("=")?;
            *field = self.number("a number")?;
            if !self.accept(",") {
                break;
            }
        }
        let instance = self.module.instance.get_or_insert_default();
        (instance.shape, instance.metered) = (shape, metered);
        Ok(())
    }

    /// `(types) -> types`.
    fn function_type(&mut self) -> Result<(Vec<Type>, Vec<Type>)> {
        self.expect("(")?;
        let params = if self.accept(")") { Vec::new() } else { self.types()? };
        if !params.is_empty() {
            self.expect(")")?;
        }
        let results = if self.accept("->") { self.types()? } else { Vec::new() };
        Ok((params, results))
    }

    /// `%name(types) -> types {`.
    fn function_head(&mut self) -> Result<Head<'t>> {
        let name = self.take(Kind::Name, "a function's name")?;
        let text = self.str(name);
        if text.len() == 1 {
            return self.error(name, "a function's name is empty");
        }
        let (params, results) = self.function_type()?;
        self.expect("{")?;
        Ok(Head { name, text, params, results })
    }

    fn types(&mut self) -> Result<Vec<Type>> {
        let mut types = vec![self.ty()?];
        while self.accept(",") {
            types.push(self.ty()?);
        }
        Ok(types)
    }
}

/// The value of `12` or `0x0c`.
fn magnitude(text: &str) -> Option<U256> {
    match text.strip_prefix("0x") {
        Some("") => None,
        Some(digits) => U256::from_str_radix(digits, 16).ok(),
        None => U256::from_str_radix(text, 10).ok(),
    }
}
