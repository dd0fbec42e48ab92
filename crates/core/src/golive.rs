//! What of a target is written: nothing in shadow mode, and, once the file says `live`, nothing that happened before
//! until a person says so (DESIGN §5).

use crate::sync::Sync;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How far a purchase's time and our own may be apart: the source's is of whole seconds, and of its own clock.
const SLACK: SignedDuration = SignedDuration::from_mins(5);

/// Which rows of a target are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "written", rename_all = "snake_case")]
pub enum Written {
    /// None: the target is in shadow mode.
    Nothing,
    /// Those that became due at this instant or later: the file says `live`, and nobody has yet said that what was
    /// collected in shadow mode may go.
    Since {
        /// When the file was first seen to say `live`.
        at: Timestamp,
    },
    /// All.
    Everything {
        /// Who said so; `None`: nothing waited when the target went live.
        by: Option<String>,
        /// Since when.
        at: Timestamp,
    },
}

impl Written {
    /// What it is once the file says `live` (`is_live`) or not, at `now`. `waiting`: whether rows wait because of
    /// shadow mode. `None` for `known`: nothing was ever noted about the target.
    #[must_use]
    pub fn following(known: Option<Self>, is_live: bool, waiting: bool, now: Timestamp) -> Self {
        match (is_live, known) {
            (false, _) => Self::Nothing,
            (true, Some(known @ Self::Everything { .. })) => known,
            (true, Some(known @ Self::Since { .. })) if waiting => known,
            (true, _) if waiting => Self::Since { at: now },
            (true, _) => Self::Everything { by: None, at: now },
        }
    }

    /// Whether this row is written. A row counts by when it became due, so that neither a look nor a list that is read
    /// again lets go of what waits for a person.
    pub fn is_written(&self, row: &Sync) -> bool {
        match self {
            Self::Nothing => false,
            Self::Since { at } => row.due_since >= *at,
            Self::Everything { .. } => true,
        }
    }

    /// Whether something may be given for purchases of which the newest is of this instant: what was bought before the
    /// target went live, and is only learnt of now (by an import, a late event), waits like what was known.
    pub fn is_of_now(&self, newest: Option<Timestamp>) -> bool {
        match self {
            Self::Nothing => false,
            Self::Since { at } => {
                newest.is_none_or(|newest| newest.saturating_add(SLACK).unwrap_or(newest) >= *at)
            }
            Self::Everything { .. } => true,
        }
    }

    /// Whether everything is.
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Everything { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::CustomerId;
    use crate::target::Target;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_target_goes_live_by_itself_only_where_nobody_waits() {
        let opened = Written::Everything { by: Some("ada".to_owned()), at: at(5) };
        let since = Written::Since { at: at(5) };
        for (known, is_live, waiting, then) in [
            (None, false, false, Written::Nothing),
            (None, true, false, Written::Everything { by: None, at: at(9) }),
            (None, true, true, Written::Since { at: at(9) }),
            (Some(Written::Nothing), true, true, Written::Since { at: at(9) }),
            (Some(Written::Nothing), true, false, Written::Everything { by: None, at: at(9) }),
            (Some(since.clone()), true, true, since.clone()),
            (Some(since.clone()), true, false, Written::Everything { by: None, at: at(9) }),
            (Some(since), false, true, Written::Nothing),
            (Some(opened.clone()), true, true, opened.clone()),
            (Some(opened), false, false, Written::Nothing),
        ] {
            assert_eq!(Written::following(known.clone(), is_live, waiting, at(9)), then, "{known:?}");
        }
    }

    #[test]
    fn what_was_bought_before_and_is_learnt_of_later_waits_too() {
        let written = Written::Since { at: at(10_000) };
        assert!(!written.is_of_now(Some(at(9_000))));
        assert!(written.is_of_now(Some(at(9_999))) && written.is_of_now(Some(at(10_001))));
        assert!(Written::Everything { by: None, at: at(10_000) }.is_of_now(Some(at(1))));
        assert!(!Written::Nothing.is_of_now(Some(at(10_001))));
    }

    #[test]
    fn what_became_due_before_waits_however_often_it_is_looked_at() {
        let mut before = Sync::new(CustomerId::new("fdc_before"), Target::Circle, at(3));
        let after = Sync::new(CustomerId::new("fdc_after"), Target::Circle, at(7));
        before.retry(at(8));
        let written = Written::Since { at: at(5) };
        assert_eq!((written.is_written(&before), written.is_written(&after)), (false, true));
        before.desire("more".to_owned(), at(9));
        assert!(!written.is_written(&before), "nor because more was bought");
    }
}
