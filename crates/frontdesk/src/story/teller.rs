//! Tells a story in a terminal: clock times, short sentences, 80 columns.

use crate::errors::Failure;
use crate::printer::{Printer, wrapped};
use jiff::Timestamp;
use jiff::tz::TimeZone;

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
        self.line(&wrapped(&clock, INDENT, text))
    }

    /// Goes on with what was just told.
    pub fn because(&mut self, text: &str) -> Result<(), Failure> {
        self.line(&wrapped("", INDENT, text))
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
