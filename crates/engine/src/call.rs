//! One call to a target: the request, the ledger entry, and what its answer means for the account.

use crate::engine::Engine;
use crate::ports::Ports;
use crate::reads::why;
use crate::reconcile::Drain;
use crate::settings::Connection;
use frontdesk_core::budget::{Reason, Spent};
use frontdesk_core::diff::Outcome;
use frontdesk_core::id::CustomerId;
use frontdesk_core::sync::Sync;
use frontdesk_core::target::{Failure, Membership, Person, Step};
use frontdesk_providers::answer::{Answer, no_answer};
use frontdesk_providers::call::{Marks, request_id};
use frontdesk_providers::{circle, kit};
use frontdesk_store::{CallAnswer, CallIntent, Error};
use http::Request;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// Pages of one answer that are followed.
const PAGES_MAX: usize = 20;

/// A request, and the names under which it can be found again.
pub(crate) struct Prepared {
    request: Request<Vec<u8>>,
    pub(crate) effect: String,
    pub(crate) request_id: String,
}

/// What a call came back with.
#[derive(Clone, Debug)]
pub(crate) struct Spoken {
    pub(crate) outcome: Outcome,
    pub(crate) status: Option<u16>,
    pub(crate) provider_request_id: Option<String>,
    pub(crate) answered_at: Option<Timestamp>,
}

impl Spoken {
    /// A call whose answer nobody heard.
    pub(crate) const fn without_answer(failure: Failure) -> Self {
        Self { outcome: Err(failure), status: None, provider_request_id: None, answered_at: None }
    }

    /// The ledger's line for it.
    pub(crate) fn answer(&self, call: &CallIntent, epoch: i64) -> CallAnswer {
        CallAnswer {
            id: call.id.clone(),
            epoch,
            answered_at: self.answered_at.unwrap_or(call.intent_at),
            outcome: match &self.outcome {
                Ok(_) => frontdesk_store::Outcome::Done,
                Err(failure) => frontdesk_store::Outcome::from(failure),
            },
            status: self.status,
            provider_request_id: self.provider_request_id.clone(),
            // Refused calls are counted there too. What got no answer may have been: the ledger is the safe side.
            counted: self.status.is_none_or(|status| status < 500),
            why: self.outcome.as_ref().err().map(why),
        }
    }
}

/// What a step is paid from (DESIGN §5): looks that settle a grant or a removal count with it.
pub(crate) fn reason_of(step: &Step, person: Option<&Person>, look_wanted: bool) -> Reason {
    match step {
        Step::Add { .. } | Step::Enrol { .. } => Reason::Grant,
        Step::Remove { .. } => Reason::Removal,
        Step::Read { .. }
            if look_wanted
                && person.is_some_and(|person| matches!(person.membership, Membership::Member { .. })) =>
        {
            Reason::Read
        }
        // What a message told is looked at out of what is left, not out of the reserve.
        Step::Check { item, .. } if person.is_some_and(|person| person.is_told_otherwise(item).is_some()) => {
            Reason::Read
        }
        Step::Find { .. } | Step::Read { .. } | Step::Check { .. } => Reason::Settle,
    }
}

impl<P: Ports> Engine<P> {
    /// Builds the request of a step. A failure here means that no call can be made.
    pub(crate) fn request(&self, drain: &Drain<'_>, step: &Step) -> Result<Prepared, Failure> {
        let (effect, request_id) = (self.new_name("eff"), self.new_name("req"));
        let marks = Marks { request: &request_id, effect: Some(&effect) };
        let request = match &drain.settings.connection {
            Connection::Circle(account) => circle::request(account, step, marks)?,
            Connection::Kit(account) => kit::request(account, &drain.known.tags, step, None, marks)?,
        };
        Ok(Prepared { request, effect, request_id })
    }

    /// The ledger's entry for a call that is about to leave.
    pub(crate) fn intent(
        &self,
        drain: &Drain<'_>,
        customer: &CustomerId,
        sync: &Sync,
        step: &Step,
        reason: Reason,
        prepared: &Prepared,
    ) -> CallIntent {
        let subject = serde_json::to_string(step).expect("a step holds only text and numbers");
        let key = Sha256::digest(format!("{customer}\0{}\0{subject}\0{}", drain.target, sync.generation));
        CallIntent {
            id: prepared.effect.clone(),
            account: drain.target.as_str().to_owned(),
            target: Some(drain.target),
            customer: Some(customer.clone()),
            generation: Some(sync.generation),
            step_name: step.name().to_owned(),
            step: Some(step.clone()),
            effect_key: hex::encode(&key[..16]),
            reason,
            epoch: drain.held.lease.epoch,
            request_id: prepared.request_id.clone(),
            intent_at: self.ports().now_wall(),
        }
    }

