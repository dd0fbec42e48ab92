//! The mass-change brake: more removals in a short time than a normal day brings wait for a person.
//!
//! A wrong configuration, a revoked key or a provider's mistake looks like many people losing
//! access at once. Grants are never held (I24).

use jiff::SignedDuration;

/// How far back removals are counted.
pub const WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// Removals in the window that are always let through.
pub const ALWAYS: u64 = 10;
/// Removals in the window that are let through, as a share of the entitled customers, in percent.
pub const SHARE_PERCENT: u64 = 3;

/// How many customers may lose access within [`WINDOW`] when `entitled` customers have it.
pub const fn allowance(entitled: u64) -> u64 {
    let share = entitled * SHARE_PERCENT / 100;
    if share > ALWAYS { share } else { ALWAYS }
}

/// Whether one more removal has to wait, when `recent` other customers lost access, or wait to,
/// within the window.
pub const fn holds(recent: u64, entitled: u64) -> bool {
    recent >= allowance(entitled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_allowance_is_ten_or_three_percent() {
        for (entitled, allowed) in [(0, 10), (100, 10), (333, 10), (334, 10), (400, 12), (2000, 60)] {
            assert_eq!(allowance(entitled), allowed, "{entitled} entitled");
        }
        assert!(!holds(9, 50));
        assert!(holds(10, 50));
    }
}
