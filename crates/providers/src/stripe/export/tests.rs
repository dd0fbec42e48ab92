use super::cells::{flag, minor, time};
use super::*;
use crate::csv::Table as Sheet;

fn at() -> Timestamp {
    "2026-11-24T09:00:00Z".parse().unwrap()
}

/// What the rows of a file tell, or what is wrong with each.
fn told(file: &str) -> Vec<Result<(Key, Body), String>> {
    let mut sheet = Sheet::open(file.as_bytes()).unwrap();
    let header = sheet.header().to_vec();
    let first = sheet.next().unwrap().unwrap();
    let layout = Layout::find(&header, &first).unwrap().unwrap();
    let rows = [first].into_iter().chain(sheet.map(|row| row.unwrap()));
    let tell = |row: Row| {
        // As the journal keeps it.
        let kept = serde_json::to_string(&layout.row(&row, at())).unwrap();
        let row: Exported = serde_json::from_str(&kept).unwrap();
        row.facts(&SourceId::new("stripe")).map_err(|odd| odd.to_string())
    };
    rows.map(tell).collect()
}

fn subscription(file: &str) -> Subscription {
    match told(file).remove(0) {
        Ok((_, Body::Subscription(subscription))) => subscription,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_is_recognised_by_its_ids_and_its_columns_by_their_headers() {
    let find = |file: &str| {
        let mut sheet = Sheet::open(file.as_bytes()).unwrap();
        let first = sheet.next().unwrap().unwrap();
        Layout::find(sheet.header(), &first).map(|layout| layout.map(|layout| layout.table))
    };
    assert_eq!(find("id,Email\ncus_1,a@b.example\n").unwrap(), Some(Table::Customers));
    let payments =
        "id;created_date_utc;AMOUNT;amount refunded;Currency;Status\nch_1;2026-01-01;1;0;usd;Paid\n";
    assert_eq!(find(payments).unwrap(), Some(Table::Payments));
    assert_eq!(find("id,Email\nin_1,a@b.example\n").unwrap(), None);
    let flaw = find("id,Customer ID,Plan,Status\nsub_1,cus_1,price_1,active\n").unwrap_err().to_string();
    assert!(flaw.starts_with("no column `Created (UTC)`"), "{flaw}");
}

#[test]
fn a_column_that_is_there_twice_is_a_flaw_and_one_that_another_goes_before_is_named() {
    let find = |head: &str| {
        let file = format!("{head}\nsub_1,cus_1,active,2026-01-31,a,b\n");
        let mut sheet = Sheet::open(file.as_bytes()).unwrap();
        let first = sheet.next().unwrap().unwrap();
        Layout::find(sheet.header(), &first).map(Option::unwrap)
    };
    let both = find("id,Customer ID,Status,Created,Price ID,Plan").unwrap();
    let said: Vec<_> = both.passed_over().iter().map(|(read, left)| format!("{read}, {left}")).collect();
    assert_eq!(said, ["`Plan` (column 6), `Price ID` (column 5)"]);
    for (head, twice) in [
        ("id,Customer ID,Status,Created,Plan,plan", "`Plan` (column 5) and `plan` (column 6)"),
        ("id,Customer ID,Status,Created,Plan,ID", "`id` (column 1) and `ID` (column 6)"),
    ] {
        assert_eq!(find(head).unwrap_err().to_string(), format!("two columns have the same header: {twice}"));
    }
    let metadata = "id,Plan,Customer ID,Status,Created,gift (metadata),Gift (metadata),gift (metadata)";
    let file = format!("{metadata}\nsub_1,p,cus_1,active,2026-01-31,a,b,c\n");
    let mut sheet = Sheet::open(file.as_bytes()).unwrap();
    let first = sheet.next().unwrap().unwrap();
    let flaw = Layout::find(sheet.header(), &first).unwrap_err().to_string();
    assert!(flaw.ends_with("`gift (metadata)` (column 6) and `gift (metadata)` (column 8)"), "{flaw}");
}

#[test]
fn a_subscription_is_told_with_its_prices_dates_and_metadata() {
    let file = "id,Customer ID,Plan,Product,Quantity,Status,Created (UTC),Current Period Start (UTC),\
                Current Period End (UTC),Cancel At Period End,gift_for (metadata)\n\
                sub_1,cus_1,price_1,prod_1,2,active,2026-01-31 13:05,2026-10-31 13:05,2026-11-30 13:05,TRUE,b@c.example\n";
    let told = subscription(file);
    assert_eq!(told.customer.as_deref(), Some("cus_1"));
    assert_eq!(told.status, SubscriptionStatus::Active);
    assert!(told.cancel_at_period_end && told.items_complete);
    assert_eq!((told.items.len(), told.items[0].quantity), (1, 2));
    assert_eq!(told.items[0].price.as_deref(), Some("price_1"));
    assert_eq!(told.items[0].product.as_deref(), Some("prod_1"));
    assert_eq!(told.items[0].period_end_at, Some("2026-11-30T13:05:00Z".parse().unwrap()));
    assert_eq!(told.metadata["gift_for"], "b@c.example");
}

#[test]
fn several_prices_are_several_items_and_none_are_asked_for() {
    let head = "id,Customer ID,Plan,Product,Status,Created (UTC)\n";
    let two = subscription(&format!("{head}sub_1,cus_1,\"price_1, price_2\",Pro,Past due,2026-01-31\n"));
    assert_eq!(
        two.items.iter().filter_map(|item| item.price.as_deref()).collect::<Vec<_>>(),
        ["price_1", "price_2"]
    );
    assert!(two.items.iter().all(|item| item.product.is_none()), "a name is no id");
    assert_eq!(two.status, SubscriptionStatus::PastDue);
    let none = subscription(&format!("{head}sub_1,cus_1,,,active,2026-01-31\n"));
    assert!(none.items.is_empty() && !none.items_complete);
}

#[test]
fn payments_tell_charges_and_what_went_back() {
    let file = "id,Created date (UTC),Amount,Amount Refunded,Currency,Status,Customer ID,PaymentIntent ID,Disputed Amount\n\
                ch_1,2026-06-05 20:38:34,29.00,0.00,usd,Paid,cus_1,pi_1,\n\
                ch_2,2026-06-05 20:38:34,29.00,29.00,usd,Refunded,cus_1,pi_2,\n\
                ch_3,2026-06-05 20:38:34,29.00,10.00,usd,Paid,cus_1,pi_3,29.00\n\
                py_4,2026-06-05 20:38:34,2900,0,jpy,Failed,,,\n\
                pi_5,2026-06-05 20:38:34,29.00,0.00,usd,succeeded,cus_1,,\n\
                pi_6,2026-06-05 20:38:34,29.00,29.00,usd,Refunded,cus_1,,\n";
    let told = told(file);
    let charge = |nth: usize| match &told[nth] {
        Ok((_, Body::Charge(charge))) => charge,
        other => panic!("{other:?}"),
    };
    assert!(charge(0).succeeded && charge(0).refunded_minor == 0 && !charge(0).refunded);
    assert!(charge(1).refunded && charge(1).refunded_minor == 2900);
    assert!(!charge(2).refunded && charge(2).refunded_minor == 1000 && charge(2).disputed);
    assert!(!charge(3).succeeded && charge(3).amount.minor == 2900);
    assert!(matches!(&told[4], Ok((key, Body::Payment(_))) if key.kind == Kind::Payment));
    assert_eq!(
        told[5],
        Err("`Amount Refunded` of `pi_6`: `29.00` is of a payment without its charge (ch_…): import it through the API"
            .to_owned())
    );
}

#[test]
fn what_cannot_be_read_is_named_by_its_column_its_row_and_what_is_written_there() {
    let head = "id,Customer ID,Plan,Quantity,Status,Created (UTC),Cancel At Period End\n";
    for (row, expected) in [
        ("sub_1,,price_1,1,active,2026-01-31,", "`Customer ID` of `sub_1` is empty"),
        ("sub_1,cus_1,price_1,1,,2026-01-31,", "`Status` of `sub_1` is empty"),
        ("sub_1,cus_1,price_1,one,active,2026-01-31,", "`Quantity` of `sub_1`: `one` is not a whole number"),
        (
            "sub_1,cus_1,price_1,1,active,31/01/2026,",
            "`Created (UTC)` of `sub_1`: `31/01/2026` is no time such as 2026-01-31 13:05 (UTC)",
        ),
        (
            "sub_1,cus_1,price_1,1,active,2026-01-31,perhaps at the end of the period that is paid for",
            "`Cancel At Period End` of `sub_1`: `perhaps at the end of the period that is…` is neither true nor false",
        ),
    ] {
        assert_eq!(told(&format!("{head}{row}\n"))[0], Err(expected.to_owned()), "{row}");
    }
    let mixed = told(&format!(
        "{head}sub_1,cus_1,price_1,1,active,2026-01-31,\ncus_1,cus_1,p,1,active,2026-01-31,\n"
    ));
    assert_eq!(mixed[1], Err("`id`: `cus_1` is the id of something else than the rows before".to_owned()));
}

#[test]
fn times_amounts_and_words_are_read_as_programs_write_them() {
    for (text, expected) in [
        ("2026-01-31 13:05:22", Some("2026-01-31T13:05:22Z")),
        ("2026-01-31 13:05 UTC", Some("2026-01-31T13:05:00Z")),
        ("2026-01-31", Some("2026-01-31T00:00:00Z")),
        ("2026-01-31T13:05:22+02:00", Some("2026-01-31T11:05:22Z")),
        ("1769864722", Some("2026-01-31T13:05:22Z")),
        ("01/02/2026", None),
        ("46053.5", None),
        ("12", None),
    ] {
        assert_eq!(time(text), expected.map(|at| at.parse().unwrap()), "{text}");
    }
    for (text, currency, expected) in [
        ("29.00", "usd", Some(2900)),
        ("29", "USD", Some(2900)),
        ("29,5", "eur", Some(2950)),
        ("1,234.50", "usd", Some(123_450)),
        ("1.234,50", "eur", Some(123_450)),
        ("1,234", "usd", Some(123_400)),
        ("1'234.50", "chf", Some(123_450)),
        ("2900", "jpy", Some(2900)),
        ("2900.00", "jpy", Some(2900)),
        ("1.234", "kwd", Some(1234)),
        ("-29.00", "usd", Some(-2900)),
        ("29.005", "usd", Some(2_900_500)),
        ("29.0051", "usd", None),
        ("free", "usd", None),
        ("", "usd", None),
        ("99999999999999999999", "usd", None),
    ] {
        assert_eq!(minor(text, currency), expected, "{text} {currency}");
    }
    assert_eq!((flag("TRUE"), flag("no"), flag("maybe")), (Some(true), Some(false), None));
}

#[test]
fn a_status_that_nobody_knows_is_named_as_it_is_written() {
    let unknown = |file: &str| {
        let mut sheet = Sheet::open(file.as_bytes()).unwrap();
        let header = sheet.header().to_vec();
        let first = sheet.next().unwrap().unwrap();
        let row = Layout::find(&header, &first).unwrap().unwrap().row(&first, at());
        row.unknown_status().map(ToOwned::to_owned)
    };
    for (status, expected) in [("Past due", None), ("PAUSED", None), ("Frozen", Some("Frozen".to_owned()))] {
        let file =
            format!("id,Customer ID,Plan,Status,Created (UTC)\nsub_1,cus_1,price_1,{status},2026-01-31\n");
        assert_eq!(unknown(&file), expected, "{status}");
    }
    for (status, expected) in [("Paid", None), ("Dispute lost", None), ("Gone", Some("Gone".to_owned()))] {
        let head = "id,Created (UTC),Amount,Amount Refunded,Currency,Status";
        let file = format!("{head}\nch_1,2026-01-31,29.00,0.00,usd,{status}\n");
        assert_eq!(unknown(&file), expected, "{status}");
    }
}

#[test]
fn the_address_beside_a_subscription_is_the_least_that_is_known_of_its_customer() {
    let file = "id,Customer ID,Customer Email,Plan,Status,Created (UTC)\n\
                sub_1,cus_1,ada@x.example,price_1,active,2026-01-31 13:05\n\
                sub_2,cus_2,,price_1,active,2026-01-31 13:05\n";
    let mut sheet = Sheet::open(file.as_bytes()).unwrap();
    let header = sheet.header().to_vec();
    let first = sheet.next().unwrap().unwrap();
    let layout = Layout::find(&header, &first).unwrap().unwrap();
    let source = SourceId::new("stripe");
    let [customer, subscription] = &layout.row(&first, at()).tells(&source).unwrap()[..] else {
        panic!("a customer and a subscription")
    };
    assert_eq!((subscription.0, subscription.1.kind), (at(), Kind::Subscription));
    let created = "2026-01-31T13:05:00Z".parse().unwrap();
    assert_eq!((customer.0, &customer.1), (created, &Key::new(&source, Kind::Customer, "cus_1")));
    assert!(
        matches!(&customer.2, Body::Customer(Customer { email: Some(email), name: None, .. }) if email == "ada@x.example")
    );
    let nameless = layout.row(&sheet.next().unwrap().unwrap(), at()).tells(&source).unwrap();
    assert_eq!(nameless.len(), 1);
}
