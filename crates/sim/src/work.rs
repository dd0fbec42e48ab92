//! How much of a processor one run may take: more is a livelock, whether its tasks wake each other without an end or
//! one of them never puts itself down.

use std::panic::resume_unwind;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Time of a processor that one run may take; more is a livelock. On a machine that is busy elsewhere a run takes longer by
/// the wall, and no more of this.
pub(crate) const WORK_MAX: Duration = Duration::from_secs(10);

/// Asking the system for a thread's time costs as much as many steps of a run.
const ASKED_EVERY: u64 = 1024;

/// What a task is unwound with when its run has used up its work.
#[derive(Debug)]
pub(crate) struct UsedUp;

/// What a run has worked, counted in the thread that runs it.
#[derive(Debug)]
pub(crate) struct Work {
    began: Duration,
    asked: AtomicU64,
}

impl Work {
    /// Begins to count.
    pub(crate) fn begin() -> Self {
        Self { began: worked(), asked: AtomicU64::new(0) }
    }

    /// How much was worked so far.
    pub(crate) fn done(&self) -> Duration {
        worked().saturating_sub(self.began)
    }

    /// Whether that is more than a run may take. Cheap: most questions are not passed on.
    pub(crate) fn is_used_up(&self) -> bool {
        let nth = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        nth.is_multiple_of(ASKED_EVERY) && self.done() > WORK_MAX
    }

    /// Unwinds the task that asks once its run has used up its work. Asked whenever a task asks for anything: one that goes
    /// round without ever putting itself down cannot be stopped between two steps.
    pub(crate) fn or_unwind(&self) {
        if self.is_used_up() {
            resume_unwind(Box::new(UsedUp));
        }
    }
}

/// How long the caller's thread has run on a processor, where the system tells (Linux); else the time since a first
/// call. The one look at the real world: it bounds a run, it decides nothing in it.
fn worked() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = told.split(' ').next().and_then(|nanos| nanos.parse().ok());
    nanos.map_or_else(|| wall().elapsed(), Duration::from_nanos)
}

#[expect(
    clippy::disallowed_methods,
    reason = "bounds a run where the system does not tell a thread's own time"
)]
fn wall() -> std::time::Instant {
    static FIRST: OnceLock<std::time::Instant> = OnceLock::new();
    *FIRST.get_or_init(std::time::Instant::now)
}
