//! Welcome and Status: where a customer stands.

use super::{
    Holding, Situation, Visit,
    answer::Answer,
    frame::Frame,
    have::Have,
    icon::Icon,
    line::{self, Span},
    steps::Steps,
};
use askama::Template;
use frontdesk_core::{
    email::Email,
    words::{self, Phrases, Places},
};
use jiff::SignedDuration;
use std::collections::BTreeSet;

/// The event that says the server has looked and found nothing new. Its data is not read, but must
/// not be empty: browsers drop an event without data.
pub const LOOKED: &str = "looked";

/// The longest silence of a stream between two events.
pub const HEARTBEAT: SignedDuration = SignedDuration::from_secs(15);

/// A part of a page that is replaced as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Its name, which is also the name of its event.
    pub name: &'static str,
    /// Its content.
    pub html: String,
}

/// The symbols that the rest of a page uses.
#[derive(Debug, Template)]
#[template(path = "customer/icons.html")]
struct Icons {
    icons: BTreeSet<Icon>,
}

impl Icons {
    fn new(answer: &Answer, steps: &Steps, have: Option<&Have>) -> Self {
        let mut icons = BTreeSet::from([answer.icon]);
        icons.extend(steps.rows.iter().map(|step| step.state.icon()));
        icons.extend(have.into_iter().flat_map(|have| &have.rows).map(|row| row.icon));
        Self { icons }
    }
}

/// The page of one customer: headline of the most urgent stage, steps, and what they have.
#[derive(Debug, Template)]
#[template(path = "customer/status.html")]
pub struct Status<'a> {
    frame: Frame<'a>,
    answer: Answer,
    steps: Steps,
    have: Have,
    icons: Icons,
}

impl<'a> Status<'a> {
    /// The page of a customer; `situation` is `None` for one who has bought nothing.
    pub fn new(visit: &Visit<'a>, situation: Option<&Situation<'_>>, holdings: &[Holding<'_>]) -> Self {
        let answer =
            situation.map_or_else(|| Answer::nothing(visit), |situation| Answer::new(visit, situation));
        let steps = situation.map_or_else(|| Steps::none(visit), |situation| Steps::new(visit, situation));
        let have = Have::new(visit, holdings);
        let icons = Icons::new(&answer, &steps, Some(&have));
        Self { frame: Frame::new(visit), answer, steps, have, icons }
    }

    /// The page's regions, in the order in which they are to be sent.
    pub fn regions(&self) -> Result<Vec<Region>, askama::Error> {
        Ok(vec![
            Region { name: "icons", html: self.icons.render()? },
            Region { name: "answer", html: self.answer.render()? },
            Region { name: "steps", html: self.steps.render()? },
            Region { name: "have", html: self.have.render()? },
        ])
    }
}

/// The check of the address on Welcome.
#[derive(Debug, Template)]
#[template(path = "customer/address.html")]
struct Address<'a> {
    phrases: &'static Phrases,
    goes_to: Vec<Span>,
    meant: Option<String>,
    help: Option<&'a str>,
}

impl<'a> Address<'a> {
    /// `None` without an address, and where nobody could be told that it is wrong.
    fn new(visit: &Visit<'a>, address: Option<&Email>) -> Option<Self> {
        let (address, help) = (address?, visit.site.help.as_deref()?);
        let reading = visit.reading();
        let phrases = visit.language.phrases();
        let places = Places { address: Some(address.masked()), ..Places::default() };
        let goes_to = words::phrase(phrases.goes_to, &places, &reading)?;
        Some(Self {
            phrases,
            goes_to: line::spans(goes_to, &reading),
            meant: address.likely_domain().map(|domain| phrases.typo_meant.replace("{domain}", domain)),
            help: Some(help),
        })
    }
}

/// The success page of a checkout. Its key is weak (a session id lies in browser histories), so it
/// shows no amount, plan, reason, case, payment link or entitlement, and no full address.
#[derive(Debug, Template)]
#[template(path = "customer/welcome.html")]
pub struct Welcome<'a> {
    frame: Frame<'a>,
    answer: Answer,
    steps: Steps,
    address: Option<Address<'a>>,
    icons: Icons,
}

impl<'a> Welcome<'a> {
    /// The page of a checkout; for one that is unknown, [`Situation::processing`] and no address.
    /// What a weak key may not see is left out here, whatever `situation` holds.
    pub fn new(visit: &Visit<'a>, situation: Situation<'_>, address: Option<&Email>) -> Self {
        let situation = situation.for_weak_key();
        let answer = Answer::new(visit, &situation);
        let steps = Steps::new(visit, &situation);
        let address = Address::new(visit, address);
        let mut icons = Icons::new(&answer, &steps, None);
        if address.as_ref().is_some_and(|address| address.meant.is_some()) {
            icons.icons.insert(Icon::Triangle);
        }
        Self { frame: Frame::new(visit), answer, steps, address, icons }
    }

    /// The page's regions, in the order in which they are to be sent.
    pub fn regions(&self) -> Result<Vec<Region>, askama::Error> {
        Ok(vec![
            Region { name: "icons", html: self.icons.render()? },
            Region { name: "answer", html: self.answer.render()? },
            Region { name: "steps", html: self.steps.render()? },
        ])
    }
}
