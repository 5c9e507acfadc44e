//! Prepares the demonstration: the server in this process, the directory, the systems, the simulated agencies.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use lgsp_console::session::StoreSessions;
use lgsp_sim::webhook::Receiver;
use lgsp_sim::{
    Agency, AgencySystem, Door, Habit, Journal, Province, Receive, RestClient, TestUnit, VxpClient,
    World,
};
use serde_json::{Value, json};

use super::folder::{DemoAgency, DemoFile, Token};
use super::{DemoOptions, dossiers};
use crate::compose::Patience;
use crate::config::{Config, OutboundConfig};
use crate::serve::{self, Running, ServeOptions};

/// The directory of the fictional province.
const ORGANISATIONS: &str = include_str!("../../../../examples/binh-an/organisations.csv");
/// The organisations whose code says how they behave.
const TEST_UNITS: &str = include_str!("../../../../examples/binh-an/test-units.csv");
/// The agencies that receive by webhook; the others look into their inboxes.
const PUSHED_AGENCIES: [&str; 4] = ["H99.02", "H99.08", "H99.12", "H99.131"];
/// Delays between the tries of a push: a broken endpoint makes dead letters in about 50 s.
const RETRY_SCHEDULE: [Duration; 5] = [
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(13),
    Duration::from_secs(20),
];
/// How long a document waits for an agency that does not fetch it.
const EXPIRY: Duration = Duration::from_secs(5 * 60);
/// How often expired documents are looked for.
const EXPIRE_EVERY: Duration = Duration::from_secs(5);
/// Rounds in which agencies take in what an earlier run left behind.
const LEFTOVER_ROUNDS: usize = 20;
const WEBHOOK_PATH: &str = "/nhan-van-ban";

/// Binds the endpoint of the agencies that receive by webhook, on its old port if that is free.
pub(super) async fn bind_receiver(file: &DemoFile) -> Result<Receiver> {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if let Ok(receiver) = Receiver::bind(at(file.webhook_port)).await {
        return Ok(receiver);
    }
    Receiver::bind(at(0))
        .await
        .context("no port for the simulated endpoint")
}

/// Starts the platform in this process. Its settings are the defaults, with less patience; what is
/// simulated on this machine may be called.
///
/// With `--once` nobody needs the port that was named: if it is taken, any other will do.
pub(super) async fn start_server(
    options: &DemoOptions,
    endpoints: &[SocketAddr],
) -> Result<Running> {
    let started = start_at(options, options.listen, endpoints).await;
    let is_taken = started.as_ref().err().is_some_and(|error| {
        error
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| io.kind() == std::io::ErrorKind::AddrInUse)
    });
    if is_taken && options.once {
        let any_port = SocketAddr::new(options.listen.ip(), 0);
        return start_at(options, any_port, endpoints).await;
    }
    started
}

async fn start_at(
    options: &DemoOptions,
    listen: SocketAddr,
    endpoints: &[SocketAddr],
) -> Result<Running> {
    let config = Config {
        listen: listen.to_string(),
        outbound: OutboundConfig {
            allow: endpoints.iter().map(ToString::to_string).collect(),
            ..OutboundConfig::default()
        },
        ..Config::default()
    };
    let patience = Patience {
        expiry: Some(EXPIRY),
        retry_schedule: &RETRY_SCHEDULE,
        expire_every: EXPIRE_EVERY,
    };
    let options = ServeOptions {
        patience,
        is_demo: true,
        ..ServeOptions::new(&options.data, config)
    };
    serve::start(options).await
}

/// A link that signs the operator into the console once.
pub(super) async fn console_link(server: &Running, token: &str) -> Result<String> {
    let platform = server.platform();
    let sessions = StoreSessions::new(
        platform.db.clone(),
        platform.registry.clone(),
        Arc::clone(&platform.clock),
        Arc::clone(&platform.entropy),
    );
    let secret = sessions.issue_link(token).await?;
    Ok(format!("{}/?k={}", server.url(), secret.expose()))
}

/// Imports the directory and adds one system per agency, or uses what an earlier run added.
pub(super) async fn directory_and_systems(
    admin: &RestClient,
    file: &mut DemoFile,
    data: &Path,
    endpoint: SocketAddr,
) -> Result<()> {
    if file.agencies.is_empty() {
        admin
            .post_csv("/api/v1/organisations/import", ORGANISATIONS)
            .await?;
    }
    for (index, line) in lines(ORGANISATIONS).iter().enumerate() {
        if file.agencies.iter().any(|known| known.code == line.code) {
            continue;
        }
        let is_pushed = PUSHED_AGENCIES.contains(&line.code.as_str());
        // The axis carries documents alone: an agency that is sent dossiers receives through REST.
        let is_on_axis = index.is_multiple_of(2) && !is_pushed && !dossiers::has_office(&line.code);
        let protocol = if is_on_axis { "vxp" } else { "rest" };
        let agency = add_system(admin, line, &line.documents(), protocol, is_pushed).await?;
        file.agencies.push(agency);
        file.save(data)?;
    }
    for agency in &mut file.agencies {
        approve_push(admin, &file.url, agency, endpoint).await?;
    }
    file.webhook_port = endpoint.port();
    Ok(())
}

