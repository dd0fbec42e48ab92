//! `frontdesk import` as an operator runs it: beside the sandbox, with and without a Frontdesk that runs.

use crate::process::laid_out;
use crate::town::{Served, Settings, Town};
use serde_json::{Value, json};
use std::fmt::Write as _;

fn shadow() -> Settings {
    Settings { mode: "shadow", ..Settings::default() }
}

/// Purchases from before Frontdesk: nobody told them.
fn bought(town: &Town, count: usize) {
    for nth in 0..count {
        let email = format!("buyer{nth}@example.com");
        let body =
            json!({ "email": email, "name": "A buyer", "price": "price_1Community", "deliver": "lost" });
        town.act("stripe", "checkout", body);
    }
}

fn said(town: &Town, words: &str) -> String {
    let arguments: Vec<_> = words.split(' ').collect();
    laid_out(&Served::command(town, &arguments).output().unwrap())
}

fn document(said: &str) -> Value {
    let data = said.split_once("--- stdout\n").and_then(|(_, rest)| rest.split_once("--- stderr\n"));
    data.and_then(|(data, _)| serde_json::from_str(data).ok()).unwrap_or_else(|| panic!("{said}"))
}

fn writes(town: &Town, provider: &str) -> Vec<String> {
    town.calls(provider).into_iter().filter(|call| !call.starts_with("GET")).collect()
}

/// Progress depends on how fast the machine is; what is left is what every run says.
fn steady(said: &str) -> String {
    let is_progress = |line: &&str| line.ends_with("read so far") || line.ends_with("is being applied");
    let lines: Vec<_> = said.lines().filter(|line| !is_progress(line)).map(str::trim_end).collect();
    lines.join("\n")
}

#[test]
fn a_stripe_account_of_120_customers_becomes_the_record_and_nothing_is_written() {
    let town = Town::closed("import-stripe", shadow());
    bought(&town, 120);
    // Before anything ever ran.
    insta::assert_snapshot!("import_stripe", steady(&said(&town, "import stripe")));
    // What nobody looked at yet is held by shadow mode all the same.
    let rows = document(&said(&town, "sync list --json --limit 500 --state held"));
    let states: Vec<_> = rows["syncs"].as_array().unwrap().iter().map(|row| &row["state"]).collect();
    assert_eq!(states.len(), 240);
    assert!(states.iter().all(|state| **state == json!({ "state": "held", "hold": "shadow" })), "{states:?}");
    assert_eq!(document(&said(&town, "sync list --json --state due"))["syncs"], json!([]));
    let served = Served::start(&town);
    let again = document(&said(&town, "import stripe --json"));
    assert_eq!(again["is_applied"], true);
    for list in again["lists"].as_array().unwrap() {
        assert_eq!(list["new"], 0, "{again}");
    }
    assert_eq!(again["lists"][0]["read"], 120);
    assert_eq!(again["targets"][0]["mode"], "shadow");
    let counts = town.until("every row was looked at", |town| {
        let rows = document(&said(town, "sync list --json --limit 500"));
        let mut waits = rows["syncs"].as_array().unwrap().iter().map(|row| &row["next_try_at"]);
        waits.all(Value::is_null).then(|| rows["counts"].clone())
    });
    let held = |target: &str| json!({ "target": target, "state": "held", "count": 120 });
    assert_eq!(counts, json!([held("circle"), held("kit")]));
    let explained = said(&town, "explain buyer7@example.com");
    assert!(explained.starts_with("exit 0\n") && explained.contains("Community"), "{explained}");
    assert_eq!(writes(&town, "circle"), Vec::<String>::new());
    assert_eq!(writes(&town, "kit"), Vec::<String>::new());
    served.stop();
    assert!(said(&town, "rebuild --check").starts_with("exit 0\n"), "the journal makes the same record");
}

