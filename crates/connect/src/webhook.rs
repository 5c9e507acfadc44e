//! Pushes to approved endpoints: Standard Webhooks 1.0 with Ed25519 signatures (`v1a`), and with HMAC (`v1`) where the endpoint has a
//! secret.
//!
//! A push is thin: it says what waits and where to fetch it, never the content. What the receiver answers decides:
//!
//! | Answer | Means |
//! | --- | --- |
//! | 2xx with an empty body, or JSON whose `sha256` is the document's | taken: the delivery is confirmed |
//! | 2xx with any other body | not confirmed: something else answered in the receiver's place; tried again |
//! | 408, 429, 3xx, 5xx, no answer, broken answer | later, by the schedule or `Retry-After` |
//! | 410 | the endpoint is gone and is switched off |
//! | any other 4xx | refused; after five refusals parked |

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use lgsp_base::id::{SystemId, WebhookId};
use lgsp_base::{Actor, Clock, limits};
use lgsp_exchange::{Channel, HandOver, HandOverOutcome, Transport};
use lgsp_registry::Registry;
use lgsp_wire::webhook::{SigningKey, sign_symmetric};
use serde_json::json;

use crate::outbound::{Answer, Outbound};

/// Pushes deliveries through the guarded client.
#[derive(Debug)]
pub struct WebhookTransport {
    outbound: Outbound,
    key: SigningKey,
    clock: Arc<dyn Clock>,
    registry: Registry,
    public_url: String,
}

impl WebhookTransport {
    /// `public_url` is the address of this platform as receivers see it, without a slash at the end.
    pub fn new(
        outbound: Outbound,
        key: SigningKey,
        clock: Arc<dyn Clock>,
        registry: Registry,
        public_url: &str,
    ) -> Self {
        Self {
            outbound,
            key,
            clock,
            registry,
            public_url: public_url.trim_end_matches('/').to_owned(),
        }
    }

    /// The body of a push.
    fn payload(&self, item: &HandOver) -> Bytes {
        let payload = json!({
            "type": "document.available",
            "timestamp": self.clock.now(),
            "data": {
                "delivery_id": item.delivery,
                "document_id": item.document,
                "from": item.sender_code,
                "to": item.recipient_code,
                "kind": item.kind.name(),
                "business_type": item.business_type,
                "external_id": item.external_id,
                "notation": item.notation,
                "subject": item.subject,
                "seq": item.seq,
                "attempt": item.attempt,
                "content_type": item.content_type,
                "bytes": item.content_bytes,
                "sha256": item.content_sha256,
                "accepted_at": item.accepted_at,
                "content_url": format!("{}/api/v1/deliveries/{}/content", self.public_url, item.delivery),
            },
        });
        Bytes::from(payload.to_string())
    }

    /// The signed header fields of a push.
    fn headers(&self, item: &HandOver, webhook: WebhookId, body: &[u8]) -> HeaderMap {
        let id = item.delivery.to_string();
        let seconds = self.clock.now().as_millis().div_euclid(1_000);
        let mut headers = HeaderMap::new();
        let fields = [
            (HeaderName::from_static("webhook-id"), id.clone()),
            (
                HeaderName::from_static("webhook-timestamp"),
                seconds.to_string(),
            ),
            (
                HeaderName::from_static("webhook-signature"),
                self.signatures(webhook, &id, seconds, body),
            ),
            (header::CONTENT_TYPE, "application/json".to_owned()),
            (header::USER_AGENT, "lgsp".to_owned()),
        ];
        for (name, value) in fields {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        headers
    }

    /// The platform's signature, and one by each secret of the endpoint.
    fn signatures(&self, webhook: WebhookId, id: &str, seconds: i64, body: &[u8]) -> String {
        let mut text = self.key.sign(id, seconds, body);
        let snapshot = self.registry.snapshot();
        let now = self.clock.now();
        for secret in snapshot.connections().webhook_secrets(webhook, now) {
            text.push(' ');
            text.push_str(&sign_symmetric(secret.expose(), id, seconds, body));
        }
        text
    }

    async fn push(&self, item: HandOver) -> HandOverOutcome {
        let Channel::Webhook { webhook, url } = &item.channel else {
            return HandOverOutcome::Unreachable {
                cause: "channel".to_owned(),
                detail: "the receiver has no endpoint".to_owned(),
                retry_after: None,
            };
        };
        let body = self.payload(&item);
        let headers = self.headers(&item, *webhook, &body);
        let answer = self
            .outbound
            .post(
                url,
                headers,
                body,
                limits::WEBHOOK_TIMEOUT,
                limits::WEBHOOK_ANSWER_BYTES_MAX,
            )
            .await;
        match answer {
            Ok(answer) => judge(&item, &answer),
            Err(error) => HandOverOutcome::Unreachable {
                cause: error.cause().to_owned(),
                detail: error.to_string(),
                retry_after: None,
            },
        }
    }
}

impl Transport for WebhookTransport {
    fn hand_over(&self, item: HandOver) -> BoxFuture<'_, HandOverOutcome> {
        Box::pin(self.push(item))
    }

