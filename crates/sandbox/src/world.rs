//! The world: the fakes, their clock, the faults injected and the log of what was asked.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::call::{Answer, Call, Handled};
use crate::circle::{self, Circle};
use crate::clock::Clock;
use crate::faults::{Fault, Faults};
use crate::kit::{self, Kit};
use crate::log::{End, Log};
use crate::post::Delivery;
use crate::stripe::Stripe;

/// A service that the world fakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Provider {
    /// Payments.
    Stripe,
    /// The community.
    Circle,
    /// Marketing.
    Kit,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Stripe, Self::Circle, Self::Kit];

    /// The name in rules, paths and state.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Circle => "circle",
            Self::Kit => "kit",
        }
    }

    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|provider| provider.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|provider| provider.name()).collect();
            format!("`provider` is one of {}, not `{name}`", names.join(", "))
        })
    }

    /// The provider whose base path a path is under; the three are disjoint.
    /// The provider that a path belongs to; `None`: the sandbox itself, or nobody.
    pub fn of(path: &str) -> Option<Self> {
        if path.starts_with("/v1/") {
            Some(Self::Stripe)
        } else if path.starts_with("/api/admin/v2/") {
            Some(Self::Circle)
        } else if path.starts_with("/v4/") {
            Some(Self::Kit)
        } else {
            None
        }
    }
}

/// What the client of a call gets to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// An answer.
    Answer {
        /// The answer.
        answer: Answer,
        /// How long it takes to come.
        after: Duration,
    },
    /// Nothing, for longer than any client waits. What was asked may have been done.
    Hang,
    /// A broken connection. What was asked may have been done.
    Reset,
}

impl Reply {
    /// The answer, if one came.
    pub fn answer(self) -> Option<Answer> {
        match self {
            Self::Answer { answer, .. } => Some(answer),
            Self::Hang | Self::Reset => None,
        }
    }
}

/// Everything the sandbox holds.
///
/// Its own time is the caller's plus the jumps of its [`Clock`]. Methods take the caller's time as
/// `real_now` where they apply the offset themselves, and the sandbox's own as `now` where they do not.
#[derive(Debug)]
pub struct World {
    pub(crate) seed: u64,
    pub(crate) clock: Clock,
    /// The payment account.
    pub stripe: Stripe,
    /// The community.
    pub circle: Circle,
    /// The marketing account.
    pub kit: Kit,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
}

impl World {
    /// A fresh world; all ids follow from the seed.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            clock: Clock::default(),
            stripe: Stripe::new(seed),
            circle: Circle::new(seed),
            kit: Kit::new(seed),
            faults: Faults::default(),
            log: Log::default(),
        }
    }

    /// The sandbox's time at the caller's time.
    pub fn now(&self, real_now: Timestamp) -> Timestamp {
        self.clock.now(real_now)
    }

    /// Handles one request: the fault it meets, the fake it is for, the log.
    ///
    /// Paths under `/_sandbox` control the world and meet no faults.
    pub fn handle(&mut self, call: &Call, real_now: Timestamp) -> Reply {
        let now = self.now(real_now);
        let at_once = |answer: Answer| Reply::Answer { answer, after: Duration::ZERO };
        let Some(provider) = Provider::of(&call.path) else {
            let is_control = call.path == "/_sandbox" || call.path.starts_with("/_sandbox/");
            return at_once(if is_control {
                self.control(call, real_now)
            } else {
                Answer::text(
                    404,
                    "The sandbox has /v1 (Stripe), /api/admin/v2 (Circle), /v4 (Kit) and /_sandbox.",
                )
            });
        };
        let fault = self.faults.meet(provider, call);
        let handled = match &fault {
            Some(fault) if !fault.reaches_fake() => None,
            _ => Some(self.ask(provider, call, now)),
        };
        let did = handled.as_ref().is_some_and(|handled| handled.did);
        let reply = match (&fault, handled) {
            (Some(Fault::TimeoutBefore | Fault::TimeoutAfter), _) => Reply::Hang,
            (Some(Fault::Status { answer, .. }), _) => at_once(answer.clone()),
            (Some(Fault::Slow(after)), Some(handled)) => {
                Reply::Answer { answer: handled.answer, after: *after }
            }
            (Some(Fault::Truncated), Some(mut handled)) => {
                handled.answer.body.truncate(handled.answer.body.len() / 2);
                at_once(handled.answer)
            }
            (None, Some(handled)) => at_once(handled.answer),
            (Some(Fault::ResetBefore | Fault::ResetAfter | Fault::Down), _) | (_, None) => Reply::Reset,
        };
        let reply = dated(reply, now);
        let status = match &reply {
            Reply::Answer { answer, .. } => Some(answer.status),
            Reply::Hang | Reply::Reset => None,
        };
        self.log.push(provider, call, &End { status, did, fault }, now);
        reply
    }

    fn ask(&mut self, provider: Provider, call: &Call, now: Timestamp) -> Handled {
        match provider {
            Provider::Stripe => self.stripe.handle(call, now),
            Provider::Circle => self.circle.handle(call, now),
            Provider::Kit => self.kit.handle(call, now),
        }
    }

    /// Takes the webhook deliveries of all providers that are due at the sandbox's time `now`, signed with it. Each
    /// must be reported with [`World::delivered`]; until then it is not due again.
    pub fn due_deliveries(&mut self, now: Timestamp) -> Vec<Delivery> {
        let mut due = self.stripe.due_deliveries(now);
        due.extend(self.circle.due_deliveries(now));
        due.extend(self.kit.due_deliveries(now));
        due
    }

    /// Records how a delivery went: the status, or why there was none. Anything but 2xx is tried again later, where
    /// its provider does that.
    pub fn delivered(&mut self, id: u64, outcome: Result<u16, String>, now: Timestamp) {
        self.delivered_asking(id, outcome, None, now);
    }

    /// The same with the time for which the receiver asked to be left alone (`Retry-After`); Stripe takes no notice.
    pub fn delivered_asking(
        &mut self,
        id: u64,
        outcome: Result<u16, String>,
        retry_after: Option<SignedDuration>,
        now: Timestamp,
    ) {
        if id > circle::FIRST_DELIVERY {
            self.circle.delivered(id, outcome, now);
        } else if id > kit::FIRST_DELIVERY {
            self.kit.delivered(id, outcome, retry_after, now);
        } else {
            self.stripe.delivered(id, outcome, now);
        }
    }

    /// When, in the sandbox's time, a delivery is due next.
    pub fn next_due(&self) -> Option<Timestamp> {
        [self.stripe.next_due(), self.circle.next_due(), self.kit.next_due()].into_iter().flatten().min()
    }

    /// Whether the request that was handled last changed what a fake holds.
    pub fn last_did(&self) -> bool {
        self.log.last_did()
    }

    /// The requests to one provider as `/_sandbox/state` shows them, oldest first.
    pub fn requests(&self, provider: Provider) -> Value {
        self.log.state(provider)
    }
}

/// Adds the sandbox's date to an answer that has none, so that no client sees wall time.
fn dated(reply: Reply, now: Timestamp) -> Reply {
    match reply {
        Reply::Answer { answer, after }
            if !answer.headers.iter().any(|it| it.0.eq_ignore_ascii_case("date")) =>
        {
            let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            Reply::Answer { answer: answer.header("date", &date), after }
        }
        reply => reply,
    }
}
