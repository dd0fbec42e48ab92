//! Merging: everything that pointed to one customer points to another.

use crate::sql::{Script, statements};
use crate::value::Value;
use frontdesk_core::id::CustomerId;
use jiff::Timestamp;

statements! {
    /// Ends the loser; who read it at an older revision is refused.
    MERGE_CUSTOMER = "UPDATE customer SET merged_into = ?2, revision = revision + 1, next_wake_at = NULL, is_entitled = 0, updated_at = ?3 \
        WHERE id = ?1 AND merged_into IS NULL";
    /// Who was merged into the loser before leads straight to the survivor.
    MERGE_EARLIER = "UPDATE customer SET merged_into = ?2 WHERE merged_into = ?1";
    /// Handles that both have.
    MERGE_IDENTITY_SHARED = "DELETE FROM identity WHERE customer_id = ?1 AND EXISTS (SELECT 1 FROM identity AS kept \
        WHERE kept.customer_id = ?2 AND kept.system = identity.system AND kept.kind = identity.kind AND kept.value = identity.value)";
    /// The loser's other handles.
    MERGE_IDENTITY = "UPDATE identity SET customer_id = ?2 WHERE customer_id = ?1";
    /// The loser's facts.
    MERGE_FACT = "UPDATE fact SET customer_id = ?2 WHERE customer_id = ?1";
    /// The loser's wanted reads.
    MERGE_READ = "UPDATE source_read SET customer_id = ?2 WHERE customer_id = ?1";
    /// People of the loser's rows in targets where the survivor has a row.
    MERGE_PERSON_SHARED = "DELETE FROM sync_person WHERE customer_id = ?1 AND target IN (SELECT target FROM sync WHERE customer_id = ?2)";
    /// The loser's rows in targets where the survivor has one; whoever merges writes the joined row.
    MERGE_SYNC_SHARED = "DELETE FROM sync WHERE customer_id = ?1 AND target IN (SELECT target FROM sync WHERE customer_id = ?2)";
    /// People of the loser's other rows.
    MERGE_PERSON = "UPDATE sync_person SET customer_id = ?2 WHERE customer_id = ?1";
    /// The loser's other rows.
    MERGE_SYNC = "UPDATE sync SET customer_id = ?2 WHERE customer_id = ?1";
    /// Open cases about what the survivor has an open case about as well.
    MERGE_CASE_SHARED = "UPDATE support_case SET state = 'closed', closed_at = ?3, closed_why = 'the customer has another case about this' \
        WHERE customer_id = ?1 AND state = 'open' AND EXISTS (SELECT 1 FROM support_case AS kept WHERE kept.customer_id = ?2 \
            AND kept.state = 'open' AND kept.journey = support_case.journey AND kept.kind = support_case.kind)";
    /// The loser's cases.
    MERGE_CASE = "UPDATE support_case SET customer_id = ?2 WHERE customer_id = ?1";
    /// The loser's links.
    MERGE_LINK = "UPDATE status_link SET customer_id = ?2 WHERE customer_id = ?1";
    /// The loser's lines in the ledger of calls.
    MERGE_CALL = "UPDATE call SET customer_id = ?2 WHERE customer_id = ?1";
    /// The loser's journal entries.
    MERGE_JOURNAL = "UPDATE journal SET customer_id = ?2 WHERE customer_id = ?1";
}

/// Merges `loser` into `survivor`; see [`crate::Write::Merge`]. The audit chains stay as they are.
pub(crate) fn merge(loser: &CustomerId, survivor: &CustomerId, at: Timestamp) -> Script {
    assert!(loser != survivor, "a customer cannot be merged into itself");
    let both = || [Value::from(loser.as_str()), Value::from(survivor.as_str())];
    let [from, to] = both();
    let [case_from, case_to] = both();
    vec![
        MERGE_CUSTOMER.with([from, to, at.into()]).expecting_one(),
        MERGE_EARLIER.with(both()),
        MERGE_IDENTITY_SHARED.with(both()),
        MERGE_IDENTITY.with(both()),
        MERGE_FACT.with(both()),
        MERGE_READ.with(both()),
        MERGE_PERSON_SHARED.with(both()),
        MERGE_SYNC_SHARED.with(both()),
        MERGE_PERSON.with(both()),
        MERGE_SYNC.with(both()),
        MERGE_CASE_SHARED.with([case_from, case_to, at.into()]),
        MERGE_CASE.with(both()),
        MERGE_LINK.with(both()),
        MERGE_CALL.with(both()),
        MERGE_JOURNAL.with(both()),
    ]
}