/// Adds the organisations whose code says how they behave, each with a system that receives by webhook.
pub(super) async fn test_units(
    admin: &RestClient,
    file: &mut DemoFile,
    data: &Path,
    endpoint: SocketAddr,
) -> Result<()> {
    if file.test_units.is_empty() {
        admin
            .post_csv("/api/v1/organisations/import", TEST_UNITS)
            .await?;
    }
    let units = lines(TEST_UNITS);
    for line in &units {
        let Some(habit) = Habit::of_code(&line.code) else {
            continue;
        };
        if file.test_units.iter().any(|known| known.code == line.code) {
            continue;
        }
        let protocol = if habit.is_on_axis() { "vxp" } else { "rest" };
        let name = line.documents();
        let unit = add_system(admin, line, &name, protocol, habit.is_pushed()).await?;
        file.test_units.push(unit);
        file.save(data)?;
    }
    for unit in &mut file.test_units {
        approve_push(admin, &file.url, unit, endpoint).await?;
    }
    Ok(())
}

/// Proposes and approves the address under which an agency is pushed to, unless it has been.
async fn approve_push(
    admin: &RestClient,
    url: &str,
    agency: &mut DemoAgency,
    endpoint: SocketAddr,
) -> Result<()> {
    let scheme = Habit::of_code(&agency.code).map_or("http", Habit::scheme);
    let wanted = format!("{scheme}://{endpoint}{WEBHOOK_PATH}/{}", agency.code);
    if !agency.is_pushed || agency.webhook == wanted {
        return Ok(());
    }
    let own = RestClient::new(url, agency.token.expose());
    let webhook = own.propose_webhook(&wanted).await?;
    admin.approve_webhook(&webhook).await?;
    agency.webhook = wanted;
    Ok(())
}

/// Code, name and superior of a line of the directory.
pub(super) struct Line {
    code: String,
    name: String,
    in_charge: String,
}

impl Line {
    /// The line of an agency that is there already.
    pub(super) fn of(agency: &DemoAgency) -> Self {
        Self {
            code: agency.code.clone(),
            name: agency.name.clone(),
            in_charge: agency.in_charge.clone(),
        }
    }

    /// The name of its document management system.
    fn documents(&self) -> String {
        format!("QLVB {}", self.name)
    }
}

/// The lines of a compiled-in directory; names are quoted where they hold a comma.
fn lines(directory: &str) -> Vec<Line> {
    let rows: Vec<Vec<String>> = directory.lines().skip(1).map(fields).collect();
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

/// Adds an agency's system; whatever its protocol it gets a token, so that a visitor can look through its eyes.
pub(super) async fn add_system(
    admin: &RestClient,
    line: &Line,
    name: &str,
    protocol: &str,
    is_pushed: bool,
) -> Result<DemoAgency> {
    let wanted = json!({
        "organisation": line.code,
        "name": name,
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
        webhook: String::new(),
    })
}

/// The simulated systems of all agencies, each with its own connections.
pub(super) fn members(file: &DemoFile, world: &World) -> Vec<Arc<AgencySystem>> {
    let agencies = file.agencies.iter();
    agencies
        .map(|known| simulated(known, &file.url, world.clone()))
        .collect()
}

/// The magic test units. They keep a journal of their own: what they do is none of the province's business.
pub(super) fn units(file: &DemoFile, world: &World) -> Vec<TestUnit> {
    let unit = |known: &DemoAgency| {
        let world = World {
            clock: Habit::of_code(&known.code)?.clock(Arc::clone(&world.clock)),
            entropy: Arc::clone(&world.entropy),
            journal: Journal::new(),
        };
        TestUnit::new(simulated(known, &file.url, world))
    };
    file.test_units.iter().filter_map(unit).collect()
}

fn simulated(known: &DemoAgency, url: &str, world: World) -> Arc<AgencySystem> {
    let door = match &known.secret {
        Some(secret) => Door::Axis(VxpClient::new(
            url,
            &known.system_id,
            secret.expose(),
            &*world.clock,
        )),
        None => Door::Rest(RestClient::new(url, known.token.expose())),
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
    Arc::new(AgencySystem::new(agency, door, receive, world))
}

/// The abbreviation in an agency's document numbers: the capitals of its words, without the province's name.
pub(super) fn notation(name: &str) -> String {
    let own = name.split(" tỉnh Bình An").next().unwrap_or(name);
    own.split([' ', ',', '-'])
        .filter_map(|word| word.chars().next())
        .flat_map(char::to_uppercase)
        .collect()
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
        let all = lines(ORGANISATIONS);
        assert!(all.len() >= 14);
        let culture = all
            .iter()
            .find(|line| line.code == "H99.12")
            .expect("there");
        assert_eq!(culture.name, "Sở Văn hóa, Thể thao và Du lịch tỉnh Bình An");
        assert_eq!(culture.in_charge, super::super::PROVINCE_NAME);
        assert_eq!(notation(&culture.name), "SVHTTVDL");
        for code in PUSHED_AGENCIES {
            assert!(all.iter().any(|line| line.code == code), "{code}");
        }
    }

    #[test]
    fn every_habit_has_its_unit_under_the_test_branch() {
        let all = lines(TEST_UNITS);
        let habits: Vec<Habit> = all
            .iter()
            .filter_map(|line| Habit::of_code(&line.code))
            .collect();
        assert_eq!(habits, Habit::ALL);
        assert!(all.iter().all(|line| line.code.starts_with("H99.TEST")));
    }
}
