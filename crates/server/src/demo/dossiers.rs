//! Dossiers in the demonstration: the national platforms that are simulated, the one-stop systems of some agencies, their scenario and its check.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use lgsp_base::Actor;
use lgsp_base::entropy::{Entropy, OsEntropy};
use lgsp_base::hash::to_hex;
use lgsp_base::vi::Day;
use lgsp_exchange::dossier::RouteKind;
use lgsp_sim::portal::{Procedure, fictional};
use lgsp_sim::{
    Agency, Breakable, CivilStatus, CriminalRecord, DossierBook, DossierDoor, OfficeConfig,
    OfficeWorld, Offices, OneStop, Platform, Platforms, Portal, PortalConfig, RestClient, Service,
    Shape, World, meaning,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::folder::{DemoFile, Token};
use super::setup::{Line, add_system, notation};
use crate::serve::Running;

/// Organisations of the national side.
const NATIONAL: &str = include_str!("../../../../examples/binh-an/national.csv");
/// How often a dossier is looked at until its messages have arrived; each look is recorded.
const LOOK_PAUSE: Duration = Duration::from_millis(250);
/// Pages of the dossiers of one office and day.
const NUMBER_PAGES_MAX: usize = 10;
/// The organisations of the platforms.
const PORTAL: &str = "G99.01";
const CIVIL_STATUS: &str = "G99.02";
const CRIMINAL_RECORD: &str = "G99.03";
/// The name under which the province enters the portal.
const PORTAL_USER: &str = "binhan";
/// Where the platforms listen, from their address on.
const CIVIL_STATUS_PATH: &str = "/apiHoTichTuPhap";
const CRIMINAL_RECORD_PATH: &str = "/apiLyLichTuPhap";
/// The province's code at each platform.
const UNIT_AT_PORTAL: &str = "H99";
const UNIT_AT_CIVIL_STATUS: &str = "99131";
const UNIT_AT_CRIMINAL_RECORD: &str = "99";

/// An agency with a one-stop system: what its citizens may ask for, and what it decides for others. Numbers of the fictional procedures.
struct Office {
    code: &'static str,
    shape: Shape,
    at_counter: &'static [usize],
    decides: &'static [usize],
}

const OFFICES: [Office; 5] = [
    Office {
        code: "H99.131",
        shape: Shape::Field,
        at_counter: &[1, 0],
        decides: &[],
    },
    Office {
        code: "H99.132",
        shape: Shape::Own,
        at_counter: &[1, 2],
        decides: &[],
    },
    Office {
        code: "H99.133",
        shape: Shape::Field,
        at_counter: &[0],
        decides: &[],
    },
    Office {
        code: "H99.06",
        shape: Shape::Own,
        at_counter: &[],
        decides: &[1],
    },
    Office {
        code: "H99.05",
        shape: Shape::Own,
        at_counter: &[3],
        decides: &[],
    },
];
/// The ministry's system that registers what each procedure asks for.
const REGISTERS: [(usize, &str); 2] = [(2, CIVIL_STATUS), (3, CRIMINAL_RECORD)];
/// The agency that decides about each procedure that a commune does not decide about itself.
const DECIDERS: [(usize, &str); 1] = [(1, "H99.06")];

/// True for an agency with a one-stop system.
pub(super) fn has_office(code: &str) -> bool {
    OFFICES.iter().any(|office| office.code == code)
}

/// What `demo.json` says about dossiers.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct DemoDossiers {
    /// Port of the simulated platforms; 0 before the first run.
    platform_port: u16,
    /// The password of the province at each of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    platform_secret: Option<Token>,
    /// The platforms: their organisations and our systems that call them.
    platforms: Vec<DemoPlatform>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct DemoPlatform {
    code: String,
    system_id: String,
    /// Where the platform calls it.
    url: String,
}

/// The national side, simulated.
#[derive(Debug)]
pub(super) struct National {
    pub(super) portal: Arc<Portal>,
    civil_status: Arc<CivilStatus>,
    criminal_record: Arc<CriminalRecord>,
}

impl National {
    fn new(secret: &str, world: &World) -> Self {
        let (clock, entropy) = (&world.clock, &world.entropy);
        let config = PortalConfig::new(PORTAL_USER, secret);
        Self {
            portal: Arc::new(Portal::new(config, clock.clone(), entropy.clone())),
            civil_status: Arc::new(CivilStatus::new(CivilStatus::config(secret), clock.clone())),
            criminal_record: Arc::new(CriminalRecord::new(
                CriminalRecord::config(secret),
                clock.clone(),
            )),
        }
    }

    pub(super) fn platforms(&self) -> Vec<Arc<dyn Platform>> {
        vec![
            self.portal.clone(),
            self.civil_status.clone(),
            self.criminal_record.clone(),
        ]
    }

    pub(super) fn breakable(&self) -> Vec<Arc<dyn Breakable>> {
        vec![
            self.portal.clone(),
            self.civil_status.clone(),
            self.criminal_record.clone(),
        ]
    }
}

/// The national side of this run, which begins with an empty memory.
pub(super) fn national(file: &DemoFile, world: &World) -> National {
    let secret = file.dossiers.platform_secret.as_ref();
    National::new(secret.map_or("", Token::expose), world)
}

/// Says where dossiers go besides their parties: all to the portal, some procedures to who decides or registers.
pub(super) async fn set_routes(server: &Running) -> Result<()> {
    let dossiers = &server.platform().dossiers;
    let actor = Actor::Platform { part: "demo" };
    let procedures = fictional();
    let numbered = |number: usize| {
        procedures
            .get(number)
            .map_or("", |procedure| &procedure.code)
    };
    let mut routes = vec![(RouteKind::All, "", PORTAL)];
    let by_procedure = DECIDERS.into_iter().chain(REGISTERS);
    routes.extend(
        by_procedure.map(|(number, decider)| (RouteKind::Procedure, numbered(number), decider)),
    );
    for (kind, value, recipient) in routes {
        dossiers.route_add(&actor, kind, value, recipient).await?;
    }
    Ok(())
}

/// Binds the listener of the platforms, on its old port if that is free.
pub(super) async fn bind_platforms(file: &DemoFile) -> Result<Platforms> {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if let Ok(platforms) = Platforms::bind(at(file.dossiers.platform_port)).await {
        return Ok(platforms);
    }
    Platforms::bind(at(0))
        .await
        .context("no port for the simulated platforms")
}

/// Imports the national organisations, adds the systems that call their platforms, and sees that agencies with a one-stop system receive
/// through REST; what an earlier run did stays.
pub(super) async fn prepare(
    admin: &RestClient,
    file: &mut DemoFile,
    data: &Path,
    platforms: SocketAddr,
) -> Result<()> {
    if file.dossiers.platform_secret.is_none() {
        let mut random = [0u8; 32];
        OsEntropy.fill(&mut random);
        file.dossiers.platform_secret = Some(Token::new(&to_hex(&random)));
        admin
            .post_csv("/api/v1/organisations/import", NATIONAL)
            .await?;
    }
    connect_platforms(admin, file, platforms).await?;
    file.dossiers.platform_port = platforms.port();
    for agency in file
        .agencies
        .iter_mut()
        .filter(|known| has_office(&known.code))
    {
        if agency.protocol != "rest" {
            // A folder from before there were dossiers.
            let line = Line::of(agency);
            let name = format!("Một cửa {}", agency.name);
            *agency = add_system(admin, &line, &name, "rest", agency.is_pushed).await?;
            admin.make_receiver(&agency.system_id).await?;
        }
    }
    file.save(data)?;
    Ok(())
}

/// Adds a system per platform whose address is not the one that we call already.
async fn connect_platforms(
    admin: &RestClient,
    file: &mut DemoFile,
    platforms: SocketAddr,
) -> Result<()> {
    let secret = file
        .dossiers
        .platform_secret
        .as_ref()
        .map_or("", Token::expose);
    let base = format!("http://{platforms}");
    let connector = |path: &str, user: &str, unit: &str| {
        json!({
            "url": format!("{base}{path}"),
            "user": user,
            "password": secret,
            "unit_code": unit,
        })
    };
    let wanted = [
        (PORTAL, "dvcqg", connector("", PORTAL_USER, UNIT_AT_PORTAL)),
        (
            CIVIL_STATUS,
            "civil_status",
            connector(CIVIL_STATUS_PATH, "", UNIT_AT_CIVIL_STATUS),
        ),
        (
            CRIMINAL_RECORD,
            "criminal_record",
            connector(CRIMINAL_RECORD_PATH, "", UNIT_AT_CRIMINAL_RECORD),
        ),
    ];
    let mut connected = Vec::new();
    for (code, protocol, connector) in wanted {
        let known = file
            .dossiers
            .platforms
            .iter()
            .find(|known| known.code == code);
        if let Some(known) = known.filter(|known| known.url == base) {
            connected.push(known.clone());
            continue;
        }
        // A new address is a new system, which receives from now on.
        let system = json!({
            "organisation": code,
            "name": format!("{protocol} {base}"),
            "protocol": protocol,
            "connector": connector,
        });
        let made = admin.post("/api/v1/systems", &system).await?;
        let id = made.get("id").and_then(Value::as_str);
        let id = id.context("the system has no id")?.to_owned();
        if known.is_some() {
            admin.make_receiver(&id).await?;
        }
        connected.push(DemoPlatform {
            code: code.to_owned(),
            system_id: id,
            url: base.clone(),
        });
    }
    file.dossiers.platforms = connected;
    Ok(())
}

/// The one-stop systems, each with its own connections. One takes and gives with the credential of its agency, which has one inbox.
pub(super) fn offices(file: &DemoFile, world: &World) -> Offices {
    let world = OfficeWorld {
        clock: Arc::clone(&world.clock),
        entropy: Arc::clone(&world.entropy),
        book: DossierBook::new(),
    };
    let members = OFFICES.iter().filter_map(|office| {
        let known = file
            .agencies
            .iter()
            .find(|known| known.code == office.code)?;
        let offered = office.at_counter.iter().chain(office.decides);
        let config = OfficeConfig {
            agency: Agency {
                code: known.code.clone(),
                name: known.name.clone(),
                in_charge: known.in_charge.clone(),
                notation: notation(&known.name),
            },
            issuer: known.code.clone(),
            services: offered
                .filter_map(|number| service(*number, office.code))
                .collect(),
            closes_at: None,
            is_polling: !known.is_pushed,
        };
        let client = RestClient::new(&file.url, known.token.expose());
        let door = DossierDoor::new(client, office.shape, office.code);
        Some(Arc::new(OneStop::new(config, door, world.clone())))
    });
    Offices::new(members.collect(), world.clone())
}

/// Lets every office count on behind the numbers that it has given today.
pub(super) async fn continue_numbers(admin: &RestClient, offices: &Offices) -> Result<()> {
    let day = Day::of(offices.world().clock.now());
    for office in offices.members() {
        let (mut used, mut page) = (0, String::new());
        for _ in 0..NUMBER_PAGES_MAX {
            let path = format!(
                "/api/v1/dossiers?code={}&page_size=1000{page}",
                office.prefix(day)
            );
            let shown = admin.get(&path).await?;
            let items = shown.get("items").and_then(Value::as_array);
            let codes = items
                .into_iter()
                .flatten()
                .filter_map(|item| item.get("code")?.as_str());
            let numbers = codes.filter_map(|code| code.rsplit('-').next()?.parse().ok());
            used = numbers.fold(used, u32::max);
            match shown.get("next_page_token").and_then(Value::as_str) {
                Some(token) => page = format!("&page_token={token}"),
                None => break,
            }
        }
        office.skip_numbers(day, used);
    }
    Ok(())
}

/// What an agency does for a procedure: it decides alone, or another agency does.
fn service(number: usize, code: &str) -> Option<Service> {
    let procedure: Procedure = fictional().into_iter().nth(number)?;
    let decider = DECIDERS.iter().find(|(decided, _)| *decided == number);
    let decided_by = decider.map(|(_, decider)| (*decider).to_owned());
    let mut parties = vec![code.to_owned()];
    parties.extend(decided_by.clone().filter(|decider| decider != code));
    Some(Service {
        procedure,
        decided_by,
        parties,
    })
}

/// Dossiers by how far they came.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DossierCounts {
    /// Handed in.
    pub submitted: u64,
    /// Of which every office holds every message, unchanged in meaning.
    pub delivered: u64,
    /// That the national portal keeps once, with the meaning that they have at home.
    pub synchronised: u64,
    /// Deliveries given up.
    pub dead: u64,
}

