//! Back-fill. Each test is named after what must be true.

use crate::house::House;
use frontdesk_core::fact::{Body, SubscriptionStatus};
use frontdesk_core::stage::Stage;
use frontdesk_core::sync::{Hold, State};
use frontdesk_core::target::Target;
use frontdesk_engine::import::{ExportedRow, Imported, Turn};
use frontdesk_engine::rebuild::Rebuilt;
use frontdesk_engine::settings::{Mode, Settings};
use frontdesk_providers::csv::{Row, Table};
use frontdesk_providers::stripe::export::Layout;
use frontdesk_providers::stripe::list::List;
use frontdesk_sandbox::{Answer, Call, Provider};
use frontdesk_store::EntryFilter;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

fn shadow(settings: &mut Settings) {
    settings.targets.values_mut().for_each(|target| target.mode = Mode::Shadow);
}

/// A purchase from before Frontdesk: nobody told it.
fn bought(house: &House, name: &str, price: &str) -> Value {
    let email = format!("{name}@example.com");
    house.act("stripe/checkout", &json!({ "email": email, "name": name, "price": price, "deliver": "lost" }))
}

/// Turns until the import ends, with whatever the loops do in between.
fn import(house: &House) -> Imported {
    house.wait(house.engine.import_begin()).unwrap();
    for _ in 0..500 {
        match house.wait(house.engine.import_turn()).unwrap() {
            Turn::Done => {
                house.look();
                house.look();
                return house.wait(house.engine.imported()).unwrap().unwrap();
            }
            Turn::Read | Turn::Applies => house.look(),
            Turn::Waits { .. } => house.pass(SignedDuration::from_secs(10)),
            stopped @ Turn::Stopped { .. } => panic!("{stopped:?}"),
        }
    }
    panic!("the import does not end");
}

fn entries(house: &House) -> usize {
    let store = house.engine.store();
    house.wait(store.journal_list(&EntryFilter::default(), None, 10_000)).unwrap().len()
}

fn headline(house: &House, name: &str) -> Option<Stage> {
    let customer = house.customer(&format!("{name}@example.com"));
    house.wait(house.engine.store().customer(&customer)).unwrap().unwrap().headline
}

#[test]
fn what_happened_before_becomes_the_record_and_writes_nothing_in_shadow_mode() {
    let house = House::with("import-record", shadow);
    bought(&house, "ada", "price_1Community");
    let gone = bought(&house, "ben", "price_1Community");
    house.act(
        "stripe/cancel",
        &json!({ "subscription": gone["subscription"], "when": "now", "deliver": "lost" }),
    );
    let back = bought(&house, "cleo", "price_1Community");
    house.act("stripe/refund", &json!({ "session": back["session"], "deliver": "lost" }));
    let disputed = bought(&house, "dan", "price_1Course");
    house.act("stripe/dispute", &json!({ "session": disputed["session"], "deliver": "lost" }));
    house.pass(SignedDuration::from_hours(2));
    house.heard(Provider::Circle);
    let done = import(&house);
    assert!(done.ended_at.is_some() && done.was_ever_whole);
    assert_eq!(done.counts[&List::Customers].new, 4);
    assert_eq!(done.counts[&List::Charges].listed, 4);
    assert_eq!(done.counts[&List::Charges].left, 2, "nothing of these went back");
    assert_eq!((done.counts[&List::Refunds].new, done.counts[&List::Disputes].new), (1, 1));
    assert_eq!(headline(&house, "ada"), Some(Stage::AccessPending));
    assert_eq!(headline(&house, "ben"), Some(Stage::Ended));
    assert_eq!(headline(&house, "cleo"), Some(Stage::Refunded));
    let row = house.row("ada@example.com", Target::Circle);
    assert_eq!(row.state, State::Held(Hold::Shadow));
    let calls = [house.heard(Provider::Circle), house.heard(Provider::Kit)].concat();
    assert!(calls.iter().all(|call| call.starts_with("GET")), "{calls:?}");
    let rebuilt = house.wait(Rebuilt::from_journal(house.engine.store())).unwrap();
    assert_eq!(house.wait(rebuilt.first_difference(house.engine.store())).unwrap(), None);
}

