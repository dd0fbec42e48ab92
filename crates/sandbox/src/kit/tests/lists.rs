//! Lists: default filters, cursors, page edges, lag.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Desk, each};
use crate::kit::switches::Lag;

fn emails(desk: &mut Desk, target: &str) -> Value {
    let (status, list) = desk.get(target);
    assert_eq!(status, 200, "{target}: {list}");
    json!(each(&list, "subscribers", "email_address"))
}

/// Follows `after` to the end and returns the ids of every page.
fn walk(desk: &mut Desk, target: &str) -> Vec<Vec<u64>> {
    let mut pages = Vec::new();
    let mut next = target.to_owned();
    loop {
        let (status, list) = desk.get(&next);
        assert_eq!(status, 200, "{next}: {list}");
        pages.push(each(&list, "subscribers", "id").iter().map(|id| id.as_u64().unwrap()).collect());
        assert!(pages.len() < 20, "it must end");
        if list["pagination"]["has_next_page"] == false {
            return pages;
        }
        let cursor = list["pagination"]["end_cursor"].as_str().unwrap().replace('=', "%3D");
        next = format!("{target}&after={cursor}");
    }
}

#[test]
fn lists_hide_everyone_who_is_not_active_unless_told() {
    let mut desk = Desk::new();
    for state in ["active", "inactive", "cancelled", "bounced", "complained"] {
        desk.control("subscriber", json!({ "email": format!("{state}@x.io"), "state": state, "tags": [11] }));
    }
    for path in ["/v4/subscribers", "/v4/tags/11/subscribers"] {
        assert_eq!(emails(&mut desk, path), json!(["active@x.io"]), "{path}");
        assert_eq!(
            emails(&mut desk, &format!("{path}?status=cancelled")),
            json!(["cancelled@x.io"]),
            "{path}"
        );
        assert_eq!(emails(&mut desk, &format!("{path}?status=all")).as_array().unwrap().len(), 5, "{path}");
    }
    let gone = "/v4/subscribers?email_address=cancelled%40x.io";
    assert_eq!(emails(&mut desk, gone), json!([]), "an unsubscribed buyer looks nonexistent");
    assert_eq!(emails(&mut desk, &format!("{gone}&status=all")), json!(["cancelled@x.io"]));
}

#[test]
fn addresses_are_split_on_commas_and_a_plus_must_be_encoded() {
    let mut desk = Desk::new();
    desk.create("ada+kit@x.io");
    desk.create("bob@x.io");
    for (query, expect) in [
        ("ada%2Bkit%40x.io", json!(["ada+kit@x.io"])),
        ("ada+kit%40x.io", json!([])),
        ("ada%2Bkit%40x.io,BOB%40x.io", json!(["ada+kit@x.io", "bob@x.io"])),
        ("eve%40x.io", json!([])),
    ] {
        assert_eq!(emails(&mut desk, &format!("/v4/subscribers?email_address={query}")), expect, "{query}");
    }
}

