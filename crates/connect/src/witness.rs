//! The way to a witness of the log (C2SP tlog-witness): one checkpoint out, one cosignature back.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use lgsp_base::limits::{NOTARY_ANSWER_BYTES_MAX, NOTARY_TIMEOUT};
use lgsp_wire::tlog::checkpoint::verify_cosignature;
use lgsp_wire::tlog::note::{Signature, VerifierKey, parse_signature_lines};
use lgsp_wire::tlog::witness::{AddCheckpoint, Conflict};

use crate::outbound::{CallError, Outbound};

/// What a witness said to a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It signed; the signature was checked.
    Cosigned(Signature),
    /// It knows the log at this size, which is not the old size that was named.
    Knows(u64),
    /// It says that the checkpoint does not continue what it signed before (409 at this very size, or 422).
    Contradicts,
    /// It does not sign for this log: unknown, or not signed by a key that it was told.
    Unwatched,
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// The call brought no answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// An answer that the protocol does not know.
    #[error("the witness answered {0}")]
    Status(u16),
    /// It answered with something that is not its signature of this checkpoint.
    #[error("the witness answered with a signature that does not fit")]
    Signature,
}

/// One witness.
#[derive(Debug, Clone)]
pub struct WitnessClient {
    outbound: Outbound,
    key: VerifierKey,
    url: String,
}

impl WitnessClient {
    /// `url` is the submission prefix, without a slash at its end.
    pub fn new(outbound: Outbound, key: VerifierKey, url: &str) -> Self {
        Self {
            outbound,
            key,
            url: format!("{url}/add-checkpoint"),
        }
    }

    /// The witness's public key.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Hands a checkpoint over.
    ///
    /// # Errors
    /// [`WitnessError`]; a refusal is a [`Verdict`].
    pub async fn add_checkpoint(&self, request: &AddCheckpoint) -> Result<Verdict, WitnessError> {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        headers.insert(header::USER_AGENT, HeaderValue::from_static("lgsp"));
        let answer = self
            .outbound
            .post(
                &self.url,
                headers,
                Bytes::from(request.to_string()),
                NOTARY_TIMEOUT,
                NOTARY_ANSWER_BYTES_MAX,
            )
            .await?;
        self.judge(request, answer.status.as_u16(), &answer.body)
    }

    fn judge(
        &self,
        request: &AddCheckpoint,
        status: u16,
        body: &[u8],
    ) -> Result<Verdict, WitnessError> {
        let text = std::str::from_utf8(body).unwrap_or_default();
        match status {
            200 => parse_signature_lines(text)
                .unwrap_or_default()
                .into_iter()
                .find(|line| verify_cosignature(&request.note.text, line, &self.key).is_ok())
                .map(Verdict::Cosigned)
                .ok_or(WitnessError::Signature),
            409 => match text.parse() {
                Ok(Conflict(size)) if size == request.old_size => Ok(Verdict::Contradicts),
                Ok(Conflict(size)) => Ok(Verdict::Knows(size)),
                Err(_) => Err(WitnessError::Status(status)),
            },
            422 => Ok(Verdict::Contradicts),
            403 | 404 => Ok(Verdict::Unwatched),
            other => Err(WitnessError::Status(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lgsp_base::Sha256;
    use lgsp_wire::tlog::checkpoint::{Checkpoint, cosign};
    use lgsp_wire::tlog::note::{Algorithm, Signer as _, SoftSigner};

    use super::*;
    use crate::outbound::{OutboundConfig, SystemResolver};

    fn signer(name: &str, algorithm: Algorithm, seed: u8) -> SoftSigner {
        SoftSigner::from_seed(name, algorithm, &[seed; 32]).expect("a key")
    }

    #[test]
    fn only_its_own_signature_of_this_checkpoint_counts() {
        let outbound = Outbound::new(OutboundConfig::default(), Arc::new(SystemResolver));
        let witness = signer("w", Algorithm::CosignatureV1, 1);
        let client = WitnessClient::new(
            outbound.expect("a client"),
            witness.key().clone(),
            "https://w.gov.vn",
        );
        let log = signer("l", Algorithm::Ed25519, 2);
        let checkpoint = |size| Checkpoint {
            origin: "l".to_owned(),
            size,
            root: Sha256::of(b"x"),
            extensions: Vec::new(),
        };
        let request = AddCheckpoint {
            old_size: 3,
            proof: Vec::new(),
            note: checkpoint(5).sign(&log).expect("signed"),
        };
        let line = |by: &SoftSigner, size| {
            let signature = cosign(&checkpoint(size).to_string(), by, 1).expect("signed");
            (format!("{signature}\n"), signature)
        };
        let (good, signature) = line(&witness, 5);
        assert_eq!(
            client
                .judge(&request, 200, good.as_bytes())
                .expect("a verdict"),
            Verdict::Cosigned(signature)
        );
        let other = signer("w", Algorithm::CosignatureV1, 3);
        for bad in [line(&witness, 4).0, line(&other, 5).0, String::new()] {
            assert!(
                matches!(
                    client.judge(&request, 200, bad.as_bytes()),
                    Err(WitnessError::Signature)
                ),
                "{bad}"
            );
        }
        for (status, body, verdict) in [
            (409, "4\n", Verdict::Knows(4)),
            (409, "3\n", Verdict::Contradicts),
            (422, "", Verdict::Contradicts),
            (404, "", Verdict::Unwatched),
            (403, "", Verdict::Unwatched),
        ] {
            assert_eq!(
                client
                    .judge(&request, status, body.as_bytes())
                    .expect("a verdict"),
                verdict
            );
        }
        for (status, body) in [(409, "many"), (500, ""), (302, "")] {
            assert!(
                client.judge(&request, status, body.as_bytes()).is_err(),
                "{status}"
            );
        }
    }
}
