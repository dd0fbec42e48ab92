//! Reads a request's body, no more of it and no longer than is allowed.

use crate::problem::{Kind, Problem};
use axum::body::Body;
use frontdesk_engine::Ports;
use http::{HeaderMap, header};
use std::time::Duration;
use tokio_stream::StreamExt;

/// How long a whole body may take.
const READ_WITHIN: Duration = Duration::from_secs(10);
/// How long a body may take before its rate is looked at.
const SLOW_START: Duration = Duration::from_secs(2);
/// The lowest rate after that, in bytes a second.
const BYTES_PER_SECOND_MIN: u64 = 1024;

/// The whole body.
///
/// One that is announced or turns out larger than `bytes_max` is refused (413) without reading on; one that is not
/// complete in ten seconds, or falls behind 1 KiB a second after the first two, is given up (408); one in any
/// encoding is refused (415), because a signature covers the bytes as they were sent.
pub(crate) async fn read<P: Ports>(
    ports: &P,
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
) -> Result<Vec<u8>, Problem> {
    let encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    if encodings.into_iter().any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Problem::new(Kind::Encoding));
    }
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let too_large = |length: u64| usize::try_from(length).map_or(true, |length| length > bytes_max);
    if announced.is_some_and(too_large) {
        return Err(Problem::new(Kind::TooLarge));
    }
    let began = ports.now_mono();
    let mut read = Vec::new();
    let mut chunks = body.into_data_stream();
    loop {
        let earned = Duration::from_millis(read.len() as u64 * 1000 / BYTES_PER_SECOND_MIN);
        let allowed = (SLOW_START + earned).min(READ_WITHIN);
        let left = (began + allowed).saturating_sub(ports.now_mono());
        let chunk = tokio::select! {
            biased;
            chunk = chunks.next() => chunk,
            () = ports.sleep(left) => return Err(Problem::new(Kind::TooSlow)),
        };
        match chunk {
            None => return Ok(read),
            Some(Err(_)) => return Err(Problem::new(Kind::BadRequest).saying("The body broke off.")),
            Some(Ok(chunk)) if read.len() + chunk.len() > bytes_max => {
                return Err(Problem::new(Kind::TooLarge));
            }
            Some(Ok(chunk)) => read.extend_from_slice(&chunk),
        }
    }
}