/// What a list shows was paid when it was paid, not when the list was read.
#[test]
fn who_bought_before_the_file_said_live_and_is_imported_after_waits() {
    let mut house = House::with("import-live", shadow);
    house.buys("bob@example.com");
    let late = json!({ "email": "late@example.com", "price": "price_1Community", "deliver": "lost" });
    house.act("stripe/checkout", &late);
    house.pass(SignedDuration::from_mins(10));
    house.restart_with(|settings| {
        settings.targets.values_mut().for_each(|target| target.mode = Mode::Live);
    });
    house.look();
    import(&house);
    house.pass(SignedDuration::from_mins(2));
    for address in ["bob@example.com", "late@example.com"] {
        let row = house.row(address, Target::Circle);
        assert_eq!((row.state, house.is_in(address)), (State::Held(Hold::Shadow), false), "{address}");
    }
}

#[test]
fn a_second_import_changes_nothing() {
    let house = House::with("import-twice", shadow);
    for nth in 0..12 {
        let done = bought(&house, &format!("buyer{nth}"), "price_1Community");
        if nth % 4 == 0 {
            house.act("stripe/refund", &json!({ "session": done["session"], "deliver": "lost" }));
        }
    }
    house.pass(SignedDuration::from_hours(1));
    let first = import(&house);
    house.pass(SignedDuration::from_hours(1));
    let before = (entries(&house), house.wait(house.engine.store().derived_hash()).unwrap());
    let again = import(&house);
    assert!(again.began_at > first.began_at);
    for (list, count) in &again.counts {
        assert_eq!(count.new, 0, "{list:?}: {count:?}");
        assert_eq!(count.listed, first.counts[list].listed);
    }
    assert_eq!((entries(&house), house.wait(house.engine.store().derived_hash()).unwrap()), before);
}

/// Subscriptions answer their first page alone.
fn second_page_down(call: &Call) -> Option<Answer> {
    let is_second = call.path == "/v1/subscriptions" && call.parameter("starting_after").is_some();
    is_second.then(|| Answer::html(502, "<html>bad gateway</html>"))
}

#[test]
fn an_import_that_was_cut_off_goes_on_where_it_was() {
    let mut house = House::with("import-cut", shadow);
    for nth in 0..120 {
        bought(&house, &format!("buyer{nth}"), "price_1Community");
    }
    house.stand_in(Some(second_page_down));
    let begun = house.wait(house.engine.import_begin()).unwrap();
    let why = loop {
        match house.wait(house.engine.import_turn()).unwrap() {
            Turn::Read | Turn::Applies => house.look(),
            Turn::Waits { why, .. } if why.contains("502") => break why,
            Turn::Waits { .. } => house.pass(SignedDuration::from_secs(1)),
            other => panic!("{other:?}"),
        }
    };
    assert!(why.contains("answered 502"), "{why}");
    house.restart();
    house.stand_in(None);
    house.pass(SignedDuration::from_mins(1));
    house.heard(Provider::Stripe);
    let done = import(&house);
    assert_eq!(done.began_at, begun.began_at, "it is the same import");
    let calls = house.heard(Provider::Stripe);
    assert!(calls[0].contains("/v1/subscriptions?") && calls[0].contains("starting_after="), "{}", calls[0]);
    assert!(!calls.iter().any(|call| call.contains("/v1/customers")), "{calls:?}");
    for list in [List::Customers, List::Subscriptions, List::Checkouts] {
        assert_eq!((done.counts[&list].new, done.counts[&list].listed), (120, 120), "{list:?}");
    }
    assert_eq!(house.wait(house.engine.store().customers(None, None, 500)).unwrap().len(), 120);
}

/// The object after which a page was to begin was deleted.
fn cursor_gone(call: &Call) -> Option<Answer> {
    let body = json!({ "error": { "type": "invalid_request_error", "code": "resource_missing",
        "message": "No such customer: 'cus_1'", "param": "starting_after" } });
    let is_second = call.path == "/v1/customers" && call.parameter("starting_after").is_some();
    is_second.then(|| Answer::json(400, &body))
}

/// A key without one permission.
fn no_disputes(call: &Call) -> Option<Answer> {
    let message = "The provided key 'rk_live_***' does not have the required permissions for this endpoint. \
                   Having the 'rak_dispute_read' permission would allow this request to continue.";
    let body = json!({ "error": { "type": "invalid_request_error", "message": message } });
    (call.path == "/v1/disputes").then(|| Answer::json(403, &body))
}

