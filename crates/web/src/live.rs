//! Live pages: one stream of server-sent events for each, which says what changed and, if nothing did, that we looked.

use crate::client::Network;
use crate::pages::{HEARTBEAT, LOOKED, Region};
use crate::problem::{Kind, Problem};
use crate::server::Web;
use crate::visitor::Visitor;
use crate::watch::{Look, Watched};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use frontdesk_core::id::CustomerId;
use frontdesk_engine::Ports;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::{Sender, channel};
use tokio_stream::wrappers::ReceiverStream;

/// Events that wait for a slow browser; it has its page whole again with the next one.
const EVENTS_HELD: usize = 8;
/// How often a checkout that is not known yet is looked for. Everybody's changes would be too often: the page opens
/// to any id.
const SEEK_EVERY: Duration = Duration::from_secs(2);
/// How long a stream lasts. A browser that is still there asks for the next one by itself; whatever else holds one
/// open lets go of its seat.
const STREAM_LASTS: Duration = Duration::from_mins(30);

type Frames = Sender<Result<Event, Infallible>>;

/// Starts the stream of a page that shows `look` now.
pub(crate) fn stream<P: Ports>(
    web: &Web<P>,
    network: Network,
    watched: Watched,
    look: Look,
    visitor: Visitor,
    query: String,
) -> Response {
    let Some(seat) = web.streams().take(Some(network)) else {
        return Problem::new(Kind::Busy).after(Duration::from_mins(1)).into_response();
    };
    let (frames, events) = channel(EVENTS_HELD);
    // Subscribed before the first event is sent: what changes from here on is not missed.
    let changes = web.engine().changes();
    let live = Live { web: web.clone(), watched, visitor, query, frames, shown: look };
    web.ports().spawn("live page", async move {
        live.run(changes).await;
        drop(seat);
    });
    Sse::new(ReceiverStream::new(events)).into_response()
}

struct Live<P: Ports> {
    web: Web<P>,
    watched: Watched,
    visitor: Visitor,
    query: String,
    frames: Frames,
    shown: Look,
}

/// Why the stream looks again, or ends.
enum Cause {
    /// Something may have changed.
    Change,
    /// It is time to say that we are there.
    Beat,
    /// The browser went, we stop, or it has lasted long enough.
    End,
}

impl<P: Ports> Live<P> {
    async fn run(mut self, mut changes: Receiver<CustomerId>) {
        let mut stopping = self.web.stopping();
        // The page was made a moment before the stream: whatever happened in between is in the first look.
        let mut is_first = true;
        let heartbeat = Duration::from_secs(HEARTBEAT.as_secs().unsigned_abs());
        let began_at = self.web.ports().now_mono();
        let (mut said_at, mut looked_at) = (began_at, began_at);
        loop {
            let cause = if is_first {
                Cause::Change
            } else {
                let now = self.web.ports().now_mono();
                let beat = (said_at + heartbeat).saturating_sub(now);
                let left = (began_at + STREAM_LASTS).saturating_sub(now);
                tokio::select! {
                    biased;
                    _ = stopping.wait_for(|is_stopping| *is_stopping) => Cause::End,
                    () = self.frames.closed() => Cause::End,
                    () = self.concerns(&mut changes) => Cause::Change,
                    () = self.clock(looked_at) => Cause::Change,
                    () = self.web.ports().sleep(left) => Cause::End,
                    () = self.web.ports().sleep(beat) => Cause::Beat,
                }
            };
            if matches!(cause, Cause::End) {
                return;
            }
            looked_at = self.web.ports().now_mono();
            // While the store does not answer nothing is said, and after half a minute the page says so itself.
            let Ok(look) = self.watched.look(&self.web).await else {
                tokio::select! {
                    biased;
                    _ = stopping.wait_for(|is_stopping| *is_stopping) => return,
                    () = self.frames.closed() => return,
                    () = self.web.ports().sleep(SEEK_EVERY) => continue,
                }
            };
            if look == Look::Gone {
                return;
            }
            let events = if !look.shows_the_same(&self.shown) || is_first {
                let regions = self.watched.regions(&look, &self.web, self.visitor, &self.query);
                regions.iter().map(event).collect()
            } else if matches!(cause, Cause::Beat) {
                vec![Event::default().event(LOOKED).data(".")]
            } else {
                Vec::new()
            };
            self.shown = look;
            is_first = false;
            for event in events {
                said_at = self.web.ports().now_mono();
                if self.frames.send(Ok(event)).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Ends when a change concerns this page. A listener that missed some takes it that one did.
    async fn concerns(&self, changes: &mut Receiver<CustomerId>) {
        loop {
            match (changes.recv().await, &self.shown) {
                (Ok(changed), Look::Known(known)) if changed == known.customer => return,
                (Err(RecvError::Lagged(_)), Look::Known(_)) => return,
                // The engine is gone; the stream ends with the server.
                (Err(RecvError::Closed), _) => std::future::pending::<()>().await,
                _ => {}
            }
        }
    }

    /// Ends when the clock alone changes what the page shows, as it was looked at last.
    async fn clock(&self, looked_at: Duration) {
        let ports = self.web.ports();
        let not_before = |span: Duration| ports.sleep((looked_at + span).saturating_sub(ports.now_mono()));
        match &self.shown {
            Look::Known(known) => match known.next_change_at {
                // A record that should have been decided by then and was not is looked at no more often than this.
                Some(at) => {
                    tokio::join!(ports.sleep_until(at), not_before(Duration::from_secs(1)));
                }
                None => std::future::pending().await,
            },
            Look::Unknown | Look::Gone => not_before(SEEK_EVERY).await,
        }
    }
}

fn event(region: &Region) -> Event {
    // A carriage return would end a line of the stream; in HTML it is a blank like any other.
    Event::default().event(region.name).data(region.html.replace('\r', " "))
}
