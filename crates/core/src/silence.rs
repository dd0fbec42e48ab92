//! A source that is silent for longer than usual: perhaps nothing is sold, perhaps nothing of what is sold is told any more.
//!
//! What is usual is its longest pause of late. A young source, or one of whose days too few were seen, has no usual yet.

use jiff::{SignedDuration, Timestamp};

/// Events that must be known before anything is usual.
const EVENTS_MIN: usize = 20;
/// The time that they must cover: nights are quiet.
const COVERED_MIN: SignedDuration = SignedDuration::from_hours(48);
/// No silence is worth a word before it has lasted for so long.
const LEAST: SignedDuration = SignedDuration::from_hours(12);
/// How many times the longest pause of late a silence lasts before it is unusual.
const TIMES: i32 = 2;

/// An unusual silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    /// When the last event happened.
    pub since: Timestamp,
    /// The longest pause between two events before it.
    pub usual: SignedDuration,
}

/// Whether a source is unusually silent at `now`, by the times of its last events, in any order.
pub fn silence(times: &[Timestamp], now: Timestamp) -> Option<Silence> {
    // What lies ahead was told under another clock.
    let mut times: Vec<Timestamp> = times.iter().copied().filter(|at| *at <= now).collect();
    times.sort_unstable();
    let (first, last) = (*times.first()?, *times.last()?);
    if times.len() < EVENTS_MIN || last.duration_since(first) < COVERED_MIN {
        return None;
    }
    let usual = times.windows(2).map(|pair| pair[1].duration_since(pair[0])).max()?;
    let allowed = usual.checked_mul(TIMES).unwrap_or(SignedDuration::MAX).max(LEAST);
    (now.duration_since(last) > allowed).then_some(Silence { since: last, usual })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(nth: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(nth)
    }

    #[test]
    fn a_silence_is_unusual_beyond_twice_the_longest_pause() {
        // One event every three hours, and a night of nine.
        let mut times: Vec<_> = (0..20).map(|nth| hour(3 * nth)).collect();
        times.push(hour(57 + 9));
        assert_eq!(silence(&times, hour(66 + 18)), None);
        let silent = silence(&times, hour(66 + 19));
        assert_eq!(silent, Some(Silence { since: hour(66), usual: SignedDuration::from_hours(9) }));
        times.reverse();
        assert_eq!(silence(&times, hour(66 + 19)), silent, "in any order");
        times.push(hour(66 + 19));
        assert_eq!(silence(&times, hour(66 + 20)), None, "it ends with the next event");
    }

    #[test]
    fn a_busy_source_may_be_silent_for_half_a_day() {
        let times: Vec<_> = (0..200).map(hour).collect();
        assert_eq!(silence(&times, hour(199 + 12)), None);
        assert!(silence(&times, hour(199 + 13)).is_some());
    }

    #[test]
    fn nothing_is_usual_before_enough_was_seen() {
        let few: Vec<_> = (0..19).map(|nth| hour(10 * nth)).collect();
        assert_eq!(silence(&few, hour(9_999)), None, "too few events");
        let short: Vec<_> = (0..40).map(hour).collect();
        assert_eq!(silence(&short, hour(9_999)), None, "too short a time");
        assert_eq!(silence(&[], hour(0)), None);
        let ahead: Vec<_> = (0..200).map(|nth| hour(9_000 + nth)).collect();
        assert_eq!(silence(&ahead, hour(5)), None, "of a clock that was ahead");
    }
}
