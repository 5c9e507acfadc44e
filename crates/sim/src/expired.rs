//! An endpoint whose certificate has expired: it was good until July 2025, and nobody renewed it.
//!
//! Its key is public and good for nothing: no authority ever signed the certificate.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

const CERTIFICATE: &[u8] = include_bytes!("../fixtures/expired/certificate.pem");
const KEY: &[u8] = include_bytes!("../fixtures/expired/key.pem");

/// What begins TLS with that certificate; none if it cannot be read, which the tests exclude.
pub(crate) fn acceptor() -> Option<TlsAcceptor> {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).ok()?;
    let key = PrivateKeyDer::from_pem_slice(KEY).ok()?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .ok()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .ok()?;
    Some(TlsAcceptor::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_certificate_can_be_served() {
        assert!(super::acceptor().is_some());
    }
}