#[test]
fn a_live_target_is_asked_about_before_the_past_acts() {
    let town = Town::closed("import-live", Settings::default());
    bought(&town, 1);
    let refused = said(&town, "import stripe");
    assert!(refused.starts_with("exit 1\n") && refused.contains("FD0062"), "{refused}");
    assert!(refused.contains("Circle and Kit would be written to"), "{refused}");
    assert!(said(&town, "import stripe --yes").starts_with("exit 0\n"));
    assert!(said(&town, "import stripe").starts_with("exit 0\n"), "the past is known by now");
}

#[test]
fn an_import_without_a_permission_names_it_and_goes_on_once_it_is_given() {
    let town = Town::closed("import-permission", shadow());
    bought(&town, 2);
    let key = town.settings.secret("STRIPE_API_KEY").to_owned();
    let permissions = [
        "rak_customer_read",
        "rak_subscription_read",
        "rak_checkout_session_read",
        "rak_invoice_read",
        "rak_payment_intent_read",
        "rak_dispute_read",
        "rak_event_read",
    ];
    town.act("stripe", "keys", json!({ "key": key, "permissions": permissions }));
    let refused = said(&town, "import stripe");
    assert!(refused.starts_with("exit 1\n"), "{refused}");
    assert!(
        refused.contains("could not read the charges: the key lacks the permission `rak_charge_read`"),
        "{refused}"
    );
    assert!(refused.contains("FD0080"), "{refused}");
    town.act("stripe", "keys", json!({ "key": key }));
    let done = said(&town, "import stripe");
    assert!(done.starts_with("exit 0\n"), "{done}");
    assert!(done.contains("an import was cut off at charges: it goes on there"), "{done}");
}

#[test]
fn who_is_there_already_is_noted_and_nobody_is_touched() {
    let town = Town::closed("import-lists", shadow());
    bought(&town, 5);
    for nth in 0..3 {
        let email = format!("buyer{nth}@example.com");
        town.act("circle", "member", json!({ "email": email, "state": "active" }));
        town.act("circle", "add", json!({ "email": email, "group": 4012 }));
        town.act("kit", "subscriber", json!({ "email": email }));
    }
    town.act("circle", "member", json!({ "email": "friend@example.com", "state": "active" }));
    town.act("circle", "add", json!({ "email": "friend@example.com", "group": 4012 }));
    assert!(said(&town, "import stripe --quiet").starts_with("exit 0\n"));
    insta::assert_snapshot!("import_circle", steady(&said(&town, "import circle")));
    let calls = town.calls("circle").len();
    let again = document(&said(&town, "import circle --json"));
    assert_eq!((&again["known"], &again["unsupported"]), (&json!(3), &json!(1)), "{again}");
    assert!(town.calls("circle").len() > calls, "the lists are read again");
    insta::assert_snapshot!("import_kit", steady(&said(&town, "import kit")));
    assert_eq!(writes(&town, "circle"), Vec::<String>::new());
    assert_eq!(writes(&town, "kit"), Vec::<String>::new());
    let served = Served::start(&town);
    let through_the_door = document(&said(&town, "import circle --json"));
    assert_eq!(through_the_door["known"], 3);
    let calls = town.calls("circle").len();
    // Whoever is known to be there needs no call, and who is not waits for a person.
    town.until("the rows settled", |town| {
        let rows = document(&said(town, "sync list --json --target circle --limit 500"));
        let counts = rows["counts"].as_array().unwrap().clone();
        let of = |state: &str| {
            let found = counts.iter().find(|count| count["target"] == "circle" && count["state"] == state);
            found.map_or(0, |count| count["count"].as_i64().unwrap())
        };
        (of("applied") == 3 && of("held") == 2).then_some(())
    });
    assert_eq!(town.calls("circle").len(), calls);
    served.stop();
}

