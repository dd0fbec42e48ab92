//! A configuration that is edited while `serve` runs: the file, the catalogue in it, and the secrets beside it.

use crate::process::laid_out;
use crate::town::{Served, Settings, Town, text};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

const ADA: &str = "ada@example.com";
const BEN: &str = "ben@example.com";

/// The kinds of what somebody should look at.
fn reasons(town: &Town) -> Vec<String> {
    let (_, readyz) = town.readyz();
    readyz["reasons"].as_array().unwrap().iter().map(|reason| text(&reason["kind"]).to_owned()).collect()
}

fn until_reasons(town: &Town, what: &str, expect: &[&str]) {
    town.until(what, |town| (reasons(town) == expect).then_some(()));
}

fn hang_up(served: &Served) {
    let id = served.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
}

/// Writes a secret as its owner alone may read it.
fn write_secret(town: &Town, file: &str, secret: &str) {
    town.folder.write(file, secret);
    std::fs::set_permissions(town.folder.path(file), std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn asked(town: &Town, toml: &str, arguments: &[&str]) -> String {
    let mut command = Served::command(town, arguments);
    town.folder.write("frontdesk.toml", toml);
    laid_out(&command.output().unwrap())
}

fn reload(town: &Town, toml: &str, arguments: &[&str]) -> String {
    asked(town, toml, &[&["reload", "--by", "Mira"], arguments].concat())
}

#[test]
fn what_takes_nothing_is_taken_up_and_what_takes_something_is_asked_about() {
    let mut town = Town::closed("reload-catalogue", Settings::default());
    let served = Served::start(&town);
    town.buys(ADA, "price_1Community");
    town.until("Ada in the community", |town| town.in_group(4012).contains(ADA).then_some(()));

    let broken = format!("[broken\n{}", town.toml());
    town.folder.write("frontdesk.toml", &broken);
    hang_up(&served);
    until_reasons(&town, "the alert about the file", &["configuration_unusable"]);
    // It keeps nobody from the Frontdesk that runs; what is read on this side is another matter.
    let explained = asked(&town, &broken, &["explain", ADA]);
    let plain = explained.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(explained.starts_with("exit 0\n") && explained.contains("fdc_"), "{explained}");
    assert!(plain.contains("cannot be used as it is (not TOML"), "{explained}");
    assert!(plain.contains("the running Frontdesk answers by what it read before"), "{explained}");
    let held = asked(&town, &broken, &["freeze", "circle", "--by", "Mira", "--for", "1h"]);
    assert!(held.starts_with("exit 0\n"), "{held}");
    let thawed = asked(&town, &broken, &["thaw", "circle", "--by", "Mira"]);
    assert!(thawed.starts_with("exit 0\n"), "{thawed}");
    let planned = asked(&town, &broken, &["plan", "--pairs", "pairs.csv"]);
    assert!(planned.starts_with("exit 1\n") && planned.contains("FD0002"), "{planned}");
    // The file as it was, and nobody says so: the next look finds it.
    town.folder.write("frontdesk.toml", &town.toml());
    until_reasons(&town, "the end of the alert", &[]);

    let moved = town.toml().replace("circle.access_groups = [4012]", "circle.access_groups = [4013]");
    town.folder.write("frontdesk.toml", &moved);
    until_reasons(&town, "the alert about the catalogue", &["catalogue_removes"]);
    let (_, readyz) = town.readyz();
    assert_eq!(readyz["reasons"][0]["subject"], "frontdesk.toml");
    assert_eq!(town.in_group(4012), [ADA.to_owned()].into());
    assert_eq!(town.in_group(4013), [].into());

    // Whoever starts it again is asked as well: a crash must not take up what somebody was to look at.
    served.stop();
    town.settings.community_group = 4013;
    let served = Served::start(&town);
    until_reasons(&town, "the alert once more", &["catalogue_removes"]);
    let shown = reload(&town, &moved, &[]);
    assert!(shown.starts_with("exit 1\n") && shown.contains("FD0062"), "nobody is here to be asked: {shown}");
    assert!(shown.contains("ada@example.com") && shown.contains("loses access group 4012"), "{shown}");
    assert!(shown.contains("1 would lose something, 1 would be given something (1 of them"), "{shown}");
    let why = "catalogue: `community` would mean access group 4013, tag “member”";
    let unwrapped = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(unwrapped.contains(why) && !shown.contains("confirmed"), "nobody confirmed it yet: {shown}");
    assert_eq!(town.in_group(4012), [ADA.to_owned()].into());
    let done = reload(&town, &moved, &["--yes"]);
    assert!(done.starts_with("exit 0\n") && done.contains("the configuration is in force"), "{done}");
    town.until("Ada moved", |town| {
        (town.in_group(4012).is_empty() && town.in_group(4013).contains(ADA)).then_some(())
    });
    until_reasons(&town, "nothing to look at", &[]);
    let said = served.stop();
    assert!(said.contains("would take something from 1 customers"), "{said}");

    // Another process is told nothing that the one before did not know.
    town.open();
    town.settle();
    assert_eq!(town.in_group(4012), [].into());
    assert_eq!(town.alerts(), [""; 0]);
}

#[test]
fn what_is_taken_out_can_be_kept_and_what_needs_a_restart_is_named() {
    let mut town = Town::closed("reload-keep", Settings::default());
    let served = Served::start(&town);
    town.buys(ADA, "price_1Community");
    town.until("Ada in the community", |town| town.in_group(4012).contains(ADA).then_some(()));
    let edited = town
        .toml()
        .replace("circle.access_groups = [4012]", "circle.access_groups = [4013]")
        .replace("name = \"Northwind Makers\"", "name = \"Northwind\"");
    let done = reload(&town, &edited, &["--keep", "--json"]);
    assert!(done.starts_with("exit 0\n") && done.contains("`site.name` needs a restart"), "{done}");
    let document =
        done.split("--- stdout\n").nth(1).and_then(|rest| rest.split("--- stderr").next()).unwrap();
    let document: serde_json::Value = serde_json::from_str(document).unwrap();
    assert_eq!(document["needs_restart"], json!(["site.name"]));
    assert_eq!(document["totals"], json!({ "lose": 0, "gain": 1, "both": 0, "stay": 0 }));
    town.until("Ada in both", |town| town.in_group(4013).contains(ADA).then_some(()));
    assert_eq!(town.in_group(4012), [ADA.to_owned()].into());
    // What was kept stays so, whoever runs this again; it is taken where that is asked for.
    let again = reload(&town, &edited, &["--yes"]);
    assert!(again.starts_with("exit 0\n") && again.contains("nobody gains or loses anything"), "{again}");
    let withdrawn = reload(&town, &edited, &["--withdraw-kept"]);
    assert!(
        withdrawn.starts_with("exit 1\n") && withdrawn.contains("loses access group 4012"),
        "{withdrawn}"
    );
    until_reasons(&town, "the restart that is needed", &["restart_needed"]);
    served.stop();

    // Nobody serves: the command opens the database itself, and the next process begins with what it took up.
    let back = town.toml();
    let done = reload(&town, &back, &["--yes"]);
    assert!(done.starts_with("exit 0\n") && done.contains("loses access group 4013"), "{done}");
    assert!(town.in_group(4013).contains(ADA), "nothing runs that could take it");
    town.open();
    town.until("Ada out of the other group", |town| town.in_group(4013).is_empty().then_some(()));
    town.settle();
    assert_eq!(town.in_group(4012), [ADA.to_owned()].into());
}

#[test]
fn a_signing_secret_is_rotated_under_load_and_nothing_is_lost() {
    const NEW: &str = "whsec_9aQwErTy3ZxCvBnM";
    let mut town = Town::closed("reload-signing", Settings::default());
    let signed_by = |files: &str| {
        let files = format!("signing_secrets_file = {files}");
        town.toml().replace("signing_secrets = [\"${STRIPE_SIGNING_SECRET}\"]", &files)
    };
    let (one, both, two) = (signed_by("['one']"), signed_by("['one', 'two']"), signed_by("['two']"));
    write_secret(&town, "one", town.settings.secret("STRIPE_SIGNING_SECRET"));
    write_secret(&town, "two", NEW);
    let mut serve = Served::command(&town, &["serve", "--listen", &town.site()["http://".len()..]]);
    town.folder.write("frontdesk.toml", &one);
    let served = Served::spawned(&mut serve);
    let endpoint = town.state()["stripe"]["endpoints"][0]["id"].clone();

    let mut buyers = Vec::new();
    let buy = |buyers: &mut Vec<String>| {
        for _ in 0..4 {
            let email = format!("buyer{}@example.com", buyers.len());
            town.buys(&email, "price_1Course");
            buyers.push(email);
        }
    };
    buy(&mut buyers);
    for (file, rolls) in [(&both, false), (&both, true), (&two, false)] {
        if rolls {
            town.act("stripe", "rotate", json!({ "endpoint": endpoint, "secret": NEW }));
        } else {
            let done = reload(&town, file, &[]);
            assert!(done.starts_with("exit 0\n"), "{done}");
        }
        buy(&mut buyers);
    }
    town.until("everybody in the course", |town| (town.in_group(4014).len() == buyers.len()).then_some(()));
    assert!(town.answers().iter().all(|status| *status == 200), "{:?}", town.answers());
    // What the old secret alone signs is no longer believed.
    town.act("stripe", "endpoint", json!({
        "url": town.webhooks(), "secret": town.settings.secret("STRIPE_SIGNING_SECRET"), "enabled_events": ["*"],
    }));
    town.buys(BEN, "price_1Community");
    town.until("a refusal", |town| town.answers().contains(&401).then_some(()));
    served.stop();
    town.settings.secrets[0].1 = NEW.to_owned();
    town.open();
    for email in buyers {
        assert!(town.customer(&email).is_some(), "{email} is lost");
    }
}

#[test]
fn a_new_token_in_its_file_is_used_at_once() {
    let town = Town::closed("reload-token", Settings::default());
    let toml = town.toml().replace("token = \"${CIRCLE_TOKEN}\"", "token_file = \"circle\"");
    write_secret(&town, "circle", town.settings.secret("CIRCLE_TOKEN"));
    let mut serve = Served::command(&town, &["serve", "--listen", &town.site()["http://".len()..]]);
    town.folder.write("frontdesk.toml", &toml);
    let served = Served::spawned(&mut serve);
    town.act("circle", "token", json!({ "revoke": town.settings.secret("CIRCLE_TOKEN") }));
    town.buys(ADA, "price_1Community");
    until_reasons(&town, "the refused token", &["unauthorized"]);
    town.act("circle", "token", json!({ "add": "circle_second_token" }));
    write_secret(&town, "circle", "circle_second_token");
    town.until("Ada in the community", |town| town.in_group(4012).contains(ADA).then_some(()));
    until_reasons(&town, "nothing to look at", &[]);
    let said = served.stop();
    assert!(!said.contains("circle_second_token"), "a secret is in no log");
}
