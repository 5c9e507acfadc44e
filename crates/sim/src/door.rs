//! The way by which a simulated system reaches the exchange: the document axis or the REST API.

use bytes::Bytes;
use lgsp_base::Sha256;
use lgsp_wire::edxml::StatusCode;

use crate::http::CallError;
use crate::letter::Letter;
use crate::rest::RestClient;
use crate::vxp::VxpClient;

/// Items that one look into the inbox takes.
const INBOX_PAGE: usize = 100;

/// Documents or status messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Documents of the four business types.
    Document,
    /// Status messages.
    Status,
}

/// The client that a system was configured with.
#[derive(Debug)]
pub enum Door {
    /// The document axis with system id and secret.
    Axis(VxpClient),
    /// The REST API with a token.
    Rest(RestClient),
}

/// Something that waits in the inbox.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// What is named when acknowledging.
    pub handle: String,
    /// What is named when fetching and reporting through the REST API.
    pub document: String,
    /// Where the content is fetched; the axis needs only the handle.
    pub content_url: String,
    /// The hash that the server announced; the axis announces none.
    pub sha256: Option<Sha256>,
}

impl Door {
    /// Hands in a document packet and answers the id that it got; repeating it is harmless.
    pub async fn submit(&self, from: &str, letter: &Letter) -> Result<String, CallError> {
        match self {
            Self::Axis(client) => {
                client
                    .send_edoc(from, Kind::Document, &letter.to, letter.packet.clone())
                    .await
            }
            Self::Rest(client) => client
                .submit(letter.packet.clone(), &letter.sha256.to_string())
                .await
                .map(|accepted| accepted.id),
        }
    }

    /// What waits, oldest first.
    pub async fn list(&self, kind: Kind) -> Result<Vec<Waiting>, CallError> {
        match self {
            Self::Axis(client) => Ok(client
                .received(kind)
                .await?
                .into_iter()
                .map(|item| Waiting {
                    document: item.doc_id.clone(),
                    handle: item.doc_id,
                    content_url: String::new(),
                    sha256: None,
                })
                .collect()),
            Self::Rest(client) => Ok(client
                .inbox(kind, INBOX_PAGE)
                .await?
                .into_iter()
                .map(|item| Waiting {
                    handle: item.id,
                    document: item.document_id,
                    content_url: item.content_url,
                    sha256: Some(item.sha256),
                })
                .collect()),
        }
    }

    /// The packet's bytes; their hash must be the announced one.
    pub async fn fetch(&self, item: &Waiting) -> Result<Bytes, CallError> {
        let packet = match self {
            Self::Axis(client) => client.get_edoc(&item.handle).await?,
            Self::Rest(client) => client.content(&item.content_url).await?,
        };
        match item.sha256 {
            Some(announced) if announced != Sha256::of(&packet) => Err(CallError::Format(
                "the content does not have the announced hash".to_owned(),
            )),
            _ => Ok(packet),
        }
    }

    /// Confirms that the item is stored here.
    pub async fn acknowledge(&self, item: &Waiting, sha256: Sha256) -> Result<(), CallError> {
        match self {
            Self::Axis(client) => client.update_status(&item.handle, "done").await,
            Self::Rest(client) => client.acknowledge(&item.handle, sha256).await,
        }
    }

    /// Confirms with a signature that does not fit. A token of the REST API is none: there nothing is confirmed.
    pub async fn acknowledge_badly(&self, item: &Waiting) -> Result<(), CallError> {
        match self {
            Self::Axis(client) => client.confirm_with_bad_signature(&item.handle).await,
            Self::Rest(_) => Ok(()),
        }
    }

    /// Reports on a document: the axis carries the composed packet, the REST API only code and reason.
    pub async fn report(
        &self,
        from: &str,
        report: &Report,
        status: StatusCode,
        packet: Bytes,
    ) -> Result<(), CallError> {
        match self {
            Self::Axis(client) => client
                .send_edoc(
                    from,
                    Kind::Status,
                    std::slice::from_ref(&report.sender),
                    packet,
                )
                .await
                .map(drop),
            Self::Rest(client) => {
                client
                    .report_status(&report.document, status.as_text(), &report.reason)
                    .await
            }
        }
    }
}

/// About which document a status is reported, and to whom.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The original's id in the REST API.
    pub document: String,
    /// The code of the original's sender.
    pub sender: String,
    /// The reason; required for 02, 13 and 16.
    pub reason: String,
}