fn stopped(house: &House) -> (List, String) {
    house.wait(house.engine.import_begin()).unwrap();
    for _ in 0..200 {
        match house.wait(house.engine.import_turn()).unwrap() {
            Turn::Stopped { list, why } => return (list, why),
            Turn::Done => panic!("it ended"),
            Turn::Read | Turn::Applies => house.look(),
            Turn::Waits { .. } => house.pass(SignedDuration::from_secs(10)),
        }
    }
    panic!("it does not stop");
}

#[test]
fn a_list_that_loses_its_place_is_begun_anew_and_given_up_in_the_end() {
    let house = House::with("import-cursor", shadow);
    for nth in 0..101 {
        bought(&house, &format!("buyer{nth}"), "price_1Community");
    }
    house.stand_in(Some(cursor_gone));
    let (list, why) = stopped(&house);
    assert_eq!(list, List::Customers);
    assert!(why.contains("deleted"), "{why}");
    house.stand_in(None);
    let done = import(&house);
    assert_eq!(done.counts[&List::Customers].listed, 101);
    assert_eq!(done.counts[&List::Customers].new, 101, "{:?}", done.counts);
}

#[test]
fn a_missing_permission_stops_the_import_by_name_and_it_goes_on_once_it_is_given() {
    let house = House::with("import-permission", shadow);
    bought(&house, "ada", "price_1Community");
    house.stand_in(Some(no_disputes));
    let (list, why) = stopped(&house);
    assert_eq!(list, List::Disputes);
    assert!(why.contains("rak_dispute_read"), "{why}");
    assert_eq!(headline(&house, "ada"), Some(Stage::AccessPending), "what was read counts");
    house.stand_in(None);
    house.heard(Provider::Stripe);
    import(&house);
    let calls = house.heard(Provider::Stripe);
    assert!(calls[0].contains("/v1/disputes"), "{calls:?}");
}

/// Every list of the source is empty.
fn nothing(call: &Call) -> Option<Answer> {
    let page = json!({ "object": "list", "data": [], "has_more": false, "url": call.path });
    (call.method == "GET" && call.path.starts_with("/v1/")).then(|| Answer::json(200, &page))
}

#[test]
fn nothing_follows_from_what_the_lists_do_not_show() {
    let house = House::new("import-empty");
    house.buys("ada@example.com");
    let before = house.row("ada@example.com", Target::Circle);
    house.stand_in(Some(nothing));
    let done = import(&house);
    assert!(done.ended_at.is_some());
    house.stand_in(None);
    assert_eq!(house.row("ada@example.com", Target::Circle), before);
    assert!(house.is_in("ada@example.com"));
}

#[test]
fn no_purchase_waits_behind_the_past() {
    let house = House::with("import-backlog", shadow);
    for nth in 0..250 {
        bought(&house, &format!("buyer{nth}"), "price_1Community");
    }
    house.wait(house.engine.import_begin()).unwrap();
    assert_eq!(house.wait(house.engine.import_turn()).unwrap(), Turn::Read);
    let waiting = entries(&house);
    // Nothing is applied meanwhile: the next turn reads nothing.
    assert_eq!(house.wait(house.engine.import_turn()).unwrap(), Turn::Applies);
    assert_eq!(entries(&house), waiting);
}

/// The rows of an export of subscriptions.
fn rows(file: &str, exported_at: Timestamp) -> Vec<ExportedRow> {
    rows_of(&format!("id,Customer ID,Plan,Status,Created (UTC)\n{file}"), exported_at)
}

fn rows_of(file: &str, exported_at: Timestamp) -> Vec<ExportedRow> {
    let mut sheet = Table::open(file.as_bytes()).unwrap();
    let header = sheet.header().to_vec();
    let all: Vec<_> = sheet.by_ref().map(|row| row.unwrap()).collect();
    let layout = Layout::find(&header, &all[0]).unwrap().unwrap();
    let row = |row: &Row| ExportedRow {
        file: "subscriptions.csv".to_owned(),
        line: row.line,
        row: layout.row(row, exported_at),
    };
    all.iter().map(row).collect()
}

