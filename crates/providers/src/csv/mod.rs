//! CSV exports: rows by header, whatever program wrote them.
//!
//! An export is opened in a spreadsheet, saved again and sent by mail before it gets here. So the encoding (UTF-8 with
//! or without its mark, UTF-16, Windows-1252) and the separator (`,` `;` tab) are found out, columns are found by their
//! headers, and a flaw names its line. A file of any size is read in the memory of one row.

mod columns;
mod sheet;
mod text;

pub(crate) use columns::twice;
pub use columns::{Column, Columns, Headed};
pub use sheet::{line, unguarded};

use std::fmt;
use std::io::{self, Read};
use text::Text;

/// Longest row, in bytes: what is longer is a quote that was never closed.
pub const ROW_BYTES_MAX: usize = 1024 * 1024;
/// Quotes of one file that are never closed, after which it is read no further: each costs reading [`ROW_BYTES_MAX`]
/// twice.
pub const UNCLOSED_MAX: u32 = 20;
/// Most cells in one row.
pub const CELLS_MAX: usize = 4_096;

/// Longest part of a cell that a message repeats, in characters.
const SHOWN_MAX: usize = 40;

/// A cell as a message repeats it: its beginning, without what would break the line.
pub fn shown(cell: &str) -> String {
    let mut letters = cell.trim().chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    let mut shown: String = letters.by_ref().take(SHOWN_MAX).collect();
    if letters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// What is wrong with a file, or with one line of it.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    /// It could not be read.
    #[error("it could not be read")]
    Unreadable(#[source] io::Error),
    /// There is not even a header.
    #[error("it is empty")]
    Empty,
    /// It is no text at all.
    #[error("it is no CSV: {looks}")]
    NoText {
        /// What it looks like, in our words.
        looks: &'static str,
    },
    /// A zero byte, which no program writes into text.
    #[error("a zero byte stands in this row: the file is damaged, or no CSV from here on")]
    ZeroByte {
        /// Where the row begins.
        line: u64,
    },
    /// A row is longer than [`ROW_BYTES_MAX`] or [`CELLS_MAX`].
    #[error("the row does not end: it has more than {CELLS_MAX} cells, or is longer than a megabyte")]
    Endless {
        /// Where the row begins.
        line: u64,
    },
    /// A quote that opens a cell is not closed, or is closed by one that is meant to open another cell.
    #[error("a quote (\") opens on this line and is not closed")]
    Unclosed {
        /// Where the quote opens.
        line: u64,
    },
    /// Two columns under one header.
    #[error("two columns have the same header: {first} and {again}")]
    Twice {
        /// The first of them.
        first: Headed,
        /// The other one.
        again: Headed,
    },
    /// No header is one of the usual names of a column that is needed.
    #[error("no column `{column}` (usual headers: {usual}); the file has: {has}")]
    NoColumn {
        /// What the column holds, in our words.
        column: String,
        /// The headers that are known for it.
        usual: String,
        /// The headers of the file.
        has: String,
    },
}

impl Flaw {
    /// The line that it is on, where it is on one.
    pub const fn line(&self) -> Option<u64> {
        match self {
            Self::ZeroByte { line } | Self::Endless { line } | Self::Unclosed { line } => Some(*line),
            Self::Unreadable(_)
            | Self::Empty
            | Self::NoText { .. }
            | Self::Twice { .. }
            | Self::NoColumn { .. } => None,
        }
    }

    /// What to do about it, where there is more to say than to look at it.
    pub const fn advice(&self) -> Option<&'static str> {
        match self {
            Self::NoText { .. } | Self::ZeroByte { .. } => Some(
                "choose CSV where you export it; or open it in a spreadsheet and save it as `CSV UTF-8`, or unpack it \
                 if it is an archive",
            ),
            Self::Unclosed { .. } => Some(
                "close the quote behind the cell that it opens (one within a cell is written twice), or export anew",
            ),
            Self::Endless { .. } => Some("look whether it is the export that you meant"),
            Self::Twice { .. } => Some("rename the column that is not meant, or take it out of the file"),
            Self::Unreadable(_) | Self::Empty | Self::NoColumn { .. } => None,
        }
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line in the file where it begins; the header is on line 1, unless something stands above it.
    pub line: u64,
    cells: Vec<String>,
}

impl Row {
    /// What is in a column, trimmed; empty where the file has no such column or the row ends before it.
    pub fn get<C: Ord + Copy>(&self, columns: &Columns<C>, column: C) -> &str {
        columns.place(&column).and_then(|place| self.cells.get(place)).map_or("", |cell| cell.trim())
    }

    /// All cells, as they are.
    pub fn cells(&self) -> &[String] {
        &self.cells
    }

    fn is_blank(&self) -> bool {
        self.cells.iter().all(|cell| cell.trim().is_empty())
    }
}

/// A CSV file that is being read. An iterator over its rows; the header is read already, blank rows are left out.
///
/// A row with a flaw is passed over and the next one is read: behind a quote that is not closed, reading goes on at the
/// next line, so that one flaw hides no other. After [`Flaw::Unreadable`] and [`Flaw::Endless`] nothing comes.
pub struct Table<R> {
    text: Text<R>,
    separator: u8,
    line: u64,
    header: Vec<String>,
    unclosed: u32,
    ended: bool,
}

impl<R> fmt::Debug for Table<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("header", &self.header)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

impl<R: Read> Table<R> {
    /// Finds out how the file is written, and reads its header.
    ///
    /// # Errors
    ///
    /// A file without a header, or one that cannot be read.
    pub fn open(bytes: R) -> Result<Self, Flaw> {
        let mut text = Text::open(bytes).map_err(Flaw::Unreadable)?;
        let start = text.look_ahead().map_err(Flaw::Unreadable)?;
        if let Some(looks) = no_text(start) {
            return Err(Flaw::NoText { looks });
        }
        let (separator, is_told) = separator_of(start);
        let mut table = Self { text, separator, line: 1, header: Vec::new(), unclosed: 0, ended: false };
        if is_told {
            table.read_row()?;
        }
        loop {
            match table.read_row()? {
                None => return Err(Flaw::Empty),
                Some(row) if row.is_blank() => {}
                Some(row) => {
                    table.header = row.cells.into_iter().map(|cell| cell.trim().to_owned()).collect();
                    return Ok(table);
                }
            }
        }
    }

    /// The headers, trimmed, in their order.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The next row as the file has it; `None` at its end.
    fn read_row(&mut self) -> Result<Option<Row>, Flaw> {
        let begins = self.line;
        let (mut cells, mut cell) = (Vec::new(), Vec::new());
        let (mut bytes, mut quoted, mut was_quoted, mut has_zero) = (0_usize, false, false, false);
        let mut quote = Quote { line: begins, passed: Vec::new() };
        while let Some(byte) = self.text.next().map_err(Flaw::Unreadable)? {
            bytes += 1;
            if bytes > ROW_BYTES_MAX || cells.len() > CELLS_MAX {
                return Err(if quoted { self.go_on_behind(quote) } else { Flaw::Endless { line: begins } });
            }
            has_zero |= byte == 0;
            if quoted {
                quote.passed.push(byte);
            }
            match byte {
                b'"' if quoted => match self.text.peek().map_err(Flaw::Unreadable)? {
                    // Two quotes within quotes are one; one alone ends them.
                    Some(b'"') => {
                        self.text.next().map_err(Flaw::Unreadable)?;
                        quote.passed.push(b'"');
                        cell.push(b'"');
                    }
                    // The opening quote of a later line's cell: the one before it was never closed.
                    Some(next) if self.line > quote.line && !self.ends_cell(next) => {
                        return Err(self.go_on_behind(quote));
                    }
                    _ => quoted = false,
                },
                b'"' if !was_quoted && cell.iter().all(u8::is_ascii_whitespace) => {
                    cell.clear();
                    (quoted, was_quoted) = (true, true);
                    quote = Quote { line: self.line, passed: Vec::new() };
                }
                b'\n' | b'\r' => {
                    let is_pair = byte == b'\r' && self.text.peek().map_err(Flaw::Unreadable)? == Some(b'\n');
                    if is_pair {
                        self.text.next().map_err(Flaw::Unreadable)?;
                    }
                    self.line += 1;
                    if !quoted {
                        cells.push(owned(cell));
                        return whole(Row { line: begins, cells }, has_zero);
                    }
                    // One line end is one byte here, so that what is read again counts its lines the same way.
                    quote.passed.pop();
                    quote.passed.push(b'\n');
                    cell.push(b'\n');
                }
                byte if byte == self.separator && !quoted => {
                    cells.push(owned(std::mem::take(&mut cell)));
                    was_quoted = false;
                }
                byte => cell.push(byte),
            }
        }
        if quoted {
            return Err(self.go_on_behind(quote));
        }
        if bytes == 0 {
            return Ok(None);
        }
        cells.push(owned(cell));
        whole(Row { line: begins, cells }, has_zero)
    }

    /// Whether a byte may stand behind the quote that ends a cell.
    const fn ends_cell(&self, byte: u8) -> bool {
        byte == self.separator || byte.is_ascii_whitespace()
    }

    /// Has the lines below the one on which a quote opens read anew, by themselves.
    fn go_on_behind(&mut self, quote: Quote) -> Flaw {
        let Quote { line, mut passed } = quote;
        if let Some(end) = passed.iter().position(|byte| *byte == b'\n') {
            self.line = line + 1;
            self.text.give_back(passed.split_off(end + 1));
        }
        self.unclosed += 1;
        self.ended |= self.unclosed >= UNCLOSED_MAX;
        Flaw::Unclosed { line }
    }
}

/// A quote that is open.
struct Quote {
    /// Where it opens.
    line: u64,
    /// What was read behind it.
    passed: Vec<u8>,
}

fn whole(row: Row, has_zero: bool) -> Result<Option<Row>, Flaw> {
    if has_zero { Err(Flaw::ZeroByte { line: row.line }) } else { Ok(Some(row)) }
}

/// What a file is that holds no text, by its beginning.
///
/// Source: PKWARE's APPNOTE, 4.3.7, and ISO 32000-1, 7.5.2, for how these files begin (read 2026-12-01). Old workbooks
/// (.xls), images and databases hold zero bytes.
fn no_text(start: &[u8]) -> Option<&'static str> {
    match start {
        [b'P', b'K', 3, 4, ..] => Some("it is a zip archive, as spreadsheets are (.xlsx, .ods, .numbers)"),
        [b'%', b'P', b'D', b'F', b'-', ..] => Some("it is a PDF"),
        start if start.contains(&0) => Some("it holds zero bytes, which are in no text"),
        _ => None,
    }
}

