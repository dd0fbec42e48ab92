//! Who is on the other end: the visitor's network, told by the connection or by a proxy that is believed.

use http::HeaderMap;
use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A visitor's network, as limits count it: one IPv4 address, or an IPv6 /64, which is what one household has.
///
/// Written for logs it is coarser still: the /24 or the /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Network {
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// The first half of an IPv6 address.
    V6(u64),
    /// The connection did not say; all such share one limit.
    Unknown,
}

impl Network {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                let prefix = u128::from(address) >> 64;
                Self::V6(u64::try_from(prefix).expect("half of an address is 64 bits"))
            }
        }
    }

    /// This machine, or a private network.
    pub(crate) fn is_nearby(self) -> bool {
        match self {
            Self::V4(address) => is_nearby(IpAddr::V4(address)),
            Self::V6(prefix) => {
                prefix == 0 || is_nearby(IpAddr::V6(Ipv6Addr::from(u128::from(prefix) << 64)))
            }
            Self::Unknown => false,
        }
    }

    /// This machine itself.
    pub(crate) const fn is_loopback(self) -> bool {
        match self {
            Self::V4(address) => address.is_loopback(),
            // ::1 alone is loopback; nothing else of ::/64 is ever assigned.
            Self::V6(prefix) => prefix == 0,
            Self::Unknown => false,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => {
                let [a, b, c, _] = address.octets();
                write!(f, "{a}.{b}.{c}.0/24")
            }
            Self::V6(prefix) => write!(f, "{}/64", Ipv6Addr::from(u128::from(*prefix) << 64)),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// Which proxies are believed when they say whom they speak for.
#[derive(Clone, Debug)]
pub(crate) struct Proxies {
    /// Any peer on this machine or on a private network is one.
    pub(crate) nearby: bool,
    /// Others, by address.
    pub(crate) named: BTreeSet<IpAddr>,
}

impl Proxies {
    /// Whether the peer of a connection is a proxy that is believed.
    pub(crate) fn believes(&self, peer: Option<IpAddr>) -> bool {
        peer.map(|peer| peer.to_canonical())
            .is_some_and(|peer| self.named.contains(&peer) || self.nearby && is_nearby(peer))
    }

    /// The network of whoever sent the request: the peer, or what a believed proxy wrote last into
    /// `X-Forwarded-For` that is not itself a named proxy. Whatever stands further left came from the visitor.
    pub(crate) fn network(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Network {
        let Some(peer) = peer else { return Network::Unknown };
        if !self.believes(Some(peer)) {
            return Network::of(peer);
        }
        let lines: Vec<_> =
            headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok()).collect();
        let hops =
            lines.iter().rev().flat_map(|line| line.rsplit(',')).map(|hop| hop.trim().parse::<IpAddr>());
        for hop in hops {
            match hop {
                Ok(hop) if self.named.contains(&hop.to_canonical()) => {}
                Ok(hop) => return Network::of(hop),
                Err(_) => break,
            }
        }
        Network::of(peer)
    }
}

fn is_nearby(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn network(proxies: &Proxies, peer: &str, forwarded: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_static(line));
        }
        proxies.network(Some(peer.parse().unwrap()), &headers).to_string()
    }

    #[test]
    fn only_a_believed_proxy_says_whom_it_speaks_for() {
        let nobody = Proxies { nearby: false, named: BTreeSet::new() };
        let nearby = Proxies { nearby: true, named: BTreeSet::new() };
        let named = Proxies { nearby: false, named: ["198.51.100.7".parse().unwrap()].into() };
        let cases: &[(&Proxies, &str, &[&'static str], &str)] = &[
            (&nobody, "127.0.0.1", &["203.0.113.9"], "127.0.0.0/24"),
            (&nearby, "127.0.0.1", &["203.0.113.9"], "203.0.113.0/24"),
            (&nearby, "::ffff:10.0.0.2", &["203.0.113.9"], "203.0.113.0/24"),
            (&nearby, "192.0.2.1", &["203.0.113.9"], "192.0.2.0/24"),
            // What the visitor wrote stands to the left and is not believed.
            (&nearby, "10.0.0.2", &["1.2.3.4, 203.0.113.9"], "203.0.113.0/24"),
            (&nearby, "10.0.0.2", &["1.2.3.4", "203.0.113.9"], "203.0.113.0/24"),
            (&nearby, "10.0.0.2", &["1.2.3.4, 10.0.0.9"], "10.0.0.0/24"),
            (&nearby, "10.0.0.2", &["nonsense"], "10.0.0.0/24"),
            (&nearby, "10.0.0.2", &[], "10.0.0.0/24"),
            (&named, "198.51.100.7", &["203.0.113.9, 198.51.100.7"], "203.0.113.0/24"),
            (&named, "10.0.0.2", &["203.0.113.9"], "10.0.0.0/24"),
            (&nearby, "fd00::2", &["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        ];
        for (proxies, peer, forwarded, expect) in cases {
            assert_eq!(network(proxies, peer, forwarded), *expect, "{peer} {forwarded:?}");
        }
    }
}
