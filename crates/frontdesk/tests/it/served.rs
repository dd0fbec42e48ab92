//! `frontdesk serve` as a process of its own: killed in the middle of a call, started twice, out of space, and
//! searched for secrets.

use crate::process::laid_out;
use crate::town::{Rest, Served, Settings, Town, text};
use serde_json::json;

const ADA: &str = "ada@example.com";
const BEN: &str = "ben@example.com";

/// Kills the process while Circle has the invitation and gives no answer, and starts another one.
fn killed_while_inviting(name: &str, fault: &str) -> Town {
    let town = Town::closed(name, Settings::default());
    town.fault(
        json!({ "provider": "circle", "method": "POST", "path": "/v2/community_members", "kind": fault }),
    );
    let served = Served::start(&town);
    town.buys(BEN, "price_1Community");
    let asked = format!("POST community_members {BEN} {fault}");
    town.until("the invitation on its way", |town| town.calls("circle").contains(&asked).then_some(()));
    served.kill();
    let served = Served::start(&town);
    town.until("Ben in the community", |town| {
        town.jump(jiff::SignedDuration::from_secs(50));
        town.in_group(4012).contains(BEN).then_some(())
    });
    served.stop();
    town
}

#[test]
fn a_process_killed_after_circle_invited_invites_nobody_again() {
    let mut town = killed_while_inviting("killed-after", "timeout_after");
    town.open();
    town.settle();
    assert_eq!(town.invited(), [BEN]);
    assert_eq!(town.stages(BEN), ["invite_sent"]);
    let circle = town.calls("circle");
    let adds =
        circle.iter().filter(|call| call.starts_with("POST access_groups/4012") && call.ends_with("201"));
    assert_eq!(adds.count(), 1, "{circle:?}");
    town.rest_but_calls(Rest::default());
}

#[test]
fn a_process_killed_before_circle_invited_invites_once() {
    let mut town = killed_while_inviting("killed-before", "timeout_before");
    town.open();
    town.settle();
    assert_eq!(town.invited(), [BEN]);
    assert_eq!(town.stages(BEN), ["invite_sent"]);
    town.rest_but_calls(Rest::default());
}

#[test]
fn a_second_process_on_the_same_file_is_refused_and_told_of_the_first() {
    let town = Town::closed("second", Settings::default());
    let first = Served::start(&town);
    let second = Served::command(&town, &["serve", "--listen", "127.0.0.1:0"]).output().unwrap();
    let said = laid_out(&second);
    assert!(said.starts_with("exit 1\n"), "{said}");
    assert!(said.contains(&format!("process {}", first.id())), "{said}");
    let (status, _) = town.readyz();
    assert_eq!(status, 200, "the first goes on");
    first.stop();
}

#[test]
fn a_forged_webhook_is_one_line_of_the_log_without_its_body() {
    let town = Town::closed("log", Settings { path: "/api/webhooks/payment", ..Settings::default() });
    let served = Served::start(&town);
    let forged = r#"{"event":"checkout.completed","user_id":"123"}"#;
    let headers = [("content-type", "application/json"), ("x-signature", "test")];
    assert_eq!(town.http("POST", &town.webhooks(), &headers, forged).status(), 401);
    let said = served.stop();
    // What is logged while the loops are taken down is another matter.
    let (said, _) = said.split_once("INFO  stopped").unwrap();
    let lines: Vec<_> = said.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
    assert!(lines.len() == 1 && lines[0].contains("webhook refused"), "{said}");
    assert!(!said.contains("checkout.completed") && !said.contains("user_id"), "{said}");
}

#[test]
fn a_full_disk_is_503_and_nothing_that_was_acknowledged_is_lost() {
    let mut town = Town::closed("full", Settings::default());
    // A process that may write no file longer than this many blocks of 512 bytes: a disk that fills up.
    let served = Served::start_within(&town, 1_500);
    let event = |nth: usize| {
        let customer =
            json!({ "id": format!("cus_{nth}"), "object": "customer", "description": "x".repeat(20_000) });
        json!({ "type": "customer.created", "object": customer })
    };
    let answers = town.until("the first refusal", |town| {
        let sent = town.answers().len();
        for nth in sent..sent + 5 {
            town.act("stripe", "event", event(nth));
        }
        town.until("their answers", |town| (town.answers().len() >= sent + 5).then_some(()));
        let answers = town.answers();
        answers.contains(&503).then_some(answers)
    });
    assert!(answers.iter().all(|status| matches!(status, 200 | 503)), "{answers:?}");
    let acknowledged = answers.iter().filter(|status| **status == 200).count();
    assert!(acknowledged > 0);
    // The answer of a moment ago may be given again for a second.
    let reasons = town.until("not ready", |town| {
        let (status, readyz) = town.readyz();
        (status == 503).then(|| readyz["reasons"].clone())
    });
    assert!(["disk_full", "store_not_writable"].contains(&text(&reasons[0]["kind"])), "{reasons}");
    let answer = town.http("GET", &format!("{}/healthz", town.site()), &[], "");
    assert_eq!(answer.status(), 200, "the process lives");
    served.stop();
    town.act("stripe", "disable", json!({}));
    town.open();
    assert_eq!(town.deliveries().0, acknowledged);
    // With space again, the sender's next tries are taken.
    town.act("stripe", "enable", json!({}));
}