/// Cells are cut at ASCII bytes out of text that was made UTF-8, so they are UTF-8.
fn owned(cell: Vec<u8>) -> String {
    String::from_utf8(cell).expect("text was decoded before it was cut")
}

impl<R: Read> Iterator for Table<R> {
    type Item = Result<Row, Flaw>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            match self.read_row() {
                Ok(Some(row)) if row.is_blank() => {}
                Ok(Some(row)) => return Some(Ok(row)),
                Ok(None) => self.ended = true,
                Err(flaw) => {
                    self.ended |= matches!(flaw, Flaw::Unreadable(_) | Flaw::Endless { .. });
                    return Some(Err(flaw));
                }
            }
        }
        None
    }
}

/// The separator that stands most often outside quotes in the first line, and whether a line of its own tells it
/// (`sep=;`, as spreadsheets write it).
fn separator_of(start: &[u8]) -> (u8, bool) {
    let line = start.split(|byte| matches!(byte, b'\n' | b'\r')).find(|line| !line.is_empty()).unwrap_or(&[]);
    if let [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', told] = line {
        return (*told, true);
    }
    let mut quoted = false;
    let outside: Vec<u8> = line
        .iter()
        .copied()
        .filter(|byte| {
            quoted ^= *byte == b'"';
            !quoted
        })
        .collect();
    let count = |of: u8| outside.split(|byte| *byte == of).count();
    // Of equals the last counts: the comma, which is also right for a single column.
    let separator = [b'|', b'\t', b';', b','].into_iter().max_by_key(|of| count(*of)).unwrap_or(b',');
    (separator, false)
}

#[cfg(test)]
mod tests;
