//! What customers are told: one sentence per state, in each language, for page, mail and chat alike.
//!
//! A stage and the facts behind it become an [`Answer`]: a headline, what it means, what happens
//! next, and the one action. Sentences are whole messages with named places and are never glued from
//! parts. A sentence whose place has no value is left out, and so is one that speaks of something
//! that this installation cannot do ([`Means`]); what remains is true and complete.
//!
//! [`Language`] holds the table of each language; [`Reading`] the formats of dates and money.

mod english;
mod format;
mod french;
mod german;
mod language;
mod lexicon;
mod portuguese;
mod spanish;
#[cfg(test)]
mod tests;

pub use format::{Form, Reading};
pub use language::Language;
pub use lexicon::Phrases;

use crate::email::Email;
use crate::fact::Money;
use crate::stage::{Detail, Stage, StageOf};
use jiff::Timestamp;
use lexicon::Sentence;
use std::fmt;

/// What tells two answers of one stage apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variant {
    /// The stage as it usually is.
    #[default]
    Plain,
    /// [`Stage::AccessPending`]: the work waits for its turn, nothing has failed.
    InLine,
    /// [`Stage::AccessPending`]: an operator has paused the target.
    Paused,
    /// [`Stage::AccessPending`]: an operator granted it; nothing is said of a payment.
    Granted,
    /// [`Stage::InviteSent`]: the invitation is older than the target keeps it.
    Expired,
    /// [`Stage::SupportReview`]: the address takes no mail.
    MailCameBack,
}

impl Variant {
    /// The variants that a stage has words of its own for, the plain one first.
    pub const fn of(stage: Stage) -> &'static [Self] {
        match stage {
            Stage::AccessPending => &[Self::Plain, Self::InLine, Self::Paused, Self::Granted],
            Stage::InviteSent => &[Self::Plain, Self::Expired],
            Stage::SupportReview => &[Self::Plain, Self::MailCameBack],
            _ => &[Self::Plain],
        }
    }
}

impl From<Detail> for Variant {
    fn from(detail: Detail) -> Self {
        match detail {
            Detail::Plain => Self::Plain,
            Detail::InLine => Self::InLine,
            Detail::Paused => Self::Paused,
            Detail::Granted => Self::Granted,
        }
    }
}

/// What the bank said about a refused payment, as far as a customer is told. Suspicion is not: a card
/// reported lost or stolen reads like any other refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The card has expired.
    Expired,
    /// The amount was not available, or is over a limit.
    Funds,
    /// The bank asks its customer to confirm.
    Confirm,
    /// Number, code or address do not match.
    Details,
    /// Everything else.
    Declined,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 5] = [Self::Expired, Self::Funds, Self::Confirm, Self::Details, Self::Declined];

    /// The reason behind a provider's code; an unknown code is [`Reason::Declined`].
    ///
    /// Source: Stripe, "Decline codes" and "Error codes", columns *code* and *decline code*.
    pub fn of_code(code: &str) -> Self {
        match code {
            "expired_card" => Self::Expired,
            "insufficient_funds" | "card_velocity_exceeded" | "withdrawal_count_limit_exceeded" => {
                Self::Funds
            }
            "authentication_required"
            | "authentication_not_handled"
            | "offline_pin_required"
            | "online_or_offline_pin_required"
            | "payment_intent_authentication_failure" => Self::Confirm,
            "incorrect_number"
            | "invalid_number"
            | "incorrect_cvc"
            | "invalid_cvc"
            | "incorrect_zip"
            | "incorrect_address"
            | "incorrect_pin"
            | "invalid_pin"
            | "invalid_expiry_month"
            | "invalid_expiry_year"
            | "invalid_account" => Self::Details,
            _ => Self::Declined,
        }
    }
}

