//! Workflows that call a URL: unsigned, ids only, made once.

use serde_json::{Value, json};

use super::Desk;

fn bodies(desk: &mut Desk) -> Vec<(&'static str, Value)> {
    let due = desk.circle.due_deliveries(desk.now);
    let bodies = due.iter().map(|it| {
        desk.circle.delivered(it.id, Ok(500), desk.now);
        (it.method, serde_json::from_slice(&it.body).unwrap_or(Value::Null))
    });
    bodies.collect()
}

#[test]
fn a_workflow_looks_first_and_then_tells_ids_once() {
    let mut desk = Desk::new();
    desk.control("hook", json!({ "url": "http://127.0.0.1:9/h", "header": { "name": "x-h", "value": "s" } }));
    let due = desk.circle.due_deliveries(desk.now);
    assert_eq!(
        due.iter().map(|it| (it.method, it.body.len())).collect::<Vec<_>>(),
        [("HEAD", 0), ("POST", 0)]
    );
    assert!(due[1].headers.contains(&("x-h".to_owned(), "s".to_owned())));
    let id = desk.control("member", json!({ "email": "ada@x.io", "group": 4012 }))["id"].clone();
    desk.control("remove", json!({ "email": "ada@x.io", "group": 4012 }));
    let told = bodies(&mut desk);
    assert_eq!(told.len(), 2);
    for ((_, body), kind) in told.iter().zip(["access_groups_added", "access_groups_removed"]) {
        assert_eq!(body["type"], kind);
        assert_eq!(body["data"]["community_member_id"], id);
        assert_eq!(body["data"]["access_group_id"], 4012);
        assert!(!body.to_string().contains('@'), "no address");
    }
    assert_eq!(desk.circle.next_due(), None, "a failed call is not repeated");
}

#[test]
fn shape_loss_and_once_per_member_are_switches() {
    let mut desk = Desk::new();
    desk.control("hook", json!({ "url": "http://127.0.0.1:9/h" }));
    bodies(&mut desk);
    desk.switch("hook_shape", json!("body"));
    desk.control("member", json!({ "email": "ada@x.io", "group": 4012 }));
    assert_eq!(bodies(&mut desk)[0].1["body"]["type"], "access_groups_added");
    desk.switch("hook_once", json!(true));
    desk.control("remove", json!({ "email": "ada@x.io", "group": 4012 }));
    assert!(bodies(&mut desk).is_empty(), "it ran for this member before");
    desk.switch("hook_once", json!(false));
    desk.switch("hook_delivery", json!("lost"));
    desk.control("add", json!({ "email": "ada@x.io", "group": 4012 }));
    assert!(bodies(&mut desk).is_empty());
    desk.switch("hook_delivery", json!("twice"));
    desk.control("remove", json!({ "email": "ada@x.io", "group": 4012 }));
    assert_eq!(bodies(&mut desk).len(), 2);
}
