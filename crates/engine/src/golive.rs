//! Going live: what a target collected in shadow mode is written only when a person says so (DESIGN §5).
//!
//! The rule is the core's ([`Written`]); here it is kept in the store, so that no restart and no other node forgets that
//! somebody still has to look.

use crate::bell::Loop;
use crate::engine::Engine;
use crate::ports::Ports;
use crate::settings::Mode;
use frontdesk_core::golive::Written;
use frontdesk_core::sync::Sync;
use frontdesk_core::target::Target;
use frontdesk_store::{Commit, Error, Expect, Write};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

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

/// The shortest time that the store tells apart.
const INSTANT: SignedDuration = SignedDuration::from_micros(1);

fn key(target: Target) -> String {
    format!("written:{target}")
}

/// The alert that tells that a live target waits for a person.
fn alert_key(target: Target) -> String {
    format!("not_live:{target}")
}

/// The alert that tells that two nodes were told different modes of a target.
fn differing_key(target: Target) -> String {
    format!("modes_differ:{target}")
}

/// A target's mark as it stands in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Noted {
    #[serde(flatten)]
    written: Written,
    /// The node that noted it.
    #[serde(default)]
    node: String,
}

/// What the store has of a target's mark.
struct Mark {
    target: Target,
    /// As it was read, for the commit that rests on it.
    text: Option<String>,
    noted: Option<Noted>,
}

impl Mark {
    fn read(target: Target, text: Option<String>) -> Self {
        // A mark that cannot be read was written by another version: what waits then waits for a person.
        let unknown = || Noted { written: Written::Nothing, node: String::new() };
        let noted = text.as_ref().map(|text| serde_json::from_str(text).unwrap_or_else(|_| unknown()));
        Self { target, text, noted }
    }

    fn written(&self) -> Option<&Written> {
        self.noted.as_ref().map(|noted| &noted.written)
    }

    /// Notes something else, with what follows from it, if nobody did meanwhile.
    fn exchange(self, written: &Written, node: &str, mut writes: Vec<Write>) -> Commit {
        let noted = Noted { written: written.clone(), node: node.to_owned() };
        let value = serde_json::to_string(&noted).expect("an instant and names are JSON");
        writes.push(Write::Meta { key: key(self.target), value });
        Commit { expect: vec![Expect::Meta { key: key(self.target), value: self.text }], writes }
    }
}

impl<P: Ports> Engine<P> {
    /// Which rows of a target are written, as last noted; nothing while nothing was.
    pub async fn written(&self, target: Target) -> Result<Written, Error> {
        Ok(self.mark(target).await?.noted.map_or(Written::Nothing, |noted| noted.written))
    }

    /// Whether what a row is due for would be held by shadow mode, or until `go-live`, once it is looked at.
    pub async fn keeps_back(&self, row: &Sync) -> Result<bool, Error> {
        let mode = self.settings().targets.get(&row.target).map(|settings| settings.mode);
        if mode != Some(Mode::Live) {
            return Ok(true);
        }
        // What says nothing yet was never taken up: a live target takes it up when it first runs.
        let written = self.written(row.target).await?;
        Ok(written != Written::Nothing && !written.is_written(row))
    }

    async fn mark(&self, target: Target) -> Result<Mark, Error> {
        Ok(Mark::read(target, self.store().meta(&key(target)).await?))
    }

    /// Notes what the configuration says of a target, and says so where somebody has to look first.
    ///
    /// A node notes its mode when it takes it up. A mark that says otherwise afterwards is another node's, whose file says
    /// another mode: it stays, a person is told, and this node writes nothing until both agree.
    pub(crate) async fn take_up_mode(&self, target: Target, mode: Mode) -> Result<Written, Error> {
        loop {
            match self.try_take_up_mode(target, mode).await {
                Err(error) if error.is_conflict() => {}
                done => {
                    if done.is_ok() {
                        self.took_up_mode(target, mode);
                    }
                    return done;
                }
            }
        }
    }