/// The values of the places in a sentence. A place without a value takes its sentence with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places<'a> {
    /// The community's own name; a proper name, so that it fits the grammar of each language.
    pub community: Option<&'a str>,
    /// The plan's title.
    pub plan: Option<&'a str>,
    /// The amount that the stage is about: of the renewal, the refund, the disputed payment.
    pub amount: Option<Money>,
    /// The day the stage is about: sent, renews, ends, ended, refunded, disputed; `past_due`: the end of grace.
    pub date: Option<Timestamp>,
    /// When the payment arrived.
    pub time: Option<Timestamp>,
    /// The next attempt, at opening or at the bank; in line: the turn, roughly.
    pub next: Option<Timestamp>,
    /// The address concerned, masked ([`crate::email::Email::masked`]).
    pub address: Option<String>,
    /// The open case's number: `FD-2043`.
    pub case: Option<String>,
    /// The subject of the invitation's mail.
    pub subject: Option<&'a str>,
    /// What the bank said.
    pub reason: Option<Reason>,
}

impl<'a> Places<'a> {
    /// The values that a stage itself knows: all but the community and the invitation's subject.
    ///
    /// An active stage has no amount: what was paid last need not be what the renewal costs.
    pub fn of(of: &'a StageOf) -> Self {
        let (since, until) = (of.since, of.until);
        Self {
            community: None,
            plan: of.plan.as_deref(),
            amount: of.amount.clone().filter(|_| of.stage != Stage::Active),
            date: match of.stage {
                Stage::Active | Stage::PastDue | Stage::Ending => until,
                _ => since,
            },
            time: since,
            next: of.next_try_at,
            address: of.address.as_ref().map(Email::masked),
            case: of.case.map(|number| format!("FD-{number}")),
            subject: None,
            reason: of.reason.as_deref().map(Reason::of_code),
        }
    }

    /// The same without what the holder of a weak key may not see: amount, plan, reason and case
    /// (the id of a checkout session is in browser histories).
    #[must_use]
    pub fn for_weak_key(self) -> Self {
        Self { plan: None, amount: None, case: None, reason: None, ..self }
    }
}

/// What this installation can do for a customer. A sentence that speaks of anything else is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Means {
    /// It sends mail of its own.
    pub mail: bool,
    /// A customer can write to a person: there is a help address.
    pub person: bool,
    /// The page has a form for another address.
    pub address_form: bool,
}

/// What the one button of an answer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Opens the payment that failed, at the provider.
    TryPayment,
    /// Opens the community.
    OpenCommunity,
    /// Opens the unpaid invoice, at the provider.
    UpdatePayment,
    /// Writes to the help address.
    WriteToPerson,
}

/// A part of a line. A page marks instants and quotations up; mail and chat print their text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Our own words.
    Words(String),
    /// A name, an address, a subject: words of somebody else, to be isolated from ours.
    Quoted(String),
    /// An instant.
    Instant {
        /// The instant itself.
        at: Timestamp,
        /// How it is written.
        form: Form,
        /// The instant as written in [`Reading::zone`].
        text: String,
    },
}

/// One sentence, filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line(pub Vec<Piece>);

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.0 {
            match piece {
                Piece::Words(text) | Piece::Quoted(text) | Piece::Instant { text, .. } => {
                    f.write_str(text)?;
                }
            }
        }
        Ok(())
    }
}

/// What a customer in some stage is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The answer as one line. Never empty.
    pub headline: Line,
    /// What it means.
    pub meaning: Vec<Line>,
    /// What happens next.
    pub next: Vec<Line>,
    /// The one action and its label. Whoever shows it leaves it out where its address is not known.
    pub button: Option<(Act, &'static str)>,
}

