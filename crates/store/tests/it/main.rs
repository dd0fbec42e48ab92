//! One suite for every way to run the store: SQLite with its writer thread, SQLite in the caller's
//! thread, and PostgreSQL, each case on a database of its own.
//!
//! The PostgreSQL server is named by `FRONTDESK_TEST_POSTGRES`, a URL of a user who may create
//! databases. `FRONTDESK_TEST_POSTGRES=off` leaves that half out, and says so.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "every line here belongs to a test, also outside of `#[test]`"
)]

mod audit;
mod backend;
mod calls;
mod journal;
mod people;
mod postgres;
mod record;
mod sample;
mod schema;
mod sqlite;
mod sweeps;
mod syncs;

use backend::{Backend, Kind};

/// Runs each case on each way to run the store.
macro_rules! suite {
    ($($module:ident { $($case:ident,)+ })+) => {
        mod on_sqlite { $(pub(crate) mod $module { $(#[test] fn $case() {
            crate::Backend::run(crate::Kind::SqliteThreaded, crate::$module::$case);
        })+ })+ }
        mod on_sqlite_in_thread { $(pub(crate) mod $module { $(#[test] fn $case() {
            crate::Backend::run(crate::Kind::SqliteInThread, crate::$module::$case);
        })+ })+ }
        mod on_postgres { $(pub(crate) mod $module { $(#[test] fn $case() {
            crate::Backend::run(crate::Kind::Postgres, crate::$module::$case);
        })+ })+ }
    };
}

suite! {
    journal {
        an_entry_keeps_its_exact_bytes_and_its_particulars,
        fifty_deliveries_at_once_make_one_row_and_forty_nine_durable_duplicates,
        another_event_under_a_known_key_is_kept_in_quarantine,
        contradictions_in_one_storm_are_sorted_out,
        two_hundred_events_at_once_are_all_there,
        waiting_entries_come_in_order_and_not_before_their_time,
        an_entry_ends_once,
        an_ended_entry_can_be_applied_again,
        an_entry_applied_again_keeps_its_place,
        applied_entries_replay_in_the_order_of_applying,
        the_balance_counts_every_row_once,
        lists_page_backwards_and_filter,
        a_zero_character_harms_nothing,
    }
    record {
        a_record_reads_back_as_it_was_written,
        an_older_revision_is_refused_and_writes_nothing,
        of_ten_decisions_on_one_revision_one_is_kept,
        a_tie_leads_to_one_customer_only,
        an_address_may_lead_to_several,
        a_customer_who_exists_is_not_new,
        a_merge_moves_everything_and_leaves_a_pointer,
        customers_are_found_by_what_people_type,
        the_derived_hash_follows_facts_and_ties_alone,
        entitled_customers_and_headlines_are_counted,
        wake_ups_and_the_next_due_instant,
        waking_all_refuses_decisions_that_did_not_see_it,
        wanted_reads_keep_the_earlier_time_and_their_failures,
    }
    syncs {
        a_row_reads_back_as_it_was_written_in_every_state,
        what_waits_because_of_shadow_mode_is_counted_and_made_due,
        removals_past_their_time_are_counted_and_listed,
        who_was_never_let_in_goes_first,
        a_newer_generation_refuses_what_was_reconciled_before,
        records_that_share_a_member_or_an_address_are_found,
        releasing_a_brake_makes_its_rows_due,
        lists_filter_and_states_are_counted,
    }
    sweeps {
        a_finding_counts_once_per_sweep_and_is_settled_by_the_next,
        pages_of_a_sweep_come_back_in_order,
        a_freeze_holds_until_it_ends_or_is_thawed,
        thawing_makes_the_frozen_rows_due,
        answered_calls_are_measured,
    }
    calls {
        one_node_at_a_time_holds_a_lease,
        a_holder_that_restarted_takes_its_lease_over,
        a_lapsed_lease_is_taken_with_a_new_epoch,
        of_ten_nodes_one_gets_the_lease,
        a_stale_epoch_changes_nothing,
        an_intent_waits_for_one_answer,
        quota_counts_intents_until_an_answer_says_otherwise,
        the_brake_counts_people_who_may_have_lost_something,
        what_holds_an_account_up_survives_leases,
    }
    people {
        one_case_is_open_per_customer_journey_and_kind,
        a_closed_case_lets_another_open,
        a_customer_is_read_with_all_that_stands_beside_the_record,
        an_alert_is_news_once,
        a_customer_has_five_links_at_most,
        the_catalogue_in_force_depends_on_the_instant,
        a_value_of_the_installation_is_drawn_once,
        of_two_who_rest_on_one_value_one_is_refused,
    }
    audit {
        a_chain_verifies_and_reads_back,
        entries_at_once_make_one_unbroken_chain,
        a_changed_character_is_found,
        a_changed_personal_field_is_found_and_an_erased_one_is_no_flaw,
        a_missing_tail_and_a_missing_chain_are_found,
        a_merge_links_both_chains,
        a_checkpoint_shows_a_chain_that_is_gone_with_its_head,
    }
    schema {
        every_statement_prepares,
        opening_again_migrates_nothing_and_keeps_everything,
    }
}
