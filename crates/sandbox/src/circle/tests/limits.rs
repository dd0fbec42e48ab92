//! Limits, the monthly ledger, lagging reads and lists that move under a reader.

use serde_json::{Value, json};

use super::{Desk, call, each, missing};

#[test]
fn a_burst_is_refused_in_the_body_and_with_the_headers_of_the_switches() {
    for (body, content_type) in [("text", "text/plain"), ("html", "text/html"), ("json", "application/json")]
    {
        for retry_after in [None, Some(30)] {
            let mut desk = Desk::new();
            desk.switch("burst_limit", json!(3));
            desk.switch("body_429", json!(body));
            desk.switch("retry_after", json!(retry_after));
            for _ in 0..3 {
                assert_eq!(desk.get("/community").0, 200);
            }
            let (did, answer) = desk.raw(&call("POST /community_members", json!({ "email": "ada@x.io" })));
            assert!(!did && answer.status == 429);
            let header = |name: &str| {
                answer.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
            };
            assert!(header("content-type").unwrap().starts_with(content_type), "{body}");
            assert_eq!(header("retry-after"), retry_after.map(|_| "30"));
            assert_eq!(serde_json::from_slice::<Value>(&answer.body).is_ok(), body == "json");
            desk.wait(300);
            assert_eq!(desk.get("/community").0, 200, "the window has passed");
        }
    }
}

#[test]
fn refused_calls_cost_a_request_and_others_use_the_same_allowance() {
    let mut desk = Desk::new();
    desk.get("/community");
    desk.get("/community_members/9");
    desk.call("POST /access_groups/4012/community_members", json!({ "email": "eve@x.io" }));
    desk.control("calls", json!({ "n": 100 }));
    let calls = desk.state()["calls"].clone();
    assert_eq!((&calls["used"], &calls["own"], &calls["others"]), (&json!(103), &json!(3), &json!(100)));
    assert_eq!(calls["by_status"], json!({ "200": 1, "404": 2 }));
    assert_eq!(calls["by_operation"]["POST /access_groups/{id}/community_members"], 1);
    assert_eq!((&calls["allowance"], &calls["over"]), (&json!(5000), &json!(0)));
}

#[test]
fn a_429_costs_a_request_unless_switched() {
    for (counts, used) in [(true, 2), (false, 1)] {
        let mut desk = Desk::new();
        desk.switch("count_429", json!(counts));
        desk.switch("burst_limit", json!(1));
        desk.get("/community");
        assert_eq!(desk.get("/community").0, 429);
        assert_eq!(desk.state()["calls"]["used"], used);
    }
}

#[test]
fn past_the_allowance_calls_are_served_or_refused_as_switched() {
    for (position, status) in [("serve", 200), ("429", 429), ("403", 403)] {
        let mut desk = Desk::new();
        desk.switch("monthly_allowance", json!(2));
        desk.switch("over_allowance", json!(position));
        assert_eq!(desk.get("/community").0, 200);
        assert_eq!(desk.get("/community").0, 200);
        let (found, body) = desk.get("/community");
        assert_eq!(found, status, "{position}");
        if status == 403 {
            assert!(!body["message"].as_str().unwrap().contains("eligible"), "another 403: {body}");
        }
        assert_eq!(desk.state()["calls"]["over"], 1, "{position}");
    }
}

#[test]
fn the_allowance_is_whole_again_on_the_billing_day() {
    let mut desk = Desk::new();
    desk.switch("billing_day", json!(14));
    desk.switch("monthly_allowance", json!(1));
    desk.switch("over_allowance", json!(429));
    assert_eq!(desk.get("/community").0, 200);
    assert_eq!(desk.get("/community").0, 429);
    assert_eq!(desk.state()["calls"]["renews"], "2026-03-14");
    desk.wait(4 * 86_400);
    assert_eq!(desk.get("/community").0, 200);
    assert_eq!(desk.state()["calls"]["months"], json!({ "2026-02-14": 2, "2026-03-14": 1 }));
}