fn take(house: &House, rows: &[ExportedRow]) -> (u64, u64) {
    let taken = house.wait(house.engine.import_rows(rows)).unwrap().unwrap();
    house.look();
    (taken.new, taken.known)
}

#[test]
fn an_export_never_takes_back_what_the_source_told() {
    let house = House::new("import-better");
    let done = house.buys("ada@example.com");
    let subscription = done["subscription"].as_str().unwrap();
    let row = format!("{subscription},cus_x,price_1Community,canceled,2026-03-02 09:00\n");
    let before = house.row("ada@example.com", Target::Circle);
    assert_eq!(take(&house, &rows(&row, house.now())), (0, 1));
    house.pass(SignedDuration::from_mins(5));
    assert_eq!(house.row("ada@example.com", Target::Circle), before);
    assert!(house.is_in("ada@example.com"));
}

#[test]
fn rows_are_taken_in_once_and_a_newer_export_replaces_an_older_one() {
    let house = House::with("import-rows", shadow);
    let row = |status: &str| format!("sub_1,cus_1,price_1Community,{status},2026-01-02 09:00\n");
    let (old, new) =
        (house.now() - SignedDuration::from_hours(2), house.now() - SignedDuration::from_hours(1));
    assert_eq!(take(&house, &rows(&row("active"), new)), (1, 0));
    let count = entries(&house);
    assert_eq!(take(&house, &rows(&row("active"), new)), (0, 1), "the same again");
    assert_eq!(take(&house, &rows(&row("past_due"), old)), (0, 1), "an older one");
    assert_eq!(entries(&house), count);
    assert_eq!(take(&house, &rows(&row("paused"), house.now())), (1, 0));
    let customer = house.customer("sub_1");
    let records = house.wait(house.engine.store().records(&[customer])).unwrap();
    let status = records[0].record.facts.values().find_map(|fact| match &fact.current().version.body {
        Body::Subscription(subscription) => Some(subscription.status.clone()),
        _ => None,
    });
    assert_eq!(status, Some(SubscriptionStatus::Paused));
}

#[test]
fn a_batch_with_a_row_that_cannot_be_read_is_left_out_whole() {
    let house = House::with("import-batch", shadow);
    let count = entries(&house);
    let file = "sub_1,cus_1,price_1Community,active,2026-01-02\nsub_2,,price_1Community,active,2026-01-02\n";
    let (nth, odd) = house.wait(house.engine.import_rows(&rows(file, house.now()))).unwrap().unwrap_err();
    assert_eq!((nth, odd.to_string().as_str()), (1, "`Customer ID` of `sub_2` is empty"));
    assert_eq!(entries(&house), count);
}

#[test]
fn an_address_beside_a_subscription_counts_until_anybody_else_tells_one() {
    let subscription = "id,Customer ID,Customer Email,Plan,Status,Created (UTC)\n\
                        sub_1,cus_1,ada@x.example,price_1Community,active,2026-01-02 09:00\n";
    let customer = "id,Email,Name\ncus_1,ada@work.example,Ada\n";
    let address = |house: &House| {
        let known = house.customer("sub_1");
        let records = house.wait(house.engine.store().records(&[known])).unwrap();
        (records[0].record.access_address().unwrap().as_str().to_owned(), records[0].record.name())
    };
    let best = ("ada@work.example".to_owned(), Some("Ada".to_owned()));
    for order in [[subscription, customer], [customer, subscription]] {
        let house = House::with(&format!("import-address-{}", order[0].len()), shadow);
        // The customers' file is the older one.
        let rows_of = |file| {
            let age = if file == customer { 2 } else { 1 };
            rows_of(file, house.now() - SignedDuration::from_hours(age))
        };
        assert_eq!(take(&house, &rows_of(order[0])), (1, 0));
        if order[0] == subscription {
            assert_eq!(address(&house), ("ada@x.example".to_owned(), None));
        }
        assert_eq!(take(&house, &rows_of(order[1])), (1, 0));
        assert_eq!(address(&house), best);
        let rebuilt = house.wait(Rebuilt::from_journal(house.engine.store())).unwrap();
        assert_eq!(house.wait(rebuilt.first_difference(house.engine.store())).unwrap(), None);
    }
}
