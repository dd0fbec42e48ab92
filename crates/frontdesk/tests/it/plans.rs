//! From shadow mode to live at the command line: the plan, the question, the answer.

use crate::desk::steady;
use crate::process::laid_out;
use crate::town::{Rest, Served, Settings, Town};
use serde_json::{Value, json};

/// What a command says beside a town in which no Frontdesk runs.
fn said(town: &Town, words: &str) -> String {
    let words: Vec<_> = words.split(' ').collect();
    laid_out(&Served::command(town, &words).output().unwrap())
}

/// Without what depends on the day, such as when an allowance renews.
fn dateless(said: &str) -> String {
    steady(said).lines().filter(|line| !line.contains(" calls left, ")).collect::<Vec<_>>().join("\n")
}

/// The document that a command printed.
fn document(said: &str) -> Value {
    let data = said.split_once("--- stdout\n").unwrap().1.split_once("--- stderr").unwrap().0;
    serde_json::from_str(data).unwrap()
}

/// A document without what differs between runs: ids, instants, and how many calls of the month were made so far.
fn undated(said: &str) -> String {
    let line = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        let is_count = ["\"left\"", "\"sweep_allowance\""].contains(&name.trim());
        (is_count && !["null,", "{"].contains(&value)).then(|| format!("{name}: N,"))
    };
    dateless(said)
        .lines()
        .map(|text| line(text).unwrap_or_else(|| text.to_owned()))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Ben may be somebody who is in under another address: the sheet says so, and the founder decides.
fn sheet(town: &mut Town) {
    town.act("circle", "member", json!({ "email": "ben+home@example.com", "state": "active" }));
    town.act("circle", "add", json!({ "email": "ben+home@example.com", "group": 4012 }));
    town.settings.mode = "live";
    let undecided = said(town, "go-live circle --by Ada --yes");
    assert!(undecided.starts_with("exit 1\n") && undecided.contains("FD0083"), "{undecided}");
    assert!(undecided.contains("1 of those who pay may already have access at Circle"), "{undecided}");
    town.settings.mode = "shadow";
    let written = said(town, "plan --pairs pairs.csv --target circle");
    assert!(written.starts_with("exit 2\n") && written.contains("1 pair is in pairs.csv"), "{written}");
    let text = std::fs::read_to_string(town.folder.path("pairs.csv")).unwrap();
    let line = text.lines().nth(1).unwrap();
    assert!(line.starts_with(",,90,") && line.contains("ben@example.com,,ben+home@example.com"), "{text}");
    let untouched = said(town, "plan --pairs pairs.csv --target circle");
    assert!(untouched.contains("no line of the sheet says yes"), "{untouched}");
    town.folder.write("pairs.csv", &text.replace("\r\n,,90,", "\r\nsure,,90,"));
    let flawed = said(town, "plan --pairs pairs.csv --target circle --by Ada");
    assert!(flawed.starts_with("exit 1\n") && flawed.contains("line 2: `sure` is neither"), "{flawed}");
    town.folder.write("pairs.csv", &text.replace("\r\n,,90,", "\r\nyes,,90,"));
    let nobody = said(town, "plan --pairs pairs.csv --target circle");
    assert!(nobody.contains("nobody says who decided it"), "{nobody}");
    let other = text.replace("\r\n,,90,", "\r\nyes,,90,").replace(",1005\r\n", ",1003\r\n");
    town.folder.write("pairs.csv", &other);
    let changed = said(town, "plan --pairs pairs.csv --target circle --by Ada");
    assert!(changed.contains("no pair that is proposed now"), "{changed}");
    town.folder.write("pairs.csv", &text.replace("\r\n,,90,", "\r\nyes,,90,"));
    let decided = said(town, "plan --pairs pairs.csv --target circle --by Ada");
    assert!(decided.contains("are one from now on"), "{decided}");
    assert!(!decided.contains("~  ben+home@example.com"), "they are one: {decided}");
    // Handed in again, it is known; a no is not dropped, and says what takes a yes back.
    let again = said(town, "plan --pairs pairs.csv --target circle --by Ada");
    assert!(again.contains("line 2: fdc_") && again.contains("are one already"), "{again}");
    town.folder.write("pairs.csv", &text.replace("\r\n,,90,", "\r\nno,,90,"));
    let changed = said(town, "plan --pairs pairs.csv --target circle --by Ada");
    assert!(changed.contains("are left: they are one, and a yes is taken back by"), "{changed}");
    assert!(changed.contains("frontdesk customer unpair fdc_"), "{changed}");
    // What was said shows before anything is looked at, and by either address.
    for who in ["ben@example.com", "ben+home@example.com"] {
        let explained = said(town, &format!("explain {who}"));
        let plain = explained.split_whitespace().collect::<Vec<_>>().join(" ");
        let says = "They are one with Circle member 1005 (ben+home@example.com): by Ada, the same mailbox";
        assert!(plain.contains("ben@example.com fdc_") && plain.contains(says), "{explained}");
    }
    let back = said(town, "customer unpair ben@example.com --reason mistaken --by Ada");
    assert!(back.starts_with("exit 1\n") && back.contains("would say that ben@example.com and"), "{back}");
    let nobody = said(town, "customer unpair ada@example.com --reason mistaken --by Ada --yes");
    assert!(nobody.contains("nobody said that `fdc_"), "{nobody}");
}