/// What the scenario of the dossiers showed.
#[derive(Debug, Default)]
pub(super) struct Played {
    pub(super) counts: DossierCounts,
    pub(super) problems: Vec<String>,
    pub(super) first_code: String,
    pub(super) first_id: String,
}

/// Lets a citizen come to every counter, waits until every result was handed back and the portal knows, and checks it.
pub(super) async fn play(
    offices: &Offices,
    national: &National,
    admin: &RestClient,
    timeout: Duration,
    pause: Duration,
) -> Result<Played> {
    let clock = &offices.world().clock;
    let began = clock.monotonic();
    let codes = offices.play_scenario();
    while !is_finished(offices, national, codes.len())
        && clock.monotonic().saturating_sub(began) < timeout
    {
        tokio::time::sleep(pause).await;
    }
    let mut played = checked(offices, national);
    for code in &codes {
        let shown = loop {
            let path = format!("/api/v1/dossiers/{code}?purpose=supervision");
            let shown = match admin.get(&path).await {
                Ok(shown) => shown,
                Err(error) => {
                    played.problems.push(format!("{code}: {error}"));
                    break Value::Null;
                }
            };
            // A recipient may hold a message before the platform has read its answer.
            if undelivered(&shown).is_empty() || clock.monotonic().saturating_sub(began) > timeout {
                break shown;
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        };
        if played.first_code.is_empty() {
            played.first_code.clone_from(code);
            let id = shown.get("id").and_then(Value::as_str).unwrap_or_default();
            id.clone_into(&mut played.first_id);
        }
        for (to, state) in undelivered(&shown) {
            played.counts.dead += u64::from(state == "dead");
            let problem = format!("{code} → {to}: the dossier's page says {state}");
            played.problems.push(problem);
        }
    }
    Ok(played)
}

/// Recipients and states of the deliveries of a dossier's messages that have not arrived.
fn undelivered(shown: &Value) -> Vec<(String, String)> {
    let list = |value: &Value, name: &str| -> Vec<Value> {
        let items = value.get(name).and_then(Value::as_array);
        items.cloned().unwrap_or_default()
    };
    let text = |value: &Value, name: &str| {
        let found = value.get(name).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    list(shown, "messages")
        .iter()
        .flat_map(|message| list(message, "deliveries"))
        .map(|delivery| (text(&delivery, "to"), text(&delivery, "state")))
        .filter(|(_, state)| state != "delivered")
        .collect()
}

/// True when everything has come to its end, or cannot any more.
fn is_finished(offices: &Offices, national: &National, dossiers: usize) -> bool {
    let verdict = offices.world().book.verdict();
    let is_hopeless = !verdict.refused.is_empty();
    // Between two steps of a dossier an office has nothing to do for a moment.
    let is_whole = verdict.is_clean()
        && verdict.dossiers == dossiers as u64
        && synchronised(offices, national).0 == verdict.dossiers
        && offices
            .world()
            .book
            .latest()
            .iter()
            .all(|(_, dossier)| is_returned(dossier));
    offices.are_done() && (is_whole || is_hopeless)
}

/// How many dossiers mean the same at the portal as at home, and what is wrong with the others.
fn synchronised(offices: &Offices, national: &National) -> (u64, Vec<String>) {
    let (mut count, mut problems) = (0, Vec::new());
    for (code, dossier) in offices.world().book.latest() {
        match national.portal.remembered(&code).records.as_slice() {
            [one] if meaning(&one.object) == meaning(&dossier) => count += 1,
            [one] => problems.push(format!(
                "{code}: another meaning at the portal, status {}",
                one.status()
            )),
            several => problems.push(format!("{code}: {} records at the portal", several.len())),
        }
    }
    (count, problems)
}

/// True if the applicant has the result.
fn is_returned(dossier: &Map<String, Value>) -> bool {
    let results = dossier
        .get("DanhSachGiayToKetQua")
        .and_then(Value::as_array);
    dossier.get("TrangThaiHoSo").and_then(Value::as_str) == Some("10")
        && results.is_some_and(|results| !results.is_empty())
}

fn checked(offices: &Offices, national: &National) -> Played {
    let verdict = offices.world().book.verdict();
    let (synchronised, mut problems) = synchronised(offices, national);
    problems.extend(
        verdict
            .missing
            .iter()
            .map(|what| format!("never delivered: {what}")),
    );
    problems.extend(
        verdict
            .altered
            .iter()
            .map(|what| format!("changed on the way: {what}")),
    );
    problems.extend(
        verdict
            .refused
            .iter()
            .map(|what| format!("refused: {what}")),
    );
    if verdict.duplicates > 0 {
        problems.push(format!(
            "{} dossier messages came twice",
            verdict.duplicates
        ));
    }
    for (code, dossier) in offices.world().book.latest() {
        if !is_returned(&dossier) {
            problems.push(format!("{code}: no result was handed back"));
        }
    }
    Played {
        counts: DossierCounts {
            submitted: verdict.dossiers,
            delivered: verdict.complete,
            synchronised,
            dead: 0,
        },
        problems,
        ..Played::default()
    }
}