/// Exports of what the sandbox's Stripe holds, as the dashboard would write them.
fn export(town: &Town, count: usize) {
    let mut customers = "id,Description,Email,Name,Created (UTC)\n".to_owned();
    let mut subscriptions =
        "id;Customer ID;Customer Email;Plan;Product;Quantity;Status;Created (UTC);Current Period End (UTC);\
                             Cancel At Period End\r\n"
            .to_owned();
    let mut payments =
        "id,Created date (UTC),Amount,Amount Refunded,Currency,Status,Customer ID,PaymentIntent ID\n"
            .to_owned();
    for nth in 0..count {
        let email = format!("buyer{nth}@example.com");
        let body = json!({ "email": email, "name": "Zoë", "price": "price_1Community", "deliver": "lost" });
        let bought = town.act("stripe", "checkout", body);
        let id = |name: &str| bought[name].as_str().unwrap_or_default().to_owned();
        let (customer, subscription) = (id("customer"), id("subscription"));
        let day = town.now().strftime("%Y-%m-%d %H:%M").to_string();
        writeln!(customers, "{customer},,{email},Zoë,{day}").unwrap();
        write!(
            subscriptions,
            "{subscription};{customer};{email};price_1Community;prod_Community;1;active;{day};2099-01-31 13:05;FALSE\r\n"
        )
        .unwrap();
        writeln!(payments, "ch_{nth},{day},29.00,0.00,usd,Paid,{customer},pi_{nth}").unwrap();
    }
    town.folder.write("customers.csv", &customers);
    town.folder.write("subscriptions.csv", &format!("\u{feff}{subscriptions}"));
    town.folder.write("payments.csv", &payments);
}

#[test]
fn exports_of_the_dashboard_become_the_record_whatever_wrote_them() {
    let town = Town::closed("import-csv", shadow());
    export(&town, 7);
    // In any order: customers come first by themselves.
    let words = "import stripe --csv subscriptions.csv payments.csv customers.csv";
    insta::assert_snapshot!("import_csv", steady(&said(&town, words)));
    let stripe = town.calls("stripe");
    assert_eq!(stripe, Vec::<String>::new(), "nothing is asked for");
    let served = Served::start(&town);
    let again = document(&said(&town, &format!("{words} --json")));
    for file in again["files"].as_array().unwrap() {
        assert_eq!(file["new"], 0, "{again}");
    }
    let explained = said(&town, "explain buyer3@example.com");
    assert!(explained.starts_with("exit 0\n") && explained.contains("Community"), "{explained}");
    // The source's own word takes the place of its export's, and is not taken back by it.
    let api = document(&said(&town, "import stripe --json"));
    assert_eq!(api["lists"][1]["new"], 7, "{api}");
    let known = document(&said(&town, &format!("{words} --json")));
    assert_eq!(
        (&known["files"][1]["holds"], &known["files"][1]["known"]),
        (&json!("subscriptions"), &json!(7))
    );
    assert_eq!(writes(&town, "circle"), Vec::<String>::new());
    // What came in by the hundred is told in numbers.
    let log = served.stop();
    let read: Vec<_> = log.lines().filter(|line| line.contains("the source's past was read")).collect();
    assert!(read.len() == 1 && read[0].contains("21 of them new"), "{log}");
    assert!(!log.contains("applied"), "{log}");
    assert!(said(&town, "rebuild --check").starts_with("exit 0\n"), "the journal makes the same record");
}

