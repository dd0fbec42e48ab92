//! What the engine is told once, at start.

use frontdesk_core::budget::Limits;
use frontdesk_core::catalogue::Catalogue;
use frontdesk_core::id::SourceId;
use frontdesk_core::target::Target;
use frontdesk_providers::secret::Secret;
use frontdesk_providers::{circle, kit, stripe};
use jiff::SignedDuration;
use std::collections::BTreeMap;

/// Whether a target is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything but writing: what would be done is known and shown.
    Shadow,
    /// Everything.
    Live,
}

/// A payment source.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its name in the configuration.
    pub id: SourceId,
    /// The secrets that may sign its webhooks; several while one is replaced.
    pub signing_secrets: Vec<Secret>,
    /// Whether its events are about real money.
    pub livemode: bool,
    /// Its account id, if pinned: events of another account have no effect.
    pub account: Option<String>,
    /// Where and with what it is read.
    pub api: stripe::read::Account,
    /// Our own limit of calls to it.
    pub limits: Limits,
    /// How often its list of events is read for those that never came; `None`: never.
    pub poll_every: Option<SignedDuration>,
}

/// How a target is reached.
#[derive(Clone, Debug)]
pub enum Connection {
    /// A Circle community.
    Circle(circle::Account),
    /// A Kit account.
    Kit(kit::Account),
}

/// A target.
#[derive(Clone, Debug)]
pub struct TargetSettings {
    /// Whether it is written to.
    pub mode: Mode,
    /// How it is reached.
    pub connection: Connection,
    /// Our own limits of calls to it.
    pub limits: Limits,
    /// The secrets by which what it says by itself is believed; none: nothing is listened to. Kit signs with them, the
    /// URL or a header of Circle's workflows carries one.
    pub hook_secrets: Vec<Secret>,
    /// How often its lists are laid beside our records; `None`: only when somebody asks for it.
    pub sweep_every: Option<SignedDuration>,
}

/// Everything the engine is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Names this process in leases, in the audit log and in logs.
    pub node: String,
    /// The payment source.
    pub source: Source,
    /// The targets that are configured.
    pub targets: BTreeMap<Target, TargetSettings>,
    /// The catalogue as the file says.
    pub catalogue: Catalogue,
    /// How long a lease of a target account lasts without being renewed. Longer than a request may take.
    pub lease: SignedDuration,
    /// The longest that a loop sleeps without looking: what another node made due is found by then.
    pub look_every: SignedDuration,
}

/// The default of [`Settings::lease`]: three times what one request may take.
pub const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// The default of [`TargetSettings::sweep_every`].
pub const SWEEP_EVERY: SignedDuration = SignedDuration::from_hours(12);

/// The default of [`Settings::look_every`].
pub const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(5);
