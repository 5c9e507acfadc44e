//! The one way out for pushed deliveries: each goes to the transport of its channel.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use lgsp_base::id::{SystemId, WebhookId};
use lgsp_connect::webhook::WebhookTransport;
use lgsp_exchange::{Channel, HandOver, HandOverOutcome, Transport};

/// Dispatches by channel.
#[derive(Debug)]
pub(crate) struct Transports {
    webhooks: WebhookTransport,
    connectors: Arc<dyn Transport>,
}

impl Transports {
    /// Webhooks, and whatever calls systems by their own protocols.
    pub(crate) fn new(webhooks: WebhookTransport, connectors: Arc<dyn Transport>) -> Self {
        Self {
            webhooks,
            connectors,
        }
    }
}

impl Transport for Transports {
    fn hand_over(&self, item: HandOver) -> BoxFuture<'_, HandOverOutcome> {
        match item.channel {
            Channel::Connector { .. } => self.connectors.hand_over(item),
            Channel::Webhook { .. } | Channel::Inbox | Channel::Axis => {
                self.webhooks.hand_over(item)
            }
        }
    }

    fn endpoint_gone(&self, webhook: WebhookId, system: SystemId) -> BoxFuture<'_, ()> {
        self.webhooks.endpoint_gone(webhook, system)
    }
}