    fn endpoint_gone(&self, webhook: WebhookId, _: SystemId) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let actor = Actor::Platform { part: "webhook" };
            if let Err(error) = self.registry.disable_webhook(&actor, webhook).await {
                tracing::warn!(webhook.id = %webhook, %error, "a gone endpoint could not be switched off");
            }
        })
    }
}

/// What an answer means.
fn judge(item: &HandOver, answer: &Answer) -> HandOverOutcome {
    let cause = format!("http_{}", answer.status.as_u16());
    match answer.status {
        status if status.is_success() => {
            if answer.body.is_empty() || repeats_digest(item, &answer.body) {
                HandOverOutcome::Confirmed
            } else {
                HandOverOutcome::Unreachable {
                    cause: "not_confirmed".to_owned(),
                    detail: "the answer has a body that does not repeat the digest".to_owned(),
                    retry_after: None,
                }
            }
        }
        StatusCode::GONE => HandOverOutcome::Gone,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => later(cause, answer),
        status if status.is_client_error() => HandOverOutcome::Refused {
            cause,
            detail: String::new(),
        },
        _ => later(cause, answer),
    }
}

fn later(cause: String, answer: &Answer) -> HandOverOutcome {
    HandOverOutcome::Unreachable {
        cause,
        detail: String::new(),
        retry_after: answer
            .headers
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.trim().parse().ok())
            .map(|seconds| Duration::from_secs(seconds).min(limits::RETRY_AFTER_MAX)),
    }
}

fn repeats_digest(item: &HandOver, body: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(body)
        .ok()
        .and_then(|value| value.get("sha256")?.as_str().map(str::to_ascii_lowercase))
        .is_some_and(|digest| digest == item.content_sha256.to_string())
}

#[cfg(test)]
mod tests {
    use lgsp_base::entropy::SeededEntropy;
    use lgsp_base::id::{DeliveryId, DocumentId};
    use lgsp_base::{Sha256, Timestamp};
    use lgsp_exchange::DocumentKind;

    use super::*;

    fn item() -> HandOver {
        let entropy = SeededEntropy::new(1);
        let now = Timestamp::from_millis(1_000);
        HandOver {
            delivery: DeliveryId::generate(now, &entropy),
            document: DocumentId::generate(now, &entropy),
            channel: Channel::Webhook {
                webhook: WebhookId::generate(now, &entropy),
                url: "https://example.vn/".to_owned(),
            },
            system: SystemId::generate(now, &entropy),
            sender_code: "H99.14".to_owned(),
            recipient_code: "H99.131".to_owned(),
            kind: DocumentKind::Edoc,
            business_type: Some(0),
            external_id: None,
            notation: None,
            subject: None,
            seq: 1,
            attempt: 1,
            content_type: "application/edxml+xml".to_owned(),
            content_bytes: 3,
            content_sha256: Sha256::of(b"abc"),
            accepted_at: now,
        }
    }

    fn item_to(webhook: WebhookId, address: std::net::SocketAddr) -> HandOver {
        HandOver {
            channel: Channel::Webhook {
                webhook,
                url: format!("http://{address}/hook"),
            },
            ..item()
        }
    }

