//! The outermost edge: takes connections, and lets none of them wait or hold a place for nothing.
//!
//! What a connection may cost is bounded before a byte of it is believed (SECURITY S-22): how many there are, how long
//! a head may take, how large it may be. Everything after the head is the surfaces' own business.

use crate::live::LivePorts;
use axum::Extension;
use axum::extract::ConnectInfo;
use frontdesk_engine::Ports;
use frontdesk_web::Web;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use tokio::net::TcpListener;
use tower::Layer;

/// How long a request's head may take, and how long a connection may stay without one.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// Bytes that are held of one connection. A head of 16 KiB is refused with words; one beyond this, without.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// How long nothing is accepted after nobody could be: the process is out of descriptors.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Answers until `stop` ends, then finishes the answers that are under way.
///
/// HTTP/1 alone: TLS, and with it HTTP/2, ends at the proxy in front, and one plain HTTP/2 connection would be a hundred
/// that no limit here counts.
pub(crate) async fn serve(
    listener: TcpListener,
    web: &Web<LivePorts>,
    ports: &LivePorts,
    stop: impl Future<Output = ()>,
) {
    let router = web.router();
    let mut http = Builder::new(TokioExecutor::new()).http1_only();
    http.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_buf_size(BUFFER_BYTES_MAX);
    let open = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("a connection could not be taken: {error}");
                ports.sleep(AGAIN_AFTER).await;
                continue;
            }
        };
        let Some(seat) = web.admit(peer.ip()) else {
            tracing::debug!("a connection was closed: there are too many");
            continue;
        };
        // Small answers leave at once: without this, an acknowledgement waits for the sender's.
        let _ = stream.set_nodelay(true);
        let service = Extension(ConnectInfo(peer)).layer(router.clone());
        let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let connection = open.watch(connection.into_owned());
        ports.spawn("connection", async move {
            if let Err(error) = connection.await {
                tracing::debug!("a connection ended early: {error}");
            }
            drop(seat);
        });
    }
    // Nobody else comes in while the last ones are answered.
    drop(listener);
    open.shutdown().await;
}

#[cfg(test)]
mod tests {
    use crate::cli;
    use crate::story::House;
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::time::Duration;

    /// What a server says to these bytes until it closes the connection.
    fn answered(address: &str, sent: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        // A connection that stays open fails the test instead of holding it up.
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(sent).unwrap();
        let mut told = Vec::new();
        stream.read_to_end(&mut told).unwrap();
        String::from_utf8(told).unwrap()
    }

    #[test]
    fn who_sends_no_head_or_one_too_large_holds_no_connection() {
        let runtime = cli::runtime();
        let house = runtime.block_on(House::open("edge", 1)).unwrap();
        let address = house.config.site.url.as_str().strip_prefix("http://").unwrap().to_owned();
        let large = format!("GET /healthz HTTP/1.1\r\nhost: {address}\r\nx: {}", "x".repeat(70 * 1024));
        std::thread::scope(|scope| {
            let silent = scope.spawn(|| answered(&address, b""));
            let slow = scope.spawn(|| answered(&address, b"GET /healthz HTTP/1.1\r\nhos"));
            let idle = format!("GET /healthz HTTP/1.1\r\nhost: {address}\r\n\r\n");
            let idle = scope.spawn(|| answered(&address, &idle.into_bytes()));
            assert!(answered(&address, large.as_bytes()).starts_with("HTTP/1.1 431 "));
            assert_eq!(silent.join().unwrap(), "");
            assert_eq!(slow.join().unwrap(), "");
            assert!(
                idle.join().unwrap().starts_with("HTTP/1.1 200 "),
                "it answers, and closes when nothing follows"
            );
        });
        runtime.block_on(house.leave()).unwrap();
    }
}
