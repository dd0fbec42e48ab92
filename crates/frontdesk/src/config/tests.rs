//! The whole file at once: what is accepted, and every complaint as the operator reads it.

use super::*;

/// The example of the documentation, whole.
const EXAMPLE: &str = r#"
[site]
name = "Northwind Makers"
url = "https://members.northwind.example"

[sources.stripe]
signing_secrets = ["${STRIPE_SIGNING_SECRET}", "${STRIPE_SIGNING_SECRET_NEW}"]
api_key = "${STRIPE_API_KEY}"

[targets.circle]
token = "${CIRCLE_TOKEN}"
mode = "live"
quota = { monthly = 5000, renews_day = 14 }

[targets.kit]
api_key = "${KIT_API_KEY}"
new_subscribers = "unconfirmed"

[catalogue]
ignore = ["prod_Sticker"]

[[plans]]
id = "pro"
title = "Pro"
prices = ["stripe:price_1Pro"]
products = ["stripe:prod_Course"]
grants = ["community", "course"]
grace = "3d"
beneficiary = "gift_for"

[entitlements.community]
title = "The community"
circle.access_groups = [4012]
kit.tags = ["Member"]

[entitlements.course]
circle.spaces = [8]
"#;

fn environment() -> Environment {
    Environment::from([
        ("STRIPE_SIGNING_SECRET", "whsec_old"),
        ("STRIPE_SIGNING_SECRET_NEW", "whsec_new"),
        ("STRIPE_API_KEY", "rk_live_x"),
        ("CIRCLE_TOKEN", "circle"),
        ("KIT_API_KEY", "kit"),
    ])
}

fn checked(text: &str) -> Result<Loaded, Failure> {
    check(text, "frontdesk.toml", Path::new("/srv/frontdesk"), &environment())
}

/// Every complaint about `text`, one block each, as the printer lays them out.
fn complaints(text: &str, environment: &Environment) -> String {
    let reports = match check(text, "frontdesk.toml", Path::new("/srv/frontdesk"), environment) {
        Ok(loaded) => loaded.warnings,
        Err(failure) => failure.reports,
    };
    reports.iter().map(crate::printer::plain).collect::<Vec<_>>().join("\n\n")
}

fn codes(text: &str, environment: &Environment) -> Vec<Code> {
    match check(text, "frontdesk.toml", Path::new("/srv/frontdesk"), environment) {
        Ok(loaded) => loaded.warnings,
        Err(failure) => failure.reports,
    }
    .into_iter()
    .map(|report| report.code)
    .collect()
}

#[test]
fn the_example_is_accepted_without_a_warning() {
    let loaded = checked(EXAMPLE).unwrap();
    assert_eq!(loaded.warnings, []);
    let config = loaded.config;
    assert_eq!(config.site.listen, "127.0.0.1:8080".parse().unwrap());
    assert!(matches!(&config.store, Store::Sqlite(path) if path == Path::new("/srv/frontdesk/frontdesk.db")));
    assert_eq!(config.sources.stripe.livemode, Some(true));
    assert_eq!(config.sources.stripe.path, "/webhooks/stripe");
    assert_eq!(config.sources.stripe.poll_every, SignedDuration::from_mins(15));
    let circle = config.targets.circle.as_ref().unwrap();
    assert_eq!((circle.mode, circle.quota), (Mode::Live, Quota { monthly: 5000, renews_day: 14 }));
    assert_eq!(circle.sweep_every, SignedDuration::from_hours(12));
    insta::assert_json_snapshot!("catalogue_of_the_example", config.catalogue());
}