#[test]
fn a_flaw_in_one_file_keeps_all_of_them_out_and_is_told_by_its_line() {
    let town = Town::closed("import-flaws", shadow());
    export(&town, 2);
    let flawed = "id,Customer ID,Plan,Status,Created (UTC)\n\
                  sub_1,cus_1,price_1Community,active,2026-01-31 13:05\n\
                  sub_2,,price_1Community,active,2026-01-31 13:05\n\
                  sub_3,cus_3,price_1Community,active,31.01.2026\n";
    town.folder.write("flawed.csv", flawed);
    town.folder.write("other.csv", "invoice,amount\nin_1,29.00\n");
    insta::assert_snapshot!(
        "import_csv_flaws",
        said(&town, "import stripe --csv customers.csv flawed.csv other.csv nothing.csv")
    );
    let open = "id,Customer ID,Plan,Status,Created (UTC)\n\
                sub_1,,price_1Community,active,2026-01-31 13:05\n\
                sub_2,cus_2,\"price_1Community,active,2026-01-31 13:05\n\
                sub_3,cus_3,\"price_1Community\",active,31.01.2026\n";
    town.folder.write("open.csv", open);
    town.folder.write("twice.csv", "id,Email,Name,email\ncus_1,a@x.example,A,b@x.example\n");
    town.folder.write("workbook.csv", "PK\u{3}\u{4}\u{14}\0\u{6}\0");
    insta::assert_snapshot!(
        "import_csv_no_table",
        said(&town, "import stripe --csv open.csv twice.csv workbook.csv")
    );
    let nobody = said(&town, "explain buyer0@example.com");
    assert!(nobody.starts_with("exit 1\n"), "nothing was taken in: {nobody}");
}

#[test]
fn exports_of_members_and_subscribers_note_who_is_there_and_cost_no_call() {
    let town = Town::closed("import-rosters", shadow());
    bought(&town, 4);
    assert!(said(&town, "import stripe --quiet").starts_with("exit 0\n"));
    let members =
        "Name,Email,Member ID\nA,BUYER0@example.com,701\nB,buyer1@example.com,\nF,friend@example.com,709\n";
    town.folder.write("members.csv", members);
    town.folder.write("subscribers.csv", "email;tags;status\nbuyer0@example.com;\"Member, VIP\";active\n");
    let words = "import circle --csv members.csv --all-have group:4012";
    insta::assert_snapshot!("import_circle_csv", steady(&said(&town, words)));
    let again = document(&said(&town, &format!("{words} --json")));
    assert_eq!(
        (&again["files"][0]["customers"], &again["files"][0]["noted"]),
        (&json!(2), &json!(0)),
        "{again}"
    );
    let kit = document(&said(&town, "import kit --csv subscribers.csv --json"));
    assert_eq!(kit["files"][0]["noted"], 1, "{kit}");
    assert_eq!(town.calls("circle"), Vec::<String>::new());
    assert_eq!(town.calls("kit"), Vec::<String>::new());
    town.folder.write("flawed.csv", "Email\nbuyer2@example.com\nnobody\n");
    let flawed = said(&town, "import circle --csv flawed.csv");
    assert!(
        flawed.contains("`Email`: `nobody` is no address") && flawed.contains("flawed.csv:3"),
        "{flawed}"
    );
    town.folder.write("again.csv", "Email,Member ID\nbuyer2@example.com,702\nbuyer3@example.com,701\n");
    town.folder
        .write("ids.csv", "Email,Member ID\nbuyer2@example.com,7.02E+2\na@example.com,9\nb@example.com,9\n");
    insta::assert_snapshot!(
        "import_circle_csv_ids",
        said(&town, "import circle --csv members.csv again.csv ids.csv")
    );
    town.folder.write("both.csv", "Member Email,Email\nwork@example.com,buyer2@example.com\n");
    let both = said(&town, "import circle --csv both.csv");
    assert!(
        both.starts_with("exit 0\n")
            && both.contains(
                "warning: `Email` (column 2) is read, and `Member Email` (column 1) is not\n  at both.csv"
            ),
        "{both}"
    );
    let odd = said(&town, "import circle --csv members.csv --all-have tag:member");
    assert!(odd.starts_with("exit 1\n") && odd.contains("FD0061"), "{odd}");
    let mistyped = said(&town, "import circle --csv members.csv --all-have group:9999");
    let names_all = "the catalogue manages no `circle:group:9999`";
    assert!(mistyped.starts_with("exit 1\n") && mistyped.contains(names_all), "{mistyped}");
}
