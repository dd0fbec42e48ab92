//! Everything that the commands print.
//!
//! Data goes to stdout, everything else to stderr. Colour never carries a meaning alone, and is left out where
//! `NO_COLOR` is set or nobody's terminal is listening.

use crate::errors::{Code, Failure, Report, Severity};
use crate::log::{is_bidi, scrub_credentials};
use anstream::{AutoStream, ColorChoice};
use comfy_table::{ContentArrangement, Table, presets};
use jiff::SignedDuration;
use owo_colors::OwoColorize;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Columns that text for people takes at most, if its words allow.
pub const COLUMNS: usize = 80;
/// The last column of a table is broken into lines where the others leave at least this much.
const LAST_COLUMN_MIN: usize = 24;

/// How much is said beside the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verbosity {
    /// Errors alone.
    Quiet,
    /// Errors, warnings and notes.
    #[default]
    Normal,
    /// And details.
    Verbose,
}

/// The one way out for everything that the commands say.
pub struct Printer {
    data: AutoStream<Box<dyn Write + Send>>,
    talk: AutoStream<Box<dyn Write + Send>>,
    verbosity: Verbosity,
    json: bool,
}

impl Printer {
    /// Prints to the process's own stdout and stderr. `json`: one JSON document instead of text for people.
    pub fn of_process(verbosity: Verbosity, json: bool) -> Self {
        let data = AutoStream::choice(&io::stdout());
        let talk = AutoStream::choice(&io::stderr());
        Self::new((Box::new(io::stdout()), data), (Box::new(io::stderr()), talk), verbosity, json)
    }

    /// Prints to any two streams, without colours unless `ColorChoice` says so.
    pub fn new(
        data: (Box<dyn Write + Send>, ColorChoice),
        talk: (Box<dyn Write + Send>, ColorChoice),
        verbosity: Verbosity,
        json: bool,
    ) -> Self {
        Self { data: AutoStream::new(data.0, data.1), talk: AutoStream::new(talk.0, talk.1), verbosity, json }
    }

    /// Whether the reader is a program.
    pub const fn is_json(&self) -> bool {
        self.json
    }

    /// How much is said beside the data.
    pub const fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    /// Passes on what another process said on the side, as it stands.
    pub fn side(&mut self, text: &str) {
        // As with everything on the side: when it cannot be written there is nobody to tell.
        let _ = self.talk.write_all(text.as_bytes());
    }

    /// Prints data for people: text, with a line end of its own. Nothing where the reader is a program.
    pub fn text(&mut self, text: &str) -> Result<(), Failure> {
        if self.json {
            return Ok(());
        }
        written(writeln!(self.data, "{}", tame(text)))
    }

    /// Prints bytes as they are, for generated files such as completions.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        written(self.data.write_all(bytes).and_then(|()| self.data.flush()))
    }

    /// Prints data for programs: one JSON document. Nothing where the reader is a person.
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        if !self.json {
            return Ok(());
        }
        let text = serde_json::to_string_pretty(value).expect("what is printed has only text for keys");
        written(writeln!(self.data, "{text}"))
    }

    /// Prints data for programs on one line, for a document that closes a longer output.
    pub fn json_line(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        if !self.json {
            return Ok(());
        }
        let text = serde_json::to_string(value).expect("what is printed has only text for keys");
        written(writeln!(self.data, "{text}"))
    }

    /// Prints a table for people. A row is as long as the head. Without rows nothing: a head alone says nothing.
    pub fn table(
        &mut self,
        head: &[&str],
        rows: impl IntoIterator<Item = Vec<String>>,
    ) -> Result<(), Failure> {
        let mut rows = rows.into_iter().peekable();
        if rows.peek().is_none() {
            return Ok(());
        }
        self.text(&table(head, rows))
    }

    /// Prints a table whose rows say more in lines of their own below them.
    pub fn listing(
        &mut self,
        head: &[&str],
        rows: impl IntoIterator<Item = (Vec<String>, Vec<String>)>,
    ) -> Result<(), Failure> {
        self.text(&listing(head, rows))
    }

    /// Says something on the side, such as what is being done. Silent where only errors are wanted.
    pub fn note(&mut self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            self.say(&tame(text));
        }
    }

    /// Says a detail.
    pub fn detail(&mut self, text: &str) {
        if self.verbosity >= Verbosity::Verbose {
            self.say(&tame(text));
        }
    }

    /// Tells a warning.
    pub fn warning(&mut self, report: &Report) {
        if self.verbosity >= Verbosity::Normal || report.is_error() {
            self.tell(report);
        }
    }

    /// Tells why a command failed; with `--json` as one document on stderr. Warnings that came along are told too,
    /// unless only errors are wanted.
    pub fn failure(&mut self, failure: &Failure) {
        if failure.reports.is_empty() {
            // Who answered for this process has said why already.
            return;
        }
        let wanted: Vec<_> = failure
            .reports
            .iter()
            .filter(|report| report.is_error() || self.verbosity >= Verbosity::Normal)
            .collect();
        if self.json {
            let document = serde_json::json!({ "reports": wanted });
            let text = serde_json::to_string_pretty(&document).expect("a report has only text for keys");
            self.say(&scrub_credentials(&text));
            return;
        }
        for (n, report) in wanted.iter().enumerate() {
            if n > 0 {
                self.say("");
            }
            self.tell(report);
        }
        let errors = failure.reports.iter().filter(|report| report.is_error()).count();
        if errors > 1 {
            self.say(&format!("\n{errors} errors; nothing was done"));
        }
    }

    fn tell(&mut self, report: &Report) {
        self.say(&laid_out(report, true));
    }

    /// A line on stderr. When even that cannot be written there is nobody left to tell.
    fn say(&mut self, text: &str) {
        let _ = writeln!(self.talk, "{text}");
    }
}

