//! Which bytes of VM memory an instruction reads and writes.
//!
//! A *span* begins at a [`Place`]; its end is known where its length is a constant. Two spans of one root
//! lie a known distance apart; of spans with different roots nothing is known. Memory that anybody can pay
//! for is below 2^48 bytes, so distances hold although places are sums modulo 2^64.

use evmc_abi::{Effects, HostFn};
use evmc_ir::{Function, Imm, InstData, Opcode, Type, Value};

use super::place::{MOST_OFFSET, Place, Places};

/// Bytes of memory from a place on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// The first byte.
    pub start: Place,
    /// Behind the last byte, from the same root; `None` where that is not known.
    pub end: Option<i64>,
}

impl Span {
    /// Whether the spans may have a byte in common.
    pub fn may_overlap(self, other: Self) -> bool {
        let begins_before_end = |a: Self, b: Self| b.end.is_none_or(|end| a.start.offset < end);
        let is_empty = |span: Self| span.end == Some(span.start.offset);
        let may_meet = self.start.root != other.start.root
            || begins_before_end(self, other) && begins_before_end(other, self);
        may_meet && !is_empty(self) && !is_empty(other)
    }

    /// Whether every byte of `other` is certainly in this span.
    pub fn must_contain(self, other: Self) -> bool {
        let ends_before = other.end.zip(self.end).is_some_and(|(inner, outer)| inner <= outer);
        self.start.root == other.start.root && self.start.offset <= other.start.offset && ends_before
    }
}

/// What of memory is accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// No byte.
    Nothing,
    /// No byte outside a span.
    Within(Span),
    /// Any byte.
    Anything,
}

/// What an instruction other than a call of a function of the module may read. The length of memory is
/// not among its bytes.
pub fn may_read(function: &Function, places: &Places, data: &InstData) -> Access {
    match (data.opcode, &data.imm) {
        (Opcode::MemLoad, _) => Access::Within(accessed(places, data)),
        (Opcode::Host, &Imm::Host(host)) => {
            let operands = read_operands(host);
            of_host(function, places, data, Effects::READS_MEMORY, operands)
        }
        _ => Access::Nothing,
    }
}

/// What an instruction other than a call of a function of the module may write.
pub fn may_write(function: &Function, places: &Places, data: &InstData) -> Access {
    match (data.opcode, &data.imm) {
        (Opcode::MemStore, _) => Access::Within(accessed(places, data)),
        (Opcode::Host, &Imm::Host(host)) => {
            let operands = written_operands(host);
            of_host(function, places, data, Effects::WRITES_MEMORY, operands)
        }
        _ => Access::Nothing,
    }
}

/// The span of which an instruction writes every byte, unless it ends the frame. The output of a call is
/// none: it may be short.
pub fn must_write(function: &Function, places: &Places, data: &InstData) -> Option<Span> {
    let writes_all = match data.imm {
        Imm::Host(host) => matches!(
            host,
            HostFn::CalldataCopy
                | HostFn::CodeCopy
                | HostFn::ReturndataCopy
                | HostFn::MemoryCopy
                | HostFn::ExtcodeCopy
        ),
        _ => true,
    };
    match may_write(function, places, data) {
        Access::Within(span) if writes_all && span.end.is_some() => Some(span),
        _ => None,
    }
}

/// The span of a load or store.
fn accessed(places: &Places, data: &InstData) -> Span {
    let start = places.get(data.args[0]);
    let bytes = data.ty.unwrap_or(Type::I256).bytes();
    Span { start, end: Some(start.offset + i64::from(bytes)) }
}

fn of_host(
    function: &Function,
    places: &Places,
    data: &InstData,
    effect: Effects,
    operands: Option<(usize, usize)>,
) -> Access {
    match operands {
        _ if !data.effects().contains(effect) => Access::Nothing,
        Some((start, length)) => Access::Within(span(function, places, data.args[start], data.args[length])),
        None => Access::Anything,
    }
}

/// So many bytes from a word on.
pub fn span(function: &Function, places: &Places, start: Value, length: Value) -> Span {
    let start = places.get(start);
    let length = function.constant(length).and_then(|length| i64::try_from(length).ok());
    let length = length.filter(|&length| length <= MOST_OFFSET);
    Span { start, end: length.map(|length| start.offset + length) }
}

/// Which operands of a host function say where it reads memory, and how much.
const fn read_operands(host: HostFn) -> Option<(usize, usize)> {
    use HostFn as H;
    match host {
        H::Keccak256 | H::Return | H::Revert => Some((0, 1)),
        H::Log0 | H::Log1 | H::Log2 | H::Log3 | H::Log4 => Some((0, 1)),
        H::MemoryCopy | H::Create | H::Create2 => Some((1, 2)),
        H::Call | H::Callcode => Some((3, 4)),
        H::Delegatecall | H::Staticcall => Some((2, 3)),
        _ => None,
    }
}

/// Which operands of a host function say where it writes memory, and how much.
const fn written_operands(host: HostFn) -> Option<(usize, usize)> {
    use HostFn as H;
    match host {
        H::CalldataCopy | H::CodeCopy | H::ReturndataCopy | H::MemoryCopy => Some((0, 2)),
        H::ExtcodeCopy => Some((1, 3)),
        H::Call | H::Callcode => Some((5, 6)),
        H::Delegatecall | H::Staticcall => Some((4, 5)),
        _ => None,
    }
}
