//! What a customer has: one row per entitlement, each with its stage.

use super::{
    Visit,
    icon::{Icon, Tone},
    line::{self, Span},
};
use askama::Template;
use frontdesk_core::{
    stage::Stage,
    words::{self, Line, Phrases, Piece, Places},
};
use jiff::Timestamp;

/// One entitlement of a customer.
#[derive(Clone, Debug)]
pub struct Holding<'a> {
    /// What it is called in the catalogue.
    pub title: &'a str,
    /// Its stage.
    pub stage: Stage,
    /// The plan that gives it.
    pub plan: Option<&'a str>,
    /// Until when it is paid, or when it ends; `None`: to keep.
    pub until: Option<Timestamp>,
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) title: String,
    pub(super) stage: &'static str,
    pub(super) tone: Tone,
    pub(super) icon: Icon,
    pub(super) name: Vec<Span>,
    pub(super) line: Vec<Span>,
}

/// The list of entitlements; empty when there are none.
#[derive(Debug, Template)]
#[template(path = "customer/have.html")]
pub(super) struct Have {
    pub(super) rows: Vec<Row>,
    phrases: &'static Phrases,
}

impl Have {
    pub(super) fn new(visit: &Visit<'_>, holdings: &[Holding<'_>]) -> Self {
        let reading = visit.reading();
        let phrases = visit.language.phrases();
        let row = |holding: &Holding<'_>| {
            let places = Places { plan: holding.plan, date: holding.until, ..Places::default() };
            let plan = || holding.plan.map(|plan| Line(vec![Piece::Quoted(plan.to_owned())]));
            // "Paid until" is true only where it is paid and goes on; elsewhere the stage says it all.
            let line = match holding.stage {
                Stage::Active | Stage::InviteSent | Stage::AccessPending | Stage::PaymentReceived => {
                    words::phrase(phrases.paid_until, &places, &reading).or_else(plan)
                }
                _ => plan(),
            };
            Row {
                title: holding.title.to_owned(),
                stage: holding.stage.as_str(),
                tone: Tone::of(holding.stage),
                icon: Icon::of(holding.stage),
                name: line::spans(words::name(holding.stage, holding.until, &reading), &reading),
                line: line.map(|line| line::spans(line, &reading)).unwrap_or_default(),
            }
        };
        Self { rows: holdings.iter().map(row).collect(), phrases }
    }
}