/// By the address that only Circle knows, Ben is Ben: a grant begins no second record, and the pairing can be taken back.
fn second_address(town: &Town) {
    let granted = said(town, "customer grant ben+home@example.com course --reason speaker --by Ada");
    assert!(
        granted.starts_with("exit 0\n") && granted.contains("granted `course` to ben@example.com"),
        "{granted}"
    );
    insta::assert_snapshot!("plan_granted", dateless(&said(town, "plan --target circle")));
    let back = said(town, "customer unpair ben@example.com --reason mistaken --by Ada --yes");
    assert!(back.starts_with("exit 0\n") && back.contains("are two from now on"), "{back}");
    let unknown = said(town, "explain ben+home@example.com");
    assert!(unknown.contains("no customer matches"), "{unknown}");
    let explained = said(town, "explain ben@example.com");
    assert!(explained.contains("They are     not Circle member 1005"), "{explained}");
    // Ben is in under his own address by now, so they are proposed no more: what was said is known all the same.
    let known = said(town, "plan --pairs pairs.csv --target circle --by Ada");
    assert!(known.contains("were told apart already"), "{known}");
}

/// Dan has access and does not pay: the founder keeps him for a while.
fn settlement(town: &Town) {
    let written = said(town, "settle unpaid.csv --target circle");
    assert!(
        written.starts_with("exit 2\n") && written.contains("2 people with access that no payment gives"),
        "{written}"
    );
    assert!(written.contains("1 of them pay, for what stands in `pays for`"), "{written}");
    let text = std::fs::read_to_string(town.folder.path("unpaid.csv")).unwrap();
    assert!(text.contains("\r\n,,,dan@example.com,"), "{text}");
    assert!(text.contains("\r\n,,,eve@example.com,,access group 4012,course,fdc_"), "{text}");
    assert!(said(town, "settle unpaid.csv").contains("no line of the sheet says"));
    let decide =
        |line: &str| town.folder.write("unpaid.csv", &text.replace("\r\n,,,dan", &format!("\r\n{line},dan")));
    // Who bought before Frontdesk ran would look like somebody who does not pay.
    decide("remove,,left long ago");
    let unread = said(town, "settle unpaid.csv --by Ada --yes");
    assert!(unread.starts_with("exit 1\n") && unread.contains("FD0084"), "{unread}");
    let imported = said(town, "import stripe --yes");
    assert!(imported.starts_with("exit 0\n"), "{imported}");
    for (line, by, why) in [
        ("maybe,,", " --by Ada", "line 2: `maybe` is neither keep nor remove"),
        ("keep,,", " --by Ada", "line 2: there is no reason"),
        ("keep,,a speaker", "", "nobody says who decided it"),
        ("keep,2020-01-01,a speaker", " --by Ada", "has passed"),
        ("remove,,left long ago", " --by Ada", "nobody is here to be asked"),
    ] {
        decide(line);
        let refused = said(town, &format!("settle unpaid.csv{by}"));
        assert!(refused.starts_with("exit 1\n") && refused.contains(why), "{line}: {refused}");
    }
    town.folder.write(
        "unpaid.csv",
        &text.replace("\r\n,,,dan", "\r\nkeep,,a speaker,dan").replace("group:4012", "group:4014"),
    );
    let changed = said(town, "settle unpaid.csv --by Ada --yes");
    assert!(changed.starts_with("exit 1\n") && changed.contains("line 2: member"), "{changed}");
    decide("keep,30d,a speaker");
    let kept = said(town, "settle unpaid.csv --by Ada --yes");
    assert!(kept.starts_with("exit 0\n") && kept.contains("dan@example.com (Circle member"), "{kept}");
    assert!(kept.contains("is kept: `community` of fdc_"), "{kept}");
    assert!(kept.contains("dan@example.com gets tag “member” as well, which they do not have"), "{kept}");
    let again = said(town, "settle unpaid.csv --by Ada --yes");
    assert!(again.starts_with("exit 0\n") && again.contains("not among those who have access"), "{again}");
}

