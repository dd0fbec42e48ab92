//! One call to the payment source, with its line in the ledger and, where it fails, its one line in the log.

use crate::account::SOURCE;
use crate::engine::Engine;
use crate::health::Heard;
use crate::lease::Held;
use crate::ports::Ports;
use crate::reads::{TITLE, why};
use frontdesk_core::budget::Reason;
use frontdesk_core::id::CustomerId;
use frontdesk_core::target::Failure;
use frontdesk_providers::stripe::answer::{Answer, Response, answer};
use frontdesk_providers::stripe::read::Read;
use frontdesk_providers::stripe::refusal::Refused;
use frontdesk_store::{CallAnswer, CallIntent, Error, Expect, Outcome, Write};
use jiff::Timestamp;

/// Why a call was not made: somebody else has the account by now.
pub(crate) const TAKEN_OVER: &str = "another process has taken the account over";

/// What a call is for, in the ledger.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    /// The step's name.
    pub(crate) step: &'a str,
    /// What is asked for.
    pub(crate) subject: &'a str,
    /// For whom, if for anybody.
    pub(crate) customer: Option<&'a CustomerId>,
}

/// What a call came to, not yet written down.
pub(crate) struct Asked {
    /// What the source answered, or why that is of no use.
    pub(crate) answer: Result<Answer, Failure>,
    /// The bytes of the answer.
    pub(crate) body: Vec<u8>,
    /// Our id of the request.
    pub(crate) request_id: String,
    /// When the answer came.
    pub(crate) at: Timestamp,
    /// That the account is still ours: without it nothing of this is written.
    pub(crate) expect: Expect,
    /// The ledger's line.
    pub(crate) ledger: [Write; 2],
}

impl<P: Ports> Engine<P> {
    /// Asks the source. A read changes nothing there, so intent and answer are written together, by the caller.
    pub(crate) async fn ask_source(
        &self,
        held: &Held,
        read: &Read,
        about: About<'_>,
    ) -> Result<Asked, Error> {
        let settings = self.settings();
        let source = &settings.source;
        let request_id = self.new_name("req");
        let intent = CallIntent {
            id: self.new_name("call"),
            account: SOURCE.to_owned(),
            target: None,
            customer: about.customer.cloned(),
            generation: None,
            step_name: about.step.to_owned(),
            step: None,
            effect_key: about.subject.to_owned(),
            reason: Reason::Read,
            epoch: held.lease.epoch,
            request_id: request_id.clone(),
            intent_at: self.ports().now_wall(),
        };
        let answered = self.ports().http(read.request(&source.api)).await;
        let at = self.ports().now_wall();
        let (result, status, theirs, body) = match answered {
            Err(problem) => (Err(Failure::Transient { why: problem.to_string() }), None, None, Vec::new()),
            Ok(response) => {
                let reply = Response {
                    status: response.status(),
                    headers: response.headers(),
                    body: response.body(),
                };
                let result = match answer(read, &source.id, &reply, at) {
                    // An absent object tells nothing and removes nobody (I10): it is asked for again later.
                    Ok(Answer::Missing { in_other_mode }) => {
                        Err(Failure::Rejected { why: missing(in_other_mode) })
                    }
                    Ok(answer) => Ok(answer),
                    Err(refused) => Err(self.without_permission(refused).await?),
                };
                (result, Some(response.status().as_u16()), reply.request_id(), response.into_body())
            }
        };
        if let Err(failure) = &result {
            tracing::warn!(
                request.id = %request_id,
                provider.request_id = theirs.as_deref().unwrap_or("-"),
                customer.id = about.customer.map_or("-", CustomerId::as_str),
                class = failure.class(),
                status = status.unwrap_or(0),
                "a read at the source failed"
            );
        }
        let heard = Heard { outcome: result.as_ref().map(|_| ()), status, was_accepted: false };
        self.note_health(held, TITLE, heard).await?;
        let call = CallAnswer {
            id: intent.id.clone(),
            epoch: held.lease.epoch,
            answered_at: at,
            outcome: result.as_ref().map_or_else(Outcome::from, |_| Outcome::Done),
            status,
            provider_request_id: theirs,
            counted: true,
            why: result.as_ref().err().map(why),
        };
        Ok(Asked {
            answer: result,
            body,
            request_id,
            at,
            expect: held.expect(),
            ledger: [Write::CallIntent(intent), Write::CallAnswer(call)],
        })
    }

    /// A restricted key that lacks one permission still reads everything else: only what needs it waits.
    async fn without_permission(&self, refused: Refused) -> Result<Failure, Error> {
        let Some(permission) = refused.permission else { return Ok(refused.failure) };
        let why = format!("the key lacks the permission `{permission}`");
        self.alert(&format!("permission:{permission}"), "permission", &permission, &why).await?;
        Ok(Failure::Rejected { why })
    }
}

fn missing(in_other_mode: bool) -> String {
    let why =
        if in_other_mode { "the object exists in the other mode" } else { "the source has no such object" };
    why.to_owned()
}
