//! What proxies say of the way of a request: `X-Forwarded-For`, `X-Forwarded-Proto`, and `Forwarded` (RFC 7239).
//!
//! Everybody can write these fields; whom to believe is for the caller.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Hops that are read, the nearest ones; more than any sound installation has.
pub const HOPS_MAX: usize = 16;

/// The addresses of `X-Forwarded-For`, all fields of a request in their order, the nearest hop first; `None` for one that is no address.
pub fn x_forwarded_for<'f>(
    fields: impl DoubleEndedIterator<Item = &'f str>,
) -> Vec<Option<IpAddr>> {
    let hops = fields.rev().flat_map(|field| field.rsplit(','));
    hops.take(HOPS_MAX).map(node).collect()
}

/// One element of `Forwarded`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hop {
    /// `for`; `None` where it is absent, hidden or no address.
    pub address: Option<IpAddr>,
    /// True for `proto=https`.
    pub is_https: bool,
}

/// The elements of `Forwarded`, all fields of a request in their order, the nearest hop first. An element that cannot be read has
/// neither address nor scheme.
pub fn forwarded<'f>(fields: impl DoubleEndedIterator<Item = &'f str>) -> Vec<Hop> {
    let hops = fields
        .rev()
        .flat_map(|field| pieces(field, ',').into_iter().rev());
    hops.take(HOPS_MAX).map(hop).collect()
}

/// True if the nearest proxy says `https` in `X-Forwarded-Proto`.
pub fn is_https<'f>(fields: impl DoubleEndedIterator<Item = &'f str>) -> bool {
    let nearest = fields.rev().flat_map(|field| field.rsplit(',')).next();
    nearest.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"))
}

fn hop(element: &str) -> Hop {
    let mut hop = Hop {
        address: None,
        is_https: false,
    };
    for pair in pieces(element, ';') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = value.trim();
        let value = value
            .strip_prefix('"')
            .and_then(|inner| inner.strip_suffix('"'))
            .unwrap_or(value);
        match name.trim().to_ascii_lowercase().as_str() {
            "for" => hop.address = node(value),
            "proto" => hop.is_https = value.eq_ignore_ascii_case("https"),
            _ => {}
        }
    }
    hop
}

/// An address, perhaps with a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let plain = text.parse::<IpAddr>().ok();
    let bracketed = || {
        let inner = text.strip_prefix('[')?.strip_suffix(']')?;
        inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
    };
    let with_port = || text.parse::<SocketAddr>().ok().map(|node| node.ip());
    let address = plain.or_else(bracketed).or_else(with_port)?;
    Some(address.to_canonical())
}

/// The parts between separators that stand outside of quotes.
fn pieces(text: &str, separator: char) -> Vec<&str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(|sign: char| {
        let is_cut = sign == separator && !is_quoted;
        is_quoted ^= sign == '"' && !is_escaped;
        is_escaped = is_quoted && sign == '\\' && !is_escaped;
        is_cut
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn the_nearest_hop_comes_first() {
        let fields = [
            "203.0.113.9, 10.0.0.1:4711",
            "[2001:db8::1]:80 ,::ffff:10.0.0.2",
        ];
        let hops = x_forwarded_for(fields.into_iter());
        let expected = [
            ip("10.0.0.2"),
            ip("2001:db8::1"),
            ip("10.0.0.1"),
            ip("203.0.113.9"),
        ];
        assert_eq!(hops, expected);
        let hops = x_forwarded_for(["unknown,,1.2.3.4.5, 10.1"].into_iter());
        assert_eq!(hops, [None; 4]);
        assert_eq!(
            x_forwarded_for([",".repeat(99).as_str()].into_iter()).len(),
            HOPS_MAX
        );
    }

    #[test]
    fn the_examples_of_rfc_7239_are_read() {
        let fields = [
            "For=\"[2001:db8:cafe::17]:4711\"",
            "for=192.0.2.60;proto=http;by=203.0.113.43, for=unknown;by=\"a,\\\"b;\";PROTO=HTTPS",
            "for=_hidden, for=198.51.100.178",
        ];
        let hops = forwarded(fields.into_iter());
        let addresses: Vec<_> = hops.iter().map(|hop| hop.address).collect();
        let expected = [
            ip("198.51.100.178"),
            None,
            None,
            ip("192.0.2.60"),
            ip("2001:db8:cafe::17"),
        ];
        assert_eq!(addresses, expected);
        let schemes: Vec<_> = hops.iter().map(|hop| hop.is_https).collect();
        assert_eq!(schemes, [false, false, true, false, false]);
    }

    #[test]
    fn the_scheme_is_that_of_the_nearest_proxy() {
        assert!(is_https(["http", "http, HTTPS "].into_iter()));
        assert!(!is_https(["https, http"].into_iter()));
        assert!(!is_https([].into_iter()));
    }
}
