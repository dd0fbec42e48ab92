//! Forecasts of quota: what is left, what the next sweep costs and may cost, how long a launch takes and what limits
//! it (DESIGN §5). Values in, values out; nothing here is spent.

use crate::budget::{Limits, Reason};
use crate::target::Target;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// How far back calls are counted to expect as many again.
pub const LOOK_BACK: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What is known of one target account's calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Our own limits.
    pub limits: Limits,
    /// Calls that counted in the running month, by reason.
    pub used: BTreeMap<Reason, u64>,
    /// Calls that counted in the last [`LOOK_BACK`], by reason.
    pub lately: BTreeMap<Reason, u64>,
    /// How long a call takes there; zero: not known. An account's calls go one after another.
    pub per_call: SignedDuration,
    /// What the next sweep is expected to cost, in calls.
    pub sweep_costs: u64,
}

impl Account {
    /// An account that is not configured.
    pub const fn nothing() -> Self {
        Self {
            limits: Limits { calls: 0, window: SignedDuration::ZERO, monthly: None },
            used: BTreeMap::new(),
            lately: BTreeMap::new(),
            per_call: SignedDuration::ZERO,
            sweep_costs: 0,
        }
    }

    /// Calls in the running month.
    pub fn used(&self) -> u64 {
        self.used.values().sum()
    }

    fn is_spent_on_people(reason: Reason) -> bool {
        matches!(reason, Reason::Grant | Reason::Removal | Reason::Settle)
    }

    /// Grants, removals and what settles them that are expected until the allowance renews: as many a day as lately.
    pub fn expected(&self, now: Timestamp) -> u64 {
        let Some(monthly) = self.limits.monthly else { return 0 };
        let lately: u64 = self
            .lately
            .iter()
            .filter(|(reason, _)| Self::is_spent_on_people(**reason))
            .map(|(_, calls)| calls)
            .sum();
        let left = monthly.renews_at(now).duration_since(now).as_secs().max(0).unsigned_abs();
        (lately * left).div_ceil(LOOK_BACK.as_secs().unsigned_abs())
    }

    /// Calls that sweeps may still spend this month: half of what the reserve, the expected grants and everything
    /// else leave, less what sweeps spent already. `None`: there is no monthly allowance.
    pub fn sweep_allowance(&self, now: Timestamp) -> Option<u64> {
        let monthly = self.limits.monthly?;
        let usable = u64::from(monthly.usable());
        let swept = self.used.get(&Reason::Sweep).copied().unwrap_or(0);
        let leave = usable.saturating_sub(self.used() - swept).saturating_sub(self.expected(now));
        Some((leave / 2).saturating_sub(swept))
    }
}

/// What limits a drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitedBy {
    /// Calls in a window, per key or address.
    Window,
    /// How long each call takes.
    Latency,
}

/// How long new buyers take to be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// How many buyers whom nobody has seen before.
    pub buyers: u64,
    /// Where it takes longest.
    pub target: Target,
    /// How long, all calls going through.
    pub takes: SignedDuration,
    /// What limits it there.
    pub limited_by: LimitedBy,
}

impl fmt::Display for Drain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { buyers, target, takes, limited_by } = self;
        let limit = match (limited_by, target) {
            (LimitedBy::Window, Target::Kit) => "Kit's calls per minute and key",
            (LimitedBy::Window, Target::Circle) => "Circle's calls in five minutes",
            (LimitedBy::Latency, Target::Kit) => "how long Kit takes for a call",
            (LimitedBy::Latency, Target::Circle) => "how long Circle takes for a call",
        };
        write!(f, "{buyers} buyers drain in {}, limited by {limit}", Spell(*takes))
    }
}

/// A span as people read it: `8 min 20 s`.
struct Spell(SignedDuration);

impl fmt::Display for Spell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        match (hours, minutes, rest) {
            (0, 0, rest) => write!(f, "{rest} s"),
            (0, minutes, 0) => write!(f, "{minutes} min"),
            (0, minutes, rest) => write!(f, "{minutes} min {rest} s"),
            (hours, 0, _) => write!(f, "{hours} h"),
            (hours, minutes, _) => write!(f, "{hours} h {minutes} min"),
        }
    }
}

/// Calls that one buyer costs whom the target has never seen (DESIGN §5): Circle invites, adds and learns; Kit adds a
/// subscriber and a tag.
pub const fn calls_per_buyer(target: Target) -> u64 {
    match target {
        Target::Circle => 3,
        Target::Kit => 2,
    }
}

/// How long `buyers` new people take. Targets are drained side by side, so the slowest decides. `None`: no targets.
pub fn drain(accounts: &BTreeMap<Target, Account>, buyers: u64) -> Option<Drain> {
    let spans = accounts.iter().map(|(target, account)| {
        let calls = i64::try_from(buyers * calls_per_buyer(*target)).unwrap_or(i64::MAX);
        let window =
            account.limits.window.as_millis() * i128::from(calls) / i128::from(account.limits.calls.max(1));
        let latency = account.per_call.as_millis() * i128::from(calls);
        let (millis, limited_by) =
            if latency > window { (latency, LimitedBy::Latency) } else { (window, LimitedBy::Window) };
        let takes = SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
        Drain { buyers, target: *target, takes, limited_by }
    });
    spans.max_by_key(|drain| drain.takes)
}

/// What one target account can still do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// Where.
    pub target: Target,
    /// The monthly allowance; `None`: there is none.
    pub allowance: Option<u64>,
    /// What of it is left; calls beyond it are billed or refused.
    pub left: Option<u64>,
    /// When it renews.
    pub renews_at: Option<Timestamp>,
    /// Grants, removals and what settles them that are expected until then.
    pub expected: u64,
    /// What the next sweep costs.
    pub sweep_costs: u64,
    /// What sweeps may still spend until the renewal; `None`: as much as fits into the windows.
    pub sweep_allowance: Option<u64>,
}

impl Forecast {
    /// The forecast of one account.
    pub fn of(target: Target, account: &Account, now: Timestamp) -> Self {
        let monthly = account.limits.monthly;
        let allowance = monthly.map(|monthly| u64::from(monthly.calls));
        Self {
            target,
            allowance,
            left: allowance.map(|calls| calls.saturating_sub(account.used())),
            renews_at: monthly.map(|monthly| monthly.renews_at(now)),
            expected: account.expected(now),
            sweep_costs: account.sweep_costs,
            sweep_allowance: account.sweep_allowance(now),
        }
    }

    /// Whether the next sweep fits into what sweeps may spend.
    pub fn sweep_fits(&self) -> bool {
        self.sweep_allowance.is_none_or(|allowance| self.sweep_costs <= allowance)
    }

    /// The forecast in one line, for the log and the terminal.
    pub fn line(&self, now: Timestamp) -> String {
        let title = self.target.title();
        let sweep = format!("a sweep costs {}", self.sweep_costs);
        let (Some(allowance), Some(left), Some(renews_at)) = (self.allowance, self.left, self.renews_at)
        else {
            return format!("{title} has no monthly allowance; {sweep}");
        };
        let days = (renews_at.duration_since(now).as_secs().max(0) + 86_399) / 86_400;
        let unit = if days == 1 { "day" } else { "days" };
        let may = match self.sweep_allowance {
            Some(may) if !self.sweep_fits() => format!(", and only {may} may be spent on sweeps until then"),
            _ => String::new(),
        };
        format!("{title} {left} of {allowance} calls left, renews in {days} {unit}; {sweep}{may}")
    }
}
