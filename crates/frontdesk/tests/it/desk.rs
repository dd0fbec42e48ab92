//! What the commands about the record say after the story of the demo, asked through the door of the process that
//! plays it.

use crate::process::Folder;
use frontdesk::printer::{Printer, Verbosity};
use frontdesk::story::{House, Measured, Teller};
use jiff::tz::TimeZone;

/// The prefixes of ids that differ from run to run. What follows them is left out.
const IDS: [&str; 23] = [
    "fdc_", "fde_", "fdr_", "fds_", "req_", "evt_", "cus_", "sub_", "in_", "pi_", "ch_", "py_", "re_",
    "cs_live_", "il_", "li_", "si_", "we_", "txn_", "du_", "prod_1", "call_", "eff_",
];

/// A text without what differs from run to run: ids, times, spans of tables, and where lines are broken, which depends on
/// the length of a date.
pub(crate) fn steady(text: &str) -> String {
    let is_json = text.contains("\n{");
    let mut steady = String::new();
    for line in text.lines() {
        if !is_json && line.starts_with(&" ".repeat(13)) && steady.ends_with('\n') {
            steady.truncate(steady.len() - 1);
            steady.push(' ');
        } else {
            // The head of a table is indented by the width of its columns, which depends on the day of the month.
            let indent = (line.len() - line.trim_start().len()).min(13);
            steady.push_str(&line[..indent]);
        }
        let mut words = Vec::new();
        for word in line.split_whitespace() {
            words.push(steady_word(word));
        }
        // How often a customer was decided about depends on what arrived together.
        let is_revision = words.first().is_some_and(|word| word == "\"revision\":");
        steady.push_str(if is_revision { "\"revision\": N," } else { "" });
        steady.push_str(&if is_revision { String::new() } else { words.join(" ") });
        steady.push('\n');
    }
    // A date has a month beside it: `24 Nov,`.
    for month in ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] {
        for day in 1..=31 {
            steady = steady
                .replace(&format!(" {day} {month} N,"), " D,")
                .replace(&format!(" {day} {month},"), " D,")
                .replace(&format!(" from {day} {month} ("), " from D (")
                .replace(&format!("({day} {month},"), "(D,");
            steady = steady.replace(&format!("\n{day} {month},"), "\nD,");
        }
    }
    steady
}

fn steady_word(word: &str) -> String {
    let is_year = word.len() == 5
        && word.starts_with("20")
        && word.ends_with(',')
        && word[..4].bytes().all(|b| b.is_ascii_digit());
    if is_year {
        return "N,".to_owned();
    }
    let mut out = String::new();
    let mut rest = word;
    while !rest.is_empty() {
        if let Some(length) = time(rest) {
            out.push_str("TIME");
            rest = &rest[length..];
            continue;
        }
        let is_begin = !out.ends_with(|letter: char| letter.is_ascii_alphanumeric());
        let id = IDS.iter().find(|prefix| is_begin && rest.starts_with(**prefix));
        if let Some(prefix) = id {
            out.push_str(prefix);
            out.push('…');
            let after = &rest[prefix.len()..];
            let end = after.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(after.len());
            rest = &after[end..];
            continue;
        }
        let mut letters = rest.chars();
        out.extend(letters.next());
        rest = letters.as_str();
    }
    out
}

/// The length of a time at the beginning: `2026-11-24T08:37:07.123Z` or `08:37:07`.
fn time(text: &str) -> Option<usize> {
    let shape = |text: &str, shape: &str| {
        text.len() >= shape.len()
            && text
                .bytes()
                .zip(shape.bytes())
                .all(|(byte, shape)| if shape == b'0' { byte.is_ascii_digit() } else { byte == shape })
    };
    if shape(text, "0000-00-00T00:00:00") {
        return text.find('Z').map(|end| end + 1);
    }
    shape(text, "00:00:00").then_some(8)
}

