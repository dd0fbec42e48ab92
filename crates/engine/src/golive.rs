//! Going live: what a target collected in shadow mode is written only when a person says so (DESIGN §5).
//!
//! The rule is the core's ([`Written`]); here it is kept in the store, so that no restart and no other node forgets that
//! somebody still has to look.

use crate::bell::Loop;
use crate::engine::Engine;
use crate::ports::Ports;
use crate::settings::Mode;
use frontdesk_core::golive::Written;
use frontdesk_core::target::Target;
use frontdesk_store::{Commit, Error, Write};
use jiff::Timestamp;

/// What came of going live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WentLive {
    /// So many rows that waited are due.
    Done {
        /// How many.
        rows: u64,
    },
    /// It was live already.
    Already {
        /// Since when.
        at: Timestamp,
        /// Who said so; `None`: nothing waited then.
        by: Option<String>,
    },
    /// The configuration says `shadow`: nothing would be written anyway.
    InShadow,
    /// No such target is configured.
    NotConfigured,
}

fn key(target: Target) -> String {
    format!("written:{target}")
}

/// The alert that tells that a live target waits for a person.
fn alert_key(target: Target) -> String {
    format!("not_live:{target}")
}

fn write(target: Target, written: &Written) -> Write {
    let value = serde_json::to_string(written).expect("an instant and a name are JSON");
    Write::Meta { key: key(target), value }
}

impl<P: Ports> Engine<P> {
    /// Which rows of a target are written, as last noted; nothing while nothing was.
    pub async fn written(&self, target: Target) -> Result<Written, Error> {
        Ok(self.noted(target).await?.unwrap_or(Written::Nothing))
    }

    async fn noted(&self, target: Target) -> Result<Option<Written>, Error> {
        let text = self.store().meta(&key(target)).await?;
        // A mark that cannot be read was written by another version: what waits then waits for a person.
        Ok(text.map(|text| serde_json::from_str(&text).unwrap_or(Written::Nothing)))
    }

    /// Notes what the configuration says of a target now, and says so where somebody has to look first.
    pub(crate) async fn take_up_mode(&self, target: Target, mode: Mode) -> Result<Written, Error> {
        let noted = self.noted(target).await?;
        if mode == Mode::Live
            && let Some(written @ Written::Everything { .. }) = noted
        {
            return Ok(written);
        }
        let now = self.ports().now_wall();
        // What was begun in shadow mode and waits for something else belongs to it as well.
        let since = match &noted {
            Some(Written::Nothing) => now,
            Some(Written::Since { at }) => *at,
            Some(Written::Everything { .. }) | None => Timestamp::MIN,
        };
        let waiting = self.store().shadowed(target, since).await?;
        // What an import is still bringing in may be about anybody.
        let was_shadow = matches!(noted, Some(Written::Nothing | Written::Since { .. }));
        let waits = waiting > 0 || (was_shadow && self.imported().await?.is_some());
        let written = Written::following(noted.clone(), mode == Mode::Live, waits, now);
        if noted.as_ref() == Some(&written) {
            return Ok(written);
        }
        let alert = if matches!(written, Written::Since { .. }) {
            let why = format!(
                "{} is live for what happens from now on; {waiting} rows wait from before: look at `frontdesk plan`, \
                 then run `frontdesk go-live {target}`",
                target.title()
            );
            tracing::warn!(target.id = %target, waiting, "{why}");
            Write::AlertOpen {
                key: alert_key(target),
                kind: "not_live".to_owned(),
                subject: target.as_str().to_owned(),
                detail: serde_json::json!({ "why": why }),
                at: now,
            }
        } else {
            Write::AlertClose { key: alert_key(target), at: now }
        };
        let writes = vec![self::write(target, &written), alert];
        self.store().commit(Commit { expect: Vec::new(), writes }).await?;
        Ok(written)
    }

    /// Lets go what a target collected in shadow mode. `by` names the person.
    pub async fn go_live(&self, target: Target, by: &str) -> Result<WentLive, Error> {
        let Some(settings) = self.settings().targets.get(&target).cloned() else {
            return Ok(WentLive::NotConfigured);
        };
        if settings.mode == Mode::Shadow {
            return Ok(WentLive::InShadow);
        }
        if let Written::Everything { by, at } = self.take_up_mode(target, settings.mode).await? {
            return Ok(WentLive::Already { at, by });
        }
        let rows = self.store().shadowed(target, Timestamp::MIN).await?;
        let now = self.ports().now_wall();
        let written = Written::Everything { by: Some(by.to_owned()), at: now };
        let close = Write::AlertClose { key: alert_key(target), at: now };
        let writes = vec![self::write(target, &written), Write::Unshadow { target, at: now }, close];
        self.store().commit(Commit { expect: Vec::new(), writes }).await?;
        tracing::info!(target.id = %target, rows, by, "the target went live: what waited is due");
        self.bell().ring(Loop::of(target));
        Ok(WentLive::Done { rows })
    }
}
