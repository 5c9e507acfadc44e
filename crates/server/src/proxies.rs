//! Proxies in front of the platform: where a request really comes from, and whether it came over TLS.
//!
//! Only the word of a proxy in the setting `trusted_proxies` counts; to everybody else these fields are open to forge.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use lgsp_connect::outbound::Network;
use lgsp_console::OverTls;
use lgsp_wire::forwarded::{self, Hop};

/// The networks of the trusted proxies.
#[derive(Debug, Clone)]
pub struct Proxies(Arc<[Network]>);

impl Proxies {
    /// Trusts these.
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks.into())
    }

    fn trusts(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(ip))
    }

    /// The nearest hop that is not one of ours; `peer` is, the others from near to far.
    fn nearest(&self, peer: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>) -> IpAddr {
        let mut client = peer;
        for hop in hops {
            match hop {
                Some(address) if self.trusts(address) => client = address,
                Some(address) => return address,
                // What stands behind a hop that says nothing was said by nobody we know.
                None => return client,
            }
        }
        client
    }

    /// Where the request came from. If both kinds of fields are there and do not agree, one of them came from outside, and none is
    /// believed.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let common = forwarded::x_forwarded_for(texts(headers, "x-forwarded-for"));
        let standard = forwarded::forwarded(texts(headers, "forwarded"));
        let standard_client = self.nearest(peer, standard.iter().map(|hop| hop.address));
        if common.is_empty() {
            return standard_client;
        }
        let common_client = self.nearest(peer, common.into_iter());
        if standard.is_empty() || standard_client == common_client {
            common_client
        } else {
            peer
        }
    }

    /// Puts the client's address in the place of the proxy's.
    fn reveal(&self, request: &mut Request) {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let Some(peer) = peer.map(|ConnectInfo(address)| *address) else {
            return;
        };
        let proxy = peer.ip().to_canonical();
        if !self.trusts(proxy) {
            return;
        }
        let client = self.client(proxy, request.headers());
        let is_https = is_https(request.headers());
        // The port is that of the connection to the proxy: nobody knows the client's.
        let client = SocketAddr::new(client, peer.port());
        request.extensions_mut().insert(ConnectInfo(client));
        if is_https {
            request.extensions_mut().insert(OverTls);
        }
    }
}

/// A forged scheme gives nothing but a stricter cookie to whoever forges it.
fn is_https(headers: &HeaderMap) -> bool {
    let nearest = forwarded::forwarded(texts(headers, "forwarded"));
    forwarded::is_https(texts(headers, "x-forwarded-proto"))
        || nearest.first().is_some_and(|hop: &Hop| hop.is_https)
}

/// The values of a field; one that is not text counts as one that says nothing.
fn texts<'h>(headers: &'h HeaderMap, name: &str) -> impl DoubleEndedIterator<Item = &'h str> {
    let fields = headers.get_all(name).iter();
    fields.map(|field| field.to_str().unwrap_or(""))
}

