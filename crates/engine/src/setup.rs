//! What is read from a target before the first call and after a doubt: does the credential work, do the groups,
//! spaces and tags of the catalogue exist.

use crate::account::MISSING_CHECK_EVERY;
use crate::engine::Engine;
use crate::ports::{NoAnswer, Ports};
use crate::reads::why;
use crate::reconcile::{Drain, Gate, STOPPED_PROBE_EVERY};
use crate::settings::Connection;
use frontdesk_core::budget::Reason;
use frontdesk_core::sync::{Hold, State, backoff};
use frontdesk_core::target::{Failure, Item, Target};
use frontdesk_providers::answer::Answer;
use frontdesk_providers::call::{Marks, request_id};
use frontdesk_providers::{circle, kit};
use frontdesk_store::{CallAnswer, CallIntent, Commit, Error, Outcome, SyncFilter, Write};
use http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::time::Duration;

/// Held rows that one check looks at.
const HELD_ROWS_MAX: u32 = 1_000;

/// What the lists of a target say.
pub(crate) struct Listed {
    missing: BTreeSet<Item>,
    tags: kit::Tags,
}

impl<P: Ports> Engine<P> {
    /// Reads the target's lists if that is due. Returns until when to wait if they could not be read and nothing
    /// can be done without them.
    pub(crate) async fn prepare(&self, drain: &mut Drain<'_>) -> Result<Option<Timestamp>, Error> {
        let now = self.ports().now_mono();
        let known = &drain.known;
        // Without its tags' numbers nothing can be given at Kit: to read them is part of what is given. Circle takes numbers
        // as they are, and says in answer to a grant what it does not have.
        let is_blind = known.prepared_at.is_none() && drain.target == Target::Kit;
        if known.lists_due_at().is_none_or(|at| at > now) {
            return Ok(known.retry_at.filter(|_| is_blind).map(|at| self.wall_at(at)));
        }
        let reason = if is_blind { Reason::Settle } else { Reason::Read };
        match self.gate(drain, reason).await? {
            Gate::Open => {}
            Gate::Waits(until) => return Ok(Some(until)),
            Gate::NoLook => {
                drain.known.retry_at = Some(now.saturating_add(MISSING_CHECK_EVERY));
                return Ok(None);
            }
        }
        match self.list(drain, reason).await? {
            Ok(listed) => {
                drain.known.prepared_at = Some(self.ports().now_mono());
                drain.known.retry_at = None;
                drain.known.tries = 0;
                self.take_up_listed(drain, listed).await?;
                Ok(None)
            }
            Err(_) if self.ports().is_planted("empty_list_means_gone") => {
                let missing = self.catalogue().managed(drain.target);
                drain.known.prepared_at = Some(self.ports().now_mono());
                self.take_up_listed(drain, Listed { missing, tags: kit::Tags::default() }).await?;
                Ok(None)
            }
            Err(failure) => {
                drain.known.tries += 1;
                let wait = backoff(drain.known.tries.max(3), self.dice());
                let until = match &failure {
                    Failure::Unauthorized { .. } => self.after(STOPPED_PROBE_EVERY),
                    Failure::Throttled { until, .. } => *until,
                    _ => self.after(wait),
                };
                let wait = until
                    .duration_since(self.ports().now_wall())
                    .clamp(SignedDuration::ZERO, STOPPED_PROBE_EVERY);
                let wait = Duration::try_from(wait).unwrap_or_default();
                drain.known.retry_at = Some(self.ports().now_mono().saturating_add(wait));
                let cannot = drain.target == Target::Kit
                    || matches!(failure, Failure::Unauthorized { .. } | Failure::Throttled { .. });
                Ok(cannot.then_some(until))
            }
        }
    }

    /// What is there by the account's own lists.
    pub(crate) async fn list(
        &self,
        drain: &mut Drain<'_>,
        reason: Reason,
    ) -> Result<Result<Listed, Failure>, Error> {
        let managed = self.catalogue().managed(drain.target);
        match drain.settings.connection.clone() {
            Connection::Circle(account) => self.list_circle(drain, reason, &account, &managed).await,
            Connection::Kit(account) => self.list_kit(drain, reason, &account, &managed).await,
        }
    }