    fn answered(
        status: u16,
        headers: &[(&'static str, &'static str)],
        body: &str,
    ) -> HandOverOutcome {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_static(value));
        }
        let answer = Answer {
            status: StatusCode::from_u16(status).expect("status"),
            headers: map,
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        judge(&item(), &answer)
    }

    #[test]
    fn only_the_receiver_itself_confirms() {
        let echo = format!("{{\"sha256\":\"{}\"}}", Sha256::of(b"abc"));
        assert_eq!(answered(204, &[], ""), HandOverOutcome::Confirmed);
        assert_eq!(answered(200, &[], &echo), HandOverOutcome::Confirmed);
        for body in ["OK", "<html>login</html>", "{\"sha256\":\"00\"}"] {
            let outcome = answered(200, &[], body);
            assert!(
                matches!(outcome, HandOverOutcome::Unreachable { ref cause, .. } if cause == "not_confirmed")
            );
        }
        assert_eq!(answered(410, &[], "x"), HandOverOutcome::Gone);
        assert!(matches!(
            answered(422, &[], ""),
            HandOverOutcome::Refused { .. }
        ));
        for status in [301, 302, 408, 500, 502] {
            assert!(
                matches!(
                    answered(status, &[], ""),
                    HandOverOutcome::Unreachable { .. }
                ),
                "{status}"
            );
        }
        let HandOverOutcome::Unreachable { retry_after, .. } =
            answered(429, &[("retry-after", "99999999")], "")
        else {
            panic!("later");
        };
        assert_eq!(retry_after, Some(limits::RETRY_AFTER_MAX));
    }

    /// What the receiver of a push is sent, and what came of it.
    async fn received(
        listener: &tokio::net::TcpListener,
        pushing: &WebhookTransport,
        item: &HandOver,
    ) -> (String, HandOverOutcome) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let receive = async {
            let (mut stream, _) = listener.accept().await.expect("accept");
            let mut request = Vec::new();
            let mut buffer = [0u8; 4096];
            loop {
                let count = stream.read(&mut buffer).await.expect("read");
                request.extend_from_slice(&buffer[..count]);
                let text = String::from_utf8_lossy(&request);
                let is_whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
                    let length = head
                        .lines()
                        .find_map(|line| line.strip_prefix("content-length: "));
                    length.is_some_and(|length| length == body.len().to_string())
                });
                if is_whole || count == 0 {
                    break;
                }
            }
            stream
                .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                .await
                .expect("write");
            String::from_utf8(request).expect("utf-8")
        };
        tokio::join!(receive, pushing.hand_over(item.clone()))
    }

    fn transport(house: &crate::testkit::House, allowed: &[&str]) -> WebhookTransport {
        let config = crate::outbound::OutboundConfig {
            allowed: allowed
                .iter()
                .map(|entry| entry.parse().expect("entry"))
                .collect(),
            ..Default::default()
        };
        WebhookTransport::new(
            Outbound::new(config, Arc::new(crate::outbound::SystemResolver)).expect("client"),
            SigningKey::from_seed(&[7; 32]).expect("key"),
            house.clock.clone(),
            house.registry.clone(),
            "https://lgsp.example/",
        )
    }

    fn field<'r>(request: &'r str, name: &str) -> &'r str {
        request
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .expect("field")
    }

    #[tokio::test]
    async fn a_push_is_thin_signed_and_goes_only_where_it_may() {
        let house = crate::testkit::House::new("webhook-push").await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("bind");
        let address = listener.local_addr().expect("address");
        let item = item_to(
            WebhookId::generate(Timestamp::from_millis(1_000), &SeededEntropy::new(2)),
            address,
        );
        let outcome = transport(&house, &[]).hand_over(item.clone()).await;
        assert!(
            matches!(outcome, HandOverOutcome::Unreachable { ref cause, .. } if cause == "url_forbidden")
        );
        let pushing = transport(&house, &["127.0.0.1"]);
        let (request, outcome) = received(&listener, &pushing, &item).await;
        assert_eq!(outcome, HandOverOutcome::Confirmed);
        let (head, body) = request.split_once("\r\n\r\n").expect("head");
        assert_eq!(field(head, "webhook-id"), item.delivery.to_string());
        let seconds = field(head, "webhook-timestamp").parse().expect("seconds");
        let signature = field(head, "webhook-signature");
        assert!(lgsp_wire::webhook::verify(
            &[&pushing.key.public_key()],
            field(head, "webhook-id"),
            seconds,
            body.as_bytes(),
            signature,
        ));
        assert!(!signature.contains(' '), "no secret, no second signature");
        let payload: serde_json::Value = serde_json::from_str(body).expect("json");
        assert_eq!(payload["type"], "document.available");
        assert_eq!(
            payload["data"]["content_url"],
            format!(
                "https://lgsp.example/api/v1/deliveries/{}/content",
                item.delivery
            )
        );
    }

    #[tokio::test]
    async fn an_endpoint_with_a_secret_gets_both_signatures_and_a_rotation_leaves_no_gap() {
        use lgsp_registry::model::Protocol;
        use lgsp_wire::webhook::{parse_secret, verify_symmetric};
        let house = crate::testkit::House::new("webhook-secret").await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("bind");
        let address = listener.local_addr().expect("address");
        let system = house.connect("H99.131", Protocol::Rest).await.system;
        let actor = Actor::Platform { part: "test" };
        let new = house
            .registry
            .propose_webhook(&actor, system, "https://qlvb.example/hook")
            .await
            .expect("proposed");
        let item = item_to(new.webhook, address);
        let pushing = transport(&house, &["127.0.0.1"]);
        let fits = |request: &str, secret: &str| {
            let (head, body) = request.split_once("\r\n\r\n").expect("head");
            verify_symmetric(
                &parse_secret(secret).expect("a secret"),
                field(head, "webhook-id"),
                field(head, "webhook-timestamp").parse().expect("seconds"),
                body.as_bytes(),
                field(head, "webhook-signature"),
            )
        };
        let (request, _) = received(&listener, &pushing, &item).await;
        let signature = field(&request, "webhook-signature");
        assert!(signature.starts_with("v1a,") && signature.contains(" v1,"));
        assert!(fits(&request, new.secret.expose()));
        let rotated = house
            .registry
            .rotate_webhook_secret(&actor, new.webhook)
            .await
            .expect("rotated");
        let (request, _) = received(&listener, &pushing, &item).await;
        assert!(fits(&request, new.secret.expose()) && fits(&request, rotated.secret.expose()));
        house.clock.advance(limits::WEBHOOK_SECRET_OVERLAP);
        let (request, _) = received(&listener, &pushing, &item).await;
        assert!(!fits(&request, new.secret.expose()) && fits(&request, rotated.secret.expose()));
    }
}
