//! A removal that is past its time, as whoever is on duty finds it.

use crate::desk::steady;
use crate::process::laid_out;
use crate::town::{Served, Town};
use frontdesk_core::sync::State;
use frontdesk_core::target::Target;
use jiff::SignedDuration;
use serde_json::{Value, json};

const BEN: &str = "ben@example.com";

fn listed(town: &Town, more: &[&str]) -> String {
    laid_out(&Served::command(town, &[&["sync", "list", "--overdue"], more].concat()).output().unwrap())
}

#[test]
fn a_removal_past_its_time_is_listed_with_what_failed_until_it_is_made() {
    let mut town = Town::new("overdue");
    let bought = town.buys(BEN, "price_1Community");
    town.until("Ben in the community", |town| town.in_group(4012).contains(BEN).then_some(()));
    town.settle();
    town.shut();
    insta::assert_snapshot!("overdue_none", steady(&listed(&town, &[])));
    // A refusal that no schedule repeats before a day has passed.
    let body =
        json!({ "success": false, "message": "This member is the owner of the group.", "error_details": {} });
    town.fault(
        json!({ "provider": "circle", "method": "DELETE", "kind": "status", "status": 422, "body": body, "times": null }),
    );
    town.open();
    town.act("stripe", "cancel", json!({ "subscription": bought["subscription"], "when": "now" }));
    town.soon("a parked row", |town| {
        let row = town.sync(BEN, Target::Circle)?;
        matches!(row.state, State::Parked { .. }).then_some(())
    });
    town.jump(SignedDuration::from_mins(20));
    town.shut();
    // Where a line breaks hangs on how long the day of the month is.
    let text = steady(&listed(&town, &[])).replace(",\n  TIME", ", TIME");
    insta::assert_snapshot!("overdue", text);
    insta::assert_snapshot!("overdue_json", steady(&listed(&town, &["--json"])));
    town.open();
    town.until("the alert", |town| {
        town.alerts().contains(&"overdue_removal circle".to_owned()).then_some(())
    });
    town.shut();
    town.heal();
    let retried = Served::command(&town, &["sync", "retry", BEN]).output().unwrap();
    assert!(retried.status.success(), "{}", laid_out(&retried));
    town.open();
    town.until("Ben out of the community", |town| (!town.in_group(4012).contains(BEN)).then_some(()));
    town.settle();
    town.shut();
    let none = listed(&town, &["--json"]);
    let data = none.split_once("--- stdout\n").unwrap().1.split_once("--- stderr").unwrap().0;
    assert_eq!(serde_json::from_str::<Value>(data).unwrap()["syncs"], json!([]), "{none}");
}
