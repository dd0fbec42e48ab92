//! Reading the configuration again while Frontdesk runs: on SIGHUP, and when the file or a secret's file changed.
//!
//! A file that cannot be used leaves everything as it was, with an alert that closes when a later one can. Settings and
//! credentials are exchanged at once. A catalogue is taken up at once where nobody loses anything by it; where somebody
//! would, it waits for `frontdesk reload`, which shows who, and asks. What only a restart can change is named.

use crate::assemble;
use crate::assemble::store_failed;
use crate::config::{self, Config, Environment, Loaded, Origin, Store};
use crate::errors::{Code, Failure, Report};
use crate::live::{Hangups, LivePorts};
use frontdesk_core::catalogue::Catalogue;
use frontdesk_engine::catalogue::{Earlier, Foreseen, TakenUp};
use frontdesk_engine::reload::Matter;
use frontdesk_engine::{Engine, Ports};
use frontdesk_store::Error;
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How often the files are looked at. A change is taken up at the second look that finds it alike, so that a file that
/// is just being written is not.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How often files that change while they are read are read again. One that goes on changing is taken up by a later look.
const READS_MAX: usize = 5;

/// What the files hold, as far as it can be told apart: never a secret itself.
type Fingerprint = [u8; 32];

/// Reads the configuration again.
pub struct Reloader {
    path: PathBuf,
    environment: Environment,
    engine: Engine<LivePorts>,
    running: Mutex<Running>,
}

/// What the process runs with.
#[derive(Debug)]
struct Running {
    config: Config,
    /// The files as they were last read.
    read: Fingerprint,
    /// The files at the last look, where that was not yet taken up.
    seen: Fingerprint,
    /// What was read last cannot be used. Then every look tries again: what it lacks may be in another file.
    is_unusable: bool,
}

/// A configuration that was read while another one runs.
#[derive(Debug)]
pub struct Reading {
    /// As it can be taken up now: what needs a restart is as it was.
    config: Config,
    read: Fingerprint,
    /// The keys whose change needs a restart.
    pub needs_restart: Vec<&'static str>,
    /// What should be looked at in the file.
    pub warnings: Vec<Report>,
}

impl Reading {
    /// The catalogue as the file says.
    pub fn catalogue(&self) -> Catalogue {
        self.config.catalogue()
    }
}

impl Reloader {
    /// For a process that was started with `config`, which was read from `path`.
    pub fn new(path: PathBuf, environment: Environment, config: Config, engine: Engine<LivePorts>) -> Self {
        let read = fingerprint(&path, &config);
        let running = Mutex::new(Running { config, read, seen: read, is_unusable: false });
        Self { path, environment, engine, running }
    }

    /// Reads and checks the file and every secret that it names.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it. Nothing was changed.
    pub async fn read(&self) -> Result<Reading, Failure> {
        self.read_beside(&*self.running.lock().await)
    }

    fn read_beside(&self, running: &Running) -> Result<Reading, Failure> {
        let Loaded { mut config, mut warnings } = config::load(&self.path, &self.environment)?;
        let mut read = fingerprint(&self.path, &config);
        for _ in 0..READS_MAX {
            // What is loaded between two alike looks is what they saw; a file that is being replaced is neither.
            let again = config::load(&self.path, &self.environment)?;
            let then = fingerprint(&self.path, &again.config);
            let is_steady = then == read;
            (config, warnings, read) = (again.config, again.warnings, then);
            if is_steady {
                break;
            }
        }
        let needs_restart = keep_what_needs_a_restart(&running.config, &mut config);
        Ok(Reading { config, read, needs_restart, warnings })
    }

    /// Works out what taking up the catalogue of a reading would do.
    pub async fn foresee(&self, reading: &Reading, earlier: Earlier<'_>) -> Result<Foreseen, Failure> {
        let next = self.engine.next_catalogue(&reading.catalogue(), earlier);
        self.engine.foresee(next).await.map_err(|error| store_failed(&error))
    }

    /// Takes up a reading whose catalogue comes to `catalogue`, as `by` decided; nothing of it waits any more.
    ///
    /// # Errors
    ///
    /// When a key cannot be used, the store did not take it, or another process took a catalogue up since this one was
    /// foreseen. The catalogue that was in force stays so.
    pub async fn take_up(&self, reading: Reading, catalogue: Catalogue, by: &str) -> Result<(), Failure> {
        let mut running = self.running.lock().await;
        self.take_up_settings(&mut running, reading).await?;
        let failed = |error: Error| store_failed(&error);
        if *self.engine.catalogue() != catalogue
            && self.engine.take_up(catalogue, Some(by)).await.map_err(failed)? == TakenUp::Overtaken
        {
            return Err(overtaken());
        }
        self.engine.configuration_waits(Matter::Removes, None).await.map_err(failed)
    }