    async fn list_circle(
        &self,
        drain: &mut Drain<'_>,
        reason: Reason,
        account: &circle::Account,
        managed: &BTreeSet<Item>,
    ) -> Result<Result<Listed, Failure>, Error> {
        use circle::observe::{Look, PAGES_MAX, groups, request, spaces};
        let mut found = BTreeSet::new();
        let wants_spaces = managed.iter().any(|item| matches!(item, Item::CircleSpace(_)));
        for page in 1..=PAGES_MAX {
            let made = |marks: Marks<'_>| request(account, Look::Groups { page }, marks);
            let listed = match self.look_on(drain, "groups", reason, made, groups).await? {
                Ok(listed) => listed,
                Err(failure) => return Ok(Err(failure)),
            };
            found.extend(
                listed
                    .entries
                    .iter()
                    .filter(|group| !group.is_archived)
                    .map(|group| Item::CircleGroup(group.id)),
            );
            if !listed.has_next {
                break;
            }
        }
        for page in 1..=PAGES_MAX {
            if !wants_spaces {
                break;
            }
            let made = |marks: Marks<'_>| request(account, Look::Spaces { page }, marks);
            let listed = match self.look_on(drain, "spaces", reason, made, spaces).await? {
                Ok(listed) => listed,
                Err(failure) => return Ok(Err(failure)),
            };
            found.extend(listed.entries.iter().map(|space| Item::CircleSpace(space.id)));
            if !listed.has_next {
                break;
            }
        }
        let missing = managed.difference(&found).cloned().collect();
        Ok(Ok(Listed { missing, tags: kit::Tags::default() }))
    }

    async fn list_kit(
        &self,
        drain: &mut Drain<'_>,
        reason: Reason,
        account: &kit::Account,
        managed: &BTreeSet<Item>,
    ) -> Result<Result<Listed, Failure>, Error> {
        use kit::observe::{Look, PAGES_MAX, request, tags};
        let (mut listed, mut after) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let look = Look::Tags { after: after.take() };
            let made = |marks: Marks<'_>| request(account, &look, marks);
            let page = match self.look_on(drain, "tags", reason, made, tags).await? {
                Ok(page) => page,
                Err(failure) => return Ok(Err(failure)),
            };
            listed.extend(page.entries);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let tags = kit::Tags::resolve(&listed, managed);
        let missing = tags.missing(managed).into_iter().collect();
        Ok(Ok(Listed { missing, tags }))
    }