/// Eve pays for something else: what is said of all others is not said of her.
fn who_pays_for_something_else(town: &Town) {
    let text = std::fs::read_to_string(town.folder.path("unpaid.csv")).unwrap();
    let rest = "settle unpaid.csv --rest remove --reason ended --by Ada --yes";
    let spared = said(town, rest);
    let why = "line 3: eve@example.com (Circle member 1004) is left: pays for course, which does not give this; to remove \
               them, write remove into their line";
    assert!(spared.starts_with("exit 0\n") && spared.contains(why), "{spared}");
    let spared = document(&said(town, &format!("{rest} --json")));
    assert_eq!(spared["settled"], json!([]));
    let eve = spared["left"].as_array().unwrap().iter().find(|left| left["line"] == 3).unwrap();
    assert_eq!(eve["why"], "pays_for_something_else");
    assert_eq!(eve["pays_for"], json!([{ "is": "plan", "id": "course", "title": "course" }]));
    town.folder.write("unpaid.csv", &text.replace("\r\n,,,eve", "\r\nremove,,by mistake,eve"));
    let removed = said(town, "settle unpaid.csv --by Ada --yes");
    assert!(removed.contains("kept: 0 people; removed: 1 person."), "{removed}");
    assert!(
        removed.contains("eve@example.com (Circle member 1004) is removed: `community` of fdc_"),
        "{removed}"
    );
}