#[test]
fn new_members_are_limited_by_day_and_by_plan_and_others_are_not() {
    let mut desk = Desk::new();
    desk.switch("daily_member_limit", json!(1));
    desk.invite("ada@x.io");
    let daily = json!({ "success": false, "errors": "Daily member limit exceeded." });
    let new = json!({ "email": "bob@x.io" });
    assert_eq!(desk.call("POST /community_members", new.clone()), (403, daily));
    assert_eq!(desk.call("POST /community_members", json!({ "email": "ada@x.io" })).0, 201, "exists already");
    assert_eq!(
        desk.call("POST /access_groups/4012/community_members", json!({ "email": "ada@x.io" })).0,
        201
    );
    desk.wait(86_400);
    desk.switch("member_cap", json!(1));
    let (status, body) = desk.call("POST /community_members", new.clone());
    assert_eq!(status, 403);
    assert_eq!(
        body["errors"],
        "Your community has reached the maximum limit of members supported by your plan."
    );
    desk.switch("member_cap", json!(null));
    assert_eq!(desk.call("POST /community_members", new).0, 201);
}

#[test]
fn search_lists_and_checks_lag_and_reads_by_id_do_not() {
    let mut desk = Desk::new();
    desk.switch("read_lag_s", json!(30));
    let id = desk.invite("ada@x.io");
    desk.call("POST /access_groups/4012/community_members", json!({ "email": "ada@x.io" }));
    desk.call("POST /space_members", json!({ "email": "ada@x.io", "space_id": 7 }));
    let late = [
        "/community_members/search?email=ada@x.io",
        "/access_groups/4012/community_member?email=ada@x.io",
        "/space_member?email=ada@x.io&space_id=7",
    ];
    let rows = |desk: &mut Desk| {
        [
            "/community_members?status=all",
            "/access_groups/4012/community_members",
            "/space_members?space_id=7",
        ]
        .map(|target| desk.get(target).1["count"].as_u64().unwrap())
    };
    desk.wait(29);
    for target in late {
        assert_eq!(desk.get(target).0, 404, "{target}");
    }
    assert_eq!(rows(&mut desk), [0, 0, 0]);
    assert_eq!(desk.get(&format!("/community_members/{id}")).0, 200);
    assert_eq!(desk.call("POST /community_members", json!({ "email": "ada@x.io" })).0, 201);
    assert_eq!(desk.state()["members"].as_array().unwrap().len(), 1, "writes see everything");
    desk.wait(1);
    for target in late {
        assert_eq!(desk.get(target).0, 200, "{target}");
    }
    assert_eq!(rows(&mut desk), [1, 1, 1]);

    desk.call("DELETE /access_groups/4012/community_members?email=ada@x.io", Value::Null);
    assert_eq!(desk.get(late[1]).0, 200, "a removal shows late too");
    desk.wait(30);
    assert_eq!(missing(&desk.get(late[1])), "Missing record: access group community member");
}

#[test]
fn a_list_that_changes_between_pages_skips_or_repeats_rows() {
    let page = "/community_members?per_page=2&page=";
    let ids = |desk: &mut Desk, number: u64| each(&desk.get(&format!("{page}{number}")).1, "id");
    let four = || {
        let mut desk = Desk::new();
        for name in ["a", "b", "c", "d"] {
            desk.control("member", json!({ "email": format!("{name}@x.io") }));
        }
        desk
    };
    let mut desk = four();
    desk.control("drift", json!({}));
    assert_eq!(ids(&mut desk, 1), [1004, 1003]);
    assert_eq!(ids(&mut desk, 2), [1003, 1002], "an insertion repeats a row");
    assert_eq!(desk.state()["drift_waiting"], 0);

    let mut desk = four();
    desk.control("drift", json!({ "action": "deactivate", "body": { "email": "d@x.io" } }));
    assert_eq!(ids(&mut desk, 1), [1004, 1003]);
    assert_eq!(ids(&mut desk, 2), [1001], "a removal skips one");
}

#[test]
fn one_seed_gives_one_story() {
    let story = |seed: u64| {
        let mut desk = Desk::new();
        desk.circle = crate::circle::Circle::new(seed);
        let invited = desk.raw(&call("POST /community_members", json!({ "email": "ada@x.io" })));
        let listed = desk.raw(&call("GET /community_members?status=all", Value::Null));
        (invited, listed, desk.state())
    };
    assert_eq!(story(1), story(1));
    assert_ne!(story(1).0, story(2).0, "handles come from the seed");
}
