//! The steps from payment to being in: what is done, what is under way, what is to come.

use super::{
    Situation, Visit,
    icon::{Icon, Tone},
    line::Time,
};
use askama::Template;
use frontdesk_core::{
    stage::Stage,
    words::{self, Form, Phrases},
};
use jiff::Timestamp;

/// What has been seen to happen, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Milestones {
    /// The payment arrived.
    pub paid_at: Option<Timestamp>,
    /// The invitation went out. `None` also for somebody who was a member already.
    pub invited_at: Option<Timestamp>,
    /// Access was first seen in the community.
    pub inside_at: Option<Timestamp>,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Done,
    Now,
    ToCome,
}

impl State {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "did",
            Self::Now => "now",
            Self::ToCome => "next",
        }
    }

    pub(super) const fn icon(self) -> Icon {
        match self {
            Self::Done => Icon::Check,
            Self::Now => Icon::Now,
            Self::ToCome => Icon::Ring,
        }
    }
}

#[derive(Debug)]
pub(super) struct Step {
    pub(super) state: State,
    pub(super) label: String,
    pub(super) at: Option<Time>,
}

/// The list of steps; empty where a customer is not on the way in.
#[derive(Debug, Template)]
#[template(path = "customer/steps.html")]
pub(super) struct Steps {
    pub(super) rows: Vec<Step>,
    tone: Tone,
    phrases: &'static Phrases,
}

impl Steps {
    pub(super) fn new(visit: &Visit<'_>, situation: &Situation<'_>) -> Self {
        let reading = visit.reading();
        let phrases = visit.language.phrases();
        let [received, opening, invited, accepting, inside] = phrases.steps;
        let done = |label: &str, at: Option<Timestamp>| Step {
            state: State::Done,
            label: label.to_owned(),
            at: at.map(|at| Time::new(at, Form::Moment, &reading)),
        };
        let now = |label: &str| Step { state: State::Now, label: label.to_owned(), at: None };
        let to_come = |label: &str| Step { state: State::ToCome, label: label.to_owned(), at: None };
        let stage_name = words::name(situation.stage, None, &reading).to_string();
        let Milestones { paid_at, invited_at, inside_at } = situation.milestones;
        // Four steps at each of these stages, so that the page keeps its height while they pass.
        let mut rows = match situation.stage {
            Stage::PaymentProcessing => {
                vec![now(&stage_name), to_come(opening), to_come(invited), to_come(inside)]
            }
            Stage::PaymentReceived | Stage::AccessPending => {
                vec![done(received, paid_at), now(opening), to_come(invited), to_come(inside)]
            }
            Stage::InviteSent => {
                vec![done(received, paid_at), done(invited, invited_at), now(accepting), to_come(inside)]
            }
            Stage::Active if invited_at.is_some() => vec![
                done(received, paid_at),
                done(invited, invited_at),
                done(accepting, inside_at),
                done(inside, inside_at),
            ],
            // Whoever was a member before has only these two.
            Stage::Active => vec![done(received, paid_at), done(inside, inside_at)],
            Stage::SupportReview if paid_at.is_some() => {
                vec![done(received, paid_at), now(&stage_name), to_come(inside)]
            }
            Stage::SupportReview
            | Stage::PastDue
            | Stage::PaymentFailed
            | Stage::Disputed
            | Stage::Ending
            | Stage::Refunded
            | Stage::Ended => Vec::new(),
        };
        // Whom a person let in paid nothing that could have been received.
        if paid_at.is_none() && situation.stage != Stage::PaymentReceived {
            rows.retain(|row| row.label != received);
        }
        Self { rows, tone: Tone::of(situation.stage), phrases }
    }

    /// No steps at all.
    pub(super) fn none(visit: &Visit<'_>) -> Self {
        Self { rows: Vec::new(), tone: Tone::Off, phrases: visit.language.phrases() }
    }
}