#[test]
fn who_pays_without_access_and_who_has_access_without_paying_is_shown_and_then_settled() {
    let mut town = Town::with("plans", Settings { mode: "shadow", ..Settings::default() });
    // Eve pays for the course alone, and somebody let her into the community.
    for (name, groups) in
        [("ada", vec![4012, 4013]), ("cleo", vec![4012]), ("dan", vec![4012]), ("eve", vec![4012])]
    {
        let email = format!("{name}@example.com");
        town.act("circle", "member", json!({ "email": email, "state": "active" }));
        for group in groups {
            town.act("circle", "add", json!({ "email": email, "group": group }));
        }
    }
    for (name, price) in
        [("ada", "price_1Pro"), ("ben", "price_1Community"), ("cleo", "price_1Pro"), ("eve", "price_1Course")]
    {
        town.buys(&format!("{name}@example.com"), price);
        let bought = if price == "price_1Pro" { 2 } else { 1 };
        town.until_stages(&format!("{name}@example.com"), &vec!["access_pending"; bought]);
    }
    town.settle();
    town.shut();
    insta::assert_snapshot!("plan", dateless(&said(&town, "plan")));
    insta::assert_snapshot!("plan_offline", dateless(&said(&town, "plan --offline --target circle")));
    let json = said(&town, "plan --json");
    insta::assert_snapshot!("plan_json", undated(&json));
    let plan = document(&json);
    let symbols: Vec<_> = plan["lines"].as_array().unwrap().iter().map(|line| &line["symbol"]).collect();
    assert_eq!(symbols, ["+", "+", "+", "+", "~"]);
    assert_eq!(plan["totals"]["pay_without_access"], 3);
    assert_eq!(plan["targets"]["circle"]["written"]["written"], "nothing");
    sheet(&mut town);
    insta::assert_snapshot!("go_live_in_shadow", said(&town, "go-live circle --by Ada"));
    town.settings.mode = "live";
    // Nobody is here to answer the question, and so nothing is done.
    let asked = said(&town, "go-live circle --by Ada");
    assert!(asked.starts_with("exit 1\n") && asked.contains("FD0062"), "{asked}");
    assert!(asked.contains("eve@example.com"), "the plan comes first: {asked}");
    town.open();
    town.settle();
    assert_eq!(town.in_group(4014).len(), 0);
    town.shut();
    for target in ["circle", "kit"] {
        let done = said(&town, &format!("go-live {target} --by Ada --yes"));
        assert!(done.starts_with("exit 0\n") && done.contains("is live"), "{done}");
    }
    town.open();
    town.until("eve is in", |town| town.in_group(4014).contains("eve@example.com").then_some(()));
    town.settle();
    assert!(town.in_group(4012).contains("dan@example.com"), "who does not pay is left in");
    town.shut();
    let done = said(&town, "plan");
    assert!(done.starts_with("exit 2\n") && done.contains("0 pay and have no access"), "{done}");
    settlement(&town);
    who_pays_for_something_else(&town);
    let done = said(&town, "plan --target circle");
    assert!(!done.contains("has access and does not pay"), "{done}");
    insta::assert_snapshot!("plan_removed", dateless(&done));
    town.open();
    town.until("eve is out", |town| (!town.in_group(4012).contains("eve@example.com")).then_some(()));
    town.rest_but_calls(Rest::default());
    town.shut();
    second_address(&town);
}

#[test]
fn explain_says_what_the_plan_says_of_customers_and_of_members_without_a_record() {
    let town = Town::closed("explain-plan", Settings { mode: "shadow", ..Settings::default() });
    for name in ["ada", "dan", "eve"] {
        let email = format!("{name}@example.com");
        town.act("circle", "member", json!({ "email": email, "state": "active" }));
        town.act("circle", "add", json!({ "email": email, "group": 4012 }));
    }
    let lost = |email: &str, price: &str| {
        town.act("stripe", "checkout", json!({ "email": email, "price": price, "deliver": "lost" }))
    };
    let ada = lost("ada@example.com", "price_1Community");
    town.act(
        "stripe",
        "cancel",
        json!({ "subscription": ada["subscription"], "when": "now", "deliver": "lost" }),
    );
    lost("eve@example.com", "price_1Course");
    for import in ["import stripe", "import circle"] {
        let imported = said(&town, import);
        assert!(imported.starts_with("exit 0\n"), "{imported}");
    }
    let planned = document(&said(&town, "plan --offline --json"));
    let lines = planned["lines"].as_array().unwrap();
    let who: Vec<_> = lines.iter().map(|line| line["address"].as_str().unwrap()).collect();
    assert_eq!(who, ["eve@example.com", "ada@example.com", "dan@example.com"]);
    for line in lines {
        let explained =
            document(&said(&town, &format!("explain {} --json", line["address"].as_str().unwrap())));
        assert_eq!(explained["plan"], json!([line]), "{explained}");
        assert_eq!(explained["customer"], line["customer"]);
    }
    for name in ["ada", "dan", "eve"] {
        let explained = said(&town, &format!("explain {name}@example.com"));
        insta::assert_snapshot!(format!("explain_{name}"), steady(&explained));
    }
    let nobody = said(&town, "explain zoe@example.com");
    assert!(nobody.starts_with("exit 1\n") && nobody.contains("nor did a sweep see them"), "{nobody}");
}

