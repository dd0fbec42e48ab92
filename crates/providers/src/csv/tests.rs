use super::*;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    Address,
    Name,
    Created,
}

const KNOWN: &[Column<Of>] = &[
    Column { holds: Of::Address, headers: &["Email", "Customer Email"], is_needed: true },
    Column { holds: Of::Name, headers: &["Name"], is_needed: false },
    Column { holds: Of::Created, headers: &["Created (UTC)"], is_needed: false },
];

fn rows(bytes: &[u8]) -> Vec<(u64, Vec<String>)> {
    let table = Table::open(bytes).unwrap();
    table.map(|row| row.unwrap()).map(|row| (row.line, row.cells)).collect()
}

fn read(bytes: &[u8]) -> Vec<(String, String)> {
    let table = Table::open(bytes).unwrap();
    let columns = Columns::find(KNOWN, table.header()).unwrap();
    let pair = |row: Row| (row.get(&columns, Of::Address).to_owned(), row.get(&columns, Of::Name).to_owned());
    table.map(|row| pair(row.unwrap())).collect()
}

#[test]
fn the_same_table_is_read_from_any_encoding_and_separator() {
    let expected = vec![("zoe@example.com".to_owned(), "Zoë, Müller – “Z”".to_owned())];
    let comma = "id,Email,Name\n1,zoe@example.com,\"Zoë, Müller – “Z”\"\n";
    let semicolon = "id;Email;Name\r\n1;zoe@example.com;Zoë, Müller – “Z”\r\n";
    let tab = "id\tEmail\tName\r1\tzoe@example.com\tZoë, Müller – “Z”";
    let told = "sep=;\r\nid;Email;Name\r\n1;zoe@example.com;Zoë, Müller – “Z”";
    let utf16 =
        |text: &str, bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let latin: Vec<u8> = comma
        .chars()
        .map(|letter| match letter {
            '–' => 0x96,
            '“' => 0x93,
            '”' => 0x94,
            letter => u8::try_from(u32::from(letter)).unwrap(),
        })
        .collect();
    for (name, bytes) in [
        ("comma", comma.as_bytes().to_vec()),
        ("semicolon", semicolon.as_bytes().to_vec()),
        ("tab", tab.as_bytes().to_vec()),
        ("sep=", told.as_bytes().to_vec()),
        ("mark", format!("\u{feff}{comma}").into_bytes()),
        ("UTF-16, low first", utf16(&format!("\u{feff}{tab}"), u16::to_le_bytes)),
        ("UTF-16, high first", utf16(&format!("\u{feff}{comma}"), u16::to_be_bytes)),
        ("UTF-16 without a mark", utf16(semicolon, u16::to_le_bytes)),
        ("Windows-1252", latin),
    ] {
        assert_eq!(read(&bytes), expected, "{name}");
    }
}

#[test]
fn rows_know_their_line_and_quotes_hold_lines_and_separators() {
    let file = b"a,b\n\"1\n\"\"x\"\"\", \"2,3\"\n\n,\nlast,row";
    assert_eq!(
        rows(file),
        [(2, vec!["1\n\"x\"".to_owned(), "2,3".to_owned()]), (6, vec!["last".to_owned(), "row".to_owned()])]
    );
}

#[test]
fn columns_are_found_by_header_however_it_is_spelled() {
    let header = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let found = Columns::find(KNOWN, &header(&["created_utc", "EMAIL "])).unwrap();
    assert!(found.has(Of::Created) && found.has(Of::Address) && !found.has(Of::Name));
    let best = Columns::find(KNOWN, &header(&["Customer Email", "Email"])).unwrap();
    assert_eq!(best.place(&Of::Address), Some(1));
    let flaw = Columns::find(KNOWN, &header(&["Name", "Phone"])).unwrap_err();
    assert_eq!(
        flaw.to_string(),
        "no column `Email` (usual headers: Email, Customer Email); the file has: Name, Phone"
    );
}

#[test]
fn a_file_that_is_no_table_is_told_so() {
    assert!(matches!(Table::open(&b""[..]), Err(Flaw::Empty)));
    assert!(matches!(Table::open(&b"\xEF\xBB\xBF\n\n"[..]), Err(Flaw::Empty)));
    let open = Table::open(&b"a,b\n1,2\n3,\"never closed\n4,5\n"[..]).unwrap();
    let last = open.last().unwrap().unwrap_err();
    assert!(matches!(last, Flaw::Endless { line: 3 }), "{last}");
    let long = [b"a\n\"".as_slice(), &vec![b'x'; ROW_BYTES_MAX + 1]].concat();
    assert!(matches!(Table::open(&long[..]).unwrap().next(), Some(Err(Flaw::Endless { line: 2 }))));
}

/// A file without end, of which only what is asked for exists.
struct Million {
    left: u32,
    line: Vec<u8>,
}

impl Read for Million {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.line.is_empty() && self.left > 0 {
            self.left -= 1;
            self.line = format!("{},customer{}@example.com\n", self.left, self.left).into_bytes();
        }
        let taken = self.line.len().min(into.len());
        into[..taken].copy_from_slice(&self.line[..taken]);
        self.line.drain(..taken);
        Ok(taken)
    }
}

#[test]
fn a_million_rows_are_read_in_the_memory_of_one() {
    let file = io::Cursor::new(b"id,Email\n".to_vec()).chain(Million { left: 1_000_000, line: Vec::new() });
    let mut table = Table::open(file).unwrap();
    assert_eq!(table.by_ref().map(|row| row.unwrap().line).max(), Some(1_000_001));
    assert!(table.text.capacity() < 1024 * 1024);
}

#[test]
fn what_is_written_is_read_back_and_is_no_formula() {
    let written = [line(["a", "b"]), line(["x \"y\"; z", "=1+1"]), line(["two\nlines", ""])].concat();
    assert_eq!(
        rows(written.as_bytes()),
        [
            (2, vec!["x \"y\"; z".to_owned(), "'=1+1".to_owned()]),
            (3, vec!["two\nlines".to_owned(), String::new()])
        ]
    );
}

proptest! {
    #[test]
    fn any_bytes_end_in_rows_or_a_flaw(bytes: Vec<u8>) {
        if let Ok(table) = Table::open(&bytes[..]) {
            let _: Vec<_> = table.collect();
        }
    }

    #[test]
    fn cells_survive_writing_and_reading(cells in prop::collection::vec("[a-z\",;\t\n é]{1,8}x", 2..5)) {
        let text = [line(["h"; 2]), line(cells.iter().map(String::as_str))].concat();
        let table = Table::open(text.as_bytes()).unwrap();
        let read = table.last().unwrap().unwrap();
        let guarded = |cell: &String| if cell.starts_with(['\t', '\n']) { format!("'{cell}") } else { cell.clone() };
        prop_assert_eq!(read.cells().to_vec(), cells.iter().map(guarded).collect::<Vec<_>>());
    }
}
