//! The way to a desk for commands that ask many questions in a row: to the process that has the record, or to a desk of
//! this process's own that stays open in between.

use super::desk::{self, Desk, Question};
use crate::config::{Config, Store};
use crate::door;
use crate::errors::{Code, Failure, Report};
use crate::exit::FAILED;
use crate::printer::Printer;
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;
use std::io;

/// See the module.
pub(super) struct Reach<'a> {
    config: &'a Config,
    way: Way,
}

enum Way {
    /// Nobody was asked yet.
    Unknown,
    /// The process that has the SQLite file answers at its door.
    Door,
    /// A desk of our own.
    Here(Box<Desk>),
}

impl<'a> Reach<'a> {
    /// Nothing is opened before the first question.
    pub(super) const fn new(config: &'a Config) -> Self {
        Self { config, way: Way::Unknown }
    }

    /// A desk of our own that is open already.
    pub(super) fn here(config: &'a Config, desk: Desk) -> Self {
        Self { config, way: Way::Here(Box::new(desk)) }
    }

    /// The clock of the site, by which people type times.
    pub(super) const fn zone(&self) -> &TimeZone {
        &self.config.site.zone
    }

    /// Asks a question that is answered with one JSON document. What else the answer says goes to the side at once.
    pub(super) async fn ask<T: DeserializeOwned>(
        &mut self,
        question: &Question,
        printer: &mut Printer,
    ) -> Result<T, Failure> {
        let answer = match &self.way {
            Way::Here(desk) => desk::answer_here(desk, question, printer).await,
            Way::Unknown | Way::Door => match self.ask_at_door(question, printer).await? {
                Some(answer) => answer,
                None if matches!(self.way, Way::Door) => {
                    return Err(gone(&io::Error::other("nobody answers at its door any more")));
                }
                None => {
                    let desk = desk::sit_down(self.config).await?;
                    let answer = desk::answer_here(&desk, question, printer).await;
                    self.way = Way::Here(Box::new(desk));
                    answer
                }
            },
        };
        printer.side(&answer.stderr);
        if answer.code == FAILED {
            return Err(Failure { reports: Vec::new() });
        }
        serde_json::from_str(&answer.stdout).map_err(|error| gone(&io::Error::other(error)))
    }

    async fn ask_at_door(
        &mut self,
        question: &Question,
        printer: &Printer,
    ) -> Result<Option<door::Answer>, Failure> {
        let Store::Sqlite(path) = &self.config.store else { return Ok(None) };
        let asked = desk::asked(question, printer);
        let answer = door::ask(path, &asked).await.map_err(|error| gone(&error))?;
        if answer.is_some() {
            self.way = Way::Door;
        }
        Ok(answer)
    }
}

fn gone(error: &io::Error) -> Failure {
    Report::error(Code::StoreFailed, "the running Frontdesk did not answer")
        .because(error)
        .hint("look whether `frontdesk serve` still runs, then run the same command again: it goes on where it was")
        .into()
}