/// The answer for a customer in `stage`.
///
/// A variant that the stage does not have reads like the plain one.
///
/// ```
/// use frontdesk_core::{stage::Stage, words::{answer, Language, Means, Places, Reading, Variant}};
/// let reading = Reading {
///     language: Language::En,
///     zone: &jiff::tz::TimeZone::UTC,
///     now: "2026-11-24T08:41:12Z".parse().unwrap(),
///     currency: None,
/// };
/// let places = Places { community: Some("Northwind Makers"), ..Places::default() };
/// let answer = answer(Stage::AccessPending, Variant::Plain, &places, Means::default(), &reading);
/// assert_eq!(answer.headline.to_string(), "You have paid. Access is on its way.");
/// assert_eq!(answer.meaning[0].to_string(), "Northwind Makers is not answering us right now.");
/// // Nothing is said about the next try: it is not known.
/// assert_eq!(answer.next[0].to_string(), "You do not need to do anything, or pay again.");
/// ```
pub fn answer(
    stage: Stage,
    variant: Variant,
    places: &Places<'_>,
    means: Means,
    reading: &Reading<'_>,
) -> Answer {
    let said = (reading.language.lexicon().said)(stage, variant);
    let filled = |text: &str| fill(text, stage, places, reading);
    let lines = |sentences: &[Sentence]| {
        sentences
            .iter()
            .filter_map(|sentence| match *sentence {
                Sentence::Say(text) => filled(text),
                Sentence::First(texts) => texts.iter().find_map(|text| filled(text)),
                Sentence::Mail(text) => means.mail.then(|| filled(text)).flatten(),
                Sentence::Person(text) => means.person.then(|| filled(text)).flatten(),
                Sentence::Form(text) => means.address_form.then(|| filled(text)).flatten(),
            })
            .collect()
    };
    Answer {
        headline: first(said.headline, stage, places, reading),
        meaning: lines(said.meaning),
        next: lines(said.next),
        button: said.button,
    }
}

/// The stage in two or three words, as on a badge; `until` is the day on which access ends.
pub fn name(stage: Stage, until: Option<Timestamp>, reading: &Reading<'_>) -> Line {
    let places = Places { date: until, ..Places::default() };
    let names = (reading.language.lexicon().name)(stage);
    names
        .iter()
        .find_map(|text| fill_with(text, &places, reading, Form::Day))
        .expect("the last name has no places")
}

/// One of [`Phrases`] with its places filled; `None` when one has no value.
pub fn phrase(text: &str, places: &Places<'_>, reading: &Reading<'_>) -> Option<Line> {
    fill_with(text, places, reading, Form::Date)
}

fn first(texts: &[&str], stage: Stage, places: &Places<'_>, reading: &Reading<'_>) -> Line {
    texts.iter().find_map(|text| fill(text, stage, places, reading)).expect("the last headline has no places")
}

fn fill(text: &str, stage: Stage, places: &Places<'_>, reading: &Reading<'_>) -> Option<Line> {
    let form = if matches!(stage, Stage::PastDue | Stage::Ending) { Form::Deadline } else { Form::Date };
    fill_with(text, places, reading, form)
}

/// Puts values into the places of `text`. `date` is how `{date}` is written; `{next}` follows it where
/// it is a deadline and is a moment elsewhere.
fn fill_with(text: &str, places: &Places<'_>, reading: &Reading<'_>, date: Form) -> Option<Line> {
    let instant = |at: Option<Timestamp>, form| {
        at.map(|at| Piece::Instant { at, form, text: reading.instant(at, form) })
    };
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, place, after)) = split_place(rest) {
        if !before.is_empty() {
            pieces.push(Piece::Words(reading.bound(before)));
        }
        let quoted = |text: Option<&str>| text.map(|text| Piece::Quoted(text.to_owned()));
        pieces.push(match place {
            "community" => quoted(places.community)?,
            "plan" => quoted(places.plan)?,
            "subject" => quoted(places.subject)?,
            "address" => quoted(places.address.as_deref())?,
            "case" => Piece::Words(places.case.clone()?),
            "amount" => Piece::Words(reading.money(places.amount.as_ref()?)),
            "reason" => Piece::Words((reading.language.lexicon().reason)(places.reason?).to_owned()),
            "date" => instant(places.date, date)?,
            "time" => instant(places.time, Form::Moment)?,
            "next" if date == Form::Deadline => instant(places.next, Form::Deadline)?,
            "next" => instant(places.next, Form::Moment)?,
            _ => return None,
        });
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Words(reading.bound(rest)));
    }
    Some(Line(pieces))
}

/// The words before the first place, its name, and what follows it.
fn split_place(text: &str) -> Option<(&str, &str, &str)> {
    let (before, opened) = text.split_once('{')?;
    let (place, after) = opened.split_once('}')?;
    Some((before, place, after))
}
