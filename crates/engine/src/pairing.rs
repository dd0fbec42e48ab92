//! A person says that somebody whom a target knows is a customer: one who pays under one address and has access under
//! another. From then on they are one, by the target's own id.

use crate::bell::Loop;
use crate::engine::Engine;
use crate::ports::Ports;
use crate::subject::{Cause, Subject};
use frontdesk_core::email::Email;
use frontdesk_core::id::CustomerId;
use frontdesk_core::target::{Holder, Membership, Standing, Target};
use frontdesk_store::{AuditDraft, Error, Write};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Who is said to be whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pairing {
    /// The customer.
    pub customer: CustomerId,
    /// Who of the record.
    pub holder: Holder,
    /// Where they have access.
    pub target: Target,
    /// The target's own id of them.
    pub member: u64,
    /// Their address there.
    pub address: Email,
    /// Who says so.
    pub by: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "paired", rename_all = "snake_case")]
pub enum Paired {
    /// They are one from now on.
    Done,
    /// They were already.
    Already,
    /// The target knows this customer under another id.
    KnownAs {
        /// Which.
        member: u64,
    },
    /// That member is somebody else's already.
    SomebodyElse {
        /// Whose.
        customer: CustomerId,
    },
    /// There is no such customer, or nothing is to be done for them there.
    NotFound,
}

impl<P: Ports> Engine<P> {
    /// Takes a person's word for who is whom. What the member holds there is learnt by the next look.
    pub async fn pair(&self, pairing: &Pairing) -> Result<Paired, Error> {
        let Pairing { customer, holder, target, member, address, by } = pairing;
        loop {
            let Some(mut subject) = Subject::load(self.store(), customer).await? else {
                return Ok(Paired::NotFound);
            };
            let sharing = self.store().records_sharing(*target, &[*member].into(), &BTreeSet::new()).await?;
            if let Some(other) = sharing.into_iter().find(|other| other != customer) {
                return Ok(Paired::SomebodyElse { customer: other });
            }
            let now = self.ports().now_wall();
            let Some(row) = subject.syncs.get_mut(target) else { return Ok(Paired::NotFound) };
            let person = row.observed.people.entry(holder.clone()).or_default();
            match person.membership.id() {
                Some(known) if known == *member => return Ok(Paired::Already),
                Some(known) => return Ok(Paired::KnownAs { member: known }),
                None => {}
            }
            let address = address.clone();
            person.membership =
                Membership::Member { id: *member, address, standing: Standing::Known, seen_at: now };
            row.retry(now);
            let others = subject.others(self.store()).await?;
            let cause = Cause { action: "pair", by: by.clone() };
            let mut plan = subject.plan(self, &others, None, &cause, now);
            plan.commit.writes.push(Write::Audit(AuditDraft {
                customer: customer.clone(),
                linked: None,
                at: now,
                action: "pair".to_owned(),
                cause: format!("{target} member {member}"),
                node: self.settings().node.clone(),
                before: serde_json::Value::Null,
                after: serde_json::json!({ "target": target, "member": member, "by": by }),
                personal: Vec::new(),
            }));
            match self.store().commit(plan.commit).await {
                Ok(_) => {
                    self.announce(customer);
                    self.bell().ring(Loop::of(*target));
                    return Ok(Paired::Done);
                }
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error),
            }
        }
    }
}