/// What a secret looks like where somebody wrote it down in another form.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    use base64::Engine as _;
    let mut forms = vec![secret.as_bytes().to_vec()];
    for engine in [&base64::engine::general_purpose::STANDARD, &base64::engine::general_purpose::URL_SAFE] {
        // At each of the three places where it may begin within a group of three bytes, without its edges.
        for lead in 0..3 {
            let shifted = [vec![b' '; lead], secret.as_bytes().to_vec()].concat();
            let text = engine.encode(shifted);
            forms.push(text.trim_end_matches('=').as_bytes()[4..text.len() - 6].to_vec());
        }
    }
    forms.push(hex::encode(secret).into_bytes());
    forms.push(hex::encode_upper(secret).into_bytes());
    let percent = hex::encode_upper(secret);
    forms.push(percent.as_bytes().chunks(2).flat_map(|byte| [b"%", byte].concat()).collect());
    // What is left when only the marks between letters and digits are encoded.
    forms.push(secret.replace('_', "%5F").into_bytes());
    forms
}

#[test]
fn no_secret_is_in_a_log_an_answer_a_page_a_command_or_the_database() {
    let secrets = [
        ("STRIPE_SIGNING_SECRET", "whsec_CanarySigning7q2Xv9Lk"),
        ("STRIPE_API_KEY", "rk_live_51CanaryStripe4mZ8tRwB"),
        ("CIRCLE_TOKEN", "canary_circle_token_6YpD3nHs"),
        ("KIT_API_KEY", "kit_canary_key_9JfU5cWe2Gx"),
    ];
    let settings =
        Settings { secrets: secrets.map(|(name, value)| (name, value.to_owned())), ..Settings::default() };
    let town = Town::closed("canary", settings);
    let served = Served::start_with(&town, &["--log", "json", "--log-filter", "trace"]);
    let mut heard: Vec<(String, Vec<u8>)> = Vec::new();
    let mut get = |town: &Town, path: &str| {
        let answer = town.http("GET", &format!("{}{path}", town.site()), &[], "");
        let head = format!("{:?}", answer.headers()).into_bytes();
        heard.push((path.to_owned(), [head, answer.body().clone()].concat()));
    };
    town.act("circle", "member", json!({ "email": ADA }));
    let course = town.buys(ADA, "price_1Course");
    town.until("Ada in", |town| town.in_group(4014).contains(ADA).then_some(()));
    // Every provider refuses the credential, and says it back as some do.
    for (provider, name) in [("circle", "CIRCLE_TOKEN"), ("kit", "KIT_API_KEY"), ("stripe", "STRIPE_API_KEY")]
    {
        let said = format!("Invalid credential provided: {}", town.settings.secret(name));
        for (status, kind) in [(401, "status"), (500, "status"), (400, "status")] {
            town.fault(json!({ "provider": provider, "kind": kind, "status": status, "body": { "error": { "message": said }, "errors": [said.clone()] } }));
        }
        town.fault(json!({ "provider": provider, "kind": "status", "status": 403, "body": said }));
    }
    town.buys(BEN, "price_1Community");
    town.act("stripe", "refund", json!({ "session": course["session"] }));
    town.act(
        "stripe",
        "event",
        json!({ "type": "customer.created", "sign": "wrong", "object": { "id": "cus_x" } }),
    );
    town.act("stripe", "event", json!({ "raw_body": "not json" }));
    for _ in 0..8 {
        town.jump(jiff::SignedDuration::from_mins(61));
        get(&town, "/readyz");
    }
    for path in ["/healthz", "/readyz", "/nothing", "/status/fds_wrong", "/webhooks/other"] {
        get(&town, path);
    }
    get(&town, &format!("/welcome?session_id={}", text(&course["session"])));
    for arguments in [
        &["explain", ADA][..],
        &["explain", BEN, "--json"],
        &["customer", "show", ADA, "--json"],
        &["customer", "link", ADA],
        &["event", "list"],
        &["sync", "list"],
        &["case", "list"],
        &["audit", "verify"],
        &["secret", "check"],
        &["rebuild", "--check"],
    ] {
        let output = Served::command(&town, &[arguments, &["--verbose"]].concat()).output().unwrap();
        heard.push((arguments.join(" "), laid_out(&output).into_bytes()));
    }
    let calls = [town.calls("circle"), town.calls("kit"), town.calls("stripe")].concat();
    assert!(calls.iter().filter(|call| call.contains("status 4")).count() > 3, "{calls:#?}");
    let log = served.stop();
    assert!(log.lines().count() > 50, "the log says a lot: {log}");
    heard.push(("the log".to_owned(), log.into_bytes()));
    for file in std::fs::read_dir(town.folder.path("")).unwrap() {
        let file = file.unwrap();
        if file.file_type().unwrap().is_file() {
            heard.push((file.path().display().to_string(), std::fs::read(file.path()).unwrap()));
        }
    }
    assert!(heard.iter().any(|(what, bytes)| what.ends_with("frontdesk.db") && bytes.len() > 10_000));
    let mut found = Vec::new();
    for (name, secret) in secrets {
        for form in forms(secret) {
            for (what, bytes) in &heard {
                if bytes.windows(form.len()).any(|window| window == form) {
                    found.push(format!("{name} as {} in {what}", String::from_utf8_lossy(&form)));
                }
            }
        }
    }
    assert_eq!(found, [""; 0]);
}

