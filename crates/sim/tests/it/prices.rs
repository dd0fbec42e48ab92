//! What things cost, in calls to Circle: one table, as the scenarios measure it.

use frontdesk_sim::scenario::shipped::SHIPPED;
use frontdesk_sim::scenario::{Outcome, Story, play};

fn played(file: &str) -> Outcome {
    let (_, text) = SHIPPED.iter().find(|(name, _)| *name == file).expect("it is shipped");
    let outcome = Story::read(text).and_then(|story| play(&story)).expect("a shipped scenario can be played");
    assert_eq!(outcome.unmet, [], "{file}");
    outcome
}

#[test]
fn a_grant_costs_one_to_three_calls_and_a_sweep_of_a_thousand_members_thirty() {
    let (grants, sweep) = (played("price_in_calls.toml"), played("sweep_in_calls.toml"));
    // The sweep's last look counts one list more than two groups need: the empty one of the third.
    let swept = sweep.looks[1]["circle"] - 1;
    let rows = [
        ("a grant to a member whom Frontdesk knows", 1..=1, grants.looks[2]["circle"]),
        ("a grant to a member whom it has not seen", 2..=2, grants.looks[1]["circle"]),
        ("a grant to a person whom Circle does not know", 3..=3, grants.looks[3]["circle"]),
        // Ten pages of members, and ten of each group if everybody is in both.
        ("a sweep of 1,000 members in 2 groups, at most", 12..=30, swept),
    ];
    println!("{:<50} {:>8} {:>8}", "calls to Circle", "promised", "measured");
    for (what, promised, measured) in rows {
        println!("{what:<50} {:>8} {measured:>8}", promised.end());
        assert!(promised.contains(&measured), "{what}: {measured} calls, {} promised", promised.end());
    }
    // A second pass over a settled community writes nothing: each scenario ends with a day and a sweep that do not.
}
