//! The live ports against real sockets on this machine.

use super::*;
use std::net::SocketAddr;
use std::sync::atomic::AtomicI64;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Limits under which a server that never answers does not hold up a test run.
const SHORT: Limits =
    Limits { connect: Duration::from_secs(3), answer: Duration::from_millis(300), bytes: 1_000 };

fn ports() -> LivePorts {
    LivePorts::with_limits(Trust::Nobody, SHORT).unwrap()
}

/// A server that reads a request's head and then does as `answer` says, for every connection.
async fn server<F>(answer: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    ports().spawn("server", async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            let mut buffer = [0; 1024];
            while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut buffer).await {
                    Ok(read) if read > 0 => head.extend_from_slice(&buffer[..read]),
                    _ => break,
                }
            }
            answer(stream).await;
        }
    });
    address
}

/// A server that answers every request with `text` and closes the connection.
async fn saying(text: impl Into<String>) -> SocketAddr {
    let text = text.into();
    server(move |mut stream| {
        let text = text.clone();
        async move {
            let _ = stream.write_all(text.as_bytes()).await;
        }
    })
    .await
}

async fn get(address: SocketAddr) -> Result<http::Response<Vec<u8>>, NoAnswer> {
    ports().http(http::Request::get(format!("http://{address}/x")).body(Vec::new()).unwrap()).await
}

#[tokio::test]
async fn an_answer_comes_back_whole_with_every_header() {
    let address = saying(
        "HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\nx-a: 1\r\nx-a: 2\r\ncontent-length: 5\r\n\r\nhello",
    )
    .await;
    let answer = get(address).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.body().as_slice()), (429, b"hello".as_slice()));
    assert_eq!(answer.headers()["retry-after"], "7");
    assert_eq!(answer.headers().get_all("x-a").iter().count(), 2);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let address =
        saying("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(get(address).await.unwrap().status(), 302);
}

#[tokio::test]
async fn a_refused_connection_was_not_sent() {
    // Bound and dropped: nobody listens on a port that was just given back.
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_eq!(get(address).await.unwrap_err(), NoAnswer::NotSent);
}

#[tokio::test]
async fn what_is_not_a_url_was_not_sent() {
    let request = http::Request::get("/only/a/path").body(Vec::new()).unwrap();
    assert_eq!(ports().http(request).await.unwrap_err(), NoAnswer::NotSent);
}

#[tokio::test]
async fn https_without_a_trusted_certificate_was_not_sent() {
    // Whoever speaks first here is no TLS server; the client sees it while it is still connecting.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    ports().spawn("not-tls", async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"220 this is mail\r\n").await.unwrap();
    });
    let request = http::Request::get(format!("https://{address}/")).body(Vec::new()).unwrap();
    assert_eq!(ports().http(request).await.unwrap_err(), NoAnswer::NotSent);
}

#[tokio::test]
async fn a_connection_that_breaks_may_have_acted() {
    for text in ["", "HTTP/1.1 200 OK\r\ncontent-le", "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf"] {
        let error = get(saying(text).await).await.unwrap_err();
        assert_eq!(error, NoAnswer::Broken, "{text:?}");
        assert!(error.may_have_acted());
    }
}

#[tokio::test]
async fn silence_and_a_slow_body_time_out() {
    for head in ["", "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf"] {
        let address = server(move |mut stream| async move {
            let _ = stream.write_all(head.as_bytes()).await;
            // Held open until the client gives up and closes it.
            let _ = stream.read(&mut [0; 1]).await;
        })
        .await;
        assert_eq!(get(address).await.unwrap_err(), NoAnswer::TimedOut, "{head:?}");
    }
}

#[tokio::test]
async fn an_answer_is_read_up_to_its_limit_and_no_further() {
    let of =
        |bytes: usize| format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n{}", "x".repeat(bytes));
    assert_eq!(get(saying(of(SHORT.bytes)).await).await.unwrap().body().len(), SHORT.bytes);
    assert_eq!(get(saying(of(SHORT.bytes + 1)).await).await.unwrap_err(), NoAnswer::TooLarge);
    // Without an announced length, the bytes themselves are counted.
    let unannounced = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "x".repeat(SHORT.bytes + 1));
    assert_eq!(get(saying(unannounced).await).await.unwrap_err(), NoAnswer::TooLarge);
}

#[tokio::test]
async fn a_panic_ends_its_task_alone_and_is_counted() {
    let ports = ports();
    let (done, wait) = tokio::sync::oneshot::channel();
    ports.spawn("bad", async { panic!("on purpose") });
    ports.spawn("good", async { done.send(()).unwrap() });
    wait.await.unwrap();
    // Bounded: the watcher of the bad task was woken before the good one ran.
    for _ in 0..1_000 {
        if ports.panics() == 1 {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{} panics were counted", ports.panics());
}

#[tokio::test]
async fn a_jump_of_the_followed_clock_ends_a_sleep() {
    let offset = Arc::new(AtomicI64::new(0));
    let told = Arc::clone(&offset);
    let address = server(move |mut stream| {
        let body =
            format!("{{\"now\":\"2026-11-24T00:00:00Z\",\"offset_ms\":{}}}", told.load(Ordering::Relaxed));
        async move {
            let text = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(text.as_bytes()).await;
        }
    })
    .await;
    let ports = ports();
    ports.follow_clock(&format!("http://{address}/_sandbox/clock")).await.unwrap();
    let until = ports.now_wall() + SignedDuration::from_hours(1);
    offset.store(2 * 3_600_000, Ordering::Relaxed);
    ports.sleep_until(until).await;
    assert!(ports.now_wall() >= until);
    assert!(ports.now_mono() < Duration::from_mins(30), "the sleep ended because the clock jumped");
}

#[tokio::test]
async fn a_clock_that_does_not_answer_is_refused() {
    let address = saying("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
    let failure = ports().follow_clock(&format!("http://{address}/_sandbox/clock")).await.unwrap_err();
    let report = &failure.reports[0];
    assert_eq!(report.code, Code::ClockUnreachable);
    assert!(report.message.contains("it answered 404"), "{}", report.message);
}

#[tokio::test]
async fn an_instant_that_has_passed_is_not_waited_for() {
    let ports = ports();
    ports.sleep_until(ports.now_wall()).await;
    ports.sleep_until(Timestamp::UNIX_EPOCH).await;
    assert!(ports.now_wall() > Timestamp::UNIX_EPOCH);
}

#[tokio::test]
async fn random_bytes_differ() {
    let (mut first, mut second) = ([0; 32], [0; 32]);
    ports().random(&mut first);
    ports().random(&mut second);
    assert_ne!(first, second);
}

#[tokio::test]
async fn mail_that_cannot_be_sent_says_so() {
    let mail = Mail { to: "ada@northwind.example".to_owned(), subject: "s".to_owned(), text: "t".to_owned() };
    assert_eq!(ports().mail(mail).await, Err(NoAnswer::NotSent));
}
