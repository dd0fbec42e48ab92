//! Where secrets come from: the environment or a file, never the configuration itself.
//!
//! `key = "${NAME}"` takes the variable `NAME`, or, where it is not set, the file that `NAME_FILE` names;
//! `key_file = "PATH"` takes a file. Two places for one secret are refused, since nobody could say which one holds.

use super::reader::{Found, Reader, Section};
use crate::errors::{Code, Place, Report};
use frontdesk_providers::secret::Secret;
use std::path::{Path, PathBuf};

/// Lifts the rule that a secret's file may be read by its owner alone, for containers whose secret mounts are 0444.
const SHARED_FILES: &str = "FRONTDESK_SHARED_SECRET_FILES";

/// Largest file that is read as a secret, in bytes. Keys are below one hundred.
const SECRET_BYTES_MAX: u64 = 16 * 1024;

/// Shortest secret that is not remarked upon, in bytes: half of the shortest that any provider is known to issue.
const SECRET_BYTES_MIN: usize = 12;

/// What a secret came from; never what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretUse {
    /// The dotted key, with `[n]` where the key is a list.
    pub key: String,
    /// The variable or the file.
    pub origin: Origin,
    /// What its first letters say it is.
    pub kind: SecretKind,
    /// Whether it is shorter than any provider's: cut off when it was copied.
    pub is_short: bool,
}

/// What the first letters of a secret say it is.
///
/// Source: Stripe, "API keys" and "Verify webhook signatures", read November 2026. Circle's and Kit's have no prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// A restricted Stripe key, `rk_…`, of live mode or not.
    RestrictedKey {
        /// Whether it is of live mode; otherwise of test mode.
        livemode: bool,
    },
    /// A full Stripe key, `sk_…`, of live mode or not.
    FullKey {
        /// Whether it is of live mode; otherwise of test mode.
        livemode: bool,
    },
    /// A signing secret, `whsec_…`.
    SigningSecret,
    /// Without a prefix that says anything.
    Plain,
}

impl SecretKind {
    fn of(secret: &str) -> Self {
        let livemode = secret.get(3..).is_some_and(|rest| rest.starts_with("live_"));
        match secret.get(..3) {
            Some("rk_") => Self::RestrictedKey { livemode },
            Some("sk_") => Self::FullKey { livemode },
            _ if secret.starts_with("whsec_") => Self::SigningSecret,
            _ => Self::Plain,
        }
    }
}

/// The place outside of the configuration that holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A variable of the environment.
    Variable(String),
    /// A file.
    File(PathBuf),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "${{{name}}}"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// What stands in the place of a credential that is withheld: of the right form, and of no use.
fn stand_in(at: Place) -> Found<Secret> {
    let lead = if at.key.contains("signing_secrets") { "whsec_" } else { "" };
    Found { value: Secret::new(&at.key, format!("{lead}withheld-from-this-process")), at }
}