#[test]
fn the_forms_of_a_secret_are_found_where_they_are() {
    use base64::Engine as _;
    let secret = "whsec_CanarySigning7q2Xv9Lk";
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{secret}:"));
    let shown = [basic, hex::encode(format!("key {secret}")), format!("x{secret}y")];
    for text in shown {
        let is_found =
            forms(secret).iter().any(|form| text.as_bytes().windows(form.len()).any(|window| window == form));
        assert!(is_found, "{text}");
    }
}

/// How often Kit's webhooks arrived.
fn heard(town: &Town) -> usize {
    let state = town.state();
    let deliveries = state["kit"]["webhooks"]["deliveries"].as_array().unwrap();
    deliveries.iter().filter(|delivery| delivery["fate"] == "delivered").count()
}

#[test]
fn kits_webhook_endpoint_is_made_at_start_and_what_it_tells_is_put_right() {
    let kit = "endpoint_secret_file = \"secrets/kit-endpoint\"";
    let mut town = Town::closed("kit-endpoint", Settings { kit, ..Settings::default() });
    let file = town.folder.path("secrets/kit-endpoint");
    let untag = |town: &Town| {
        town.act("kit", "untag", json!({ "email": ADA, "tag": "member" }));
    };
    let served = Served::start(&town);
    town.until("the secret in its file", |_| file.exists().then_some(()));
    town.buys(ADA, "price_1Community");
    town.until("Ada's tag", |town| town.tagged("member").contains(ADA).then_some(()));
    town.until("its echo", |town| (heard(town) > 0).then_some(()));
    untag(&town);
    town.until("Ada's tag, put back", |town| town.tagged("member").contains(ADA).then_some(()));
    let said = served.stop();
    let secret = std::fs::read_to_string(&file).unwrap();
    assert!(secret.starts_with("whsec_") && !said.contains(secret.trim()), "{said}");
    // A process that was stopped before it noted the answer asks once more, and would hide that the tag was taken.
    town.open();
    town.settle();
    assert!(town.tagged("member").contains(ADA));
    town.shut();
    // The next start reads it from there, and makes no other endpoint.
    let served = Served::start(&town);
    untag(&town);
    town.until("everything heard", |town| {
        let state = town.state();
        let deliveries = state["kit"]["webhooks"]["deliveries"].as_array().unwrap();
        deliveries.iter().all(|delivery| delivery["fate"] == "delivered").then_some(())
    });
    served.stop();
    assert_eq!(town.state()["kit"]["webhooks"]["endpoints"].as_array().unwrap().len(), 1);
    town.open();
    town.soon("a contested row", |town| {
        let row = town.sync(ADA, frontdesk_core::target::Target::Kit)?;
        matches!(row.state, frontdesk_core::sync::State::Contested { .. }).then_some(())
    });
    assert!(!town.tagged("member").contains(ADA), "twice is a fight, and the fight is left");
}