/// The layer that reveals clients, outermost.
pub async fn reveal(State(proxies): State<Proxies>, mut request: Request, next: Next) -> Response {
    proxies.reveal(&mut request);
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use lgsp_base::Entropy as _;
    use lgsp_base::entropy::SeededEntropy;

    use super::*;

    /// The address that a request seems to come from, and whether over TLS.
    fn seen(peer: &str, fields: &[(&str, &str)]) -> (String, bool) {
        let networks = ["10.0.0.0/8", "fd00::/8", "127.0.0.1"];
        let networks = networks.map(|text| text.parse().expect("a network"));
        let mut builder = Request::builder();
        for (name, value) in fields {
            builder = builder.header(*name, *value);
        }
        let mut request = builder.body(Body::empty()).expect("a request");
        let peer: IpAddr = peer.parse().expect("an address");
        request
            .extensions_mut()
            .insert(ConnectInfo(SocketAddr::new(peer, 4711)));
        Proxies::new(networks.to_vec()).reveal(&mut request);
        let revealed = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let ip = revealed.expect("an address").0.ip().to_string();
        (ip, request.extensions().get::<OverTls>().is_some())
    }

    fn address(peer: &str, fields: &[(&str, &str)]) -> String {
        seen(peer, fields).0
    }

    const XFF: &str = "x-forwarded-for";

    #[test]
    fn a_trusted_proxy_names_the_client() {
        assert_eq!(address("10.0.0.1", &[(XFF, "203.0.113.9")]), "203.0.113.9");
        assert_eq!(
            address("::ffff:10.0.0.1", &[(XFF, "203.0.113.9")]),
            "203.0.113.9"
        );
        assert_eq!(
            address("fd00::1", &[("forwarded", "for=\"[2001:db8::9]:1\"")]),
            "2001:db8::9"
        );
        // A chain of our own proxies, in one field or in several.
        assert_eq!(
            address("127.0.0.1", &[(XFF, "203.0.113.9, 10.0.0.7")]),
            "203.0.113.9"
        );
        assert_eq!(
            address("127.0.0.1", &[(XFF, "203.0.113.9"), (XFF, "10.0.0.7")]),
            "203.0.113.9"
        );
        // Nobody but proxies: somebody on a proxy itself.
        assert_eq!(address("10.0.0.1", &[(XFF, "10.0.0.7")]), "10.0.0.7");
        assert_eq!(address("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn what_a_client_wrote_itself_is_not_believed() {
        // Not a proxy of ours: nothing counts.
        let lies = [
            (XFF, "198.51.100.1"),
            ("x-forwarded-proto", "https"),
            ("forwarded", "for=198.51.100.1;proto=https"),
        ];
        assert_eq!(
            seen("203.0.113.9", &lies),
            ("203.0.113.9".to_owned(), false)
        );
        // The proxy adds at the right; everything left of the first stranger is the stranger's own.
        assert_eq!(
            address("10.0.0.1", &[(XFF, "198.51.100.1, 203.0.113.9")]),
            "203.0.113.9"
        );
        assert_eq!(
            address("10.0.0.1", &[(XFF, "10.0.0.5, 203.0.113.9")]),
            "203.0.113.9"
        );
        assert_eq!(
            address("10.0.0.1", &[(XFF, "198.51.100.1"), (XFF, "203.0.113.9")]),
            "203.0.113.9"
        );
        // Something that is no address ends the walk.
        assert_eq!(
            address("10.0.0.1", &[(XFF, "198.51.100.1, x, 10.0.0.7")]),
            "10.0.0.7"
        );
        // The proxy sets one kind of field and lets the client's other kind through.
        let both = [(XFF, "203.0.113.9"), ("forwarded", "for=198.51.100.1")];
        assert_eq!(address("10.0.0.1", &both), "10.0.0.1");
        let agreed = [(XFF, "203.0.113.9"), ("forwarded", "for=203.0.113.9")];
        assert_eq!(address("10.0.0.1", &agreed), "203.0.113.9");
    }

    #[test]
    fn a_trusted_proxy_tells_of_tls() {
        let over = |fields: &[(&str, &str)]| seen("10.0.0.1", fields).1;
        assert!(over(&[("x-forwarded-proto", "https")]));
        assert!(over(&[("forwarded", "for=203.0.113.9;proto=https")]));
        assert!(!over(&[("x-forwarded-proto", "https, http")]));
        assert!(!over(&[]));
    }

    #[test]
    fn any_fields_are_read_without_trouble() {
        let entropy = SeededEntropy::new(9);
        let signs = b"for=;,\"\\[]:.0129af proto https";
        for _ in 0..20_000 {
            let length = entropy.below(60);
            let text: String = (0..length)
                .map(|_| {
                    char::from(
                        signs[usize::try_from(entropy.below(signs.len() as u64)).expect("small")],
                    )
                })
                .collect();
            seen("10.0.0.1", &[(XFF, &text), ("forwarded", &text)]);
        }
    }
}