#[test]
fn pages_follow_opaque_cursors_both_ways() {
    let mut desk = Desk::new();
    for number in 0..5 {
        desk.create(&format!("m{number}@x.io"));
        desk.wait(1);
    }
    assert_eq!(
        walk(&mut desk, "/v4/subscribers?per_page=2"),
        [vec![3001, 3002], vec![3003, 3004], vec![3005]]
    );
    let newest = walk(&mut desk, "/v4/subscribers?per_page=2&sort_order=desc");
    assert_eq!(newest, [vec![3005, 3004], vec![3003, 3002], vec![3001]]);
    let (_, last) = desk.get("/v4/subscribers?per_page=1&sort_order=desc");
    let cursor = last["pagination"]["end_cursor"].as_str().unwrap();
    assert_eq!(STANDARD.decode(cursor).unwrap(), br#"["2026-03-10T12:00:04Z",3005]"#);
    let (_, before) = desk.get(&format!("/v4/subscribers?per_page=2&before={cursor}"));
    assert_eq!(each(&before, "subscribers", "id"), [3003, 3004]);
    assert_eq!(before["pagination"]["has_previous_page"], true);
    let (_, all) = desk.get("/v4/subscribers?include_total_count=true&per_page=5000");
    assert_eq!(
        (&all["pagination"]["total_count"], &all["pagination"]["per_page"]),
        (&json!(5), &json!(1000))
    );
    let (_, plain) = desk.get("/v4/subscribers");
    assert_eq!(
        (plain["pagination"].get("total_count"), &plain["pagination"]["per_page"]),
        (None, &json!(500))
    );
    let (_, none) = desk.get("/v4/subscribers?email_address=eve@x.io");
    assert_eq!(none["pagination"]["end_cursor"], Value::Null);
}

#[test]
fn a_cursor_stays_good_when_its_row_goes() {
    let mut desk = Desk::new();
    for number in 0..4 {
        desk.create(&format!("m{number}@x.io"));
    }
    let (_, page) = desk.get("/v4/subscribers?per_page=2");
    let cursor = page["pagination"]["end_cursor"].as_str().unwrap().to_owned();
    desk.control("delete-subscriber", json!({ "id": 3002 }));
    let (_, page) = desk.get(&format!("/v4/subscribers?per_page=2&after={cursor}"));
    assert_eq!(each(&page, "subscribers", "id"), [3003, 3004]);
}

#[test]
fn rows_of_one_second_are_skipped_or_repeated_as_switched() {
    for (position, expect) in [
        ("none", vec![vec![3001, 3002], vec![3003, 3004], vec![3005]]),
        ("skip", vec![vec![3001, 3002], vec![3005]]),
        ("repeat", vec![vec![3001, 3002], vec![3002, 3003], vec![3003, 3004], vec![3004, 3005]]),
    ] {
        let mut desk = Desk::new();
        desk.switch("page_edge", json!(position));
        for number in 0..5 {
            desk.create(&format!("m{number}@x.io"));
            // Four in one second, the fifth in the next.
            desk.wait(i64::from(number == 3));
        }
        assert_eq!(walk(&mut desk, "/v4/subscribers?per_page=2"), expect, "{position}");
    }
}

#[test]
fn lists_take_dates_and_extras() {
    let mut desk = Desk::new();
    desk.create("ada@x.io");
    desk.call("POST /v4/tags/11/subscribers/3001", json!({}));
    desk.wait(86_400);
    desk.create("bob@x.io");
    desk.control("tag", json!({ "email": "bob@x.io", "tag": 11 }));
    desk.control("subscriber", json!({ "email": "left@x.io", "state": "cancelled" }));
    for (target, expect) in [
        ("/v4/subscribers?created_after=2026-03-11", json!(["bob@x.io"])),
        ("/v4/subscribers?created_before=2026-03-10T13:00:00Z", json!(["ada@x.io"])),
        ("/v4/tags/11/subscribers?tagged_after=2026-03-11", json!(["bob@x.io"])),
        ("/v4/tags/11/subscribers?tagged_before=2026-03-11", json!(["ada@x.io"])),
        ("/v4/tags/11/subscribers", json!(["bob@x.io", "ada@x.io"])),
        ("/v4/subscribers?updated_after=2026-03-11", json!(["bob@x.io"])),
        ("/v4/subscribers?status=cancelled&sort_field=cancelled_at", json!(["left@x.io"])),
    ] {
        assert_eq!(emails(&mut desk, target), expect, "{target}");
    }
    let (_, left) = desk.get("/v4/subscribers?status=cancelled&include=canceled_at");
    assert_eq!(left["subscribers"][0]["canceled_at"], "2026-03-11T12:00:00Z");
    let (_, rich) = desk.get("/v4/subscribers?slim=true&include=tags");
    assert_eq!(rich["subscribers"][0].get("fields"), None);
    assert_eq!(rich["subscribers"][0]["tags"], json!([{ "id": 11, "name": "member" }]));
}

#[test]
fn lists_lag_and_reads_by_id_and_writes_by_email_do_not() {
    let mut desk = Desk::new();
    desk.switch("list_lag_s", json!(30));
    let id = desk.create("ada@x.io");
    let (status, _) = desk.call("POST /v4/tags/11/subscribers", json!({ "email_address": "ada@x.io" }));
    assert_eq!(status, 201, "straight after the create");
    let counts = |desk: &mut Desk| {
        ["/v4/subscribers?status=all", "/v4/tags/11/subscribers?status=all"]
            .map(|target| desk.get(target).1["subscribers"].as_array().unwrap().len())
    };
    desk.wait(29);
    assert_eq!(counts(&mut desk), [0, 0]);
    assert_eq!(desk.get(&format!("/v4/subscribers/{id}")).0, 200);
    let tags = format!("/v4/subscribers/{id}/tags");
    assert_eq!(each(&desk.get(&tags).1, "tags", "id"), [11]);
    desk.switch("tags_of_subscriber_lag", json!(true));
    assert_eq!(each(&desk.get(&tags).1, "tags", "id"), Vec::<Value>::new());
    desk.wait(1);
    assert_eq!(counts(&mut desk), [1, 1]);
    assert_eq!(each(&desk.get(&tags).1, "tags", "id"), [11]);
}

#[test]
fn the_lag_profile_has_its_median_and_its_bound() {
    let mut kit = crate::kit::Kit::new(1);
    let mut lags: Vec<SignedDuration> = (0..2000).map(|_| Lag::profile(kit.draw())).collect();
    lags.sort_unstable();
    let median = lags[1000].as_secs();
    assert!((20..=45).contains(&median), "median {median}");
    assert!(lags[1900].as_secs() >= 120, "a long tail");
    assert!(lags[1999] < Lag::Profile.longest());

    let mut desk = Desk::new();
    desk.switch("list_lag_s", json!("profile"));
    desk.create("ada@x.io");
    desk.wait(300);
    assert_eq!(emails(&mut desk, "/v4/subscribers"), json!(["ada@x.io"]), "after five minutes all see it");
}