    /// Sends a request, with all pages of its answer, and judges what comes back.
    pub(crate) async fn speak(
        &self,
        drain: &mut Drain<'_>,
        step: &Step,
        prepared: Prepared,
    ) -> Result<Spoken, Error> {
        let Prepared { mut request, effect, request_id: ours } = prepared;
        let mut responses: Vec<http::Response<Vec<u8>>> = Vec::new();
        let spoken = loop {
            let now = self.ports().now_wall();
            self.spent(drain, now).await?.spend(now);
            let answered = self.ports().http(request).await;
            let now = self.ports().now_wall();
            let response = match answered {
                Ok(response) => response,
                Err(problem) => {
                    break Spoken {
                        outcome: Err(no_answer(step, problem.may_have_acted())),
                        status: None,
                        provider_request_id: None,
                        answered_at: Some(now),
                    };
                }
            };
            responses.push(response);
            let answers: Vec<Answer<'_>> = responses
                .iter()
                .map(|response| Answer {
                    status: response.status(),
                    headers: response.headers(),
                    body: response.body(),
                })
                .collect();
            let last = answers.last().expect("one was just pushed");
            let next = match &drain.settings.connection {
                Connection::Kit(account) if answers.len() < PAGES_MAX => match kit::next_page(step, last) {
                    Some(cursor) => {
                        let marks = Marks { request: &ours, effect: Some(&effect) };
                        kit::request(account, &drain.known.tags, step, Some(&cursor), marks).ok()
                    }
                    None => None,
                },
                Connection::Kit(_) | Connection::Circle(_) => None,
            };
            if let Some(next) = next {
                if !self.keep_lease(&mut drain.held).await? {
                    break Spoken::without_answer(Failure::Transient {
                        why: crate::source::TAKEN_OVER.to_owned(),
                    });
                }
                request = next;
                continue;
            }
            let outcome = match &drain.settings.connection {
                Connection::Circle(_) => circle::classify(step, last, now),
                Connection::Kit(_) => kit::classify(&drain.known.tags, step, &answers, now),
            };
            if matches!(drain.settings.connection, Connection::Kit(_)) && kit::doubts_tags(step, last) {
                // A tag may be gone, or the subscriber: the list of tags says which before this step is repeated.
                drain.known.prepared_at = None;
            }
            break Spoken {
                outcome,
                status: Some(last.status.as_u16()),
                provider_request_id: request_id(last.headers),
                answered_at: Some(now),
            };
        };
        if let Err(failure) = &spoken.outcome {
            tracing::warn!(
                target.id = %drain.target,
                step = step.name(),
                request.id = %ours,
                provider.request_id = spoken.provider_request_id.as_deref().unwrap_or("-"),
                class = failure.class(),
                status = spoken.status.unwrap_or(0),
                "a call failed"
            );
        }
        Ok(spoken)
    }

    /// What the account spent of its limits, by the ledger, and since this drain began by our own count.
    pub(crate) async fn spent<'d>(
        &self,
        drain: &'d mut Drain<'_>,
        now: Timestamp,
    ) -> Result<&'d mut Spent, Error> {
        let limits = drain.settings.limits;
        let month = limits.monthly.map(|monthly| monthly.began_at(now));
        let key = (drain.held.lease.epoch, month);
        if drain.known.spent.as_ref().is_none_or(|(known, _)| *known != key) {
            let since = now.saturating_sub(limits.window).unwrap_or(Timestamp::MIN);
            let recent = self.store().calls_since(drain.target.as_str(), since).await?;
            // What the ledger has ahead of now left under a clock that was ahead.
            let recent = recent.into_iter().filter(|at| *at <= now);
            let used = match month {
                Some(began) => self.store().calls_counted(drain.target.as_str(), began).await?.values().sum(),
                None => 0,
            };
            drain.known.spent = Some((key, Spent::new(recent, u32::try_from(used).unwrap_or(u32::MAX))));
        }
        let (_, spent) = drain.known.spent.as_mut().expect("filled just above");
        Ok(spent)
    }
}
