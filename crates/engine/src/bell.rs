//! Wakes the loops when there is something to do.

use crate::ports::Ports;
use frontdesk_core::target::Target;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// One loop of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loop {
    /// Applies what the journal holds.
    Apply,
    /// Reads objects at the sources.
    Reads,
    /// Brings Circle in line.
    Circle,
    /// Brings Kit in line.
    Kit,
    /// Looks for events that never came.
    Poll,
}

impl Loop {
    /// The loop that brings `target` in line.
    pub const fn of(target: Target) -> Self {
        match target {
            Target::Circle => Self::Circle,
            Target::Kit => Self::Kit,
        }
    }
}

/// A bell that each loop waits for. Rung while a loop is busy, it is heard when the loop next waits.
#[derive(Clone, Debug, Default)]
pub struct Bell {
    ropes: Arc<[Notify; 5]>,
}

impl Bell {
    /// Wakes one loop.
    pub fn ring(&self, who: Loop) {
        self.ropes[who as usize].notify_one();
    }

    /// Wakes these loops.
    pub fn ring_each(&self, who: impl IntoIterator<Item = Loop>) {
        for who in who {
            self.ring(who);
        }
    }

    /// Wakes every loop.
    pub fn ring_all(&self) {
        for rope in self.ropes.iter() {
            rope.notify_one();
        }
    }

    /// Ends when the bell is rung for `who`, when the wall clock reads `until`, and at the latest after `longest`: by
    /// the monotonic clock, so that a wall clock that jumped back puts nothing to sleep for years (RELIABILITY I26).
    pub async fn wait<P: Ports>(&self, ports: &P, who: Loop, until: Option<Timestamp>, longest: Duration) {
        let rope = self.ropes[who as usize].notified();
        let due = async {
            match until {
                Some(until) => ports.sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = rope => {}
            () = due => {}
            () = ports.sleep(longest) => {}
        }
    }
}