/// Plays the story and keeps the house open.
async fn played(name: &str) -> (House, Measured) {
    let house = House::open(name, 1).await.expect("a house can be opened on this machine");
    let nowhere =
        || (Box::new(std::io::sink()) as Box<dyn std::io::Write + Send>, anstream::ColorChoice::Never);
    let mut printer = Printer::new(nowhere(), nowhere(), Verbosity::Quiet, false);
    let mut stage = house.stage(Teller::new(&mut printer, TimeZone::UTC));
    let spans = stage.morning().await.expect("the story can be told");
    let measured = stage.measured(&spans).await.expect("what happened can be counted");
    (house, measured)
}

#[test]
fn after_the_demos_story_every_command_tells_the_same_truth() {
    let runtime = frontdesk::cli::runtime();
    let (house, measured) = runtime.block_on(played("desk"));
    assert_eq!(measured.problems, Vec::<String>::new());
    assert!(measured.ok);

    let folder = Folder::new("desk");
    let file = house.file.display().to_string();
    let ask = |words: &str| {
        let mut arguments: Vec<_> = words.split(' ').collect();
        arguments.extend(["--config", &file]);
        folder.run(&arguments, &[]).replace(&file, "frontdesk.toml")
    };
    for (name, words) in [
        ("explain_member", "explain ada@example.com"),
        ("explain_json", "explain ada@example.com --json"),
        ("explain_case", "explain FD-1001"),
        ("explain_nobody", "explain nobody@example.com"),
        ("customer_show", "customer show dan@example.com"),
        ("customer_show_json", "customer show ben@example.com --json"),
        ("event_list", "event list --type checkout.session.completed"),
        ("case_list", "case list"),
        ("case_list_json", "case list --json"),
        ("case_show", "case show FD-1001"),
        ("no_such_brake", "sync release circle-1 --by Ada"),
    ] {
        insta::assert_snapshot!(name, steady(&ask(words)));
    }

    under_another_catalogue(&ask, &folder);

    // Just before Ada's refund came in, by the journal.
    let events = ask("event list --customer ada@example.com --json");
    let events: serde_json::Value = serde_json::from_str(data(&events)).unwrap();
    let is_refund = |event: &&serde_json::Value| {
        ["charge.refunded", "refund.created"].contains(&event["type"].as_str().unwrap())
    };
    let refunds = events["events"].as_array().unwrap().iter().filter(is_refund);
    let came =
        refunds.map(|event| event["received_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap());
    let before = came.min().unwrap() - jiff::SignedDuration::from_millis(1);
    for (name, at) in [
        ("explain_then", before.to_string()),
        ("explain_then_nothing", "2020-02-03".to_owned()),
        ("explain_then_future", "2999-01-01T00:00:00Z".to_owned()),
        ("explain_then_unreadable", "yesterday".to_owned()),
    ] {
        insta::assert_snapshot!(name, steady(&ask(&format!("explain ada@example.com --at {at}"))));
    }
    let then = ask(&format!("explain ada@example.com --at {before} --json"));
    let then: serde_json::Value = serde_json::from_str(data(&then)).unwrap();
    let course = &then["records"][0]["explained"][1];
    assert_eq!(
        (&course["entitlement"], &course["standing"]["standing"]),
        (&"course".into(), &"entitled".into())
    );
    assert_eq!(course["would_change"]["turns_on"], "goes_back", "{course}");

    // Rows are in the order of the customers' ids, which differ from run to run.
    let mut rows = steady(&ask("sync list --state applied --target circle"));
    for name in ["ada", "ben", "cleo", "dan"] {
        assert!(rows.contains(&format!("{name}@example.com: seen")), "{rows}");
        rows = rows.replace(name, "somebody");
    }
    insta::assert_snapshot!("sync_list", rows);

    let link = ask("customer link cleo@example.com --quiet");
    assert!(
        link.starts_with(&format!("exit 0\n--- stdout\n{}/status/fds_", house.config.site.url)),
        "{link}"
    );
    let promises = ask("audit verify --all --json");
    let promises: serde_json::Value = serde_json::from_str(data(&promises)).unwrap();
    assert_eq!(promises["promises"].as_array().unwrap().len(), 5);
    assert_eq!(promises["ok"], true, "{promises}");
    for sound in ["audit verify", "audit verify --all", "rebuild --check"] {
        let said = ask(sound);
        assert!(said.starts_with("exit 0\n"), "{sound}: {said}");
    }
    let frozen = ask("freeze marketing --for 24h --by Ada --json");
    let frozen: serde_json::Value = serde_json::from_str(data(&frozen)).unwrap();
    assert_eq!(frozen["scope"], "marketing");
    let listed = ask("freeze --json");
    assert!(listed.contains(frozen["freeze"].as_str().unwrap()), "{listed}");
    assert!(ask("freeze plan:none --by Ada").starts_with("exit 1\n"), "a plan that is not there");
    assert!(ask("thaw marketing --by Ada").starts_with("exit 0\n"));
    assert!(ask("thaw marketing --by Ada").starts_with("exit 1\n"), "it is not frozen any more");
    let forecast = ask("sync forecast --buyers 500");
    assert!(
        forecast.contains("calls left, renews in") && forecast.contains("500 buyers drain in"),
        "{forecast}"
    );
    assert!(ask("sync sweep circle").starts_with("exit 0\n"));
    let findings = ask("sync findings --json");
    let findings: serde_json::Value = serde_json::from_str(data(&findings)).unwrap();
    assert_eq!(findings["sweeps"][0]["target"], "circle");
    let prefix = ask("explain cus_");
    assert!(prefix.starts_with("exit 2\n"), "several have such an id: {prefix}");

    let events = ask("event list --type checkout.session.completed --customer ben@example.com --json");
    let events: serde_json::Value = serde_json::from_str(data(&events)).unwrap();
    let id = events["events"][0]["id"].as_str().unwrap();
    let shown = ask(&format!("event show {id} --body --json"));
    let shown: serde_json::Value = serde_json::from_str(data(&shown)).unwrap();
    assert_eq!(shown["deliveries"], 3, "Stripe sent it three times");
    assert_eq!(shown["verified_by"], "sources.stripe.signing_secrets_file[0]");
    // Which event of a purchase is applied first depends on how they arrive; one of them brought the invitation.
    let all = ask("event list --customer ben@example.com --json");
    let all: serde_json::Value = serde_json::from_str(data(&all)).unwrap();
    let brought = all["events"].as_array().unwrap().iter().any(|event| {
        let shown = ask(&format!("event show {} --json", event["id"].as_str().unwrap()));
        let shown: serde_json::Value = serde_json::from_str(data(&shown)).unwrap();
        let invites = |call: &serde_json::Value| {
            call["step"] == "enrol" && call["outcome"] == "done" && call["status"] == 201
        };
        shown["calls"].as_array().unwrap().iter().any(invites)
    });
    assert!(brought, "no event of Ben's shows the invitation that it led to");
    let replayed = ask(&format!("event replay {id}"));
    assert!(replayed.contains("Nothing changed"), "{replayed}");

    rulings(&ask);

    runtime.block_on(house.leave()).unwrap();
    assert!(
        ask("explain ada@example.com").starts_with("exit 1\n"),
        "the house is gone, and its file with it"
    );
}

/// What a person grants and revokes is told like everything else.
fn rulings(ask: &impl Fn(&str) -> String) {
    for (name, words) in [
        ("grant", "customer grant guest@example.com community --reason meetup --until 30d --by Mira"),
        ("grant_nothing", "customer grant ada@example.com gold --reason meetup --by Mira"),
        (
            "grant_past",
            "customer grant ada@example.com community --reason meetup --until 2020-01-31 --by Mira",
        ),
        ("grant_why", "customer grant ada@example.com community --reason= --by Mira"),
        ("revoke_nobody", "customer revoke nobody@example.com community --reason spam --by Mira"),
        ("revoke_shown", "customer revoke ada@example.com community --reason spam --by Mira"),
    ] {
        insta::assert_snapshot!(name, steady(&ask(words)));
    }
    assert!(!ask("explain ada@example.com").contains("revoked"), "what was only shown was not done");
    let revoke = ask("customer revoke ada@example.com community --reason spam --by Mira --yes");
    assert!(revoke.starts_with("exit 0\n"), "{revoke}");
    let explained = ask("explain ada@example.com");
    assert!(explained.contains("a person revoked it") && explained.contains("Mira revoked"), "{explained}");
    assert!(explained.contains("`frontdesk customer grant WHO community`"), "{explained}");
    let shown = ask("customer show guest@example.com");
    assert!(shown.contains("granted by hand until") && shown.contains("Mira granted"), "{shown}");
    for sound in ["audit verify --all", "rebuild --check"] {
        let said = ask(sound);
        assert!(said.starts_with("exit 0\n"), "{sound}: {said}");
    }
}

/// A catalogue alone, without the rest of a configuration: the mystery price is sold, and the course gives nothing any
/// more.
const OTHER_RULES: &str = r#"
[[plans]]
id = "community"
prices = [
  "stripe:price_1Community",
  "stripe:price_1Mystery",
]
grants = ["community"]
grace = "3d"

[[plans]]
id = "pro"
prices = ["stripe:price_1Pro"]
grants = ["community", "pro"]

[entitlements.community]
title = "The community"
circle.access_groups = [4012]
kit.tags = ["member"]

[entitlements.pro]
title = "Pro"
circle.access_groups = [4013]
kit.tags = ["pro"]
"#;

/// Who would have had what under other rules, and that nothing of it was taken up.
fn under_another_catalogue(ask: &dyn Fn(&str) -> String, folder: &Folder) {
    let before = ask("explain eva@example.com --json");
    folder.write("other.toml", OTHER_RULES);
    let file = folder.path("other.toml").display().to_string();
    let asked = |words: &str| ask(&format!("plan --catalogue {file} {words}")).replace(&file, "other.toml");
    // How many reads there were depends on what arrived together.
    let counted = steady(&asked("--since 90d"));
    let (head, tail) = counted.split_once(" entries of the journal").unwrap();
    let head = head.trim_end_matches(|letter: char| letter.is_ascii_digit());
    insta::assert_snapshot!("what_if", format!("{head}N entries of the journal{tail}"));
    let said = asked("--since 90d --json");
    let differs: serde_json::Value = serde_json::from_str(data(&said)).unwrap();
    let symbols: Vec<_> = differs["lines"].as_array().unwrap().iter().map(|line| &line["symbol"]).collect();
    assert_eq!(symbols, ["+", "-"], "{said}");
    assert_eq!(differs["lines"][0]["spans"][0]["line"], "other.toml:6");
    assert_eq!(differs["totals"]["gain"]["people"], 1);
    folder.write("other.toml", &OTHER_RULES.replace("grace = \"3d\"", "grace = \"soon\""));
    insta::assert_snapshot!("what_if_wrong", asked("--since 1d"));
    insta::assert_snapshot!("what_if_since", ask("plan --since 3d"));
    let (now, then) = (ask("explain eva@example.com --json"), before);
    let without_time = |said: &str| said.lines().filter(|line| !line.contains("as_of")).collect::<String>();
    assert_eq!(without_time(&now), without_time(&then), "asking changed something");
}

/// What went to stdout.
fn data(said: &str) -> &str {
    said.split_once("--- stdout\n")
        .and_then(|(_, rest)| rest.split_once("--- stderr\n"))
        .map_or("", |(data, _)| data)
}

#[test]
fn the_demo_ends_with_one_line_of_numbers_that_were_measured() {
    let said = Folder::new("demo")
        .run(&["demo", "--once", "--json", "--quiet"], &[("TMPDIR", env!("CARGO_TARGET_TMPDIR"))]);
    assert!(said.starts_with("exit 0\n"), "{said}");
    let numbers: serde_json::Value = serde_json::from_str(data(&said)).expect("stdout is one document");
    assert_eq!(data(&said).lines().count(), 1);
    assert_eq!(numbers["ok"], true);
    assert_eq!(numbers["circle"]["invitations_per_customer_max"], 1);
    assert_eq!(numbers["webhooks"]["duplicate"], 2);
}