    /// Everything but the catalogue.
    async fn take_up_settings(&self, running: &mut Running, reading: Reading) -> Result<(), Failure> {
        let settings = assemble::settings(&reading.config, &self.engine.settings().node)?;
        let failed = |error: Error| store_failed(&error);
        self.engine.take_up_settings(settings).await.map_err(failed)?;
        let restart = reading.needs_restart.join(", ");
        let why = format!("a restart is needed for {restart}; the rest is in force");
        let waits = (!restart.is_empty()).then_some(why.as_str());
        if let Some(why) = waits {
            tracing::warn!("{why}");
        }
        self.engine.configuration_waits(Matter::NeedsRestart, waits).await.map_err(failed)?;
        self.engine.configuration_waits(Matter::Unusable, None).await.map_err(failed)?;
        *running =
            Running { config: reading.config, read: reading.read, seen: reading.read, is_unusable: false };
        Ok(())
    }

    /// Takes up whatever the file says, as far as nobody loses anything by it. Says in the log, and by an alert, what
    /// waits for somebody.
    pub async fn reload(&self) {
        let mut running = self.running.lock().await;
        if let Err(failure) = self.reload_beside(&mut running).await {
            // Known as it is, so that it is not complained of at every look.
            running.read = fingerprint(&self.path, &running.config);
            running.seen = running.read;
            running.is_unusable = true;
            let errors: Vec<_> = failure.reports.iter().filter(|report| report.is_error()).collect();
            for report in &errors {
                let at = report.at.as_ref().map(|at| format!("{at}: ")).unwrap_or_default();
                tracing::error!(code = %report.code, "{at}{}", report.message);
            }
            let first = errors.first().map_or("it cannot be used", |report| report.message.as_str());
            let why =
                format!("`{}` cannot be used, the one before stays in force: {first}", self.path.display());
            tracing::error!("{why}");
            self.tell(Matter::Unusable, Some(&why)).await;
        }
    }

    async fn reload_beside(&self, running: &mut Running) -> Result<(), Failure> {
        let reading = self.read_beside(running)?;
        let written = reading.catalogue();
        self.take_up_settings(running, reading).await?;
        let failed = |error: Error| store_failed(&error);
        if self.engine.catalogue().as_written() == written {
            tracing::info!("the configuration was read again; the catalogue is as it was");
            return self.engine.configuration_waits(Matter::Removes, None).await.map_err(failed);
        }
        while self.take_up_catalogue(&written).await? == TakenUp::Overtaken {
            // What follows the version that another process took up meanwhile may be something else.
            self.engine.follow_catalogue().await.map_err(failed)?;
            if self.engine.catalogue().as_written() == written {
                return self.engine.configuration_waits(Matter::Removes, None).await.map_err(failed);
            }
        }
        Ok(())
    }

    /// Takes up what the file says where nobody loses anything by it; else says that it waits.
    async fn take_up_catalogue(&self, written: &Catalogue) -> Result<TakenUp, Failure> {
        let failed = |error: Error| store_failed(&error);
        let settled = self.engine.next_catalogue(written, Earlier::WithdrawNew { by: "" });
        let foreseen = self.engine.foresee(settled).await.map_err(failed)?;
        let losing = foreseen.prospects.iter().filter(|prospect| prospect.takes()).count();
        if losing > 0 {
            let why = format!(
                "the catalogue of `{}` would take something from {losing} customers, so the one before stays in force: \
                 `frontdesk reload` shows whom, and asks",
                self.path.display()
            );
            tracing::warn!(losing, "{why}");
            self.engine.configuration_waits(Matter::Removes, Some(&why)).await.map_err(failed)?;
            return Ok(TakenUp::Done);
        }
        let next = self.engine.next_catalogue(written, Earlier::Keep);
        let taken_up = self.engine.take_up(next, None).await.map_err(failed)?;
        if taken_up == TakenUp::Done {
            self.engine.configuration_waits(Matter::Removes, None).await.map_err(failed)?;
        }
        Ok(taken_up)
    }

    async fn tell(&self, matter: Matter, why: Option<&str>) {
        if let Err(error) = self.engine.configuration_waits(matter, why).await {
            tracing::error!("the store did not take an alert about the configuration: {error}");
        }
    }

    /// One look: whether the files changed, or another process took up a catalogue.
    pub async fn look(&self) {
        let changed = {
            let mut running = self.running.lock().await;
            let now = fingerprint(&self.path, &running.config);
            let is_steady = now == running.seen;
            running.seen = now;
            let is_whole = || running.is_unusable && self.read_beside(&running).is_ok();
            is_steady && (now != running.read || is_whole())
        };
        if changed {
            self.reload().await;
        }
        match self.engine.follow_catalogue().await {
            Ok(false) => {}
            Ok(true) => {
                let written = self.running.lock().await.config.catalogue();
                if self.engine.catalogue().as_written() == written {
                    self.tell(Matter::Removes, None).await;
                }
            }
            Err(error) => {
                tracing::warn!("the catalogue in force could not be looked up, trying again: {error}");
            }
        }
    }

