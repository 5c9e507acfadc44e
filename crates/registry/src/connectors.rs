//! Systems that we call by their own protocol: where they stand, and the password or key with which we enter.

use lgsp_base::entropy::Entropy;
use lgsp_base::id::SystemId;
use lgsp_base::limits;
use lgsp_base::secret::Secret;
use lgsp_base::time::Timestamp;
use lgsp_store::registry::ConnectorRow;

use crate::error::{ConnectorRule, SystemError};
use crate::model::{Connector, ConnectorSettings, Protocol};
use crate::vault::{Vault, VaultError};
use crate::webhooks::check_url;

/// Characters of a path, of the far end's code or of a user name.
const PART_CHARS_MAX: usize = 300;
/// Bytes of a password or key: keys of some gateways are signed tokens.
const SECRET_BYTES_MAX: usize = 4_096;
/// Where an adapter of the exchange platform takes the portal's login (protocols §4.4).
const LOGIN_PATH: &str = "/XrdAdapter/RestService/forward/mapi/login";
/// Where it takes calls of the portal's services.
const SERVICE_PATH: &str = "/XrdAdapter/RestService/forward/mapi/g";
/// The portal behind the adapter.
const DESTINATION: &str = "VN:GOV:000.00.00.G22:vpcpdvcprovider";

/// Where a new system stands.
#[derive(Debug)]
pub struct NewConnector {
    /// Base address: `https://…`, without a query.
    pub url: String,
    /// The name under which we enter; empty where a key alone is asked for.
    pub user: String,
    /// The password or key.
    pub secret: Secret<String>,
    /// The protocol's own particulars; what is empty gets the protocol's usual value.
    pub settings: ConnectorSettings,
}

/// What the vault binds a secret to: it opens for no other purpose of the same system.
fn owner(system: SystemId) -> String {
    format!("{system}/connector")
}

/// Checks the particulars against the protocol and fills in its usual values.
///
/// # Errors
/// [`SystemError::Connector`] or [`SystemError::Url`] for what the protocol cannot use.
pub(crate) fn check(
    protocol: Protocol,
    connector: Option<NewConnector>,
    has_plain: bool,
) -> Result<Option<NewConnector>, SystemError> {
    let mut connector = match (protocol.is_connector(), connector) {
        (false, None) => return Ok(None),
        (false, Some(_)) => return Err(ConnectorRule::Unwanted.into()),
        (true, None) => return Err(ConnectorRule::Missing("url").into()),
        (true, Some(connector)) => connector,
    };
    connector
        .url
        .truncate(connector.url.trim_end_matches('/').len());
    check_url(&connector.url, has_plain)?;
    if connector.url.contains('?') {
        return Err(ConnectorRule::Form("url").into());
    }
    let settings = &mut connector.settings;
    if protocol == Protocol::Dvcqg {
        for (value, usual) in [
            (&mut settings.login_path, LOGIN_PATH),
            (&mut settings.service_path, SERVICE_PATH),
            (&mut settings.destination, DESTINATION),
        ] {
            if value.is_empty() {
                usual.clone_into(value);
            }
        }
        for (field, value) in [
            ("unit_code", &settings.unit_code),
            ("user", &connector.user),
        ] {
            if value.is_empty() {
                return Err(ConnectorRule::Missing(field).into());
            }
        }
    }
    for (field, path) in [
        ("login_path", &settings.login_path),
        ("service_path", &settings.service_path),
    ] {
        let is_path = path.starts_with('/') && is_word(path) && !path.contains('#');
        if !path.is_empty() && !is_path {
            return Err(ConnectorRule::Form(field).into());
        }
    }
    let is_unit_short = settings.unit_code.len() <= limits::ORG_CODE_CHARS_MAX;
    for (field, is_good) in [
        ("destination", is_word(&settings.destination)),
        ("unit_code", is_word(&settings.unit_code) && is_unit_short),
        ("user", is_line(&connector.user, PART_CHARS_MAX)),
        (
            "secret",
            is_line(connector.secret.expose(), SECRET_BYTES_MAX),
        ),
    ] {
        if !is_good {
            return Err(ConnectorRule::Form(field).into());
        }
    }
    if connector.secret.expose().is_empty() {
        return Err(ConnectorRule::Missing("secret").into());
    }
    Ok(Some(connector))
}

/// Printable ASCII without blanks, as it stands in header fields and addresses; may be empty.
fn is_word(text: &str) -> bool {
    text.len() <= PART_CHARS_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_line(text: &str, bytes_max: usize) -> bool {
    text.len() <= bytes_max && !text.chars().any(char::is_control)
}

/// The row of a checked connector.
pub(crate) fn seal(
    system: SystemId,
    connector: &NewConnector,
    vault: &Vault,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<ConnectorRow, SystemError> {
    let secret = connector.secret.expose().as_bytes();
    Ok(ConnectorRow {
        system_id: system,
        url: connector.url.clone(),
        user_name: connector.user.clone(),
        secret_sealed: vault.seal(&owner(system), secret, entropy)?,
        // A map of plain texts always becomes JSON.
        settings: serde_json::to_string(&connector.settings).unwrap_or_default(),
        changed_at: now,
    })
}

/// The connector of a row, with its secret.
///
/// # Errors
/// The vault does not open the secret.
pub(crate) fn open(
    row: ConnectorRow,
    vault: &Vault,
) -> Result<(Connector, Secret<Vec<u8>>), VaultError> {
    let secret = vault.unseal(&owner(row.system_id), &row.secret_sealed)?;
    let connector = Connector {
        system: row.system_id,
        url: row.url,
        user: row.user_name,
        settings: serde_json::from_str(&row.settings).unwrap_or_default(),
    };
    Ok((connector, secret))
}
