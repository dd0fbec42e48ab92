//! Makes Kit's webhook endpoint, or says what a person must make.
//!
//! It is listed before it is made: an answer that got lost leaves an endpoint whose secret nobody heard, which is then
//! given a new one. Whatever Kit says here, its tags go on: managing endpoints is no proof of a credential.

use crate::engine::Engine;
use crate::hook::KIT_ENDPOINT_ALERT;
use crate::ports::Ports;
use crate::reconcile::Drain;
use crate::settings::Connection;
use frontdesk_core::budget::Reason;
use frontdesk_core::target::{Failure, Target};
use frontdesk_providers::call::Marks;
use frontdesk_providers::kit;
use frontdesk_providers::kit::endpoints::{Ask, Endpoint, Said, listed, request, secret};
use frontdesk_providers::kit::hook::WANTED;
use frontdesk_providers::secret::Secret;
use frontdesk_store::Error;

/// Pages of the account's endpoints that are read.
const PAGES_MAX: usize = 20;

/// What came of looking after the endpoint.
#[derive(Clone, Debug)]
pub enum Endpointed {
    /// It is there, and its secret is known.
    There,
    /// It was made, or its secret was given anew: this one is to be kept.
    Secret(Secret),
    /// Kit will not; an alert says what a person must make.
    Refused,
    /// Nothing is known yet: try again later.
    Later,
}

impl<P: Ports> Engine<P> {
    /// Looks after the endpoint that posts to `url`: makes it where there is none, and renews its secret where
    /// `knows_secret` says that it is lost.
    pub async fn look_after_kit_endpoint(&self, url: &str, knows_secret: bool) -> Result<Endpointed, Error> {
        let (Some(settings), Some(known)) =
            (self.settings().targets.get(&Target::Kit).cloned(), self.accounts().of(Target::Kit))
        else {
            return Ok(Endpointed::Refused);
        };
        let Connection::Kit(account) = settings.connection.clone() else { return Ok(Endpointed::Refused) };
        let known = known.lock().await;
        let written = self.take_up_mode(Target::Kit, settings.mode).await?;
        let Some(held) = self.take_lease(Target::Kit.as_str()).await? else { return Ok(Endpointed::Later) };
        let mut drain = Drain { target: Target::Kit, settings, written, held, known };
        let done = self.endpoint(&mut drain, &account, url, knows_secret).await;
        self.store().release(&drain.held.lease).await?;
        match done? {
            Ok(Said::Yes(done)) => {
                if !matches!(done, Endpointed::Refused) {
                    self.close_alert(KIT_ENDPOINT_ALERT).await?;
                }
                Ok(done)
            }
            Ok(Said::No(why)) => {
                self.ask_for_endpoint(url, &why).await?;
                Ok(Endpointed::Refused)
            }
            Err(failure) => {
                tracing::warn!(
                    class = failure.class(),
                    "Kit's webhook endpoint could not be looked after yet"
                );
                Ok(Endpointed::Later)
            }
        }
    }

    async fn endpoint(
        &self,
        drain: &mut Drain<'_>,
        account: &kit::Account,
        url: &str,
        knows_secret: bool,
    ) -> Result<Result<Said<Endpointed>, Failure>, Error> {
        let found = match self.find_endpoint(drain, account, url).await? {
            Ok(Said::Yes(found)) => found,
            Ok(Said::No(why)) => return Ok(Ok(Said::No(why))),
            Err(failure) => return Ok(Err(failure)),
        };
        let ask = match found {
            Some(endpoint) if knows_secret => {
                let lacks = endpoint.lacks();
                if endpoint.is_active && lacks.is_empty() {
                    return Ok(Ok(Said::Yes(Endpointed::There)));
                }
                let lacks = if lacks.is_empty() { "nothing".to_owned() } else { lacks.join(", ") };
                let active = if endpoint.is_active { "active" } else { "disabled" };
                return Ok(Ok(Said::No(format!("the endpoint is {active} and lacks: {lacks}"))));
            }
            Some(endpoint) => Ask::Rotate { endpoint: endpoint.id },
            None => Ask::Make { url: url.to_owned() },
        };
        let made = |marks: Marks<'_>| request(account, &ask, marks);
        let said = match self.look(drain, "webhook endpoint", Reason::Read, made, secret).await? {
            Ok(said) => said,
            Err(failure) => return Ok(Err(failure)),
        };
        Ok(Ok(match said {
            Said::Yes(secret) => Said::Yes(Endpointed::Secret(secret)),
            Said::No(why) => Said::No(why),
        }))
    }

    async fn find_endpoint(
        &self,
        drain: &mut Drain<'_>,
        account: &kit::Account,
        url: &str,
    ) -> Result<Result<Said<Option<Endpoint>>, Failure>, Error> {
        let mut after = None;
        for _ in 0..PAGES_MAX {
            let ask = Ask::List { after: after.take() };
            let made = |marks: Marks<'_>| request(account, &ask, marks);
            let page = match self.look(drain, "webhook endpoints", Reason::Read, made, listed).await? {
                Ok(Said::Yes(page)) => page,
                Ok(Said::No(why)) => return Ok(Ok(Said::No(why))),
                Err(failure) => return Ok(Err(failure)),
            };
            if let Some(found) = page.entries.into_iter().find(|endpoint| endpoint.url == url) {
                return Ok(Ok(Said::Yes(Some(found))));
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(Ok(Said::Yes(None)))
    }

    /// One alert with everything that a person needs to make the endpoint.
    async fn ask_for_endpoint(&self, url: &str, why: &str) -> Result<(), Error> {
        let why = format!(
            "Kit's webhook endpoint could not be made ({why}). Everything else goes on, and sweeps find what it would tell. \
             To have it, make an endpoint in Kit (Settings, Developer, Webhooks) for `{url}` with the events {}, put the \
             secret that Kit shows once into a variable and write signing_secrets = [\"${{KIT_SIGNING_SECRET}}\"] into \
             [targets.kit] in place of `endpoint_secret_file`",
            WANTED.join(", ")
        );
        tracing::error!("{why}");
        self.alert(KIT_ENDPOINT_ALERT, "endpoint", "kit", &why).await
    }
}
