//! The engine: what it is made of, and the loops that it runs.

use crate::account::Accounts;
use crate::bell::{Bell, Loop};
use crate::ingest::IN_FLIGHT_MAX;
use crate::lease::Watch;
use crate::ports::Ports;
use crate::settings::{Mode, Settings};
use frontdesk_core::catalogue::Catalogue;
use frontdesk_core::id::{CustomerId, EntryId};
use frontdesk_core::target::Target;
use frontdesk_store::{Error, Store};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{Semaphore, broadcast};

/// How long a loop waits after the store failed.
const STORE_FAILED_PAUSE: Duration = Duration::from_secs(1);
/// The shortest that a loop waits after a turn without the bell.
const PAUSE_MIN: SignedDuration = SignedDuration::from_millis(20);
/// Changes that a slow listener may miss before it is told to load again.
const CHANGES_HELD: usize = 256;

/// The whole of Frontdesk behind its surfaces. Cheap to clone.
#[derive(Debug)]
pub struct Engine<P: Ports> {
    inner: Arc<Inner<P>>,
}

impl<P: Ports> Clone for Engine<P> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

#[derive(Debug)]
struct Inner<P> {
    ports: P,
    store: Store,
    in_force: RwLock<InForce>,
    bell: Bell,
    changes: broadcast::Sender<CustomerId>,
    ingest_permits: Semaphore,
    accounts: Accounts,
    watch: Watch,
    /// The mode of each target that this process last noted in the store.
    modes: Mutex<BTreeMap<Target, Mode>>,
}

/// What may be exchanged while the loops run. Both are replaced at once, so that nobody sees half of a reload.
#[derive(Clone, Debug)]
struct InForce {
    settings: Arc<Settings>,
    catalogue: Arc<Catalogue>,
}

