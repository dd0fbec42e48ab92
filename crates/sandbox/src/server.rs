//! The world behind real HTTP, and its webhook sender. The one place here with a clock and sockets.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, State};
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::call::{Answer, Call, form};
use crate::post::Delivery;
use crate::world::{Reply, World};

/// How to run a sandbox.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The seed of all ids.
    pub seed: u64,
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken or not ours.
    #[error("could not listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The HTTP client for webhooks could not be made.
    #[error("could not make the HTTP client that delivers webhooks")]
    Client(#[source] reqwest::Error),
}

/// A running sandbox. Dropping it stops it at once; [`Server::stop`] waits for what is under way.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    shared: Shared,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Clone, Debug)]
struct Shared {
    world: Arc<Mutex<World>>,
    /// Rung when a delivery may have become due.
    due: Arc<Notify>,
    stopped: watch::Receiver<bool>,
}

/// The largest request body that is read.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How long a delivery may take. Stripe does not publish its own limit; observers report 10 to 30 s.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);
/// Deliveries under way at once.
const DELIVERIES_MAX: usize = 16;

impl Server {
    /// Starts a fresh world behind HTTP.
    pub async fn start(config: SandboxConfig) -> Result<Self, StartError> {
        let listen_error = |source| StartError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen_error)?;
        let addr = listener.local_addr().map_err(listen_error)?;
        // A provider may be installed already; any will do.
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(DELIVERY_TIMEOUT)
            .no_proxy()
            .build()
            .map_err(StartError::Client)?;
        let (stop, stopped) = watch::channel(false);
        let shared = Shared {
            world: Arc::new(Mutex::new(World::new(config.seed))),
            due: Arc::new(Notify::new()),
            stopped,
        };
        let tasks = vec![spawn(serve(listener, shared.clone())), spawn(send(client, shared.clone()))];
        Ok(Self { addr, shared, stop, tasks })
    }

    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL that clients and people use, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The world. After changing it in place call [`Server::wake`], so that new deliveries go out.
    pub fn world(&self) -> Arc<Mutex<World>> {
        Arc::clone(&self.shared.world)
    }

    /// Makes the webhook sender look for what is due.
    pub fn wake(&self) {
        self.shared.due.notify_one();
    }

    /// Stops accepting, breaks what hangs, and waits for the other answers; deliveries under way are dropped.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        for task in self.tasks.drain(..) {
            // A task that panicked has said so already; there is nothing left to stop.
            let _panicked = task.await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        // The world is changed by whole calls; after a panic in a test it is as good as before.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn stopped(&self) {
        let mut stopped = self.stopped.clone();
        // An error means that the server is gone, which is as good as stopped.
        let _gone = stopped.wait_for(|is_stopped| *is_stopped).await;
    }
}

async fn serve(listener: TcpListener, shared: Shared) {
    let app = Router::new().fallback(answer).with_state(shared.clone());
    let service = app.into_make_service_with_connect_info::<Cut>();
    let stopped = async move { shared.stopped().await };
    if let Err(error) = axum::serve(Gate(listener), service).with_graceful_shutdown(stopped).await {
        tracing::error!(%error, "the sandbox stopped serving");
    }
}

async fn answer(
    State(shared): State<Shared>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: axum::extract::Request,
) -> Response {
    let call = match call(request).await {
        Ok(call) => call,
        Err(refusal) => return response(refusal),
    };
    let reply = shared.world().handle(&call, real_now());
    shared.due.notify_one();
    match reply {
        Reply::Answer { answer, after } => {
            if !after.is_zero() {
                tokio::select! {
                    () = sleep(after) => {}
                    () = shared.stopped() => {}
                }
            }
            response(answer)
        }
        Reply::Hang => {
            shared.stopped().await;
            cut.now()
        }
        Reply::Reset => cut.now(),
    }
}

