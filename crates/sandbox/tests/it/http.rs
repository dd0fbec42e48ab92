//! Over real sockets: what a client and a webhook receiver see.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use frontdesk_sandbox::{SandboxConfig, Server};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::tools::{KEY, SECRET, signed_by};

async fn start() -> (Server, reqwest::Client) {
    let server =
        Server::start(SandboxConfig { listen: "127.0.0.1:0".parse().unwrap(), seed: 7 }).await.unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    (server, client)
}

async fn post_json(client: &reqwest::Client, url: String, body: Value) -> Value {
    let answer =
        client.post(url).header("content-type", "application/json").body(body.to_string()).send().await;
    serde_json::from_slice(&answer.unwrap().bytes().await.unwrap()).unwrap()
}

type Received = (String, Vec<u8>);

async fn receiver() -> (String, mpsc::UnboundedReceiver<Received>) {
    let (sender, received) = mpsc::unbounded_channel();
    let take = async |State(sender): State<mpsc::UnboundedSender<Received>>,
                      headers: axum::http::HeaderMap,
                      body: axum::body::Bytes| {
        let signature = headers["stripe-signature"].to_str().unwrap().to_owned();
        sender.send((signature, body.to_vec())).unwrap();
    };
    let app = Router::new().route("/hook", post(take)).with_state(sender);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::task::spawn_local(async { axum::serve(listener, app).await.unwrap() });
    (url, received)
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test);
}

#[test]
fn a_purchase_reaches_the_webhook_and_the_reads() {
    run(async {
        let (server, client) = start().await;
        let (hook, mut received) = receiver().await;
        let url = server.url();
        post_json(
            &client,
            format!("{url}/_sandbox/stripe/endpoint"),
            json!({ "url": hook, "secret": SECRET }),
        )
        .await;
        let body = json!({ "email": "ada@example.com", "price": "price_1Community" });
        let bought = post_json(&client, format!("{url}/_sandbox/stripe/checkout"), body).await;
        let mut ids = Vec::new();
        for _ in 0..7 {
            let (signature, body) = received.recv().await.unwrap();
            assert!(signed_by(&signature, SECRET, &body));
            let event: Value = serde_json::from_slice(&body).unwrap();
            ids.push(event["id"].clone());
        }
        let mut emitted = bought["events"].as_array().unwrap().clone();
        emitted.sort_by_key(Value::to_string);
        ids.sort_by_key(Value::to_string);
        assert_eq!(ids, emitted);
        let answer = client.get(format!("{url}/v1/events?limit=3")).bearer_auth(KEY).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.headers().contains_key("request-id"));
        let page: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(page["data"].as_array().unwrap().len(), 3);
        assert_eq!(page["has_more"], true);
        server.stop().await;
    });
}

#[test]
fn a_hang_and_a_reset_look_like_that_on_the_wire() {
    run(async {
        let (server, client) = start().await;
        let url = server.url();
        let rules = json!([
            { "provider": "stripe", "kind": "reset_before", "path": "/v1/events" },
            { "provider": "stripe", "kind": "timeout_before", "path": "/v1/customers" },
        ]);
        post_json(&client, format!("{url}/_sandbox/faults"), rules).await;
        let reset = client.get(format!("{url}/v1/events")).bearer_auth(KEY).send().await.unwrap_err();
        assert!(!reset.is_timeout() && reset.status().is_none(), "{reset:?}");
        let hang = client
            .get(format!("{url}/v1/customers"))
            .bearer_auth(KEY)
            .timeout(Duration::from_millis(200))
            .send()
            .await
            .unwrap_err();
        assert!(hang.is_timeout(), "{hang:?}");
        let answer = client.get(format!("{url}/v1/customers")).bearer_auth(KEY).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        server.stop().await;
    });
}

#[test]
fn one_port_serves_all_and_a_redirect_is_no_delivery() {
    run(async {
        let (server, client) = start().await;
        let url = server.url();
        for (path, header, value) in [
            ("/v4/account", "x-kit-api-key", "kit_sandbox_key"),
            ("/api/admin/v2/community", "authorization", "Bearer circle_sandbox_token"),
            ("/v1/account", "authorization", "Bearer rk_live_sandbox_frontdesk"),
        ] {
            let answer = client.get(format!("{url}{path}")).header(header, value).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{path}");
        }
        assert_eq!(client.get(format!("{url}/v2/anything")).send().await.unwrap().status(), 404);

        let app = Router::new()
            .route("/hook", post(async || (axum::http::StatusCode::FOUND, [("location", "/elsewhere")])));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hook = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::task::spawn_local(async { axum::serve(listener, app).await.unwrap() });
        post_json(&client, format!("{url}/_sandbox/stripe/endpoint"), json!({ "url": hook })).await;
        let body = json!({ "type": "customer.created", "object": { "id": "cus_1" } });
        post_json(&client, format!("{url}/_sandbox/stripe/event"), body).await;
        loop {
            let state =
                client.get(format!("{url}/_sandbox/state")).send().await.unwrap().bytes().await.unwrap();
            let state: Value = serde_json::from_slice(&state).unwrap();
            if let Some(attempt) = state["deliveries"][0]["attempts"].get(0) {
                assert_eq!(attempt["status"], 302);
                assert_eq!(state["deliveries"][0]["fate"], "waiting");
                break;
            }
        }
        server.stop().await;
    });
}