/// Text that moves no cursor, sets no title and hides no line, whoever wrote it: names and reasons come from customers
/// and providers, and a terminal obeys what it is sent. Lines and tabs stay.
fn tame(text: &str) -> Cow<'_, str> {
    let is_plain = |letter: char| matches!(letter, '\n' | '\t') || !(letter.is_control() || is_bidi(letter));
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut tamed = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_plain(letter) {
            tamed.push(letter);
        } else {
            tamed.extend(letter.escape_default());
        }
    }
    Cow::Owned(tamed)
}

/// A report as text without colours, as logs and pages show it.
pub fn plain(report: &Report) -> String {
    laid_out(report, false)
}

/// What, where, why, and one thing to do with the code at the end.
fn laid_out(report: &Report, colours: bool) -> String {
    let word = report.severity.as_str();
    let mut text = match (colours, report.severity) {
        (false, _) => format!("{word}: "),
        (true, Severity::Error) => format!("{}: ", word.red().bold()),
        (true, Severity::Warning) => format!("{}: ", word.yellow().bold()),
    };
    text.push_str(&tame(&report.message));
    let code = report.code;
    if report.hint.is_none() {
        let _ = write!(text, " ({code})");
    }
    if let Some(at) = &report.at {
        let _ = write!(text, "\n  at {}", tame(&at.to_string()));
    }
    for cause in &report.caused_by {
        let _ = write!(text, "\n  caused by: {}", tame(cause));
    }
    if let Some(hint) = report.hint.as_deref().map(tame) {
        let _ = if colours {
            write!(text, "\n{}: {hint} ({code})", "hint".cyan().bold())
        } else {
            write!(text, "\nhint: {hint} ({code})")
        };
    }
    scrub_credentials(&text)
}

/// A table without lines, two spaces between its columns. Its last column is broken into lines where [`COLUMNS`] ask
/// for it; the others are as wide as they must be.
pub fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut rows: Vec<_> = rows.into_iter().collect();
    let Some(last) = head.len().checked_sub(1) else { return String::new() };
    let width_of = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or(0)
    };
    let others: usize = (0..last).map(|column| width_of(column) + 2).sum();
    let room = COLUMNS.saturating_sub(others);
    if room >= LAST_COLUMN_MIN {
        for row in &mut rows {
            row[last] = lines(&row[last], room).join("\n");
        }
    }
    grid(head, rows).join("\n")
}

/// A [`table`] whose rows say more in lines below them, two spaces further in.
pub fn listing(head: &[&str], rows: impl IntoIterator<Item = (Vec<String>, Vec<String>)>) -> String {
    let (rows, below): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    let mut grid = grid(head, rows).into_iter();
    let mut text: Vec<_> = grid.next().into_iter().collect();
    for (row, below) in grid.zip(below) {
        text.push(row);
        text.extend(below.iter().map(|said| wrapped("", 2, said)));
    }
    text.join("\n")
}

