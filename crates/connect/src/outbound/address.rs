//! Which addresses may be called: a strict reading of URLs, classes of addresses, and the operator's allow-list.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Ports of public hosts that need no entry in the allow-list.
const PUBLIC_PORTS: [u16; 3] = [443, 8443, 4443];
/// Characters of an address.
const URL_CHARS_MAX: usize = 2_000;

/// A host as it stands in an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// A DNS name in lower case.
    Name(String),
    /// A literal address.
    Ip(IpAddr),
}

/// Where an address points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) is_https: bool,
    pub(super) host: Host,
    pub(super) port: u16,
}

impl Target {
    /// Reads `http(s)://host[:port][/…]` and nothing looser: no credentials, no fragment, no backslash, no name that
    /// some software would read as a number.
    pub(super) fn parse(url: &str) -> Result<Self, &'static str> {
        if url.len() > URL_CHARS_MAX {
            return Err("the address is too long");
        }
        if !url.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("the address has characters other than printable ASCII");
        }
        if url.bytes().any(|b| b"\\@#\"<>^`{|}".contains(&b)) {
            return Err(
                "the address has a credential, a fragment or a character that is not allowed",
            );
        }
        let (scheme, rest) = url.split_once("://").ok_or("the address has no scheme")?;
        let is_https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err("the scheme is neither https nor http"),
        };
        let authority = rest.split(['/', '?']).next().unwrap_or("");
        let (host, port) = split_port(authority)?;
        Ok(Self {
            is_https,
            host: Host::parse(host)?,
            port: port.unwrap_or(if is_https { 443 } else { 80 }),
        })
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), &'static str> {
    let after_bracket = authority.rfind(']').map_or(0, |at| at + 1);
    let tail = authority.get(after_bracket..).unwrap_or("");
    match tail.split_once(':') {
        None => Ok((authority, None)),
        Some((before, port)) => {
            let is_plain = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
            let port = port
                .parse::<u16>()
                .ok()
                .filter(|port| is_plain && *port != 0)
                .ok_or("the port is not a number from 1 to 65535")?;
            let host = authority
                .get(..after_bracket + before.len())
                .ok_or("the address is malformed")?;
            Ok((host, Some(port)))
        }
    }
}

impl Host {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or("the host is malformed")?;
            return inner
                .parse::<Ipv6Addr>()
                .map(|ip| Host::Ip(IpAddr::V6(ip)))
                .map_err(|_| "the host is not an IPv6 address");
        }
        let name = text.to_ascii_lowercase();
        let last = name.rsplit('.').next().unwrap_or("");
        // `127.1`, `0x7f.1`, `2130706433`: some resolvers read them as addresses, so only the full form passes.
        if last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x") {
            return name
                .parse::<Ipv4Addr>()
                .map(|ip| Host::Ip(IpAddr::V4(ip)))
                .map_err(|_| "the host is not an address in its full form");
        }
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if name.len() > 253 || !name.split('.').all(is_label) {
            return Err("the host is not a valid name");
        }
        Ok(Host::Name(name))
    }
}

/// One line of the allow-list: `host`, `host:port`, `10.1.0.0/16`, `10.1.0.0/16:8443`, `[fd00::/8]:443`.
///
/// A name lets private addresses through under that name; loopback, link-local and the like pass only when a network or
/// literal address is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowEntry {
    what: Allowed,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Allowed {
    Name(String),
    Network(Network),
}

/// Addresses with the same beginning: `10.1.0.0/16`, `fd00::/8`, or a single one, `10.1.2.3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    bits: u8,
}

/// The text is not a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}; write an address or network/bits")]
pub struct ParseNetworkError(&'static str);

impl FromStr for Network {
    type Err = ParseNetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = ParseNetworkError;
        let (base, bits) = match text.trim().split_once('/') {
            Some((base, bits)) => (base, Some(bits)),
            None => (text.trim(), None),
        };
        let base: IpAddr = base.parse().map_err(|_| fail("the network is malformed"))?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(bits) => bits
                .parse::<u8>()
                .ok()
                .filter(|bits| *bits <= most)
                .ok_or(fail("the prefix length is malformed"))?,
        };
        Ok(Self { base, bits })
    }
}

impl Network {
    /// True if the address is inside.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.base, ip) {
            (IpAddr::V4(base), IpAddr::V4(ip)) => {
                let shift = 32u32.saturating_sub(u32::from(self.bits));
                let top = |ip: Ipv4Addr| ip.to_bits().checked_shr(shift).unwrap_or(0);
                top(base) == top(ip)
            }
            (IpAddr::V6(base), IpAddr::V6(ip)) => {
                let shift = 128u32.saturating_sub(u32::from(self.bits));
                let top = |ip: Ipv6Addr| ip.to_bits().checked_shr(shift).unwrap_or(0);
                top(base) == top(ip)
            }
            _ => false,
        }
    }
}

/// The text is not an entry of the allow-list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an allowed address ({reason}); write host:port or network/bits:port")]
pub struct ParseAllowEntryError {
    reason: &'static str,
}

impl FromStr for AllowEntry {
    type Err = ParseAllowEntryError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |reason| ParseAllowEntryError { reason };
        let (host, port) = split_port(text.trim()).map_err(fail)?;
        let plain = host.trim_start_matches('[').trim_end_matches(']');
        let network = |text: &str| {
            let parsed = text.parse::<Network>();
            parsed.map(Allowed::Network).map_err(|error| fail(error.0))
        };
        let what = if plain.contains('/') {
            network(plain)?
        } else {
            match Host::parse(host).map_err(fail)? {
                Host::Name(name) => Allowed::Name(name),
                Host::Ip(base) => network(&base.to_string())?,
            }
        };
        Ok(Self { what, port })
    }
}

