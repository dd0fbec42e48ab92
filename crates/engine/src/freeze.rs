//! Freezing and thawing: what a person holds back (DESIGN §5, RELIABILITY I25).

use crate::acts::Acted;
use crate::bell::Loop;
use crate::engine::Engine;
use crate::ports::Ports;
use frontdesk_core::decision::Decision;
use frontdesk_core::freeze::{Freeze, Scope, holding};
use frontdesk_core::id::CustomerId;
use frontdesk_core::sync::Hold;
use frontdesk_core::target::Target;
use frontdesk_store::{AuditDraft, Commit, Error, Write};
use jiff::Timestamp;
use std::collections::BTreeSet;

impl<P: Ports> Engine<P> {
    /// Holds back what would be written within `scope`, until `until`. Freezing what is frozen sets its end anew.
    pub async fn freeze(
        &self,
        scope: Scope,
        until: Timestamp,
        by: &str,
        reason: &str,
    ) -> Result<Freeze, Error> {
        let now = self.ports().now_wall();
        let running = self.store().freezes(now).await?.into_iter().find(|freeze| freeze.scope == scope);
        let name = running.map_or_else(
            || format!("{}-{}", scope.to_string().replace(':', "-"), now.strftime("%Y%m%d-%H%M%S")),
            |freeze| freeze.name,
        );
        let freeze = Freeze {
            name,
            scope,
            since: now,
            until,
            by: by.to_owned(),
            reason: reason.to_owned(),
            ended_at: None,
            ended_by: None,
        };
        let mut writes = vec![Write::Freeze(freeze.clone())];
        writes.extend(self.audit_of(&freeze, "freeze", by, now));
        self.store().commit(Commit { expect: Vec::new(), writes }).await?;
        tracing::info!(freeze = freeze.name, scope = %freeze.scope, until = %freeze.until, "frozen");
        Ok(freeze)
    }

    /// Thaws a freeze by its name. Each row that waited is looked at once, and brought to what is desired then.
    /// Returns how many waited.
    pub async fn thaw(&self, name: &str, by: &str) -> Result<(Acted, u64), Error> {
        let now = self.ports().now_wall();
        let Some(freeze) = self.store().freeze(name).await? else { return Ok((Acted::NotFound, 0)) };
        if !freeze.holds(now) {
            return Ok((Acted::Nothing, 0));
        }
        let waiting = self.store().frozen().await?;
        let mut writes = vec![Write::Thaw { name: name.to_owned(), at: now, by: by.to_owned() }];
        writes.extend(self.audit_of(&freeze, "thaw", by, now));
        match self.store().commit(Commit { expect: Vec::new(), writes }).await {
            Ok(_) => {}
            Err(error) if error.is_conflict() => return Ok((Acted::Nothing, 0)),
            Err(error) => return Err(error),
        }
        tracing::info!(freeze = name, waiting, "thawed");
        self.bell().ring_each(self.settings().targets.keys().map(|target| Loop::of(*target)));
        Ok((Acted::Done, waiting))
    }

    /// A person's freeze is part of their history.
    fn audit_of(&self, freeze: &Freeze, action: &str, by: &str, now: Timestamp) -> Option<Write> {
        let Scope::Person(customer) = &freeze.scope else { return None };
        Some(Write::Audit(AuditDraft {
            customer: customer.clone(),
            linked: None,
            at: now,
            action: action.to_owned(),
            cause: freeze.name.clone(),
            node: self.settings().node.clone(),
            before: serde_json::Value::Null,
            after: serde_json::json!({ "until": freeze.until, "by": by, "reason": freeze.reason }),
            personal: Vec::new(),
        }))
    }

    /// The freeze that holds back a write for this customer, if one does.
    pub(crate) async fn frozen(
        &self,
        target: Target,
        customer: &CustomerId,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<Option<Hold>, Error> {
        let freezes = self.store().freezes(now).await?;
        if freezes.is_empty() || self.ports().is_planted("ignore_freeze") {
            return Ok(None);
        }
        let purchases = decision.entitled.purchases.iter();
        let plans: BTreeSet<_> = purchases.filter_map(|purchase| purchase.plan.clone()).collect();
        Ok(holding(&freezes, target, customer, &plans, now)
            .map(|freeze| Hold::Frozen { name: freeze.name.clone(), until: freeze.until }))
    }
}
