//! Prepares the demonstration: the server in this process, the directory, the systems, the simulated agencies.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use lgsp_sim::webhook::Receiver;
use lgsp_sim::{
    Agency, AgencySystem, Door, Journal, Province, Receive, RestClient, VxpClient, World,
};
use serde_json::{Value, json};

use super::DemoOptions;
use super::folder::{DemoAgency, DemoFile, Token};
use crate::config::{Config, OutboundConfig};
use crate::serve::{self, Running, ServeOptions};

/// The directory of the fictional province.
const ORGANISATIONS: &str = include_str!("../../../../examples/binh-an/organisations.csv");
/// Which agency, in the order of the directory, receives by webhook.
const PUSHED_AGENCY: usize = 2;
/// Rounds in which agencies take in what an earlier run left behind.
const LEFTOVER_ROUNDS: usize = 20;
const WEBHOOK_PATH: &str = "/nhan-van-ban";

/// Binds the endpoint of the agency that receives by webhook, on its old port if that is free.
pub(super) async fn bind_receiver(file: &DemoFile) -> Result<Receiver> {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if let Ok(receiver) = Receiver::bind(at(file.webhook_port)).await {
        return Ok(receiver);
    }
    Receiver::bind(at(0))
        .await
        .context("no port for the simulated endpoint")
}

/// Starts the platform in this process. Its settings are the defaults; the one receiver on this machine is allowed.
///
/// With `--once` nobody needs the port that was named: if it is taken, any other will do.
pub(super) async fn start_server(options: &DemoOptions, endpoint: SocketAddr) -> Result<Running> {
    let started = start_at(options, options.listen, endpoint).await;
    let is_taken = started.as_ref().err().is_some_and(|error| {
        error
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| io.kind() == std::io::ErrorKind::AddrInUse)
    });
    if is_taken && options.once {
        let any_port = SocketAddr::new(options.listen.ip(), 0);
        return start_at(options, any_port, endpoint).await;
    }
    started
}

async fn start_at(
    options: &DemoOptions,
    listen: SocketAddr,
    endpoint: SocketAddr,
) -> Result<Running> {
    let config = Config {
        listen: listen.to_string(),
        outbound: OutboundConfig {
            allow: vec![endpoint.to_string()],
            ..OutboundConfig::default()
        },
        ..Config::default()
    };
    serve::start(ServeOptions::new(&options.data, config)).await
}

/// Imports the directory and adds one system per agency, or uses what an earlier run added.
pub(super) async fn directory_and_systems(
    admin: &RestClient,
    file: &mut DemoFile,
    data: &Path,
    endpoint: SocketAddr,
) -> Result<()> {
    let organisations = organisations();
    if file.agencies.is_empty() {
        admin
            .post_csv("/api/v1/organisations/import", ORGANISATIONS)
            .await?;
    }
    for (index, organisation) in organisations.iter().enumerate() {
        if file
            .agencies
            .iter()
            .any(|known| known.code == organisation.code)
        {
            continue;
        }
        let agency = add_system(admin, organisation, index).await?;
        file.agencies.push(agency);
        file.save(data)?;
    }
    if file.webhook_port != endpoint.port() {
        let pushed = file
            .agencies
            .get(PUSHED_AGENCY)
            .context("no agency to push to")?;
        let own = RestClient::new(&file.url, pushed.token.expose());
        let url = format!("http://{endpoint}{WEBHOOK_PATH}");
        let webhook = own.propose_webhook(&url).await?;
        admin.approve_webhook(&webhook).await?;
        file.webhook_port = endpoint.port();
    }
    Ok(())
}

/// Code, name and superior of a line of the directory.
struct Line {
    code: String,
    name: String,
    in_charge: String,
}

/// The lines of the compiled-in directory; names are quoted where they hold a comma.
fn organisations() -> Vec<Line> {
    let rows: Vec<Vec<String>> = ORGANISATIONS.lines().skip(1).map(fields).collect();
    let name_of = |code: &str| {
        rows.iter()
            .find(|row| row.first().is_some_and(|first| first == code))
            .and_then(|row| row.get(2).cloned())
            .unwrap_or_default()
    };
    rows.iter()
        .filter_map(|row| {
            Some(Line {
                code: row.first()?.clone(),
                name: row.get(2)?.clone(),
                in_charge: name_of(row.get(5)?),
            })
        })
        .collect()
}