impl AllowEntry {
    fn names(&self, host: &Host, port: u16) -> bool {
        matches!((&self.what, host), (Allowed::Name(entry), Host::Name(name)) if entry == name)
            && self.port.is_none_or(|wanted| wanted == port)
    }

    fn contains(&self, ip: IpAddr, port: u16) -> bool {
        matches!(&self.what, Allowed::Network(network) if network.contains(ip))
            && self.port.is_none_or(|wanted| wanted == port)
    }
}

/// How far an address reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Routed on the Internet.
    Public,
    /// Private networks: an allowed name may lead there.
    Private,
    /// This machine, this link, groups, metadata services, reserved blocks.
    Special,
}

/// The address behind transition forms: mapped, compatible and NAT64 addresses count as the IPv4 address inside.
fn unwrap_ip(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let bits = v6.to_bits();
    let is_nat64 = bits >> 32 == 0x0064_ff9b_0000_0000_0000_0000;
    let is_compatible = bits >> 32 == 0 && bits > 1;
    match v6.to_ipv4_mapped() {
        Some(v4) => IpAddr::V4(v4),
        None if is_nat64 || is_compatible => IpAddr::V4(Ipv4Addr::from_bits(
            u32::try_from(bits & 0xffff_ffff).unwrap_or(0),
        )),
        None => ip,
    }
}

pub(super) fn reach(ip: IpAddr) -> Reach {
    match unwrap_ip(ip) {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            match (a, b, c) {
                (10, ..) | (192, 168, _) => Reach::Private,
                (172, 16..=31, _) | (100, 64..=127, _) => Reach::Private,
                // This network, loopback, link-local with metadata, IETF, documentation, benchmarks, groups, reserved.
                (0 | 127, ..)
                | (169, 254, _)
                | (192, 0, 0 | 2)
                | (192, 88, 99)
                | (198, 18 | 19, _)
                | (198, 51, 100)
                | (203, 0, 113)
                | (224.., ..) => Reach::Special,
                _ => Reach::Public,
            }
        }
        IpAddr::V6(v6) => {
            let first = v6.segments().first().copied().unwrap_or(0);
            let second = v6.segments().get(1).copied().unwrap_or(0);
            match (first, second) {
                (0xfc00..=0xfdff, _) => Reach::Private,
                // Teredo, ORCHID, documentation and 6to4 carry other addresses or none.
                (0x2001, 0..=0x01ff | 0x0db8) | (0x2002, _) => Reach::Special,
                (0x2000..=0x3fff, _) => Reach::Public,
                _ => Reach::Special,
            }
        }
    }
}

/// The judge: allow-list, own listeners, classes of addresses.
#[derive(Debug)]
pub(super) struct Guard {
    allowed: Vec<AllowEntry>,
    own: Vec<SocketAddr>,
}

impl Guard {
    pub(super) fn new(allowed: Vec<AllowEntry>, own: Vec<SocketAddr>) -> Self {
        Self { allowed, own }
    }

    /// What can be said before a name is resolved.
    pub(super) fn check_proposed(&self, target: &Target) -> Result<(), &'static str> {
        match &target.host {
            Host::Ip(ip) => self.check(target, *ip),
            Host::Name(_) if self.is_named(target) => Ok(()),
            Host::Name(name) => {
                if !name.contains('.') || name == "localhost" || name.ends_with(".localhost") {
                    return Err("the name is local and not in the allow-list");
                }
                if name.split('.').any(|label| label.starts_with("xn--")) {
                    return Err("an encoded name needs an entry in the allow-list");
                }
                // A listed network may stand behind the name: the port and scheme are judged at the connection then.
                let may_be_network = self
                    .allowed
                    .iter()
                    .any(|entry| matches!(entry.what, Allowed::Network(_)));
                if may_be_network {
                    Ok(())
                } else {
                    check_public_form(target)
                }
            }
        }
    }

    /// Judges one address at the moment of the connection.
    pub(super) fn check(&self, target: &Target, ip: IpAddr) -> Result<(), &'static str> {
        let plain = unwrap_ip(ip);
        if self.is_own(plain, target.port) {
            return Err("the address is one of the platform's own");
        }
        let is_listed = self
            .allowed
            .iter()
            .any(|entry| entry.contains(ip, target.port) || entry.contains(plain, target.port));
        if is_listed {
            return Ok(());
        }
        match reach(ip) {
            Reach::Special => Err("the address is local, reserved or for metadata"),
            Reach::Private | Reach::Public if self.is_named(target) => Ok(()),
            Reach::Private => Err("the address is private and not in the allow-list"),
            Reach::Public => check_public_form(target),
        }
    }

    fn is_named(&self, target: &Target) -> bool {
        self.allowed
            .iter()
            .any(|entry| entry.names(&target.host, target.port))
    }

    fn is_own(&self, ip: IpAddr, port: u16) -> bool {
        self.own.iter().any(|own| {
            own.port() == port && (own.ip() == ip || (ip.is_loopback() || ip.is_unspecified()))
        })
    }
}

fn check_public_form(target: &Target) -> Result<(), &'static str> {
    if !target.is_https {
        Err("a public address needs https")
    } else if !PUBLIC_PORTS.contains(&target.port) {
        Err("the port needs an entry in the allow-list")
    } else {
        Ok(())
    }
}
