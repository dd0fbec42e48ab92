//! Rules that look at several keys at once.

use super::reader::{Found, Reader};
use super::values::{BaseUrl, is_loopback_uri, shown, web_uri};
use crate::errors::{Code, Report};
use std::net::SocketAddr;

/// Says that something in front of Frontdesk terminates TLS although `site.url` does not show it.
const BEHIND_PROXY: &str = "FRONTDESK_BEHIND_PROXY";

impl Reader<'_> {
    /// Refuses to be reachable from other machines in the clear.
    pub(super) fn listens_safely(&mut self, listen: &Found<SocketAddr>, url: &BaseUrl) {
        if listen.value.ip().is_loopback() || url.is_https() || self.environment.is_on(BEHIND_PROXY) {
            return;
        }
        let message =
            format!("`{}` can be reached from other machines, and `site.url` is not https", listen.value);
        let hint = format!(
            "listen on 127.0.0.1 behind a proxy that terminates TLS and make `site.url` its https address, \
             or set {BEHIND_PROXY}=1 if that is what you have"
        );
        self.report(Report::error(Code::OpenWithoutTls, message).at(listen.at.clone()).hint(hint));
    }

    /// Refuses a clock that can be moved from outside wherever real providers are involved.
    pub(super) fn dev_clock<'u>(
        &mut self,
        clock: Found<String>,
        bases: impl Iterator<Item = &'u BaseUrl>,
    ) -> String {
        let hint =
            "use `[dev] clock` with the sandbox alone: clock = \"http://127.0.0.1:4242/_sandbox/clock\"";
        match web_uri(&clock.value) {
            Ok(uri) if is_loopback_uri(&uri) => {}
            Ok(_) => {
                let message = format!("`{}` is not on this machine", clock.value);
                self.report(
                    Report::error(Code::ClockOutsideSandbox, message).at(clock.at.clone()).hint(hint),
                );
            }
            Err(why) => {
                let message = format!("`{}` {why}", shown(&clock.value));
                self.report(Report::error(Code::UnusableUrl, message).at(clock.at.clone()).hint(hint));
            }
        }
        for base in bases.filter(|base| !base.is_loopback()) {
            let message = format!("`dev.clock` is set, and `{base}` is not on this machine");
            self.report(Report::error(Code::ClockOutsideSandbox, message).at(clock.at.clone()).hint(hint));
        }
        clock.value
    }
}