    /// One of several reads, if the account's limits leave room for it.
    async fn look_on<T>(
        &self,
        drain: &mut Drain<'_>,
        name: &str,
        reason: Reason,
        request: impl Fn(Marks<'_>) -> Result<Request<Vec<u8>>, Failure>,
        read: impl Fn(&Answer<'_>, Timestamp) -> Result<T, Failure>,
    ) -> Result<Result<T, Failure>, Error> {
        match self.gate(drain, reason).await? {
            Gate::Open => self.look(drain, name, reason, request, read).await,
            Gate::Waits(until) => {
                Ok(Err(Failure::Throttled { until, why: "our own limit of calls is reached".to_owned() }))
            }
            Gate::NoLook => {
                Ok(Err(Failure::Transient { why: "what is left is for grants and removals".to_owned() }))
            }
        }
    }

    /// One read of the account, with its line in the ledger.
    pub(crate) async fn look<T>(
        &self,
        drain: &mut Drain<'_>,
        name: &str,
        reason: Reason,
        request: impl Fn(Marks<'_>) -> Result<Request<Vec<u8>>, Failure>,
        read: impl Fn(&Answer<'_>, Timestamp) -> Result<T, Failure>,
    ) -> Result<Result<T, Failure>, Error> {
        let ours = self.new_name("req");
        let request = match request(Marks { request: &ours, effect: None }) {
            Ok(request) => request,
            Err(failure) => return Ok(Err(failure)),
        };
        if !self.keep_lease(&mut drain.held).await? {
            return Ok(Err(Failure::Transient { why: crate::source::TAKEN_OVER.to_owned() }));
        }
        let left_at = self.ports().now_wall();
        let intent = CallIntent {
            id: self.new_name("call"),
            account: drain.target.as_str().to_owned(),
            target: Some(drain.target),
            customer: None,
            generation: None,
            step_name: name.to_owned(),
            step: None,
            effect_key: format!("list:{name}"),
            reason,
            epoch: drain.held.lease.epoch,
            request_id: ours.clone(),
            intent_at: left_at,
        };
        // Written down before it leaves: a process that dies over and over must not forget what it spent (I21).
        let leaves =
            Commit { expect: vec![drain.held.expect()], writes: vec![Write::CallIntent(intent.clone())] };
        match self.store().commit(leaves).await {
            Err(error) if error.is_conflict() => {
                return Ok(Err(Failure::Transient { why: crate::source::TAKEN_OVER.to_owned() }));
            }
            done => done.map(drop)?,
        }
        self.spent(drain, left_at).await?.spend(left_at);
        let answered: Result<Response<Vec<u8>>, NoAnswer> = self.ports().http(request).await;
        let now = self.ports().now_wall();
        let (result, status, theirs) = match &answered {
            Ok(response) => {
                let answer =
                    Answer { status: response.status(), headers: response.headers(), body: response.body() };
                (read(&answer, now), Some(response.status().as_u16()), request_id(response.headers()))
            }
            Err(problem) => (Err(Failure::Transient { why: problem.to_string() }), None, None),
        };
        if let Err(failure) = &result {
            tracing::warn!(
                target.id = %drain.target,
                step = name,
                request.id = %ours,
                provider.request_id = theirs.as_deref().unwrap_or("-"),
                class = failure.class(),
                status = status.unwrap_or(0),
                "a read of the account failed"
            );
        }
        let answer = CallAnswer {
            id: intent.id.clone(),
            epoch: drain.held.lease.epoch,
            answered_at: now,
            outcome: result.as_ref().map_or_else(Outcome::from, |_| Outcome::Done),
            status,
            provider_request_id: theirs,
            counted: status.is_none_or(|status| status < 500),
            why: result.as_ref().err().map(why),
        };
        let expect = vec![drain.held.expect()];
        self.store().commit(Commit { expect, writes: vec![Write::CallAnswer(answer)] }).await?;
        let outcome = result.as_ref().map(|_| ());
        self.note_target_health(drain, outcome, status).await?;
        Ok(result)
    }

    /// Names what is missing, once each, and lets go of the rows that waited for what is there by now.
    async fn take_up_listed(&self, drain: &mut Drain<'_>, listed: Listed) -> Result<(), Error> {
        for item in &listed.missing {
            let subject = item.to_string();
            let why = format!(
                "{} has no `{subject}`: correct the catalogue, or create it there",
                drain.target.title()
            );
            tracing::error!(target.id = %drain.target, mapping = %item, "{why}");
            self.alert(&format!("misconfigured:{subject}"), "misconfigured", &subject, &why).await?;
        }
        for alert in self.store().open_alerts().await? {
            let Ok(item) = Item::try_from(alert.subject.clone()) else { continue };
            if alert.kind == "misconfigured"
                && item.target() == drain.target
                && !listed.missing.contains(&item)
            {
                self.close_alert(&alert.key).await?;
            }
        }
        let filter = SyncFilter {
            target: Some(drain.target),
            state: Some("held".to_owned()),
            ..SyncFilter::default()
        };
        for row in self.store().sync_list(&filter, None, HELD_ROWS_MAX).await? {
            let State::Held(Hold::Misconfigured { mapping }) = &row.state else { continue };
            if Item::try_from(mapping.clone()).is_ok_and(|item| !listed.missing.contains(&item)) {
                self.retry_sync(&row.customer, drain.target, "what the catalogue names is there").await?;
            }
        }
        drain.known.missing = listed.missing;
        drain.known.tags = listed.tags;
        Ok(())
    }
}