#[test]
fn no_secret_shows_in_debug() {
    let shown = format!("{:?}", checked(EXAMPLE).unwrap());
    for secret in ["whsec_old", "whsec_new", "rk_live_x"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[test]
fn the_defaults_are_those_of_the_core() {
    let text = EXAMPLE.replace("grace = \"3d\"\n", "").replace("new_subscribers = \"unconfirmed\"\n", "");
    let config = checked(&text).unwrap().config;
    assert_eq!(config.plans[0].policy, frontdesk_core::catalogue::Policy::default());
    assert_eq!(config.targets.kit.unwrap().new_subscribers, NewSubscribers::default());
}

#[test]
fn every_default_is_a_key_that_is_read() {
    // The defaults are themselves a file: with what must be added to them, every key in them is known.
    let text = DEFAULTS
        .replace("[site]", "[site]\nname = \"N\"\nurl = \"https://n.example\"")
        .replace("[sources.stripe]", "[sources.stripe]\nsigning_secrets = [\"${STRIPE_SIGNING_SECRET}\"]")
        .replace("[targets.circle]", "[targets.circle]\ntoken = \"${CIRCLE_TOKEN}\"")
        .replace("[targets.kit]", "[targets.kit]\napi_key = \"${KIT_API_KEY}\"")
        .replace("[[plans]]", "[[plans]]\nid = \"pro\"\nprices = [\"stripe:price_1\"]\ngrants = [\"c\"]")
        + "[entitlements.c]\n";
    assert_eq!(complaints(&text, &environment()), "");
}

#[test]
fn everything_wrong_is_told_at_once_with_its_line() {
    let text = r#"
[site]
nam = "Northwind"
url = "members.northwind.example"
listen = "0.0.0.0"
zone = "Mars/Olympus"
language = "klingon"

[sources.stripe]
signing_secrets = ["whsec_written_down", "${NOT_SET}", "${STRIPE_API_KEY}"]
api_key = "${PUBLISHABLE}"
base_url = "https://api.stripe.com/v1"
path = "/admin/hook"
poll_every = "2 weeks"
livemode = "yes"

[targets.circle]
token = 12
mode = "dry-run"
quota = { monthly = 0, renewsday = 14 }

[[plans]]
id = "Pro Plan"
prices = ["price_1Pro", "stripe:prod_1"]
grants = ["comunity"]
grace = "three days"

[[plans]]
id = "team"
prices = ["stripe:price_1Team", "stripe:price_1Team"]
grants = ["community"]
dispute = "ignore"

[[plans]]
id = "gold"
prices = ["stripe:price_1Team"]

[entitlements.community]
circle.access_groups = ["Members"]
kit.tags = ["member"]

[entitlements.course]
circle.space = [8]

[catalogue]
ignore = ["stripe:price_1Team"]
"#;
    let environment = Environment::from([
        ("STRIPE_API_KEY", "rk_live_do_not_print"),
        ("PUBLISHABLE", "pk_live_do_not_print"),
    ]);
    let shown = complaints(text, &environment);
    assert!(!shown.contains("do_not_print") && !shown.contains("written_down"), "{shown}");
    insta::assert_snapshot!("everything_wrong", shown);
}

#[test]
fn two_plans_of_one_name_are_told_at_the_second() {
    let text =
        format!("{EXAMPLE}\n[[plans]]\nid = \"pro\"\nprices = [\"stripe:price_2\"]\ngrants = [\"course\"]\n");
    let failure = checked(&text).unwrap_err();
    let [report] = failure.reports.as_slice() else { panic!("{:?}", failure.reports) };
    assert_eq!(report.code, Code::PlanTwice);
    let second = text.lines().count() - 2;
    assert_eq!(report.at.as_ref().unwrap().line, Some(second));
}

#[test]
fn an_empty_file_says_what_to_write() {
    insta::assert_snapshot!("empty_file", complaints("", &environment()));
}

#[test]
fn listening_beyond_this_machine_wants_https_or_a_word() {
    let open = EXAMPLE.replace("https://members", "http://members").replace("[sources", "[site.x]\n[sources");
    let open = open.replace("[site.x]\n", "").replace("name = \"N", "listen = \"0.0.0.0:80\"\nname = \"N");
    assert_eq!(codes(&open, &environment()), [Code::OpenWithoutTls]);
    assert_eq!(codes(&open.replace("0.0.0.0:80", "127.0.0.1:80"), &environment()), []);
    assert_eq!(codes(&open.replace("http://members", "https://members"), &environment()), []);
    let pairs = [
        ("STRIPE_SIGNING_SECRET", "whsec_old"),
        ("STRIPE_SIGNING_SECRET_NEW", "whsec_new"),
        ("STRIPE_API_KEY", "rk_live_x"),
        ("CIRCLE_TOKEN", "circle"),
        ("KIT_API_KEY", "kit"),
        ("FRONTDESK_BEHIND_PROXY", "1"),
    ];
    assert_eq!(codes(&open, &Environment::from(pairs)), []);
}

#[test]
fn a_borrowed_clock_is_for_the_sandbox_alone() {
    let clock = "\n[dev]\nclock = \"http://127.0.0.1:4242/_sandbox/clock\"\n";
    let outside = format!("{EXAMPLE}{clock}");
    assert_eq!(codes(&outside, &environment()), [Code::ClockOutsideSandbox; 3]);
    let base = "base_url = \"http://127.0.0.1:4242\"\n";
    let inside = ["[sources.stripe]\n", "[targets.circle]\n", "[targets.kit]\n"]
        .iter()
        .fold(outside, |text, section| text.replace(section, &format!("{section}{base}")));
    assert_eq!(
        checked(&inside).unwrap().config.dev_clock.as_deref(),
        Some("http://127.0.0.1:4242/_sandbox/clock")
    );
    let elsewhere = inside.replace("http://127.0.0.1:4242/_sandbox", "http://clock.example/_sandbox");
    assert_eq!(codes(&elsewhere, &environment()), [Code::ClockOutsideSandbox]);
}

#[test]
fn the_kind_of_a_stripe_key_is_looked_at() {
    let with = |key: &str, livemode: &str| {
        let text =
            EXAMPLE.replace("api_key = \"${STRIPE_API_KEY}\"", &format!("api_key = \"${{K}}\"\n{livemode}"));
        let pairs = [
            ("STRIPE_SIGNING_SECRET", "whsec_old"),
            ("STRIPE_SIGNING_SECRET_NEW", "whsec_new"),
            ("K", key),
            ("CIRCLE_TOKEN", "circle"),
            ("KIT_API_KEY", "kit"),
        ];
        codes(&text, &Environment::from(pairs))
    };
    let rows: [(&str, &str, &[Code]); 9] = [
        ("rk_live_1", "", &[]),
        ("rk_live_1", "livemode = true", &[]),
        ("rk_live_1", "livemode = false", &[Code::ModeMismatch]),
        ("rk_test_1", "livemode = true", &[Code::ModeMismatch]),
        ("sk_live_1", "", &[Code::FullKey]),
        ("sk_test_1", "livemode = true", &[Code::FullKey, Code::ModeMismatch]),
        ("pk_live_1", "", &[Code::WrongCredential]),
        ("whsec_1", "", &[Code::WrongCredential]),
        ("hello", "", &[Code::WrongCredential]),
    ];
    for (key, livemode, expected) in rows {
        assert_eq!(with(key, livemode), expected, "{key} {livemode}");
    }
}

#[test]
fn one_secret_comes_from_one_place() {
    let twice = EXAMPLE.replace("token = ", "token_file = \"/run/secrets/circle\"\ntoken = ");
    assert_eq!(codes(&twice, &environment()), [Code::SecretTwice]);
    let both = Environment::from([("A", "kit"), ("A_FILE", "/run/secrets/kit")]);
    let text = EXAMPLE.replace("${KIT_API_KEY}", "${A}");
    assert!(codes(&text, &both).contains(&Code::SecretTwice));
}

#[test]
fn a_store_url_with_a_password_is_a_secret() {
    let store = |line: &str| format!("{EXAMPLE}\n[store]\n{line}\n");
    let environment = |url| {
        Environment::from([
            ("STRIPE_SIGNING_SECRET", "whsec_old"),
            ("STRIPE_SIGNING_SECRET_NEW", "whsec_new"),
            ("STRIPE_API_KEY", "rk_live_x"),
            ("CIRCLE_TOKEN", "circle"),
            ("KIT_API_KEY", "kit"),
            ("DATABASE_URL", url),
        ])
    };
    let literal = store("url = \"postgres://frontdesk:hunter2@db/frontdesk\"");
    let shown = complaints(&literal, &environment(""));
    assert!(shown.contains("FD0011") && !shown.contains("hunter2"), "{shown}");
    let indirect = store("url = \"${DATABASE_URL}\"");
    let text = "postgres://frontdesk:hunter2@db/frontdesk";
    let loaded = check(&indirect, "frontdesk.toml", Path::new(""), &environment(text)).unwrap();
    assert!(matches!(&loaded.config.store, Store::Postgres(url) if url.expose() == text));
    assert!(!format!("{:?}", loaded.config).contains("hunter2"));
    assert_eq!(codes(&store("url = \"mysql://db\""), &environment("")), [Code::WrongValue]);
}

/// A folder of this test run's own.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("frontdesk-config-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[cfg(unix)]
#[test]
fn a_secret_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder("open");
    let path = folder.join("kit");
    std::fs::write(&path, "kit_from_file\n").unwrap();
    let text = EXAMPLE.replace("api_key = \"${KIT_API_KEY}\"", "api_key_file = \"kit\"");
    let codes_at = |mode: u32, environment: &Environment| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        match check(&text, "frontdesk.toml", &folder, environment) {
            Ok(loaded) => Ok(loaded.config.targets.kit.unwrap().api_key.expose().to_owned()),
            Err(failure) => Err(failure.reports.iter().map(|report| report.code).collect::<Vec<_>>()),
        }
    };
    assert_eq!(codes_at(0o600, &environment()), Ok("kit_from_file".to_owned()));
    assert_eq!(codes_at(0o640, &environment()), Err(vec![Code::SecretFileOpen]));
    assert_eq!(codes_at(0o604, &environment()), Err(vec![Code::SecretFileOpen]));
    let shared = Environment::from([
        ("STRIPE_SIGNING_SECRET", "whsec_old"),
        ("STRIPE_SIGNING_SECRET_NEW", "whsec_new"),
        ("STRIPE_API_KEY", "rk_live_x"),
        ("CIRCLE_TOKEN", "circle"),
        ("FRONTDESK_SHARED_SECRET_FILES", "1"),
    ]);
    assert_eq!(codes_at(0o444, &shared), Ok("kit_from_file".to_owned()));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_variable_with_file_at_its_end_names_a_file() {
    let folder = folder("variable");
    let path = folder.join("circle");
    std::fs::write(&path, "circle_from_file\n").unwrap();
    let text = EXAMPLE.replace("${CIRCLE_TOKEN}", "${TOKEN}");
    let environment = Environment::from([
        ("STRIPE_SIGNING_SECRET", "whsec_old"),
        ("STRIPE_SIGNING_SECRET_NEW", "whsec_new"),
        ("STRIPE_API_KEY", "rk_live_x"),
        ("KIT_API_KEY", "kit"),
        ("TOKEN_FILE", path.to_str().unwrap()),
        ("FRONTDESK_SHARED_SECRET_FILES", "1"),
    ]);
    let config = check(&text, "frontdesk.toml", Path::new(""), &environment).unwrap().config;
    assert_eq!(config.targets.circle.unwrap().token.expose(), "circle_from_file");
    assert!(config.secrets.iter().any(|secret| secret.origin == Origin::File(path.clone())));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_is_not_toml_is_told_without_quoting_it() {
    let shown = complaints("[sources.stripe]\napi_key = rk_live_do_not_print\n", &environment());
    assert!(shown.contains("frontdesk.toml:2") && shown.contains("FD0002"), "{shown}");
    assert!(!shown.contains("do_not_print"), "{shown}");
}
