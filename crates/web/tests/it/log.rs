//! What is logged on a test's own thread.
//!
//! One subscriber for all tests, there before any of them logs: one per test would come too late for a call site that
//! another thread meets just then for the first time, and find it switched off.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::Once;

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Writes to the lines of the thread that it is used on.
struct OwnThread;

impl Write for OwnThread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Begins to keep what is logged.
pub(crate) fn keep() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        tracing_subscriber::fmt()
            .json()
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(|| OwnThread)
            .init();
    });
}

/// What was logged on this thread since this was last asked.
pub(crate) fn taken() -> String {
    String::from_utf8(LINES.take()).unwrap()
}
