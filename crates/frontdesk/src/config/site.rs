//! `[site]` and `[store]`.

use super::reader::{Found, Reader, Section};
use super::values::{BaseUrl, shown, web_uri};
use super::{Site, Store};
use crate::errors::{Code, Report};
use frontdesk_core::email::Email;
use frontdesk_providers::secret::Secret;
use jiff::tz::TimeZone;
use std::net::SocketAddr;

/// The languages that customers' pages and mails exist in.
pub const LANGUAGES: [&str; 6] = ["en", "en-US", "es", "de", "fr", "pt-BR"];

impl Reader<'_> {
    /// `[site]`.
    pub(super) fn site(&mut self, root: &mut Section<'_>) -> Option<Site> {
        let mut section = self.section(root, "site");
        let name = self.required_text(
            &mut section,
            "name",
            "the name that customers know: name = \"Northwind Makers\"",
        );
        let url = self
            .required_text(
                &mut section,
                "url",
                "where customers reach this Frontdesk: url = \"https://members.northwind.example\"",
            )
            .and_then(|found| self.base_url_from(found));
        let listen = self.text(&mut section, "listen").and_then(|found| self.listen(found));
        let community_url = self.text(&mut section, "community_url").and_then(|found| self.page_url(found));
        let help_email = self.text(&mut section, "help_email").and_then(|found| self.help_email(found));
        let zone = self.text(&mut section, "zone").and_then(|found| self.zone(found));
        let languages = LANGUAGES.map(|language| (language, language));
        let language = self.choice(&mut section, "language", &languages);
        self.finish(&section);

        if let (Some(listen), Some(url)) = (&listen, &url) {
            self.listens_safely(listen, &url.value);
        }
        Some(Site {
            name: name?.value.trim().to_owned(),
            url: url?.value,
            listen: listen?.value,
            community_url,
            help_email,
            zone: zone?,
            language: language?.to_owned(),
        })
    }

    /// `[store]`.
    pub(super) fn store(&mut self, root: &mut Section<'_>) -> Option<Store> {
        let mut section = self.section(root, "store");
        let store = if section.gives("url_file") {
            self.secret(&mut section, "url", "url_file").and_then(|found| self.postgres(found))
        } else {
            section.know("url_file");
            self.store_url(&mut section)
        };
        self.finish(&section);
        store
    }

    /// `url`: a path, or a server whose password is not in the file.
    fn store_url(&mut self, section: &mut Section<'_>) -> Option<Store> {
        let written = self.written_text(section, "url")?;
        let found = self.text(section, "url")?;
        if let Some(path) = found.value.strip_prefix("sqlite:") {
            let path = path.trim_start_matches("//");
            if path.is_empty() {
                let report = Report::error(Code::WrongValue, "`store.url` names no file").at(found.at);
                self.report(report.hint("write url = \"sqlite:frontdesk.db\""));
                return None;
            }
            return Some(Store::Sqlite(self.folder.join(path)));
        }
        let is_literal = written.value == found.value;
        if is_literal && has_password(&found.value) {
            let report =
                Report::error(Code::LiteralSecret, "`store.url` has a password written into the file")
                    .at(found.at);
            self.report(report.hint("put the whole URL into a variable and write url = \"${DATABASE_URL}\""));
            return None;
        }
        let at = found.at.clone();
        self.postgres(Found { value: Secret::new("store.url", found.value), at })
    }

    fn postgres(&mut self, found: Found<Secret>) -> Option<Store> {
        let text = found.value.expose();
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Some(Store::Postgres(found.value));
        }
        let report =
            Report::error(Code::WrongValue, "`store.url` is neither an SQLite file nor a PostgreSQL server");
        self.report(
            report.at(found.at).hint("write \"sqlite:frontdesk.db\" or \"postgres://user@host/database\""),
        );
        None
    }

    fn listen(&mut self, found: Found<String>) -> Option<Found<SocketAddr>> {
        if let Ok(value) = found.value.parse() {
            return Some(Found { value, at: found.at });
        }
        let report =
            Report::error(Code::WrongValue, format!("`{}` is not an address and a port", found.value));
        self.report(report.at(found.at).hint("write \"127.0.0.1:8080\", or \"[::1]:8080\""));
        None
    }

    fn page_url(&mut self, found: Found<String>) -> Option<String> {
        match web_uri(&found.value) {
            Ok(_) => Some(found.value),
            Err(why) => {
                let report =
                    Report::error(Code::UnusableUrl, format!("`{}` {why}", shown(&found.value))).at(found.at);
                self.report(report.hint("write the whole address: \"https://community.northwind.example\""));
                None
            }
        }
    }

    fn help_email(&mut self, found: Found<String>) -> Option<String> {
        if Email::parse(&found.value).is_none() {
            let report =
                Report::error(Code::WrongValue, format!("`{}` is not an e-mail address", found.value));
            self.report(report.at(found.at));
            return None;
        }
        Some(found.value.trim().to_owned())
    }

    fn zone(&mut self, found: Found<String>) -> Option<TimeZone> {
        match TimeZone::get(&found.value) {
            Ok(zone) => Some(zone),
            Err(error) => {
                let report = Report::error(Code::WrongValue, format!("`{}` is not a time zone", found.value));
                self.report(
                    report
                        .because(&error)
                        .at(found.at)
                        .hint("write a name such as \"Europe/Berlin\", or \"UTC\""),
                );
                None
            }
        }
    }

    /// A bare host, from text that is already here.
    pub(super) fn base_url_from(&mut self, found: Found<String>) -> Option<Found<BaseUrl>> {
        match BaseUrl::parse(&found.value) {
            Ok(value) => Some(Found { value, at: found.at }),
            Err(why) => {
                let report =
                    Report::error(Code::UnusableUrl, format!("`{}` {why}", shown(&found.value))).at(found.at);
                self.report(
                    report.hint("write scheme and host alone, such as \"https://members.northwind.example\""),
                );
                None
            }
        }
    }
}

/// Whether a PostgreSQL URL carries a password, in the authority or as a parameter.
fn has_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let in_authority = authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
    in_authority || url.contains("password=")
}

#[cfg(test)]
mod tests {
    use super::has_password;

    #[test]
    fn a_password_is_found_wherever_a_url_can_hold_one() {
        let rows = [
            ("postgres://frontdesk:hunter2@db/frontdesk", true),
            ("postgres://db/frontdesk?password=hunter2", true),
            ("postgres://frontdesk@db:5432/frontdesk", false),
            ("postgres://db:5432/frontdesk?user=a", false),
            ("postgres:///frontdesk?host=/run/postgresql", false),
        ];
        for (url, expected) in rows {
            assert_eq!(has_password(url), expected, "{url}");
        }
    }
}