/// The fields of one CSV line (RFC 4180) without line breaks inside quotes.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            other => {
                if let Some(field) = fields.last_mut() {
                    field.push(other);
                }
            }
        }
    }
    fields
}

/// Adds an agency's system: every other one speaks VXP, the others REST; all get a token, so that a visitor can look through their eyes.
async fn add_system(admin: &RestClient, line: &Line, index: usize) -> Result<DemoAgency> {
    let is_pushed = index == PUSHED_AGENCY;
    let protocol = if index.is_multiple_of(2) && !is_pushed {
        "vxp"
    } else {
        "rest"
    };
    let wanted = json!({
        "organisation": line.code,
        "name": format!("QLVB {}", line.name),
        "protocol": protocol,
    });
    let made = admin.post("/api/v1/systems", &wanted).await?;
    let text = |value: &Value, name: &str| {
        value
            .get(name)
            .and_then(Value::as_str)
            .map(ToOwned::to_owned)
    };
    let id = text(&made, "id").context("the system has no id")?;
    let token = match text(&made, "token") {
        Some(token) => token,
        None => {
            let path = format!("/api/v1/systems/{id}/tokens");
            let issued = admin.post(&path, &json!({"name": "demo"})).await?;
            text(&issued, "token").context("no token was issued")?
        }
    };
    Ok(DemoAgency {
        code: line.code.clone(),
        name: line.name.clone(),
        in_charge: line.in_charge.clone(),
        protocol: protocol.to_owned(),
        is_pushed,
        system_id: text(&made, "system_id").context("no system_id")?,
        secret: text(&made, "secret").map(|secret| Token::new(&secret)),
        token: Token::new(&token),
    })
}

/// The simulated systems of all agencies, each with its own connections.
pub(super) fn members(file: &DemoFile, world: &World) -> Vec<Arc<AgencySystem>> {
    let member = |known: &DemoAgency| {
        let door = match &known.secret {
            Some(secret) => Door::Axis(VxpClient::new(
                &file.url,
                &known.system_id,
                secret.expose(),
                &*world.clock,
            )),
            None => Door::Rest(RestClient::new(&file.url, known.token.expose())),
        };
        let receive = if known.is_pushed {
            Receive::Push
        } else {
            Receive::Poll
        };
        let agency = Agency {
            code: known.code.clone(),
            name: known.name.clone(),
            in_charge: known.in_charge.clone(),
            notation: notation(&known.name),
        };
        Arc::new(AgencySystem::new(agency, door, receive, world.clone()))
    };
    file.agencies.iter().map(member).collect()
}

/// The abbreviation in an agency's document numbers: the capitals of its words, without the province's name.
fn notation(name: &str) -> String {
    let own = name.split(" tỉnh Bình An").next().unwrap_or(name);
    own.split([' ', ',', '-'])
        .filter_map(|word| word.chars().next())
        .flat_map(char::to_uppercase)
        .collect()
}

/// The system that receives by webhook.
pub(super) fn pushed_member(file: &DemoFile, province: &Province) -> Result<Arc<AgencySystem>> {
    let index = file.agencies.iter().position(|agency| agency.is_pushed);
    index
        .and_then(|index| province.members().get(index).cloned())
        .context("no agency receives by webhook")
}

/// Lets the agencies take in what an earlier run left behind, so that the scenario begins with empty inboxes.
pub(super) async fn take_leftovers(province: &Province, journal: &Journal) {
    for _ in 0..LEFTOVER_ROUNDS {
        let mut taken = 0;
        for member in province.members() {
            taken += member.work().await;
        }
        if taken == 0 && province.is_idle() {
            break;
        }
    }
    journal.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_read_with_names_that_hold_commas() {
        let all = organisations();
        assert!(all.len() >= 14);
        let culture = all
            .iter()
            .find(|line| line.code == "H99.12")
            .expect("there");
        assert_eq!(culture.name, "Sở Văn hóa, Thể thao và Du lịch tỉnh Bình An");
        assert_eq!(culture.in_charge, super::super::PROVINCE_NAME);
        assert_eq!(notation(&culture.name), "SVHTTVDL");
    }
}
