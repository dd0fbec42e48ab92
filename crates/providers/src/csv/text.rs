//! Bytes of a file as UTF-8, whatever they were.

use std::io::{self, Read};

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

/// How the characters of a file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    /// UTF-8; a byte that cannot be UTF-8 is taken for Windows-1252, the Latin-1 of spreadsheets.
    Bytes,
    /// UTF-16, low byte first.
    Utf16Low,
    /// UTF-16, high byte first.
    Utf16High,
}

/// A file as UTF-8, byte by byte.
pub(super) struct Text<R> {
    bytes: R,
    encoding: Encoding,
    /// Read and not decoded: the beginning of a character.
    raw: Vec<u8>,
    /// Decoded.
    decoded: Vec<u8>,
    /// How much of it was taken.
    at: usize,
    ended: bool,
}

impl<R: Read> Text<R> {
    /// Finds out the encoding from the mark at the beginning, or from the zero bytes of UTF-16 without a mark.
    pub(super) fn open(bytes: R) -> io::Result<Self> {
        let mut text = Self {
            bytes,
            encoding: Encoding::Bytes,
            raw: Vec::new(),
            decoded: Vec::new(),
            at: 0,
            ended: false,
        };
        text.read_chunk()?;
        let (encoding, mark) = match text.raw.as_slice() {
            [0xEF, 0xBB, 0xBF, ..] => (Encoding::Bytes, 3),
            [0xFF, 0xFE, ..] => (Encoding::Utf16Low, 2),
            [0xFE, 0xFF, ..] => (Encoding::Utf16High, 2),
            [first, 0, ..] if *first != 0 => (Encoding::Utf16Low, 0),
            [0, second, ..] if *second != 0 => (Encoding::Utf16High, 0),
            _ => (Encoding::Bytes, 0),
        };
        text.encoding = encoding;
        text.raw.drain(..mark);
        text.decode();
        Ok(text)
    }

    /// What comes, as far as it is decoded; at least one chunk where the file has one.
    pub(super) fn look_ahead(&mut self) -> io::Result<&[u8]> {
        self.fill()?;
        Ok(&self.decoded[self.at..])
    }

    /// The next byte, without taking it.
    pub(super) fn peek(&mut self) -> io::Result<Option<u8>> {
        self.fill()?;
        Ok(self.decoded.get(self.at).copied())
    }

    /// The next byte.
    pub(super) fn next(&mut self) -> io::Result<Option<u8>> {
        let byte = self.peek()?;
        self.at += usize::from(byte.is_some());
        Ok(byte)
    }

    /// Has bytes that were taken come once more, before all others.
    pub(super) fn give_back(&mut self, bytes: Vec<u8>) {
        self.decoded.splice(..self.at, bytes);
        self.at = 0;
    }

    /// Bytes that are kept.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.raw.capacity() + self.decoded.capacity()
    }

    fn fill(&mut self) -> io::Result<()> {
        while self.at == self.decoded.len() && !self.ended {
            self.decoded.clear();
            self.at = 0;
            self.read_chunk()?;
            self.decode();
        }
        Ok(())
    }

    fn read_chunk(&mut self) -> io::Result<()> {
        let read = (&mut self.bytes).take(CHUNK as u64).read_to_end(&mut self.raw)?;
        self.ended = read == 0;
        Ok(())
    }

    /// Decodes what is whole; at the end, whatever is left.
    fn decode(&mut self) {
        let used = match self.encoding {
            Encoding::Bytes => self.decode_bytes(),
            Encoding::Utf16Low => self.decode_units(u16::from_le_bytes),
            Encoding::Utf16High => self.decode_units(u16::from_be_bytes),
        };
        self.raw.drain(..used);
    }

    fn decode_bytes(&mut self) -> usize {
        let mut used = 0;
        while used < self.raw.len() {
            let rest = &self.raw[used..];
            let (valid, bad) = match std::str::from_utf8(rest) {
                Ok(_) => (rest.len(), None),
                // A character that goes on in the next chunk.
                Err(error) if error.error_len().is_none() && !self.ended => {
                    self.decoded.extend(&rest[..error.valid_up_to()]);
                    return used + error.valid_up_to();
                }
                Err(error) => (error.valid_up_to(), rest.get(error.valid_up_to()).copied()),
            };
            self.decoded.extend(&rest[..valid]);
            used += valid;
            if let Some(byte) = bad {
                let mut utf8 = [0; 4];
                self.decoded.extend(windows_1252(byte).encode_utf8(&mut utf8).as_bytes());
                used += 1;
            }
        }
        used
    }

    fn decode_units(&mut self, unit: fn([u8; 2]) -> u16) -> usize {
        let units: Vec<u16> = self.raw.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        let splits = units.last().is_some_and(|last| (0xD800..0xDC00).contains(last)) && !self.ended;
        let whole = units.len() - usize::from(splits);
        for letter in char::decode_utf16(units[..whole].iter().copied()) {
            let mut utf8 = [0; 4];
            let letter = letter.unwrap_or(char::REPLACEMENT_CHARACTER);
            self.decoded.extend(letter.encode_utf8(&mut utf8).as_bytes());
        }
        if self.ended { self.raw.len() } else { whole * 2 }
    }
}

/// A byte of Windows-1252. Source: <https://encoding.spec.whatwg.org/#windows-1252>; bytes without a letter stay
/// control characters, as there.
fn windows_1252(byte: u8) -> char {
    const HIGH: [u16; 32] = [
        0x20AC, 0x81, 0x201A, 0x192, 0x201E, 0x2026, 0x2020, 0x2021, 0x2C6, 0x2030, 0x160, 0x2039, 0x152,
        0x8D, 0x17D, 0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x2DC, 0x2122,
        0x161, 0x203A, 0x153, 0x9D, 0x17E, 0x178,
    ];
    match byte {
        0x80..=0x9F => {
            let code = HIGH[usize::from(byte - 0x80)];
            char::from_u32(u32::from(code)).expect("the table holds no surrogate")
        }
        _ => char::from(byte),
    }
}
