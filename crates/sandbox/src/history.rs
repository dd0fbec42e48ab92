//! A value that some readers see as it was a while ago.
//!
//! Both Circle's search and Kit's lists answer from an index that trails the writes. A [`Lagged`] keeps the
//! value before each recent change, so that a read can be answered as of any earlier instant within the
//! longest lag. Without a lag nothing is copied.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

/// A current value, and what it was before each change of the last few minutes.
#[derive(Debug)]
pub(crate) struct Lagged<T> {
    current: Arc<T>,
    /// The instant of a change and the value just before it, oldest first.
    past: VecDeque<(Timestamp, Arc<T>)>,
}

impl<T: Clone> Lagged<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { current: Arc::new(value), past: VecDeque::new() }
    }

    /// The value with every write in it.
    pub(crate) fn current(&self) -> &T {
        &self.current
    }

    /// The value as it was `lag` before `now`.
    ///
    /// Changes older than the `keep` of the writes that followed them are always seen.
    pub(crate) fn read(&self, now: Timestamp, lag: SignedDuration) -> &T {
        let seen_until = now - lag;
        self.past
            .iter()
            .find(|(changed_at, _)| *changed_at > seen_until)
            .map_or(&self.current, |(_, before)| before)
    }

    /// The value to be changed at `now`; `keep` is the longest lag that a later read may ask for.
    ///
    /// Several changes at one instant are one change, as no read can fall between them.
    pub(crate) fn write(&mut self, now: Timestamp, keep: SignedDuration) -> &mut T {
        let needed_after = now - keep;
        while self.past.front().is_some_and(|(changed_at, _)| *changed_at <= needed_after) {
            self.past.pop_front();
        }
        let is_recorded = self.past.back().is_some_and(|(changed_at, _)| *changed_at == now);
        if keep.is_positive() && !is_recorded {
            self.past.push_back((now, Arc::clone(&self.current)));
        }
        Arc::make_mut(&mut self.current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn a_read_sees_only_what_was_written_a_lag_ago() {
        let keep = SignedDuration::from_secs(30);
        let mut value = Lagged::new(0);
        *value.write(at(10), keep) = 1;
        *value.write(at(20), keep) = 2;
        *value.write(at(20), keep) = 3;
        for (now, lag, expect) in [
            (9, 0, 0),
            (20, 0, 3),
            (39, 30, 0),
            (40, 30, 1),
            (49, 30, 1),
            (50, 30, 3),
            (25, 5, 3),
            (24, 5, 1),
        ] {
            // Before its own instant a change is not there, whatever the lag.
            assert_eq!(
                *value.read(at(now), SignedDuration::from_secs(lag)),
                expect,
                "at {now} with lag {lag}"
            );
        }
        assert_eq!(*value.current(), 3);
    }

    #[test]
    fn changes_older_than_the_lag_are_forgotten() {
        let keep = SignedDuration::from_secs(30);
        let mut value = Lagged::new(0);
        for second in 0..1000 {
            *value.write(at(second), keep) += 1;
        }
        assert!(value.past.len() <= 30, "{} kept", value.past.len());
        let mut unlagged = Lagged::new(0);
        *unlagged.write(at(0), SignedDuration::ZERO) += 1;
        assert!(unlagged.past.is_empty());
    }
}
