//! Tells a story in a terminal: clock times, short sentences, 80 columns.

use crate::errors::Failure;
use crate::printer::Printer;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Columns that a line takes at most.
const COLUMNS: usize = 80;
/// Where text begins: behind `08:41:07  `.
const INDENT: usize = 10;

/// Tells what happens. Where the reader is a program, on the side.
pub struct Teller<'a> {
    printer: &'a mut Printer,
    zone: TimeZone,
}

impl<'a> Teller<'a> {
    /// A teller with clock times of a zone.
    pub fn new(printer: &'a mut Printer, zone: TimeZone) -> Self {
        Self { printer, zone }
    }

    /// Tells what happened at an instant.
    pub fn tell(&mut self, at: Timestamp, text: &str) -> Result<(), Failure> {
        let clock = at.to_zoned_datetime(self.zone.clone()).strftime("%H:%M:%S").to_string();
        self.line(&laid_out(&clock, text))
    }

    /// Goes on with what was just told.
    pub fn because(&mut self, text: &str) -> Result<(), Failure> {
        self.line(&laid_out("", text))
    }

    /// A new part of the story.
    pub fn part(&mut self, title: &str) -> Result<(), Failure> {
        self.line(&format!("\n{title}"))
    }

    /// A line as it stands.
    pub fn line(&mut self, text: &str) -> Result<(), Failure> {
        if self.printer.is_json() {
            self.printer.note(text);
            return Ok(());
        }
        self.printer.text(text)
    }

    /// An instant as people read it: the clock time, with the date where it is another day than `now`.
    pub fn clock(&self, at: Timestamp, now: Timestamp) -> String {
        let (at, now) = (at.to_zoned_datetime(self.zone.clone()), now.to_zoned_datetime(self.zone.clone()));
        let form = if at.date() == now.date() { "%H:%M:%S" } else { "%-d %B, %H:%M" };
        at.strftime(form).to_string()
    }
}

/// `text` in lines of at most [`COLUMNS`], behind `lead` and at the same depth below it.
fn laid_out(lead: &str, text: &str) -> String {
    let mut lines = Vec::new();
    let mut line = format!("{lead:INDENT$}");
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > COLUMNS {
            lines.push(std::mem::replace(&mut line, " ".repeat(INDENT)));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_before_the_eightieth_column_and_keep_their_depth() {
        let text = laid_out("08:41:07", &"word ".repeat(40));
        let lines: Vec<_> = text.lines().collect();
        assert!(lines.len() > 2);
        assert!(lines[0].starts_with("08:41:07  word"));
        for line in &lines {
            assert!(line.chars().count() <= COLUMNS, "{line}");
            assert_eq!(line.trim_end(), *line);
        }
        assert!(lines[1].starts_with(&" ".repeat(INDENT)) && lines[1].chars().nth(INDENT) == Some('w'));
    }

    #[test]
    fn a_word_longer_than_a_line_stays_whole() {
        let link = format!("http://127.0.0.1:1/{}", "x".repeat(90));
        assert_eq!(laid_out("", &format!("see {link}")), format!("{0}see\n{0}{link}", " ".repeat(INDENT)));
    }
}
