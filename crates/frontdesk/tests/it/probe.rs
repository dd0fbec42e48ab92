//! `frontdesk probe` against a `frontdesk serve` of its own.

use crate::process::Folder;
use frontdesk_sandbox::{SandboxConfig, Server};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

const SECRET: (&str, &str) = ("STRIPE_SIGNING_SECRET", "whsec_of_this_test");
const KEY: (&str, &str) = ("STRIPE_API_KEY", "rk_live_sandbox_frontdesk");

/// A process that is ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, and then the test has said why.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts `serve` on a free port and gives its address.
fn serve(folder: &Folder) -> (Running, String) {
    let mut command =
        folder.frontdesk(&["serve", "--listen", "127.0.0.1:0", "--json", "--quiet"], &[SECRET, KEY]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut running = Running(child.expect("cargo built the binary"));
    let mut told = String::new();
    let mut lines = BufReader::new(running.0.stdout.take().expect("stdout is piped")).lines();
    while let Some(Ok(line)) = lines.next() {
        told.push_str(&line);
        if line == "}" {
            break;
        }
    }
    let told: Value = serde_json::from_str(&told).expect("serve says where it listens");
    let address = told["listen"].as_str().expect("serve says where it listens").to_owned();
    (running, format!("http://{address}"))
}

#[test]
fn the_probe_finds_nothing_on_a_sound_installation_and_a_wrong_secret_on_another() {
    let runtime = frontdesk::cli::runtime();
    let listen = "127.0.0.1:0".parse().expect("that is an address");
    let sandbox = runtime.block_on(Server::start(SandboxConfig { listen, seed: 1 }));
    let sandbox = sandbox.expect("this machine has a free port");
    let folder = Folder::new("probe");
    folder.write(
        "frontdesk.toml",
        &format!(
            "[site]\nname = \"Northwind Makers\"\nurl = \"http://127.0.0.1:8080\"\n\
             [sources.stripe]\nsigning_secrets = [\"${{STRIPE_SIGNING_SECRET}}\"]\napi_key = \"${{STRIPE_API_KEY}}\"\n\
             base_url = \"{}\"\n\
             [[plans]]\nid = \"pro\"\nprices = [\"stripe:price_1Pro\"]\ngrants = [\"pro\"]\n[entitlements.pro]\ntitle = \"Pro\"\n",
            sandbox.url()
        ),
    );
    let (_running, url) = serve(&folder);

    let said = folder.run(&["probe", &url, "--json"], &[SECRET]);
    assert!(said.starts_with("exit 0\n"), "{said}");
    let checks = said.matches("\"ok\": true").count();
    assert_eq!(checks, 7, "six checks and the whole: {said}");

    let wrong = folder.run(&["probe", &url], &[("STRIPE_SIGNING_SECRET", "whsec_another")]);
    assert!(wrong.starts_with("exit 2\n"), "{wrong}");
    assert!(
        wrong.contains("FAIL  a signed event is taken: 401") && !wrong.contains("whsec_another"),
        "{wrong}"
    );

    let unsigned = folder.run(&["probe", &url], &[]);
    assert!(unsigned.starts_with("exit 0\n") && unsigned.contains("nothing signed was sent"), "{unsigned}");

    let said = folder.run(&["event", "list", "--type", "frontdesk.probe", "--json"], &[SECRET, KEY]);
    assert!(said.contains("\"deliveries\": 2") && said.contains("\"state\": \"no_effect\""), "{said}");
    assert!(said.contains("\"customer\": null"), "a probe touches nobody: {said}");
}
