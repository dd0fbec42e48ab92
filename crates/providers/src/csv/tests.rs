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
    Column { holds: Of::Name, headers: &["Name", "NAME"], is_needed: false },
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
    let workbook = b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00[Content_Types].xml";
    let old_workbook = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\x00\x00\x00\x00\n\x00,";
    let database = b"SQLite format 3\x00\x10\x00";
    for (bytes, expected) in [
        (&workbook[..], "it is no CSV: it is a zip archive, as spreadsheets are (.xlsx, .ods, .numbers)"),
        (&old_workbook[..], "it is no CSV: it holds zero bytes, which are in no text"),
        (&database[..], "it is no CSV: it holds zero bytes, which are in no text"),
        (&b"%PDF-1.7\nid,Email\n"[..], "it is no CSV: it is a PDF"),
    ] {
        let flaw = Table::open(bytes).unwrap_err();
        assert_eq!(flaw.to_string(), expected);
        assert!(flaw.advice().unwrap().contains("CSV UTF-8"));
    }
}

/// What is wrong with which line, and the lines of the rows that are whole.
fn judged(bytes: &[u8]) -> (Vec<(u64, &'static str)>, Vec<u64>) {
    let (mut flaws, mut lines) = (Vec::new(), Vec::new());
    for row in Table::open(bytes).unwrap() {
        match row {
            Ok(row) => lines.push(row.line),
            Err(Flaw::Unclosed { line }) => flaws.push((line, "unclosed")),
            Err(Flaw::Endless { line }) => flaws.push((line, "endless")),
            Err(Flaw::ZeroByte { line }) => flaws.push((line, "zero")),
            Err(flaw) => panic!("{flaw}"),
        }
    }
    (flaws, lines)
}

#[test]
fn a_quote_that_is_not_closed_is_told_by_the_line_on_which_it_opens_and_hides_nothing_below() {
    assert_eq!(judged(b"a,b\n1,2\n3,\"open\n4,5\n6,7\n"), (vec![(3, "unclosed")], vec![2, 4, 5]));
    // The row begins above the line on which the quote opens.
    assert_eq!(judged(b"a,b\n\"1\n2\",\"open\r\n4,5\r\n"), (vec![(3, "unclosed")], vec![4]));
    // Quotes of later cells would close it, and open what is outside them.
    assert_eq!(judged(b"a,b\n1,\"open\n4,\"x\"\n5,\"y, z\"\n"), (vec![(2, "unclosed")], vec![3, 4]));
    assert_eq!(judged(b"a,b\n1,\"open\n2,\"\"\n\"3\",\"x\"\n"), (vec![(2, "unclosed")], vec![3, 4]));
    let two = b"a,b\n1,\"open\n2,3\n4,\"x\"\n5,\"open again\n6,7\n";
    assert_eq!(judged(two), (vec![(2, "unclosed"), (5, "unclosed")], vec![3, 4, 6]));
    // A cell of two lines is none.
    assert_eq!(judged(b"a,b\n1,\"two\nlines\" \n4,\"two\nlines\""), (vec![], vec![2, 4]));
}

#[test]
fn a_row_without_end_and_a_file_of_open_quotes_end() {
    let long = [b"a\n\"".as_slice(), &vec![b'x'; ROW_BYTES_MAX + 1]].concat();
    assert_eq!(judged(&long).0, [(2, "unclosed")]);
    let wide = [b"a\n".as_slice(), &vec![b','; CELLS_MAX + 2], b"\n1\n"].concat();
    assert_eq!(judged(&wide), (vec![(2, "endless")], vec![]));
    // Each opens a quote, and what ends the one above it is the same again.
    let open = [b"a\n".to_vec(), b"\"x\"\"\n".repeat(100)].concat();
    let (flaws, _) = judged(&open);
    assert_eq!(flaws.len(), usize::try_from(UNCLOSED_MAX).unwrap());
}

#[test]
fn a_zero_byte_far_below_the_beginning_is_told_by_its_line() {
    let mut file = b"a,b\n".to_vec();
    file.extend(b"1,2\n".repeat(40_000));
    file.extend(b"3,\0\n4,5\n");
    let (flaws, lines) = judged(&file);
    assert_eq!(flaws, [(40_002, "zero")]);
    assert_eq!(lines.last(), Some(&40_003));
}

#[test]
fn two_columns_for_one_thing_are_named() {
    let find = |names: &[&str]| {
        let header: Vec<_> = names.iter().map(ToString::to_string).collect();
        Columns::find(KNOWN, &header)
    };
    let flaw = find(&["id", "Email", "Name", "e-mail"]).unwrap_err();
    assert_eq!(
        flaw.to_string(),
        "two columns have the same header: `Email` (column 2) and `e-mail` (column 4)"
    );
    // What is not read may be there as often as it likes.
    let sole = find(&["Phone", "Email", "Phone"]).unwrap();
    assert_eq!((sole.passed_over().len(), sole.header(Of::Address)), (0, "Email"));
    let both = find(&["Customer Email", "Name", "Email"]).unwrap();
    let said: Vec<_> = both.passed_over().iter().map(|(read, left)| format!("{read}, {left}")).collect();
    assert_eq!(said, ["`Email` (column 3), `Customer Email` (column 1)"]);
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