async fn call(request: axum::extract::Request) -> Result<Call, Answer> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BODY_BYTES_MAX)
        .await
        .map_err(|_| Answer::text(413, "The sandbox reads bodies of up to 8 MiB."))?;
    let headers = parts.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    Ok(Call {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: form(parts.uri.query().unwrap_or_default()),
        headers: headers.collect(),
        body: body.to_vec(),
    })
}

fn response(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() =
        http::StatusCode::from_u16(answer.status).unwrap_or(http::StatusCode::BAD_GATEWAY);
    for (name, value) in answer.headers {
        let name = http::HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, http::HeaderValue::from_str(&value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// Posts what is due, several at a time, for as long as the server runs.
async fn send(client: reqwest::Client, shared: Shared) {
    let permits = Arc::new(Semaphore::new(DELIVERIES_MAX));
    let mut under_way = JoinSet::new();
    loop {
        let (due, wait) = {
            let mut world = shared.world();
            let now = world.now(real_now());
            let due = world.due_deliveries(now);
            (due, world.next_due().map(|next| next.duration_since(now)))
        };
        for delivery in due {
            let permit = tokio::select! {
                permit = Arc::clone(&permits).acquire_owned() => permit,
                () = shared.stopped() => return,
            };
            let (client, shared) = (client.clone(), shared.clone());
            under_way.spawn(async move {
                let id = delivery.id;
                let (outcome, retry_after) = post(&client, delivery).await;
                {
                    let mut world = shared.world();
                    let now = world.now(real_now());
                    world.delivered_asking(id, outcome, retry_after, now);
                }
                drop(permit);
                shared.due.notify_one();
            });
        }
        while under_way.try_join_next().is_some() {}
        let until_due = async {
            match wait {
                Some(wait) => sleep(wait.max(SignedDuration::ZERO).unsigned_abs()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shared.due.notified() => {}
            () = until_due => {}
            () = shared.stopped() => return,
        }
    }
}

async fn post(client: &reqwest::Client, delivery: Delivery) -> (Result<u16, String>, Option<SignedDuration>) {
    let method = if delivery.method == "HEAD" { reqwest::Method::HEAD } else { reqwest::Method::POST };
    let mut request = client.request(method, &delivery.url).body(delivery.body);
    for (name, value) in &delivery.headers {
        request = request.header(name, value);
    }
    match request.send().await {
        Ok(response) => {
            let asked =
                response.headers().get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            let asked = asked.and_then(|text| text.parse().ok()).map(SignedDuration::from_secs);
            (Ok(response.status().as_u16()), asked)
        }
        Err(error) if error.is_timeout() => (Err("timed out".to_owned()), None),
        Err(error) => (Err(error.to_string()), None),
    }
}

/// Accepts connections that can be broken from within a handler.
struct Gate(TcpListener);

/// How long to rest when accepting fails, as it does when the process is out of file descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(50);

impl Listener for Gate {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok((stream, addr)) => return (Connection { stream, cut: Cut::default() }, addr),
                Err(error) => {
                    tracing::warn!(%error, "the sandbox could not accept a connection");
                    sleep(ACCEPT_REST).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A connection that fails every read and write once it is cut.
struct Connection {
    stream: TcpStream,
    cut: Cut,
}

#[derive(Clone, Debug, Default)]
struct Cut(Arc<AtomicBool>);

impl Cut {
    /// Breaks the connection; the response returned never reaches the client.
    fn now(&self) -> Response {
        self.0.store(true, Ordering::Release);
        Response::new(Body::empty())
    }

    fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::Acquire) { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl Connected<IncomingStream<'_, Gate>> for Cut {
    fn connect_info(stream: IncomingStream<'_, Gate>) -> Self {
        stream.io().cut.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.cut.check()?;
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.cut.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.cut.check()?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the server is the sandbox's live edge: wall time enters here alone"
)]
fn real_now() -> Timestamp {
    Timestamp::now()
}

#[expect(clippy::disallowed_methods, reason = "the server is the sandbox's live edge: it waits in real time")]
async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

#[expect(clippy::disallowed_methods, reason = "the server is the sandbox's live edge: its tasks end with it")]
fn spawn(task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(task)
}