    /// Takes up what was edited while nothing ran, and looks from then on, beside everything else.
    pub fn watch(self: &Arc<Self>, mut hangups: Hangups) {
        let reloader = Arc::clone(self);
        self.engine.ports().spawn("reload", async move {
            reloader.reload().await;
            loop {
                tokio::select! {
                    biased;
                    () = hangups.next() => {
                        tracing::info!("SIGHUP: the configuration is read again");
                        reloader.reload().await;
                    }
                    () = reloader.engine.ports().sleep(LOOK_EVERY) => reloader.look().await,
                }
            }
        });
    }
}

/// That what was confirmed does not follow what is in force by now.
fn overtaken() -> Failure {
    let message = "another process took up a catalogue meanwhile, so the one you confirmed was not taken up";
    Report::error(Code::CatalogueOvertaken, message)
        .hint("run `frontdesk reload` again: it shows what would follow from it now, and asks")
        .into()
}

/// A hash over the file and over every file that holds one of its secrets. One that cannot be read is like an empty one:
/// reading it says what is wrong.
fn fingerprint(path: &std::path::Path, config: &Config) -> Fingerprint {
    let mut hash = Sha256::new();
    let secrets = config.secrets.iter().filter_map(|secret| match &secret.origin {
        Origin::File(path) => Some(path.as_path()),
        Origin::Variable(_) => None,
    });
    // This one may not be there yet: Frontdesk writes it.
    let endpoint = config.targets.kit.as_ref().and_then(|kit| kit.endpoint_secret_file.as_deref());
    for path in std::iter::once(path).chain(secrets).chain(endpoint) {
        let bytes = std::fs::read(path).unwrap_or_default();
        hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(bytes);
    }
    hash.finalize().into()
}

/// Puts what a running process cannot change back into `next`. Returns the keys that would have.
fn keep_what_needs_a_restart(running: &Config, next: &mut Config) -> Vec<&'static str> {
    let mut keys = Vec::new();
    let is_same_store = match (&running.store, &next.store) {
        (Store::Sqlite(a), Store::Sqlite(b)) => a == b,
        (Store::Postgres(a), Store::Postgres(b)) => a.matches(b.expose().as_bytes()),
        _ => false,
    };
    let (a, b) = (&running.site, &next.site);
    let (stripe, other) = (&running.sources.stripe, &next.sources.stripe);
    let (circle, kit) = (&running.targets.circle, &running.targets.kit);
    let (next_circle, next_kit) = (&next.targets.circle, &next.targets.kit);
    let both_circle = circle.as_ref().zip(next_circle.as_ref());
    let both_kit = kit.as_ref().zip(next_kit.as_ref());
    let changed = [
        ("store.url", !is_same_store),
        ("site.name", a.name != b.name),
        ("site.url", a.url != b.url),
        ("site.listen", a.listen != b.listen),
        ("site.community_url", a.community_url != b.community_url),
        ("site.help_email", a.help_email != b.help_email),
        ("site.zone", a.zone != b.zone),
        ("site.language", a.language != b.language),
        ("sources.stripe.path", stripe.path != other.path),
        ("sources.stripe.base_url", stripe.base_url != other.base_url),
        ("targets.circle", circle.is_some() != next_circle.is_some()),
        ("targets.circle.base_url", both_circle.is_some_and(|(a, b)| a.base_url != b.base_url)),
        (
            "targets.circle.invite_stale_after",
            both_circle.is_some_and(|(a, b)| a.invite_stale_after != b.invite_stale_after),
        ),
        ("targets.kit", kit.is_some() != next_kit.is_some()),
        ("targets.kit.base_url", both_kit.is_some_and(|(a, b)| a.base_url != b.base_url)),
        (
            "targets.kit.endpoint_secret_file",
            both_kit.is_some_and(|(a, b)| a.endpoint_secret_file != b.endpoint_secret_file),
        ),
        ("dev.clock", running.dev_clock != next.dev_clock),
    ];
    keys.extend(changed.into_iter().filter(|(_, is_changed)| *is_changed).map(|(key, _)| key));
    next.store = running.store.clone();
    next.site = running.site.clone();
    next.dev_clock.clone_from(&running.dev_clock);
    next.sources.stripe.path.clone_from(&running.sources.stripe.path);
    next.sources.stripe.base_url = running.sources.stripe.base_url.clone();
    match (circle, &mut next.targets.circle) {
        (Some(before), Some(after)) => {
            after.base_url = before.base_url.clone();
            after.invite_stale_after = before.invite_stale_after;
        }
        (before, after) => after.clone_from(before),
    }
    match (kit, &mut next.targets.kit) {
        (Some(before), Some(after)) => {
            after.base_url = before.base_url.clone();
            if after.endpoint_secret_file != before.endpoint_secret_file {
                // Kit goes on signing with the secret of the file before, until the restart.
                after.endpoint_secret_file.clone_from(&before.endpoint_secret_file);
                after.signing_secrets.extend(before.signing_secrets.iter().cloned());
            }
        }
        (before, after) => after.clone_from(before),
    }
    keys
}
