//! Logs: one line per event, as JSON for machines or as text for people.
//!
//! Every field has an allow-listed name; control characters are escaped; a field ends after [`FIELD_BYTES_MAX`]; and
//! [`scrub`] masks what still looks like a credential or a person. Lines are written by a thread of their own from a
//! bounded queue: a stuck log sink loses lines and counts them, and never holds up an answer.

mod scrub;

pub use scrub::{scrub, scrub_credentials};

use jiff::Timestamp;
use serde_json::{Map, Value};
use std::fmt::{self, Write as _};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer};

/// Longest value of one field, in bytes.
pub const FIELD_BYTES_MAX: usize = 2 * 1024;

/// Lines that wait for a slow sink before further ones are lost.
const QUEUE_LINES_MAX: usize = 8 * 1024;

/// What a log line may say. A field of another name is left out, and its name is listed under `left_out`, so that a
/// new one is argued for here. None of these holds a person's data: ids are random, routes are templates.
const FIELDS: &[&str] = &[
    "account",
    "account.id",
    "address",
    "attempts",
    "body_bytes",
    "brake",
    "bytes",
    "call",
    "calls",
    "case",
    "catalogue.version",
    "class",
    "code",
    "count",
    "customer.id",
    "customer_id",
    "deliveries",
    "entry.id",
    "entry_id",
    "epoch",
    "error",
    "event_id",
    "fate",
    "field",
    "finding",
    "freeze",
    "generation",
    "hint",
    "item",
    "journal.seq",
    "kind",
    "known",
    "level",
    "lines",
    "listen",
    "loop_name",
    "mapping",
    "member",
    "message",
    "method",
    "migration",
    "misses",
    "mode",
    "ms",
    "name",
    "node",
    "offset_ms",
    "outcome",
    "path",
    "provider.request_id",
    "provider_request_id",
    "quota",
    "reason",
    "recovered",
    "request.id",
    "request_id",
    "revision",
    "route",
    "rows",
    "scope",
    "source",
    "source.id",
    "stage",
    "state",
    "status",
    "step",
    "target",
    "target.id",
    "task",
    "tries",
    "unsupported",
    "until",
    "version",
    "waiting",
    "why",
];

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// Words for people.
    #[default]
    Text,
}

/// The clock that dates the lines.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Keeps the log alive; [`Log::flush`] before the process ends.
pub struct Log {
    lines: SyncSender<Line>,
    lost: Arc<AtomicU64>,
}

enum Line {
    Text(String),
    Flush(SyncSender<()>),
}

impl Log {
    /// Waits until everything said so far is written.
    pub fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if self.lines.send(Line::Flush(done)).is_ok() {
            // The writer answers or has died; either way there is nothing to wait for any longer.
            let _ = wait.recv();
        }
    }

    /// Lines that were lost because the sink was slower than the log.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

/// Makes a subscriber that writes to `sink`. `filter` has the form of `info` or `info,frontdesk_engine=debug`.
///
/// # Errors
///
/// When the filter cannot be read, or no thread can be started.
pub fn subscriber(
    format: Format,
    filter: &str,
    clock: Clock,
    sink: Box<dyn Write + Send>,
) -> Result<(impl Subscriber + Send + Sync + use<>, Log), Box<dyn std::error::Error + Send + Sync>> {
    let filter = EnvFilter::builder().parse(filter)?;
    let (lines, waiting) = sync_channel(QUEUE_LINES_MAX);
    let lost = Arc::new(AtomicU64::new(0));
    std::thread::Builder::new().name("log".to_owned()).spawn(move || write_lines(&waiting, sink))?;
    let layer = Lines { format, clock, queue: lines.clone(), lost: Arc::clone(&lost) };
    Ok((tracing_subscriber::registry().with(filter).with(layer), Log { lines, lost }))
}

/// Writes until every sender is gone. A sink that fails loses its lines; there is nowhere left to say so.
fn write_lines(waiting: &Receiver<Line>, mut sink: impl Write) {
    while let Ok(line) = waiting.recv() {
        match line {
            Line::Text(text) => {
                let _ = sink.write_all(text.as_bytes());
            }
            Line::Flush(done) => {
                let _ = sink.flush();
                let _ = done.send(());
            }
        }
    }
}

