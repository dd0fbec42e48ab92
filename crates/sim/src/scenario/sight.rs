//! What can be seen of a town: the answers to the lines of a `[[then]]`, as sorted texts.

use super::document::Problem;
use super::expect::{Expect, GROUPS, Of};
use super::people::{address, name};
use super::town::Town;
use crate::run::block;
use frontdesk_core::id::CustomerId;
use frontdesk_core::stage::headline;
use frontdesk_core::sync::{Hold, State};
use frontdesk_engine::poll::LISTED;
use frontdesk_sandbox::Provider;
use frontdesk_store::{CaseFilter, CaseState, EntryFilter, Error, SyncFilter};
use serde_json::Value;
use std::collections::BTreeSet;

/// Rows that are read at once: more than any scenario makes.
const PAGE: u32 = 10_000;

impl Town {
    /// What is found where `expect` looks. `from` is how many requests there were at the `[[then]]` before.
    pub(super) fn found(&self, expect: &Expect, from: usize) -> Result<BTreeSet<String>, Problem> {
        let could_not =
            |why: Error| Problem::new(expect.line, format!("`{}` cannot be read: {why}", expect.key));
        match &expect.of {
            Of::Stage(person) => self.stage_of(person, expect.line).map(|stage| [stage].into()),
            Of::Group(group) => Ok(self.in_group(group)),
            Of::Tag(tag) => Ok(self.tagged(tag)),
            Of::Invited => Ok(self.invited()),
            Of::Subscribed => Ok(self.subscribed()),
            Of::Calls(provider) | Of::CallsAtMost(provider) => {
                Ok([self.calls(*provider, from).to_string()].into())
            }
            Of::Writes(provider) => Ok([self.writes(*provider).to_string()].into()),
            of => block(self.kept(of)).map_err(could_not),
        }
    }

    fn stage_of(&self, person: &str, line: usize) -> Result<String, Problem> {
        let engine = self.engine(line)?;
        let seen = async {
            let mut stages = Vec::new();
            for id in self.store.find_customers(&address(person), PAGE).await? {
                let view = engine.view(&id).await?;
                stages.extend(view.into_iter().flat_map(|view| view.decision.stages));
            }
            Ok::<_, Error>(headline(&stages).map(|of| of.stage.as_str().to_owned()))
        };
        block(seen)
            .map(|stage| stage.unwrap_or_else(|| "none".to_owned()))
            .map_err(|why| Problem::new(line, format!("`{person}` cannot be read: {why}")))
    }

    /// What Frontdesk itself keeps.
    async fn kept(&self, of: &Of) -> Result<BTreeSet<String>, Error> {
        let mut all = BTreeSet::new();
        match of {
            Of::Cases => {
                let open = CaseFilter { state: Some(CaseState::Open), ..CaseFilter::default() };
                for case in self.store.cases(&open, None, PAGE).await? {
                    all.insert(format!("{}: {}", self.who(&case.customer).await?, case.kind));
                }
            }
            Of::Findings => {
                for finding in self.store.findings(None, None, true, PAGE).await? {
                    let who = match (&finding.customer, &finding.address) {
                        (Some(customer), _) => self.who(customer).await?,
                        (None, Some(address)) => name(address.as_str()),
                        (None, None) => "somebody".to_owned(),
                    };
                    all.insert(format!("{who} {} in {}", finding.kind.as_str(), finding.target));
                }
            }
            Of::Alerts => {
                all.extend(self.store.open_alerts().await?.into_iter().map(|alert| alert.kind));
            }
            Of::Brakes => {
                let engaged = self.store.brakes().await?;
                let engaged = engaged.into_iter().filter(|brake| brake.released_at.is_none());
                all.extend(engaged.map(|brake| brake.target.to_string()));
            }
            Of::Healed => {
                let entries = self.store.journal_list(&EntryFilter::default(), None, PAGE).await?;
                let listed = entries.iter().filter(|entry| entry.verified_by.as_deref() == Some(LISTED));
                all.insert(listed.count().to_string());
            }
            of => {
                for row in self.store.sync_list(&SyncFilter::default(), None, PAGE).await? {
                    let line = match (of, &row.state) {
                        (Of::Waiting, State::Due | State::Sent | State::Unknown)
                        | (Of::Parked, State::Parked { .. })
                        | (Of::Contested, State::Contested { .. }) => Some(String::new()),
                        (Of::Held, State::Held(hold)) => Some(format!(": {}", word(hold))),
                        _ => None,
                    };
                    if let Some(why) = line {
                        all.insert(format!("{} in {}{why}", self.who(&row.customer).await?, row.target));
                    }
                }
            }
        }
        Ok(all)
    }