const SUBSCRIPTIONS: &str = "id,Customer ID,Customer Email,Plan,Product,Quantity,Status,Created (UTC),Start Date (UTC),Current Period Start (UTC),Current Period End (UTC)
sub_1,cus_1,ada@example.com,price_1Community,prod_1Community,1,active,2026-11-01 09:00,2026-11-01 09:00,2026-11-01 09:00,2099-12-01 09:00
sub_2,cus_2,ben@example.com,price_1Community,prod_1Community,1,active,2026-11-02 09:00,2026-11-02 09:00,2026-11-02 09:00,2099-12-02 09:00
sub_3,cus_3,cleo@example.com,price_1Community,prod_1Community,1,canceled,2026-09-02 09:00,2026-09-02 09:00,2026-09-02 09:00,2026-10-02 09:00
";
const CUSTOMERS: &str = "id,Email,Name,Created (UTC)
cus_1,ada@example.com,Ada,2026-11-01 09:00
cus_2,ben@example.com,Ben,2026-11-02 09:00
cus_3,cleo@example.com,Cleo,2026-09-02 09:00
";

#[test]
fn exports_alone_say_what_differs_without_any_key_and_leave_nothing_behind() {
    let town = Town::closed("drift", Settings::default());
    town.folder.write("frontdesk.toml", &town.toml());
    for (name, text) in [
        ("customers.csv", CUSTOMERS),
        ("subscriptions.csv", SUBSCRIPTIONS),
        ("members.csv", "Name,Email\nAda,ada@example.com\nCleo,cleo@example.com\nDan,dan@example.com\n"),
        ("everyone.csv", "Email,Status\nada@example.com,Active\ndan@example.com,Deactivated\n"),
        ("subscribers.csv", "email,state\nada@example.com,active\n"),
    ] {
        town.folder.write(name, text);
    }
    // Other tests run beside this one, and make folders of this kind as well.
    let temporary = town.folder.path("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let tmpdir = temporary.display().to_string();
    // Not one variable that the file names is set, but the database's, which is not opened either.
    let drift = |words: &str| {
        let words: Vec<_> = words.split(' ').collect();
        town.folder.run(&words, &[("DATABASE_URL", "sqlite:untouched.db"), ("TMPDIR", &tmpdir)])
    };
    let words = "drift --stripe customers.csv subscriptions.csv --circle group:4012=members.csv --kit tag:member=subscribers.csv";
    insta::assert_snapshot!("drift", dateless(&drift(words)));
    let vague = drift("drift --stripe customers.csv subscriptions.csv --circle members.csv --target circle");
    assert!(
        vague.starts_with("exit 2\n") && vague.contains("whoever is a member counts as having all"),
        "{vague}"
    );
    let everyone =
        drift("drift --stripe customers.csv subscriptions.csv --circle everyone.csv --target circle");
    assert!(!everyone.contains("dan@example.com"), "who was put out has nothing: {everyone}");
    // The address stands beside the subscription as well.
    let addressed = drift("drift --stripe subscriptions.csv --circle group:4012=members.csv --target circle");
    assert!(
        addressed.contains("+ ben@example.com") || addressed.contains("+  ben@example.com"),
        "{addressed}"
    );
    assert!(!addressed.contains("no address"), "{addressed}");
    town.folder.write("nameless.csv", &SUBSCRIPTIONS.replace("Customer Email", "Note"));
    let nameless = drift("drift --stripe nameless.csv --circle group:4012=members.csv --target circle");
    assert!(
        nameless.contains("no file has Stripe's customers, so no address of a payer is known")
            && nameless.contains("2 pay, and no address of theirs is known"),
        "{nameless}"
    );
    let json = drift(&format!("{words} --json"));
    insta::assert_snapshot!("drift_json", undated(&json));
    let plan = document(&json);
    assert_eq!(plan["targets"]["circle"]["looked"]["looked"], "given");
    assert_eq!(plan["totals"]["pay_without_access"], 1);
    assert_eq!(plan["totals"]["access_without_payment"], 2);
    for (words, why) in [
        ("drift --stripe nothing.csv", "nothing.csv"),
        (
            "drift --stripe subscriptions.csv --exported-at yesterday",
            "`--exported-at yesterday` is no time\nhint: write 2026-11-24T08:00:00Z",
        ),
        (
            "drift --stripe subscriptions.csv --circle colour:4012=members.csv",
            "is nothing that Circle can hold",
        ),
        (
            "drift --stripe subscriptions.csv --circle members.csv --kit customers.csv nothing.csv",
            "nothing.csv",
        ),
    ] {
        let refused = drift(words);
        assert!(refused.starts_with("exit 1\n") && refused.contains(why), "{words}: {refused}");
    }
    assert!(!town.folder.path("untouched.db").exists());
    let left: Vec<_> =
        std::fs::read_dir(&temporary).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(town.calls("circle"), Vec::<String>::new(), "nobody was asked");
}

#[test]
fn an_id_is_known_from_whichever_file_has_it_and_nobody_hides_behind_another_s() {
    let town = Town::closed("drift-ids", Settings::default());
    town.folder.write("frontdesk.toml", &town.toml());
    for (name, text) in [
        ("customers.csv", CUSTOMERS),
        ("subscriptions.csv", SUBSCRIPTIONS),
        ("group.csv", "Email\nada@example.com\ndan@example.com\n"),
        ("everyone.csv", "Email,Member ID\nada@example.com,701\ndan@example.com,704\n"),
        ("hidden.csv", "Email,Member ID\ndan@example.com,704\nzoe@example.com,704\n"),
        ("numbered.csv", "Email,id\nben@example.com,704\n"),
    ] {
        town.folder.write(name, text);
    }
    let drift = |words: &str| {
        let words =
            format!("drift --target circle --stripe customers.csv subscriptions.csv --circle {words}");
        let words: Vec<_> = words.split(' ').collect();
        let temporary = town.folder.path("").display().to_string();
        town.folder.run(&words, &[("DATABASE_URL", "sqlite:untouched.db"), ("TMPDIR", &temporary)])
    };
    let ids = |words: &str| -> Vec<Value> {
        let plan = document(&drift(&format!("{words} --json")));
        let lines = plan["lines"].as_array().unwrap().iter();
        let dan = lines.filter(|line| line["address"] == "dan@example.com");
        dan.map(|line| line["members"].clone()).collect()
    };
    let known = [json!({ "circle": 704 })];
    assert_eq!(ids("everyone.csv group:4012=group.csv"), known);
    assert_eq!(ids("group:4012=group.csv everyone.csv"), known, "in any order");
    // All files are read before it ends, and what is wrong with each is said.
    let refused = drift("group:4012=hidden.csv everyone.csv numbered.csv --kit nothing.csv");
    assert!(refused.starts_with("exit 1\n"), "{refused}");
    for why in [
        "error: `zoe@example.com` has the id `704`, which somebody else has on line 2 (FD0081)\n  at hidden.csv:3",
        "error: `ben@example.com` has the id `704`, which somebody else has on line 2 of `hidden.csv` (FD0081)\n  at \
         numbered.csv:2",
        "at nothing.csv",
    ] {
        assert!(refused.contains(why), "{why}: {refused}");
    }
}

#[test]
fn a_status_that_nobody_knows_is_counted_named_and_leaves_everybody_where_they_are() {
    let town = Town::closed("drift-status", Settings::default());
    town.folder.write("frontdesk.toml", &town.toml());
    town.folder.write("customers.csv", CUSTOMERS);
    // Ada is in, and what Stripe says of her is no word of ours; Cleo's is the same, and she is not in.
    let odd = SUBSCRIPTIONS.replacen("1,active,", "1,Frozen,", 1).replace(",canceled,", ",Frozen,");
    town.folder.write("subscriptions.csv", &odd);
    town.folder.write("members.csv", "Email,Status\nada@example.com,Snoozed\nben@example.com,Active\n");
    let drift = |words: &str| {
        let words: Vec<_> = words.split(' ').collect();
        let variables = [("DATABASE_URL", "sqlite:untouched.db"), ("TMPDIR", env!("CARGO_TARGET_TMPDIR"))];
        town.folder.run(&words, &variables)
    };
    let words =
        "drift --stripe customers.csv subscriptions.csv --circle group:4012=members.csv --target circle";
    insta::assert_snapshot!("drift_statuses", dateless(&drift(words)));
    let found = document(&drift(&format!("{words} --json")));
    assert_eq!(
        found["unknown_statuses"],
        json!([
            {
                "file": "subscriptions.csv", "status": "Frozen", "rows": 2, "first_line": 2,
                "counts_as": "such a subscription gives nothing and takes nothing away",
            },
            {
                "file": "members.csv", "status": "Snoozed", "rows": 1, "first_line": 2,
                "counts_as": "such a member counts as being in",
            },
        ])
    );
    // Nothing else differs: that alone is something to look at.
    town.folder.write("customers.csv", &CUSTOMERS.lines().take(2).collect::<Vec<_>>().join("\n"));
    town.folder.write("subscriptions.csv", &odd.lines().take(2).collect::<Vec<_>>().join("\n"));
    town.folder.write("members.csv", "Email\nzoe@elsewhere.example\n");
    let alone = drift("drift --stripe customers.csv subscriptions.csv --kit members.csv --target kit");
    assert!(alone.starts_with("exit 2\n") && alone.contains("1 row has the status `Frozen`"), "{alone}");
    let imported = said(&town, "import stripe --csv customers.csv subscriptions.csv --yes --json");
    assert!(imported.contains("warning: subscriptions.csv: 1 row has the status `Frozen`"), "{imported}");
    assert_eq!(document(&imported)["unknown_statuses"][0]["first_line"], 2);
}

#[test]
fn the_same_exports_come_to_the_same_by_drift_and_once_they_are_imported() {
    let town = Town::closed("drift-import", Settings { mode: "shadow", ..Settings::default() });
    town.folder.write("frontdesk.toml", &town.toml());
    // Eve pays for the course, and is in the community; Fay is what no word of ours says.
    let more = "sub_4,cus_4,eve@example.com,price_1Course,prod_1Course,1,active,2026-11-01 09:00,,,2099-12-01 09:00\n\
                sub_5,cus_5,fay@example.com,price_1Community,prod_1Community,1,Frozen,2026-11-01 09:00,,,2099-12-01 09:00\n";
    let members = "Email,Member ID\nada@example.com,701\ncleo@example.com,703\ndan@example.com,704\neve@example.com,705\n\
                   fay@example.com,706\n";
    let subscribers = "email,Subscriber ID\nada@example.com,801\ndan@example.com,804\n";
    for (name, text) in [
        ("customers.csv", format!("{CUSTOMERS}cus_4,eve@example.com,Eve,\ncus_5,fay@example.com,Fay,\n")),
        ("subscriptions.csv", format!("{SUBSCRIPTIONS}{more}")),
        ("members.csv", members.to_owned()),
        ("subscribers.csv", subscribers.to_owned()),
    ] {
        town.folder.write(name, &text);
    }
    let drift = said(
        &town,
        "drift --stripe customers.csv subscriptions.csv --circle group:4012=members.csv --kit tag:member=subscribers.csv --json",
    );
    for words in [
        "import stripe --csv customers.csv subscriptions.csv",
        "import circle --csv members.csv --all-have group:4012",
        "import kit --csv subscribers.csv --all-have tag:member",
    ] {
        let imported = said(&town, words);
        assert!(imported.starts_with("exit 0\n"), "{imported}");
        if words.contains("circle") {
            assert!(imported.contains("without a payment behind it: 3; listed by"), "{imported}");
        }
    }
    let told = |said: &str| -> Vec<Value> {
        let plan = document(said);
        let told = |line: &Value| {
            json!([
                line["symbol"],
                line["address"],
                line["give"],
                line["take"],
                line["leave"],
                line["pays_for"]
            ])
        };
        plan["lines"].as_array().unwrap().iter().map(told).collect()
    };
    let planned = said(&town, "plan --offline --json");
    assert_eq!(told(&planned), told(&drift), "{planned}\n{drift}");
    insta::assert_snapshot!("plan_imported", dateless(&said(&town, "plan --offline")));
}
