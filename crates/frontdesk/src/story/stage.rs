//! What the beats of a story stand on: the sandbox's hands, its clock, and waiting for what must be seen.

use super::repairs::Braked;
use super::{Teller, no_demo};
use crate::assemble::store_failed;
use crate::errors::Failure;
use crate::live::LivePorts;
use frontdesk_core::id::CustomerId;
use frontdesk_core::stage::{self, StageOf};
use frontdesk_core::sync::State;
use frontdesk_engine::subject::summary;
use frontdesk_engine::{Engine, Ports};
use frontdesk_web::mint_status_link;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;

/// The longest that a beat waits for what it tells.
const SEEN_WITHIN: Duration = Duration::from_secs(15);
/// How often a condition is looked at again when no customer changed: what a provider saw is not announced.
const RECHECK: Duration = Duration::from_millis(20);
/// What is due sooner than this is waited for; the clock jumps to what is due later.
const JUMP_OVER: SignedDuration = SignedDuration::from_millis(400);

/// A Frontdesk and the sandbox it talks to.
pub struct Stage<'a> {
    /// The Frontdesk.
    pub engine: Engine<LivePorts>,
    /// Where Frontdesk's pages are, without a slash at the end.
    pub site: String,
    /// Where the sandbox listens, without a slash at the end.
    pub sandbox: String,
    /// Who tells the story.
    pub teller: Teller<'a>,
    /// What deviated from the story, in words.
    pub problems: Vec<String>,
    /// What the brake held and let go; `None`: nobody told of it.
    pub(super) braked: Option<Braked>,
}

/// The longest jump towards what is due next: retries and looks are nearer than that, renewals and grace are not.
const JUMP_MAX: SignedDuration = SignedDuration::from_mins(5);

/// Whether the clock may jump to what is due next while something is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Everything takes its time.
    Wait,
    /// Waits of more than a moment are jumped over.
    Jump,
}