    /// The name of a customer: that of the first of their addresses, or their id.
    async fn who(&self, customer: &CustomerId) -> Result<String, Error> {
        let mails = self.store.mails(customer).await?;
        Ok(mails.first().map_or_else(|| customer.to_string(), |mail| name(mail.as_str())))
    }

    fn held_by(&self, provider: Provider) -> Value {
        let now = self.stage.true_now();
        self.stage.with(|shared| match provider {
            Provider::Stripe => shared.world.stripe.state(now),
            Provider::Circle => shared.world.circle.state(now),
            Provider::Kit => shared.world.kit.state(now),
        })
    }

    pub(super) fn in_group(&self, group: &str) -> BTreeSet<String> {
        let id = GROUPS.iter().find(|(name, _)| *name == group).map(|(_, id)| *id);
        let state = self.held_by(Provider::Circle);
        let members = state["members"].as_array().into_iter().flatten();
        let inside = members.filter(|member| {
            member["groups"].as_array().into_iter().flatten().any(|group| group.as_u64() == id)
        });
        inside.filter_map(|member| member["email"].as_str().map(name)).collect()
    }

    pub(super) fn tagged(&self, tag: &str) -> BTreeSet<String> {
        let state = self.held_by(Provider::Kit);
        let id = state["tags"].as_array().into_iter().flatten().find(|known| known["name"] == tag);
        let id = id.map(|known| known["id"].to_string()).unwrap_or_default();
        let subscribers = state["subscribers"].as_array().into_iter().flatten();
        let with_it = subscribers.filter(|subscriber| subscriber["tags"].get(&id).is_some());
        with_it.filter_map(|subscriber| subscriber["email_address"].as_str().map(name)).collect()
    }

    fn subscribed(&self) -> BTreeSet<String> {
        let state = self.held_by(Provider::Kit);
        let subscribers = state["subscribers"].as_array().into_iter().flatten();
        let active = subscribers.filter(|subscriber| subscriber["state"] == "active");
        active.filter_map(|subscriber| subscriber["email_address"].as_str().map(name)).collect()
    }

    /// Whom an invitation went out to; somebody who got two is listed with the number.
    fn invited(&self) -> BTreeSet<String> {
        let state = self.held_by(Provider::Circle);
        let mut all: Vec<String> = state["invitations"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|sent| sent["email"].as_str().map(name))
            .collect();
        all.sort();
        all.chunk_by(|one, next| one == next)
            .map(|same| match same {
                [once] => once.clone(),
                many => format!("{} ({} times)", many[0], many.len()),
            })
            .collect()
    }

    pub(super) fn calls(&self, provider: Provider, from: usize) -> usize {
        self.stage
            .with(|shared| shared.heard.iter().skip(from).filter(|call| call.provider == provider).count())
    }

    /// Requests of ours that changed what a fake holds.
    pub(super) fn writes(&self, provider: Provider) -> usize {
        self.stage.with(|shared| {
            shared.heard.iter().filter(|call| call.provider == provider && call.writes).count()
        })
    }
}

/// A hold as one word.
fn word(hold: &Hold) -> &'static str {
    match hold {
        Hold::Shadow => "shadow",
        Hold::Proof => "proof",
        Hold::Brake { .. } => "brake",
        Hold::Misconfigured { .. } => "misconfigured",
        Hold::Person => "person",
        Hold::Frozen { .. } => "frozen",
    }
}
