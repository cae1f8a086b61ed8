//! JSON written into a buffer and read again: bytes, enumerations, results passed on, recursion.

#![no_std]

#[path = "kernel.rs"]
mod kernel;

use kernel::{Random, mix};

const SIZE: usize = 32_768;

/// Text that is being written; what does not fit is left out.
struct Writer {
    bytes: [u8; SIZE],
    len: usize,
}

impl Writer {
    fn bytes(&mut self, bytes: &[u8]) {
        if let Some(room) = self.bytes.get_mut(self.len..self.len + bytes.len()) {
            room.copy_from_slice(bytes);
            self.len += bytes.len();
        }
    }

    fn number(&mut self, number: u32) {
        if number >= 10 {
            self.number(number / 10);
        }
        self.bytes(&[b'0' + (number % 10) as u8]);
    }

    fn string(&mut self, random: &mut Random) {
        self.bytes(b"\"");
        for _ in 0..random.next() % 12 {
            match random.next() % 40 {
                26 => self.bytes(b"\\n"),
                27 => self.bytes(b"\\\""),
                28 => self.bytes("é".as_bytes()),
                letter => self.bytes(&[b'a' + letter as u8 % 26]),
            }
        }
        self.bytes(b"\"");
    }

    fn list(&mut self, random: &mut Random, depth: u32, is_object: bool) {
        self.bytes(if is_object { b"{" } else { b"[" });
        for i in 0..1 + random.next() % 6 {
            self.bytes(if i > 0 { b", " } else { b"" });
            if is_object {
                self.string(random);
                self.bytes(b": ");
            }
            self.value(random, depth - 1);
        }
        self.bytes(if is_object { b"}" } else { b"]" });
    }

    fn value(&mut self, random: &mut Random, depth: u32) {
        match random.next() % 16 {
            0..8 if depth > 0 => self.list(random, depth, depth % 2 == 0),
            8 => self.bytes(b"null"),
            9 => self.bytes(b"true"),
            10..13 => self.string(random),
            _ => self.number(random.next() >> 8),
        }
    }
}

/// Why text is not JSON.
enum Wrong {
    Ends,
    Unexpected(u8),
}

/// Text that is being read, with a checksum of what it was so far.
struct Reader<'a> {
    bytes: &'a [u8],
    sum: u64,
}

impl Reader<'_> {
    fn peek(&mut self) -> Result<u8, Wrong> {
        while let [b' ', rest @ ..] = self.bytes {
            self.bytes = rest;
        }
        self.bytes.first().copied().ok_or(Wrong::Ends)
    }

    fn next(&mut self) -> Result<u8, Wrong> {
        let (&byte, rest) = self.bytes.split_first().ok_or(Wrong::Ends)?;
        self.bytes = rest;
        Ok(byte)
    }

    fn note(&mut self, value: u64) {
        self.sum = mix(self.sum, value);
    }

    fn expect(&mut self, byte: u8) -> Result<(), Wrong> {
        self.peek()?;
        let found = self.next()?;
        if found == byte { Ok(()) } else { Err(Wrong::Unexpected(found)) }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Wrong> {
        self.bytes = self.bytes.strip_prefix(word).ok_or(Wrong::Unexpected(word[0]))?;
        self.note(word.len() as u64);
        Ok(())
    }

    fn string(&mut self) -> Result<(), Wrong> {
        self.expect(b'"')?;
        let mut hash = 0_u64;
        loop {
            let byte = match self.next()? {
                b'"' => break,
                b'\\' if self.next()? == b'n' => b'\n',
                b'\\' => b'"',
                byte => byte,
            };
            hash = hash.wrapping_mul(31).wrapping_add(byte.into());
        }
        self.note(hash);
        Ok(())
    }

    fn number(&mut self) -> Result<(), Wrong> {
        let len = self.bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.bytes.split_at(len);
        let value = digits.iter().fold(0_u64, |value, digit| value.wrapping_mul(10) + u64::from(digit - b'0'));
        self.bytes = rest;
        self.note(value);
        if len > 0 { Ok(()) } else { Err(Wrong::Ends) }
    }

    fn list(&mut self, end: u8) -> Result<(), Wrong> {
        self.next()?;
        while self.peek()? != end {
            if end == b'}' {
                self.string()?;
                self.expect(b':')?;
            }
            self.value()?;
            if self.peek()? == b',' {
                self.next()?;
            }
        }
        self.note(end.into());
        self.next()?;
        Ok(())
    }

    fn value(&mut self) -> Result<(), Wrong> {
        match self.peek()? {
            b'{' => self.list(b'}'),
            b'[' => self.list(b']'),
            b'"' => self.string(),
            b'n' => self.word(b"null"),
            b't' => self.word(b"true"),
            b'0'..=b'9' => self.number(),
            byte => Err(Wrong::Unexpected(byte)),
        }
    }
}

/// Writes and reads `n` values.
#[unsafe(no_mangle)]
pub extern "C" fn run(n: i32) -> i64 {
    let mut random = Random(17);
    let mut writer = Writer { bytes: [0; SIZE], len: 0 };
    let mut sum = 0;
    for _ in 0..n {
        writer.len = 0;
        writer.list(&mut random, 7, true);
        let mut reader = Reader { bytes: &writer.bytes[..writer.len], sum };
        let wrong = match reader.value() {
            Ok(()) => 0,
            Err(Wrong::Ends) => 1,
            Err(Wrong::Unexpected(byte)) => 2 + u64::from(byte),
        };
        sum = mix(reader.sum, wrong << 32 | writer.len as u64);
    }
    sum as i64
}