impl<P: Ports> Engine<P> {
    /// Opens the engine over a store that is migrated.
    ///
    /// Enters the catalogue into the journal if it is another one than last time, carrying along what earlier
    /// versions granted, and has every customer looked at again under it.
    pub async fn open(ports: P, store: Store, settings: Settings) -> Result<Self, Error> {
        let catalogue = crate::catalogue::take_up(&ports, &store, &settings).await?;
        let accounts = Accounts::new(&settings);
        let inner = Inner {
            ports,
            store,
            bell: Bell::default(),
            changes: broadcast::Sender::new(CHANGES_HELD),
            ingest_permits: Semaphore::new(IN_FLIGHT_MAX),
            accounts,
            watch: Watch::default(),
            modes: Mutex::default(),
            in_force: RwLock::new(InForce { settings: Arc::new(settings), catalogue: Arc::new(catalogue) }),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The doors to the outside.
    pub fn ports(&self) -> &P {
        &self.inner.ports
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// What the engine was told last. A snapshot: whoever needs two of its values that belong together takes it once.
    pub fn settings(&self) -> Arc<Settings> {
        self.in_force().settings
    }

    /// The catalogue in force, with what earlier versions granted. A snapshot, to be taken once for each decision.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.in_force().catalogue
    }

    fn in_force(&self) -> InForce {
        self.inner.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes one thing in the settings, whatever else is exchanged meanwhile.
    pub fn amend_settings(&self, amend: impl FnOnce(&mut Settings)) {
        let mut in_force = self.inner.in_force.write().unwrap_or_else(PoisonError::into_inner);
        amend(Arc::make_mut(&mut in_force.settings));
    }

    /// Has every decision from here on rest on these.
    pub fn exchange(&self, settings: Settings, catalogue: Catalogue) {
        let next = InForce { settings: Arc::new(settings), catalogue: Arc::new(catalogue) };
        *self.inner.in_force.write().unwrap_or_else(PoisonError::into_inner) = next;
    }

    /// Has every decision from here on rest on another catalogue, whatever the settings are by then.
    pub(crate) fn exchange_catalogue(&self, catalogue: Catalogue) {
        self.inner.in_force.write().unwrap_or_else(PoisonError::into_inner).catalogue = Arc::new(catalogue);
    }

    /// Has every call from here on rest on other settings, whatever the catalogue is by then.
    pub(crate) fn exchange_settings(&self, settings: Settings) {
        self.inner.in_force.write().unwrap_or_else(PoisonError::into_inner).settings = Arc::new(settings);
    }

    /// The mode of a target that this process took up last; `None`: none yet.
    pub(crate) fn mode_taken_up(&self, target: Target) -> Option<Mode> {
        self.inner.modes.lock().unwrap_or_else(PoisonError::into_inner).get(&target).copied()
    }

    /// Remembers which mode of a target this process took up.
    pub(crate) fn took_up_mode(&self, target: Target, mode: Mode) {
        self.inner.modes.lock().unwrap_or_else(PoisonError::into_inner).insert(target, mode);
    }

    /// The bell of the loops.
    pub fn bell(&self) -> &Bell {
        &self.inner.bell
    }

    /// Customers whose record or syncs changed, as it happens. A listener that lags is told so.
    pub fn changes(&self) -> broadcast::Receiver<CustomerId> {
        self.inner.changes.subscribe()
    }

    pub(crate) fn announce(&self, customer: &CustomerId) {
        // Nobody listening is no error.
        let _ = self.inner.changes.send(customer.clone());
    }

    pub(crate) fn ingest_permits(&self) -> &Semaphore {
        &self.inner.ingest_permits
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.inner.watch
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.inner.accounts
    }

    /// A new id for a journal entry.
    pub(crate) fn new_entry_id(&self) -> EntryId {
        new_entry_id(&self.inner.ports)
    }

    /// A number uniform in 0..=u32::MAX.
    pub(crate) fn dice(&self) -> u32 {
        let mut bytes = [0u8; 4];
        self.inner.ports.random(&mut bytes);
        u32::from_be_bytes(bytes)
    }

    /// Random text that names one call or effect: `prefix` and 80 bits.
    pub(crate) fn new_name(&self, prefix: &str) -> String {
        let mut bytes = [0u8; 10];
        self.inner.ports.random(&mut bytes);
        format!("{prefix}_{}", frontdesk_core::id::base32(&bytes))
    }

    /// What the wall clock reads when the monotonic one reads `mono`, if it does not jump until then.
    pub(crate) fn wall_at(&self, mono: Duration) -> Timestamp {
        let left = mono.saturating_sub(self.ports().now_mono());
        self.after(SignedDuration::try_from(left).unwrap_or(SignedDuration::MAX))
    }

    /// Starts every loop. They end with the process, or with the node in a simulation.
    pub fn start(&self) {
        let engine = self.clone();
        self.ports().spawn("forecast", async move { engine.log_forecasts().await });
        let engine = self.clone();
        self.ports().spawn("overdue", async move { engine.watch_removals().await });
        let spawn = |name, who| {
            let engine = self.clone();
            self.ports().spawn(name, async move { engine.run(who).await });
        };
        spawn("apply", Loop::Apply);
        spawn("reads", Loop::Reads);
        if self.settings().source.poll_every.is_some() {
            spawn("poll", Loop::Poll);
        }
        if self.settings().targets.contains_key(&Target::Circle) {
            spawn("circle", Loop::Circle);
        }
        if self.settings().targets.contains_key(&Target::Kit) {
            spawn("kit", Loop::Kit);
        }
    }

    /// One loop: do what is due, wait for the bell or for what is due next.
    async fn run(&self, who: Loop) {
        loop {
            let done = match who {
                Loop::Apply => self.apply_due().await,
                Loop::Reads => self.read_due().await,
                Loop::Circle => self.reconcile(Target::Circle).await,
                Loop::Kit => self.reconcile(Target::Kit).await,
                Loop::Poll => self.poll().await,
            };
            match done {
                Ok(next) => {
                    let look = Duration::try_from(self.settings().look_every).unwrap_or(STORE_FAILED_PAUSE);
                    // Never at once: a step that believes itself due and finds nothing must not spin.
                    let now = self.ports().now_wall();
                    let soonest = now.saturating_add(PAUSE_MIN).unwrap_or(Timestamp::MAX);
                    let next = next.map(|at| at.max(soonest));
                    self.bell().wait(self.ports(), who, next, look).await;
                }
                Err(error) => {
                    tracing::error!(loop_name = ?who, "the store did not answer, trying again: {error}");
                    self.ports().sleep(STORE_FAILED_PAUSE).await;
                }
            }
        }
    }
}

/// A new id for a journal entry, from the ports' clock and randomness.
pub(crate) fn new_entry_id<P: Ports>(ports: &P) -> EntryId {
    let mut random = [0u8; 10];
    ports.random(&mut random);
    let millis = u64::try_from(ports.now_wall().as_millisecond()).unwrap_or(0);
    EntryId::from_parts(millis, random)
}
