//! What can go wrong, as the operator meets it: one code and one page per kind of error.
//!
//! A code is never reused and never renumbered. Its page is `docs/errors/FD0000.md`; `cargo xtask tidy` checks that
//! every code has a page and every page a code.

use crate::exit::{FAILED, GAVE_UP};
use serde::Serialize;
use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// The kind of an error, printed as `FD0001`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code, in the order of the numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The number after `FD`.
            pub const fn number(self) -> u16 {
                match self {
                    $(Self::$name => $number,)*
                }
            }
        }
    };
}

codes! {
    /// The configuration file cannot be read.
    ConfigUnreadable = 1,
    /// The configuration file is not TOML.
    ConfigNotToml = 2,
    /// A key that Frontdesk does not know.
    UnknownKey = 3,
    /// A key that must be there and is not.
    MissingKey = 4,
    /// A value of the wrong type, or none of those allowed.
    WrongValue = 5,
    /// A length of time that cannot be read.
    NotADuration = 6,
    /// A URL that cannot be used.
    UnusableUrl = 7,
    /// Listening beyond this machine without https.
    OpenWithoutTls = 8,
    /// A borrowed clock beside real providers.
    ClockOutsideSandbox = 9,
    /// A variable that the configuration names is not set.
    VariableMissing = 10,
    /// A secret written into the file.
    LiteralSecret = 11,
    /// The file that should hold a secret cannot be read.
    SecretFileUnreadable = 12,
    /// The file that holds a secret can be read by others.
    SecretFileOpen = 13,
    /// One secret from two places.
    SecretTwice = 14,
    /// A credential of another kind than the key asks for.
    WrongCredential = 15,
    /// A Stripe key of one mode where the other is pinned.
    ModeMismatch = 16,
    /// A full Stripe key where a restricted one would do.
    FullKey = 17,
    /// The source has no key to read with.
    NoSourceKey = 18,
    /// A price or product that does not say which source sells it.
    GoodWithoutSource = 20,
    /// A plan grants an entitlement that does not exist.
    UnknownEntitlement = 21,
    /// One price or product in two places of the catalogue.
    GoodTwice = 22,
    /// An entitlement that no plan grants.
    UngrantedEntitlement = 23,
    /// An entitlement names something in a target that is not configured.
    TargetNotConfigured = 24,
    /// Two plans of one name.
    PlanTwice = 25,
    /// The HTTPS client cannot be made.
    NoClient = 40,
    /// The sandbox's clock cannot be followed.
    ClockUnreachable = 41,
    /// The address to listen on cannot be had.
    CannotListen = 42,
    /// Output cannot be written.
    CannotPrint = 43,
    /// The database cannot be opened.
    StoreRefused = 50,
    /// The database did not do what it was asked.
    StoreFailed = 51,
    /// The database takes no more writes until a restart.
    StoreGivenUp = 52,
    /// A PostgreSQL server would be spoken to without TLS, and nobody said that it may.
    StoreInTheClear = 53,
    /// Nothing fits what was named.
    NotFound = 60,
    /// What was typed is neither an id nor anything else that the command takes.
    NotAnId = 61,
    /// The question could not be asked, and the command was not told the answer.
    NotConfirmed = 62,
    /// The demo could not be started.
    NoDemo = 63,
    /// A provider did not accept a key, or the key opens too little.
    KeyRefused = 64,
    /// A target that is to go live is in shadow mode.
    InShadow = 65,
    /// A sheet that was edited cannot be taken up, or one cannot be written.
    SheetUnusable = 66,
    /// A catalogue that was confirmed does not follow the one in force.
    CatalogueOvertaken = 67,
    /// A scenario cannot be read, or says something that scenarios cannot say.
    ScenarioUnreadable = 70,
    /// An import could not read on; what it has read is kept.
    ImportStopped = 80,
    /// An export cannot be taken in as it is.
    ExportFlawed = 81,
    /// Access has ended, is still there, and should be gone by now.
    RemovalOverdue = 82,
    /// Some who pay may already have access under another address, and nobody decided.
    PairsUndecided = 83,
    /// What was sold before Frontdesk ran was never read, and something rests on it.
    PastUnread = 84,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FD{:04}", self.number())
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Whether it stops what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It stops.
    Error,
    /// It goes on, and should be looked at.
    Warning,
}

impl Severity {
    /// The word before the message.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Where in a file it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file as the operator named it.
    pub file: String,
    /// The line, from one, when there is one: a missing section has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The dotted key, such as `plans.pro.grace`; empty for the file as a whole.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, " {}", self.key)?;
        }
        Ok(())
    }
}

/// One thing that the operator should know: what happened to what, why, and one thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether it stops what was asked for.
    pub severity: Severity,
    /// Its kind.
    pub code: Code,
    /// What happened to what: lower case, no full stop, backticks round literals. Never a secret.
    pub message: String,
    /// Where in a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Place>,
    /// The chain of causes, nearest first; each link says its own part once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub caused_by: Vec<String>,
    /// One thing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Report {
    /// An error.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { severity: Severity::Error, code, message, at: None, caused_by: Vec::new(), hint: None }
    }

    /// A warning.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// The same, at a place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.at = Some(place);
        self
    }

    /// The same, with one thing to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, because of `cause` and everything behind it.
    #[must_use]
    pub fn because(mut self, cause: &dyn std::error::Error) -> Self {
        let mut link = Some(cause);
        while let Some(error) = link {
            self.caused_by.push(error.to_string());
            link = error.source();
        }
        self
    }

    /// Whether it stops what was asked for.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Why a command could not do what it was asked to: at least one error, and what else was noticed on the way.
#[derive(Debug)]
pub struct Failure {
    /// In the order in which they should be read.
    pub reports: Vec<Report>,
}

impl Failure {
    /// The exit code of a process that ends with it.
    pub fn exit_code(&self) -> u8 {
        let gave_up = self.reports.iter().any(|report| report.code == Code::StoreGivenUp);
        if gave_up { GAVE_UP } else { FAILED }
    }
}

impl From<Report> for Failure {
    fn from(report: Report) -> Self {
        Self { reports: vec![report] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_codes_share_a_number() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0].number() < pair[1].number()));
    }

    #[test]
    fn every_code_has_its_page() {
        let pages = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
        for code in Code::ALL {
            let page = std::fs::read_to_string(pages.join(format!("{code}.md"))).unwrap_or_default();
            assert!(
                page.starts_with(&format!("# {code}: ")),
                "docs/errors/{code}.md does not begin with its code"
            );
            for part in ["## What it means", "## Likely causes", "## What to do"] {
                assert!(page.contains(part), "docs/errors/{code}.md has no part `{part}`");
            }
        }
    }

    #[test]
    fn a_database_that_was_given_up_has_an_exit_code_of_its_own() {
        let with = |code| Failure::from(Report::error(code, "x")).exit_code();
        assert_eq!((with(Code::StoreGivenUp), with(Code::StoreFailed)), (70, 1));
    }

    #[test]
    fn a_cause_is_told_link_by_link() {
        let inner = std::io::Error::other("disk gone");
        let report = Report::error(Code::ConfigUnreadable, "could not read `frontdesk.toml`").because(&inner);
        assert_eq!(report.caused_by, ["disk gone"]);
    }
}
