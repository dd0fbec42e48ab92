//! The scenarios that come with the program: those of `scenarios/` in its repository.

/// Each with its file name.
pub const SHIPPED: &[(&str, &str)] = &[
    ("cancelled_at_period_end.toml", include_str!("../../../../scenarios/cancelled_at_period_end.toml")),
    ("circle_answers_otherwise.toml", include_str!("../../../../scenarios/circle_answers_otherwise.toml")),
    ("circle_daily_limit.toml", include_str!("../../../../scenarios/circle_daily_limit.toml")),
    ("circle_down.toml", include_str!("../../../../scenarios/circle_down.toml")),
    ("circle_is_full.toml", include_str!("../../../../scenarios/circle_is_full.toml")),
    ("circle_lists_empty.toml", include_str!("../../../../scenarios/circle_lists_empty.toml")),
    ("circle_refuses_the_key.toml", include_str!("../../../../scenarios/circle_refuses_the_key.toml")),
    ("circle_tells.toml", include_str!("../../../../scenarios/circle_tells.toml")),
    ("circle_throttles.toml", include_str!("../../../../scenarios/circle_throttles.toml")),
    ("deactivated_by_hand.toml", include_str!("../../../../scenarios/deactivated_by_hand.toml")),
    ("dispute.toml", include_str!("../../../../scenarios/dispute.toml")),
    ("doubled_and_reversed.toml", include_str!("../../../../scenarios/doubled_and_reversed.toml")),
    ("downtime.toml", include_str!("../../../../scenarios/downtime.toml")),
    ("freeze_a_person.toml", include_str!("../../../../scenarios/freeze_a_person.toml")),
    ("freeze_marketing.toml", include_str!("../../../../scenarios/freeze_marketing.toml")),
    ("granted_until.toml", include_str!("../../../../scenarios/granted_until.toml")),
    ("group_archived.toml", include_str!("../../../../scenarios/group_archived.toml")),
    ("hand_added_member.toml", include_str!("../../../../scenarios/hand_added_member.toml")),
    ("import_and_go_live.toml", include_str!("../../../../scenarios/import_and_go_live.toml")),
    ("import_cut_off.toml", include_str!("../../../../scenarios/import_cut_off.toml")),
    ("invitation_not_accepted.toml", include_str!("../../../../scenarios/invitation_not_accepted.toml")),
    ("kit_down.toml", include_str!("../../../../scenarios/kit_down.toml")),
    ("kit_tells.toml", include_str!("../../../../scenarios/kit_tells.toml")),
    ("kit_throttles.toml", include_str!("../../../../scenarios/kit_throttles.toml")),
    ("list_shrinks.toml", include_str!("../../../../scenarios/list_shrinks.toml")),
    ("missing_member.toml", include_str!("../../../../scenarios/missing_member.toml")),
    ("price_in_calls.toml", include_str!("../../../../scenarios/price_in_calls.toml")),
    ("quota_refused.toml", include_str!("../../../../scenarios/quota_refused.toml")),
    ("quota_spent.toml", include_str!("../../../../scenarios/quota_spent.toml")),
    ("refund_before_payment.toml", include_str!("../../../../scenarios/refund_before_payment.toml")),
    ("removed_by_hand_twice.toml", include_str!("../../../../scenarios/removed_by_hand_twice.toml")),
    ("renewal_fails.toml", include_str!("../../../../scenarios/renewal_fails.toml")),
    ("revoked_although_paid.toml", include_str!("../../../../scenarios/revoked_although_paid.toml")),
    ("shadow_writes_nothing.toml", include_str!("../../../../scenarios/shadow_writes_nothing.toml")),
    ("stripe_list_empty.toml", include_str!("../../../../scenarios/stripe_list_empty.toml")),
    (
        "stripe_list_empty_for_hours.toml",
        include_str!("../../../../scenarios/stripe_list_empty_for_hours.toml"),
    ),
    ("stripe_refuses_the_key.toml", include_str!("../../../../scenarios/stripe_refuses_the_key.toml")),
    ("sweep_in_calls.toml", include_str!("../../../../scenarios/sweep_in_calls.toml")),
    ("tag_comes_back.toml", include_str!("../../../../scenarios/tag_comes_back.toml")),
    ("tag_contested.toml", include_str!("../../../../scenarios/tag_contested.toml")),
    ("thirty_removals_at_once.toml", include_str!("../../../../scenarios/thirty_removals_at_once.toml")),
    ("two_customers_of_stripe.toml", include_str!("../../../../scenarios/two_customers_of_stripe.toml")),
    ("unsubscribed.toml", include_str!("../../../../scenarios/unsubscribed.toml")),
    ("webhooks_lost.toml", include_str!("../../../../scenarios/webhooks_lost.toml")),
    ("webhooks_lost_refund.toml", include_str!("../../../../scenarios/webhooks_lost_refund.toml")),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::expect;
    use crate::scenario::given::{CIRCLE_KEYS, KEYS, KIT_KEYS};
    use crate::scenario::verb::VERBS;
    use std::collections::BTreeSet;

    #[test]
    fn every_file_of_the_folder_is_shipped() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        let shipped: BTreeSet<String> = SHIPPED.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(files, shipped);
    }

    #[test]
    fn every_word_of_scenarios_is_in_their_page() {
        let page = include_str!("../../../../docs/scenarios.md");
        let verbs = VERBS.iter().map(|verb| format!("`{}.{}`", verb.place, verb.name));
        let given = KEYS.iter().chain(&CIRCLE_KEYS).chain(&KIT_KEYS).map(|key| format!("`{key}`"));
        let then = expect::KEYS.iter().map(|key| format!("`{key}`"));
        for word in verbs.chain(given).chain(then) {
            assert!(page.contains(&word), "docs/scenarios.md does not say what {word} is");
        }
    }
}