    async fn try_take_up_mode(&self, target: Target, mode: Mode) -> Result<Written, Error> {
        let mark = self.mark(target).await?;
        let is_live = mode == Mode::Live;
        let is_new_here = self.mode_taken_up(target) != Some(mode);
        if let Some(Noted { written, node }) = &mark.noted {
            let differs = (*written != Written::Nothing) != is_live;
            if differs && !is_new_here {
                self.tell_of_differing_modes(target, mode, node).await?;
                return Ok(Written::Nothing);
            }
            if is_new_here {
                self.close_alert(&differing_key(target)).await?;
            }
            // Nothing follows these but another mode, so nobody is counted for them at every look.
            let is_settled = *written == Written::Nothing || written.is_live() && !is_new_here;
            if !differs && is_settled {
                return Ok(written.clone());
            }
        }
        let now = self.ports().now_wall();
        // A clock that is behind when the file says `live` must not let go of what waits (RELIABILITY I26): all of it became
        // due before this instant. Asked once, not at every look while something waits.
        let goes_live = is_live && !matches!(mark.written(), Some(Written::Since { .. }));
        let last_due = if goes_live { self.store().last_due_since(target).await? } else { None };
        let goes_live_at = last_due.map_or(now, |at| now.max(at.saturating_add(INSTANT).unwrap_or(at)));
        // What was begun in shadow mode and waits for something else belongs to it as well.
        let since = match mark.written() {
            Some(Written::Nothing) => goes_live_at,
            Some(Written::Since { at }) => *at,
            Some(Written::Everything { .. }) | None => Timestamp::MIN,
        };
        let waiting = if is_live { self.store().shadowed(target, since).await? } else { 0 };
        // What an import is still bringing in may be about anybody.
        let was_shadow = matches!(mark.written(), Some(Written::Nothing | Written::Since { .. }));
        // What a node held whose file said `shadow` beside one that was live waits for a person like everything else.
        let known = mark.written().filter(|written| !written.is_live() || waiting == 0 || !is_live);
        let known = known.or(mark.noted.as_ref().map(|_| &Written::Nothing)).cloned();
        let waits = waiting > 0 || (is_live && was_shadow && self.imported().await?.is_some());
        let written = Written::following(known, is_live, waits, goes_live_at);
        if mark.written() == Some(&written) {
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
        self.store().commit(mark.exchange(&written, &self.settings().node, vec![alert])).await?;
        Ok(written)
    }

    /// Tells that this node's file and that of `other` say different modes.
    async fn tell_of_differing_modes(&self, target: Target, mode: Mode, other: &str) -> Result<(), Error> {
        let (own, others) = match mode {
            Mode::Live => ("live", "shadow"),
            Mode::Shadow => ("shadow", "live"),
        };
        let why = format!(
            "`targets.{target}.mode` is `{own}` on the node `{}` and `{others}` on `{other}`: nothing is written by the first \
             until both say the same; change `frontdesk.toml` on all nodes together",
            self.settings().node
        );
        let is_told =
            self.store().open_alerts().await?.iter().any(|alert| alert.key == differing_key(target));
        if is_told {
            return Ok(());
        }
        tracing::warn!(target.id = %target, "{why}");
        self.alert(&differing_key(target), "modes_differ", target.as_str(), &why).await
    }

    /// Lets go what a target collected in shadow mode. `by` names the person.
    pub async fn go_live(&self, target: Target, by: &str) -> Result<WentLive, Error> {
        let Some(settings) = self.settings().targets.get(&target).cloned() else {
            return Ok(WentLive::NotConfigured);
        };
        if settings.mode == Mode::Shadow {
            return Ok(WentLive::InShadow);
        }
        loop {
            if let Written::Everything { by, at } = self.take_up_mode(target, settings.mode).await? {
                return Ok(WentLive::Already { at, by });
            }
            let mark = self.mark(target).await?;
            let rows = self.store().shadowed(target, Timestamp::MIN).await?;
            let now = self.ports().now_wall();
            let written = Written::Everything { by: Some(by.to_owned()), at: now };
            let close = Write::AlertClose { key: alert_key(target), at: now };
            let writes = vec![Write::Unshadow { target, at: now }, close];
            match self.store().commit(mark.exchange(&written, &self.settings().node, writes)).await {
                Err(error) if error.is_conflict() => continue,
                done => done?,
            };
            tracing::info!(target.id = %target, rows, by, "the target went live: what waited is due");
            self.bell().ring(Loop::of(target));
            return Ok(WentLive::Done { rows });
        }
    }
}
