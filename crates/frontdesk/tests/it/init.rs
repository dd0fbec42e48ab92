//! `frontdesk init` against a sandbox, with a file of answers.

use crate::process::Folder;
use frontdesk_sandbox::{SandboxConfig, Server};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use tokio::runtime::Runtime;

const VARIABLES: [(&str, &str); 3] = [
    ("STRIPE_API_KEY", "rk_live_sandbox_frontdesk"),
    ("CIRCLE_TOKEN", frontdesk_sandbox::circle::TOKEN),
    ("KIT_API_KEY", frontdesk_sandbox::kit::API_KEY),
];

/// A sandbox, and a folder with answers that lead to it.
fn begin(name: &str, endpoint: &str) -> (Runtime, Server, Folder) {
    let runtime = frontdesk::cli::runtime();
    let listen = "127.0.0.1:0".parse().expect("that is an address");
    let server = runtime.block_on(Server::start(SandboxConfig { listen, seed: 1 }));
    let server = server.expect("this machine has a free port");
    let folder = Folder::new(name);
    let url = server.url();
    folder.write(
        "answers.toml",
        &format!(
            r#"
[site]
name = "Northwind Makers"
url = "http://127.0.0.1:8080"
help_email = "help@northwind.example"
[stripe]
api_key = "${{STRIPE_API_KEY}}"
base_url = "{url}"
endpoint = "{endpoint}"
[circle]
token = "${{CIRCLE_TOKEN}}"
base_url = "{url}"
[kit]
api_key = "${{KIT_API_KEY}}"
base_url = "{url}"
"#
        ),
    );
    (runtime, server, folder)
}

const INIT: [&str; 3] = ["init", "--answers", "answers.toml"];

#[test]
fn it_writes_a_configuration_that_is_accepted_and_secrets_that_are_closed() {
    let (_runtime, server, folder) = begin("init", "make");
    let said = folder.run(&INIT, &VARIABLES);
    insta::assert_snapshot!("init", said.replace(&server.url(), "http://SANDBOX"));
    let text = std::fs::read_to_string(folder.path("frontdesk.toml")).unwrap();
    insta::assert_snapshot!("init_file", text.replace(&server.url(), "http://SANDBOX"));
    for name in ["stripe_api_key", "stripe_signing_secret", "circle_token", "kit_api_key"] {
        let mode = std::fs::metadata(folder.path(&format!("secrets/{name}"))).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let checked = folder.run(&["secret", "check"], &[]);
    assert!(!checked.starts_with("exit 1"), "{checked}");
    let again = folder.run(&INIT, &VARIABLES);
    assert!(again.starts_with("exit 1\n") && again.contains("is there already"), "{again}");
    assert_eq!(
        std::fs::read_to_string(folder.path("frontdesk.toml")).unwrap(),
        text,
        "nothing was overwritten"
    );
    let third = folder.run(&[&INIT[..], &["--yes"]].concat(), &VARIABLES);
    assert!(
        third.contains("Stripe sends its events to http://127.0.0.1:8080/webhooks/stripe already"),
        "{third}"
    );
}

#[test]
fn all_that_the_keys_lack_is_named_at_once_and_nothing_is_written() {
    let (_runtime, server, folder) = begin("init-refused", "print");
    let all = [
        "rak_event_read",
        "rak_customer_read",
        "rak_subscription_read",
        "rak_checkout_session_read",
        "rak_invoice_read",
        "rak_payment_intent_read",
        "rak_plan_read",
        "rak_product_read",
    ];
    let keys = json!({ "key": "rk_live_sandbox_frontdesk", "permissions": all });
    server.world().lock().unwrap().stripe.control("keys", &keys, jiff::Timestamp::UNIX_EPOCH).unwrap();
    let mut variables = VARIABLES;
    variables[2].1 = "kit_of_somebody_else";
    let said = folder.run(&INIT, &variables);
    assert!(said.starts_with("exit 1\n"), "{said}");
    assert!(said.contains("`rak_charge_read`") && said.contains("`rak_dispute_read`"), "{said}");
    assert!(said.contains("Kit did not accept the key") && !said.contains("kit_of_somebody_else"), "{said}");
    assert!(!folder.path("frontdesk.toml").exists() && !folder.path("secrets").exists());
}

#[test]
fn a_provider_that_gives_no_answer_is_not_said_to_refuse_the_key() {
    let (runtime, server, folder) = begin("init-unreached", "print");
    runtime.block_on(server.stop());
    let said = folder.run(&INIT, &VARIABLES);
    assert!(said.starts_with("exit 1\n"), "{said}");
    assert!(said.contains("could not reach Stripe") && !said.contains("did not accept"), "{said}");
    assert!(!folder.path("frontdesk.toml").exists() && !folder.path("secrets").exists());
}

#[test]
fn a_secret_in_the_answers_is_refused_without_being_shown() {
    let folder = Folder::new("init-literal");
    folder.write(
        "answers.toml",
        "[site]\nname = \"N\"\nurl = \"https://n.example\"\n[stripe]\napi_key = \"rk_live_51Habcdefgh\"\n",
    );
    let said = folder.run(&INIT, &[]);
    assert!(said.starts_with("exit 1\n") && said.contains("`stripe.api_key`"), "{said}");
    assert!(!said.contains("51Habcdefgh"), "{said}");
}
