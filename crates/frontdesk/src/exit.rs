//! Exit codes. They agree with the text that was printed.

use std::process::ExitCode;

/// How a command ended, when it could do what it was asked to.
///
/// Could not do it is [`crate::errors::Failure`], printed and turned into [`FAILED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, and nothing to report: 0.
    Done,
    /// Done, and found something (differences, failed checks, violations): 2.
    Found,
}

/// The exit code of everything that could not be done, bad usage included: a typo must never read as a finding.
pub const FAILED: u8 = 1;

/// The exit code of a server that gave its database up and is to be started again. Source: `sysexits.h`, `EX_SOFTWARE`.
pub const GAVE_UP: u8 = 70;

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::Found => Self::from(2),
        }
    }
}