/// The lines of a table, each as wide as it must be.
fn grid(head: &[&str], rows: Vec<Vec<String>>) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(head.iter().map(ToString::to_string));
    for row in rows {
        assert_eq!(row.len(), head.len(), "a row has a cell for each head");
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// `text` behind `lead`, in lines that end before [`COLUMNS`]; all begin at `depth`. A word longer than a line stays
/// whole, so that links and ids can be copied.
pub fn wrapped(lead: &str, depth: usize, text: &str) -> String {
    let lines = lines(text, COLUMNS.saturating_sub(depth));
    let laid_out = lines.iter().enumerate().map(|(n, line)| {
        let lead = if n == 0 { lead } else { "" };
        format!("{lead:depth$}{line}")
    });
    laid_out.collect::<Vec<_>>().join("\n")
}

/// The words of a text in lines of at most `columns`; at least one line.
fn lines(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("it begins with one");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() > columns {
            lines.push(word.to_owned());
        } else {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines
}

/// A length of clock time as people read it: `8 s`, `5 min`, `11 h 27 min`, `3 days`. Rounded down to what is shown;
/// below a second `0 s`; the sign of a negative one is left out.
pub fn span(span: SignedDuration) -> String {
    let seconds = span.unsigned_abs().as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (1, 0, _) => "1 day".to_owned(),
        (1, hours, _) => format!("1 day {hours} h"),
        (days, _, _) => format!("{days} days"),
    }
}

/// What a failed write means. A reader that went away (`frontdesk event list | head`) is no failure of ours, and ends
/// the printing all the same.
fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let report = Report::error(Code::CannotPrint, "could not write the output").because(&error);
            Err(report.hint("check that the disk or pipe behind stdout has room").into())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::Place;

    #[test]
    fn spans_read_like_clock_time() {
        let rows = [
            (0, "0 s"),
            (8, "8 s"),
            (300, "5 min"),
            (359, "5 min"),
            (41_220, "11 h 27 min"),
            (43_200, "12 h"),
            (86_400, "1 day"),
            (90_000, "1 day 1 h"),
            (259_200, "3 days"),
            (300_000, "3 days"),
        ];
        for (seconds, text) in rows {
            assert_eq!(span(SignedDuration::from_secs(seconds)), text, "{seconds}");
        }
    }

    #[test]
    fn a_report_says_what_where_why_and_what_to_do() {
        let place =
            Place { file: "frontdesk.toml".to_owned(), line: Some(12), key: "plans.pro.grace".to_owned() };
        let report = Report::error(Code::NotADuration, "`3 dayz` is not a length of time")
            .at(place)
            .because(&io::Error::other("no such unit"))
            .hint("write \"3d\"");
        assert_eq!(
            plain(&report),
            "error: `3 dayz` is not a length of time\n  at frontdesk.toml:12 plans.pro.grace\n  \
             caused by: no such unit\nhint: write \"3d\" (FD0006)"
        );
    }

    #[test]
    fn what_others_wrote_moves_no_cursor() {
        let text = "Ada\u{1b}]52;c;ZXZpbA==\u{7}\u{202e} ok\r\n\tnext\u{9b}2J";
        let tamed = "Ada\\u{1b}]52;c;ZXZpbA==\\u{7}\\u{202e} ok\\r\n\tnext\\u{9b}2J";
        assert_eq!(tame(text), tamed);
        assert_eq!(tame("Zoë, 3 €\n"), "Zoë, 3 €\n");
        let report = Report::error(Code::NotFound, text).because(&io::Error::other(text)).hint(text);
        assert!(!laid_out(&report, false).contains(['\u{1b}', '\u{9b}', '\r']));
    }

    #[test]
    fn a_table_has_straight_columns_and_no_trailing_space() {
        let text = table(
            &["name", "state"],
            [vec!["a".to_owned(), "due".to_owned()], vec!["abcdef".to_owned(), "x".to_owned()]],
        );
        assert_eq!(text, "name    state\na       due\nabcdef  x");
    }

    #[test]
    fn the_last_column_of_a_table_is_broken_before_the_eightieth_column() {
        let text = table(&["what", "how"], [vec!["payment".to_owned(), "word ".repeat(30)]]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[2].starts_with("         word"), "{text}");
        assert!(lines.iter().all(|line| line.len() <= COLUMNS), "{text}");
    }

    #[test]
    fn a_listing_says_more_below_each_row() {
        let row = |case: &str, below: &[&str]| {
            (vec![case.to_owned(), "open".to_owned()], below.iter().map(ToString::to_string).collect())
        };
        let text = listing(&["case", "state"], [row("FD-1", &["paid", "since then"]), row("FD-20", &[])]);
        assert_eq!(text, "case   state\nFD-1   open\n  paid\n  since then\nFD-20  open");
    }

    #[test]
    fn lines_end_before_the_eightieth_column_and_keep_their_depth() {
        let text = wrapped("08:41:07", 10, &"word ".repeat(40));
        let lines: Vec<_> = text.lines().collect();
        assert!(lines.len() > 2);
        assert!(lines[0].starts_with("08:41:07  word"));
        for line in &lines {
            assert!(line.chars().count() <= COLUMNS, "{line}");
            assert_eq!(line.trim_end(), *line);
        }
        assert!(lines[1].starts_with("          w"));
    }

    #[test]
    fn a_word_longer_than_a_line_stays_whole() {
        let link = format!("http://127.0.0.1:1/{}", "x".repeat(90));
        assert_eq!(wrapped("", 10, &format!("see {link}")), format!("{0}see\n{0}{link}", " ".repeat(10)));
    }

    #[test]
    fn a_credential_that_slipped_into_a_message_is_masked() {
        let report = Report::error(Code::WrongValue, "cannot be `rk_live_51Habcdefgh`");
        assert!(!plain(&report).contains("51Habcdefgh"));
    }
}