/// The name in `${NAME}`, if the whole text is that.
pub(super) fn variable(text: &str) -> Option<&str> {
    let name = text.trim().strip_prefix("${")?.strip_suffix('}')?;
    let mut bytes = name.bytes();
    let starts_well = bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_');
    (starts_well && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')).then_some(name)
}

impl Reader<'_> {
    /// The secret under `key`, or in the file that `file_key` (`key_file`) names. `None` where there is none, and where
    /// there is one that cannot be had.
    pub(super) fn secret(
        &mut self,
        section: &mut Section<'_>,
        key: &'static str,
        file_key: &'static str,
    ) -> Option<Found<Secret>> {
        section.know(key);
        let direct = if section.gives(key) { self.written_text(section, key) } else { None };
        let file = self.written_text(section, file_key);
        match (direct, file) {
            (Some(_), Some(file)) => {
                let message = format!("`{key}` and `{file_key}` both name the secret");
                self.report(
                    Report::error(Code::SecretTwice, message).at(file.at).hint("keep one of the two"),
                );
                None
            }
            (Some(direct), None) => self.secret_from_text(direct),
            (None, Some(file)) => self.secret_from_file(&file.value, file.at),
            (None, None) => None,
        }
    }

    /// The secrets in the list `key`, or in the files that the list `file_key` names.
    pub(super) fn secrets(
        &mut self,
        section: &mut Section<'_>,
        key: &'static str,
        file_key: &'static str,
    ) -> Vec<Found<Secret>> {
        let direct = self.texts(section, key);
        let files = self.texts(section, file_key);
        let numbered = |found: Found<String>, n: usize| {
            let key = format!("{}[{n}]", found.at.key);
            Found { value: found.value, at: Place { key, ..found.at } }
        };
        let mut secrets = Vec::new();
        for (n, found) in direct.into_iter().enumerate() {
            secrets.extend(self.secret_from_text(numbered(found, n)));
        }
        for (n, found) in files.into_iter().enumerate() {
            let found = numbered(found, n);
            secrets.extend(self.secret_from_file(&found.value, found.at));
        }
        secrets
    }

    fn secret_from_text(&mut self, found: Found<String>) -> Option<Found<Secret>> {
        let Found { value, at } = found;
        let Some(name) = variable(&value) else {
            let message = format!("`{}` is a secret written into the file", at.key);
            let hint = "put it into a variable and write \"${NAME}\", or into a file and name that; \
                        replace the secret where it was made, since this file may have been copied";
            self.report(Report::error(Code::LiteralSecret, message).at(at).hint(hint));
            return None;
        };
        if self.withholds(&at) {
            return Some(stand_in(at));
        }
        let text = self.variable(name, &at)?;
        let origin = match self.environment.get(name) {
            Some(_) => Origin::Variable(name.to_owned()),
            None => Origin::File(self.folder.join(self.environment.get(&format!("{name}_FILE"))?)),
        };
        self.take(&text, origin, at)
    }

    fn secret_from_file(&mut self, path: &str, at: Place) -> Option<Found<Secret>> {
        if self.withholds(&at) {
            return Some(stand_in(at));
        }
        let path = self.folder.join(path);
        let text = self.read_secret(&path, &at)?;
        self.take(&text, Origin::File(path), at)
    }

    /// Whether this is a provider's credential, and those are not to enter the process.
    fn withholds(&self, at: &Place) -> bool {
        self.withheld && !at.key.starts_with("store.")
    }

    fn take(&mut self, text: &str, origin: Origin, at: Place) -> Option<Found<Secret>> {
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() || text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
            let what = if text.is_empty() { "is empty" } else { "holds a space or a line break" };
            let message = format!("the secret for `{}` {what}", at.key);
            let hint = format!("look at {origin}: it should hold the secret and nothing else");
            self.report(Report::error(Code::WrongCredential, message).at(at).hint(hint));
            return None;
        }
        let (kind, is_short) = (SecretKind::of(text), text.len() < SECRET_BYTES_MIN);
        self.secrets.push(SecretUse { key: at.key.clone(), origin, kind, is_short });
        Some(Found { value: Secret::new(&at.key, text.to_owned()), at })
    }

    /// The file under `key` in which Frontdesk keeps a secret of its own making; what it holds by now is added to
    /// `secrets`. It need not be there yet.
    pub(super) fn kept_secret(
        &mut self,
        section: &mut Section<'_>,
        key: &'static str,
        secrets: &mut Vec<Secret>,
    ) -> Option<PathBuf> {
        let found = self.written_text(section, key)?;
        let path = self.folder.join(&found.value);
        // A file that is there and cannot be looked at is refused like any other secret's.
        if !matches!(path.try_exists(), Ok(false)) {
            secrets.push(self.secret_from_file(&found.value, found.at)?.value);
        }
        Some(path)
    }

    /// The value of the variable `name`, or of the file that `name_FILE` names where `name` is not set.
    pub(super) fn variable(&mut self, name: &str, at: &Place) -> Option<String> {
        let file_name = format!("{name}_FILE");
        let (direct, file) = (self.environment.get(name), self.environment.get(&file_name));
        match (direct, file) {
            (Some(_), Some(_)) => {
                let message = format!("`{name}` and `{file_name}` are both set in the environment");
                self.report(
                    Report::error(Code::SecretTwice, message).at(at.clone()).hint("unset one of the two"),
                );
                None
            }
            (Some(value), None) => Some(value.to_owned()),
            (None, Some(path)) => {
                let path = self.folder.join(path);
                let text = self.read_secret(&path, at)?;
                Some(text.trim_end_matches(['\r', '\n']).to_owned())
            }
            (None, None) => {
                let message = format!("the variable `{name}` is not set");
                let hint =
                    format!("set `{name}`, or `{file_name}` to the path of a file that holds the value");
                self.report(Report::error(Code::VariableMissing, message).at(at.clone()).hint(hint));
                None
            }
        }
    }

    fn read_secret(&mut self, path: &Path, at: &Place) -> Option<String> {
        let shown = path.display();
        let read = || -> std::io::Result<(u32, String)> {
            let metadata = std::fs::metadata(path)?;
            if metadata.len() > SECRET_BYTES_MAX {
                return Err(std::io::Error::other(format!("it is larger than {SECRET_BYTES_MAX} bytes")));
            }
            Ok((mode(&metadata), std::fs::read_to_string(path)?))
        };
        match read() {
            Err(error) => {
                let message = format!("could not read the secret in `{shown}`");
                let hint = "check that the file exists and that the user Frontdesk runs as may read it";
                let report = Report::error(Code::SecretFileUnreadable, message).because(&error);
                self.report(report.at(at.clone()).hint(hint));
                None
            }
            Ok((mode, _)) if mode & 0o077 != 0 && !self.environment.is_on(SHARED_FILES) => {
                let message = format!(
                    "`{shown}` holds a secret and can be read by others (mode {:04o})",
                    mode & 0o7777
                );
                let hint =
                    format!("`chmod 600 {shown}`; for a container's secret mount set {SHARED_FILES}=1");
                self.report(Report::error(Code::SecretFileOpen, message).at(at.clone()).hint(hint));
                None
            }
            Ok((_, text)) => Some(text),
        }
    }
}

#[cfg(unix)]
fn mode(metadata: &std::fs::Metadata) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions())
}

#[cfg(not(unix))]
const fn mode(_: &std::fs::Metadata) -> u32 {
    0o600
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_reference_is_a_variable() {
        let rows = [
            ("${STRIPE_API_KEY}", Some("STRIPE_API_KEY")),
            (" ${A} ", Some("A")),
            ("${a1_}", Some("a1_")),
            ("${1A}", None),
            ("${}", None),
            ("${A}x", None),
            ("x${A}", None),
            ("$A", None),
            ("rk_live_1", None),
        ];
        for (text, name) in rows {
            assert_eq!(variable(text), name, "{text}");
        }
    }
}