impl Stage<'_> {
    /// The time that Frontdesk and the sandbox share.
    pub fn now(&self) -> Timestamp {
        self.engine.ports().now_wall()
    }

    /// Lets somebody do something at a provider; gives the sandbox's answer.
    pub async fn act(&self, provider: &str, action: &str, body: Value) -> Result<Value, Failure> {
        self.post(&format!("{provider}/{action}"), &body).await
    }

    /// Everything that the fakes hold, were asked and sent.
    pub async fn sandbox_state(&self) -> Result<Value, Failure> {
        self.control("GET", "state", Vec::new()).await
    }

    /// Makes requests to Circle fail until [`Stage::heal`].
    pub async fn break_circle(&self) -> Result<(), Failure> {
        let rule = json!({ "provider": "circle", "kind": "status", "status": 503, "times": null });
        self.post("faults", &rule).await.map(drop)
    }

    /// Takes every fault back.
    pub async fn heal(&self) -> Result<(), Failure> {
        self.control("DELETE", "faults", Vec::new()).await.map(drop)
    }

    /// Jumps the clock forwards and waits until Frontdesk reads it too: a webhook that is signed before that would
    /// come from the future.
    pub async fn jump(&self, span: SignedDuration) -> Result<(), Failure> {
        let until = self.now().saturating_add(span).unwrap_or(Timestamp::MAX);
        self.post("clock", &json!({ "to": until.to_string() })).await?;
        self.engine.ports().sleep_until(until).await;
        Ok(())
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.control("POST", path, body.to_string().into_bytes()).await
    }

    async fn control(&self, method: &str, path: &str, body: Vec<u8>) -> Result<Value, Failure> {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}/_sandbox/{path}", self.sandbox))
            .header("content-type", "application/json")
            .body(body)
            .expect("the sandbox's address and a word make a URL");
        let answer = self.engine.ports().http(request).await;
        let answer =
            answer.map_err(|error| no_demo(&format!("the sandbox did not answer `{path}`: {error}")))?;
        let value: Value = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        if answer.status().is_success() {
            return Ok(value);
        }
        let why = value["detail"].as_str().unwrap_or("no reason given");
        Err(no_demo(&format!("the sandbox refused `{path}`: {why}")))
    }

    /// Waits until `check` finds something. After [`SEEN_WITHIN`] the story goes on without it, and `what` is noted.
    pub async fn until<T>(
        &mut self,
        what: &str,
        pace: Pace,
        mut check: impl AsyncFnMut(&Self) -> Result<Option<T>, Failure>,
    ) -> Result<Option<T>, Failure> {
        let ports = self.engine.ports().clone();
        let mut changes = self.engine.changes();
        let deadline = ports.now_mono() + SEEN_WITHIN;
        loop {
            if let Some(found) = check(self).await? {
                return Ok(Some(found));
            }
            if ports.now_mono() >= deadline {
                self.problems.push(format!("{what}: not seen within {} s", SEEN_WITHIN.as_secs()));
                return Ok(None);
            }
            if pace == Pace::Jump {
                self.jump_to_next().await?;
            }
            tokio::select! {
                biased;
                // A listener that fell behind is told so, and looks again all the same.
                _ = changes.recv() => {}
                () = ports.sleep(RECHECK) => {}
            }
        }
    }

    /// Jumps to what Frontdesk does next, unless it does that within a moment or has nothing to do.
    async fn jump_to_next(&self) -> Result<(), Failure> {
        let now = self.now();
        let next = self.engine.store().next_due(now).await.map_err(|error| store_failed(&error))?;
        let soon = now.saturating_add(JUMP_MAX).unwrap_or(Timestamp::MAX);
        let soonest = next.filter(|at| at.duration_since(now) > JUMP_OVER && *at <= soon);
        match soonest {
            Some(at) => self.jump(at.duration_since(now)).await,
            None => Ok(()),
        }
    }

    /// The one customer with this address, once there is one.
    pub async fn customer(&self, email: &str) -> Result<Option<CustomerId>, Failure> {
        let found =
            self.engine.store().find_customers(email, 2).await.map_err(|error| store_failed(&error))?;
        Ok(found.into_iter().next())
    }

    /// What the customer sees: all stages.
    pub async fn stages(&self, email: &str) -> Result<Vec<StageOf>, Failure> {
        let Some(customer) = self.customer(email).await? else { return Ok(Vec::new()) };
        let row = self.engine.store().customer(&customer).await.map_err(|error| store_failed(&error))?;
        Ok(row.map(|row| summary(&row).stages).unwrap_or_default())
    }

    /// Waits until some matter of the customer is at a stage.
    pub async fn until_stage(
        &mut self,
        email: &str,
        wanted: stage::Stage,
        pace: Pace,
    ) -> Result<Option<StageOf>, Failure> {
        let what = format!("{email} at `{wanted}`");
        self.until(&what, pace, async |on: &Self| {
            Ok(on.stages(email).await?.into_iter().find(|of| of.stage == wanted))
        })
        .await
    }

    /// Opens a customer's page, as its reader does: the link first, which gives a cookie, then the page.
    pub async fn opens_page(&self, email: &str) -> Result<String, Failure> {
        let Some(customer) = self.customer(email).await? else {
            return Err(no_demo(&format!("{email} has no record")));
        };
        let link = mint_status_link(&self.engine, &self.site, &customer).await;
        let link = link.map_err(|error| store_failed(&error))?.unwrap_or_default();
        let entered = self.get(&link, None).await?;
        let cookie = entered.headers().get(http::header::SET_COOKIE).and_then(|cookie| cookie.to_str().ok());
        let cookie = cookie.and_then(|cookie| cookie.split(';').next()).unwrap_or_default().to_owned();
        let page = self.get(&format!("{}/status", self.site), Some(&cookie)).await?;
        if !page.status().is_success() {
            return Err(no_demo(&format!("the status page of {email} answered {}", page.status())));
        }
        Ok(String::from_utf8_lossy(page.body()).into_owned())
    }

    async fn get(&self, url: &str, cookie: Option<&str>) -> Result<http::Response<Vec<u8>>, Failure> {
        let mut request = http::Request::get(url);
        if let Some(cookie) = cookie {
            request = request.header(http::header::COOKIE, cookie);
        }
        let request = request.body(Vec::new()).map_err(|error| no_demo(&error.to_string()))?;
        let answer = self.engine.ports().http(request).await;
        answer.map_err(|error| no_demo(&format!("Frontdesk's own page did not answer: {error}")))
    }

    /// Waits until nothing waits to be applied and no call to the source is owed at once.
    pub async fn until_quiet(&mut self) -> Result<(), Failure> {
        let quiet = self.until("everything applied", Pace::Wait, async |on: &Self| {
            let store = on.engine.store();
            let balance = store.balance().await.map_err(|error| store_failed(&error))?;
            let reads = store.reads_due(&on.engine.settings().source.id, on.now(), 1).await;
            let reads = reads.map_err(|error| store_failed(&error))?;
            Ok((balance.pending == 0 && reads.is_empty()).then_some(()))
        });
        quiet.await.map(drop)
    }

    /// Waits until everything about the customer is as it should be in every target, and no read is owed.
    pub async fn until_settled(&mut self, email: &str, pace: Pace) -> Result<(), Failure> {
        let what = format!("{email} settled everywhere");
        let settled = self.until(&what, pace, async |on: &Self| {
            let Some(customer) = on.customer(email).await? else { return Ok(None) };
            let syncs = on.engine.store().syncs(&customer).await.map_err(|error| store_failed(&error))?;
            Ok((!syncs.is_empty() && syncs.values().all(|sync| sync.state == State::Applied)).then_some(()))
        });
        settled.await.map(drop)
    }
}