struct Lines {
    format: Format,
    clock: Clock,
    queue: SyncSender<Line>,
    lost: Arc<AtomicU64>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in
            context.event_scope(event).into_iter().flat_map(tracing_subscriber::registry::Scope::from_root)
        {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.extend(outer);
            }
        }
        event.record(&mut fields);
        let level = event.metadata().level().as_str();
        let text = match self.format {
            Format::Json => fields.json((self.clock)(), level, event.metadata().target()),
            Format::Text => fields.text((self.clock)(), level),
        };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            self.queue.try_send(Line::Text(text))
        {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The fields of one line or span, already cut, escaped and scrubbed.
#[derive(Default)]
struct Fields {
    values: Map<String, Value>,
    left_out: Vec<&'static str>,
}

impl Fields {
    fn extend(&mut self, outer: &Self) {
        self.values.extend(outer.values.clone());
        self.left_out.extend(&outer.left_out);
    }

    fn put(&mut self, field: &Field, value: Value) {
        if FIELDS.contains(&field.name()) {
            self.values.insert(field.name().to_owned(), value);
        } else {
            self.left_out.push(field.name());
        }
    }

    fn json(mut self, at: Timestamp, level: &str, module: &str) -> String {
        let mut line = Map::new();
        line.insert("at".to_owned(), Value::from(at.to_string()));
        line.insert("level".to_owned(), Value::from(level.to_ascii_lowercase()));
        line.insert("module".to_owned(), Value::from(module));
        self.values.remove("level");
        line.append(&mut self.values);
        if !self.left_out.is_empty() {
            line.insert("left_out".to_owned(), Value::from(self.left_out));
        }
        format!("{}\n", Value::Object(line))
    }

    fn text(mut self, at: Timestamp, level: &str) -> String {
        let message = self.values.remove("message");
        let mut line =
            format!("{at:.3} {level:<5} {}", message.as_ref().and_then(Value::as_str).unwrap_or(""));
        for (name, value) in &self.values {
            // Writing to a string cannot fail.
            let _ = match value {
                Value::String(text) if is_plain(text) => write!(line, " {name}={text}"),
                other => write!(line, " {name}={other}"),
            };
        }
        if !self.left_out.is_empty() {
            let _ = write!(line, " left_out={}", self.left_out.join(","));
        }
        line.push('\n');
        line
    }
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_alphanumeric() || "_-./:{}+".contains(letter))
}

impl Visit for Fields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::from(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::from(cleaned(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::from(cleaned(&format!("{value:?}"))));
    }
}

/// One line of text that holds no credential and no person: scrubbed, then cut, so that a cut never splits a
/// credential into something that is not recognised.
fn cleaned(text: &str) -> String {
    let mut clean = String::new();
    for letter in scrub(text).chars() {
        if clean.len() + letter.len_utf8() > FIELD_BYTES_MAX {
            clean.push('…');
            break;
        }
        if letter.is_control() || is_bidi(letter) {
            clean.extend(letter.escape_default());
        } else {
            clean.push(letter);
        }
    }
    clean
}

/// Marks that change the direction of what follows: they can make a line read as another one.
pub(crate) fn is_bidi(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is written when `act` logs.
    fn logged(format: Format, act: impl FnOnce()) -> String {
        let sink = Sink::default();
        let clock: Clock = Arc::new(|| "2026-11-24T08:37:00.5Z".parse().unwrap());
        let (subscriber, log) = subscriber(format, "info", clock, Box::new(sink.clone())).unwrap();
        tracing::subscriber::with_default(subscriber, act);
        log.flush();
        assert_eq!(log.lost(), 0);
        let bytes = sink.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_is_json_with_the_fields_of_its_spans() {
        let line = logged(Format::Json, || {
            let span = tracing::info_span!("request", request_id = "req_1", route = "/status/{token}");
            let _entered = span.enter();
            tracing::warn!(status = 503, ms = 12, target = "circle", "call failed");
        });
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["at"], "2026-11-24T08:37:00.5Z");
        assert_eq!(value["level"], "warn");
        assert_eq!(value["message"], "call failed");
        assert_eq!((&value["request_id"], &value["status"]), (&Value::from("req_1"), &Value::from(503)));
    }

    #[test]
    fn a_line_of_text_stays_one_line() {
        let line = logged(Format::Text, || {
            tracing::info!(why = "first\nFAKE 2026 line\u{1b}[31m\u{202e}", count = 3, "a\nb");
        });
        assert_eq!(
            line,
            "2026-11-24T08:37:00.500Z INFO  a\\nb count=3 why=\"first\\\\nFAKE 2026 line\\\\u{1b}[31m\\\\u{202e}\"\n"
        );
    }

    #[test]
    fn a_field_that_is_not_listed_is_left_out_by_name() {
        let line = logged(Format::Json, || tracing::info!(email = "ada@northwind.example", body = "x", "hi"));
        assert!(!line.contains("northwind"), "{line}");
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["left_out"], serde_json::json!(["email", "body"]));
    }

    #[test]
    fn what_slips_through_is_masked_and_cut() {
        let long = format!("{} rk_live_51Habcdef {}", "x".repeat(2_000), "y".repeat(10_000));
        let line = logged(Format::Json, || tracing::error!(error = %long, "refused ada@northwind.example"));
        assert!(!line.contains("51H") && !line.contains("ada@"), "{line}");
        let value: Value = serde_json::from_str(&line).unwrap();
        assert!(value["error"].as_str().unwrap().len() <= FIELD_BYTES_MAX + '…'.len_utf8());
    }

    #[test]
    fn fields_are_in_order_so_that_a_new_one_is_easy_to_place() {
        assert!(FIELDS.is_sorted());
    }

    #[test]
    fn a_stuck_sink_loses_lines_and_counts_them() {
        struct Stuck(Arc<Mutex<()>>);
        impl Write for Stuck {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                let _held = self.0.lock().unwrap();
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let gate = Arc::new(Mutex::new(()));
        let held = gate.lock().unwrap();
        let clock: Clock = Arc::new(|| Timestamp::UNIX_EPOCH);
        let (subscriber, log) =
            subscriber(Format::Text, "info", clock, Box::new(Stuck(Arc::clone(&gate)))).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..QUEUE_LINES_MAX + 100 {
                tracing::info!("busy");
            }
        });
        assert!(log.lost() >= 99, "{}", log.lost());
        drop(held);
        log.flush();
    }
}
