//! `lgsp demo`: a living province in one command.
//!
//! The whole platform starts in this process on embedded storage. Everything else happens over the network with nothing but an address and a
//! token: the directory is imported, systems are added, and simulated agencies exchange documents like strangers
//! ([`lgsp_sim`]). `--once` plays the scenario, checks every promise from the outside and ends. Without it a working day follows, with magic
//! test units, a control listener for `lgsp sim`, and one agency that is broken on purpose.
//!
//! A demo folder is marked by `demo.json` and used again when it is there; a folder without it is never touched.

mod check;
mod dossiers;
pub(crate) mod folder;
mod setup;
mod words;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use lgsp_base::entropy::{Entropy, OsEntropy, SeededEntropy};
use lgsp_base::hash::to_hex;
use lgsp_base::time::{Clock, SystemClock};
use lgsp_base::{Lang, Secret};
use lgsp_sim::province::Scenario;
use lgsp_sim::webhook::Receiver;
use lgsp_sim::{
    AgencySystem, Breakable, Control, Fault, Journal, Letter, Manners, Offices, Platforms,
    Province, Purpose, Receive, RestClient, TestUnit, World,
};
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::serve::Running;
pub use dossiers::DossierCounts;
use dossiers::National;
use folder::{DemoFile, Token};
use words::Words;

/// Code and name of the fictional province.
const PROVINCE_CODE: &str = "H99";
const PROVINCE_NAME: &str = "Ủy ban nhân dân tỉnh Bình An";
/// How the agencies of the working day treat what comes in; those of the scenario accept everything.
const DAY_MANNERS: Manners = Manners {
    refuses_one_in: 15,
    insists_one_in: 4,
};
/// The agency that is down when the working day begins, so that there is something to repair.
const BROKEN_AGENCY: &str = "H99.08";
/// Letters that it misses at once.
const MISSED_LETTERS: usize = 6;
/// How often idle agencies look into their inboxes while the scenario plays, and later.
const SCENARIO_PACE: Duration = Duration::from_millis(40);
const DAY_PACE: Duration = Duration::from_millis(750);
/// How long the scenario may take; the command promises an answer within 60 s.
const SCENARIO_TIMEOUT: Duration = Duration::from_secs(50);
const SCENARIO_PAUSE: Duration = Duration::from_millis(20);
/// How often readiness is asked for at the start.
const READY_PAUSE: Duration = Duration::from_millis(2);
const READY_TIMEOUT: Duration = Duration::from_secs(30);

/// What `lgsp demo` was asked to do.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// The data folder; made when missing, refused when it is not a demo folder.
    pub data: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Run the scenario once, check it and end.
    pub once: bool,
    /// Print one JSON object on standard output and nothing else.
    pub json: bool,
    /// The language of everything printed.
    pub lang: Lang,
}

/// What a demonstration showed. Counts are deliveries: one document to one recipient.
#[derive(Debug, Clone, Serialize)]
pub struct DemoReport {
    /// From the start of the command to the first "ready".
    pub ready_ms: u64,
    /// From the start of the command to the first document in an agency's hands.
    pub first_delivery_ms: Option<u64>,
    /// How many deliveries came how far.
    pub documents: DocumentCounts,
    /// How many dossiers came how far.
    pub dossiers: DossierCounts,
    /// Documents handed over again after they had been confirmed, or stored twice.
    pub duplicates: u64,
    /// Status reports that reached senders.
    pub statuses: u64,
    /// Traces that were read and compared.
    pub traces: usize,
    /// Calls of agencies that failed and were tried again.
    pub retries: u64,
    /// What was not as promised; empty if all is well.
    pub problems: Vec<String>,
    /// Address of the platform.
    pub url: String,
    /// The first document of the scenario.
    pub first_document_id: String,
    /// The first dossier of the scenario.
    pub first_dossier_id: String,
    /// Its code.
    pub first_dossier_code: String,
    /// How long the scenario took.
    pub scenario_ms: u64,
}

/// Deliveries by how far they came.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DocumentCounts {
    /// Promised by accepted submissions.
    pub submitted: u64,
    /// In the recipients' hands.
    pub delivered: u64,
    /// Confirmed by the recipients.
    pub acknowledged: u64,
    /// Given up.
    pub dead: u64,
}

impl DemoReport {
    /// True if everything was as promised.
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Shows the demonstration and prints what there is to see: lines for people on standard error, the result on standard output.
///
/// # Errors
/// A folder that is not a demo folder, a server that does not start, a scenario that cannot be played. Broken promises are not errors: they
/// stand in the report.
pub async fn run(options: DemoOptions) -> Result<DemoReport> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let words = Words::new(&options);
    let (mut file, is_new) = folder::open(&options.data).await?;
    words.folder(&options.data, is_new);

    let receiver = setup::bind_receiver(&file).await?;
    let platforms = dossiers::bind_platforms(&file).await?;
    let outside = [receiver.address(), platforms.address()];
    let server = setup::start_server(&options, &outside).await?;
    file.url = server.url();
    let admin = RestClient::new(&file.url, file.admin_token.expose());
    wait_until_ready(&file.url, &*clock).await?;
    let ready_ms = millis(clock.monotonic());
    words.ready(&file.url, ready_ms);

    let endpoint = receiver.address();
    setup::directory_and_systems(&admin, &mut file, &options.data, endpoint).await?;
    if !options.once {
        setup::test_units(&admin, &mut file, &options.data, endpoint).await?;
    }
    let call = platforms.address();
    dossiers::prepare(&admin, &mut file, &options.data, call).await?;
    dossiers::set_routes(&server).await?;
    file.save(&options.data)?;
    words.province(file.agencies.len());

    let (stop, stopping) = watch::channel(false);
    let demo = Demo {
        clock,
        words: &words,
        options: &options,
        server: &server,
        admin,
    };
    let listeners = Listeners {
        receiver,
        platforms,
    };
    let played = demo.play(&mut file, listeners, stopping, ready_ms).await;
    // Nobody listens any more if the agencies ended by themselves.
    let _told = stop.send(true);
    server.stop().await;
    played
}

struct Demo<'a> {
    clock: Arc<dyn Clock>,
    words: &'a Words,
    options: &'a DemoOptions,
    server: &'a Running,
    admin: RestClient,
}

/// Where the platform calls the simulated world.
struct Listeners {
    receiver: Receiver,
    platforms: Platforms,
}

/// Everything that is simulated.
struct Outside {
    province: Province,
    offices: Offices,
    national: National,
    world: World,
}

impl Outside {
    /// Everything that `lgsp sim` may break.
    fn breakable(&self, systems: Vec<Arc<AgencySystem>>) -> Vec<Arc<dyn Breakable>> {
        let agencies = systems
            .into_iter()
            .map(|system| system as Arc<dyn Breakable>);
        let offices = self.offices.members().iter().cloned();
        let offices = offices.map(|office| office as Arc<dyn Breakable>);
        agencies
            .chain(offices)
            .chain(self.national.breakable())
            .collect()
    }
}

impl Demo<'_> {
    async fn play(
        &self,
        file: &mut DemoFile,
        listeners: Listeners,
        stopping: watch::Receiver<bool>,
        ready_ms: u64,
    ) -> Result<DemoReport> {
        let world = World {
            clock: Arc::clone(&self.clock),
            entropy: seeded(&OsEntropy),
            journal: Journal::new(),
        };
        let outside = Outside {
            province: Province::new(setup::members(file, &world), world.clone()),
            offices: dossiers::offices(file, &world),
            national: dossiers::national(file, &world),
            world,
        };
        let units = match self.options.once {
            true => Vec::new(),
            false => setup::units(file, &outside.world),
        };
        let control = self.control(file).await?;
        let key = self.admin.webhook_key().await?;
        let systems = systems(&outside.province, &units);
        let pushed = systems
            .iter()
            .filter(|system| system.receive() == Receive::Push)
            .cloned()
            .collect();
        let offices = outside.offices.members().to_vec();
        let endpoint = listeners.receiver.with_offices(offices);
        let endpoint = Box::pin(endpoint.serve(pushed, key, stopping.clone()));
        let platforms = outside.national.platforms();
        let platforms = Box::pin(listeners.platforms.serve(platforms, stopping.clone()));
        let control = async {
            match control {
                Some((control, token)) => {
                    let breakable = outside.breakable(systems);
                    control.serve(breakable, token, stopping.clone()).await;
                }
                None => std::future::pending().await,
            }
        };

        let work = async {
            setup::take_leftovers(&outside.province, &outside.world.journal).await;
            outside.offices.take_leftovers().await;
            dossiers::continue_numbers(&self.admin, &outside.offices).await?;
            let (quiet, calm) = watch::channel(false);
            let mut agencies = outside.province.start(SCENARIO_PACE, &calm);
            let mut offices = outside.offices.start(SCENARIO_PACE, &calm);
            let report = self.scenario(file, &outside, ready_ms).await;
            // The quick loops end; the day has slower ones.
            let _told = quiet.send(true);
            while agencies.join_next().await.is_some() {}
            while offices.join_next().await.is_some() {}
            let report = report?;
            self.words.result(&report, file);
            if !self.options.once {
                self.day(file, &outside, units, stopping.clone()).await?;
            }
            anyhow::Ok(report)
        };
        tokio::select! {
            report = work => report,
            () = endpoint => anyhow::bail!("the simulated endpoint ended"),
            () = platforms => anyhow::bail!("the simulated platforms ended"),
            () = control => anyhow::bail!("the control listener ended"),
        }
    }

    /// The listener for `lgsp sim`, named in the demo file; the scenario needs none.
    async fn control(&self, file: &mut DemoFile) -> Result<Option<(Control, Secret<String>)>> {
        if self.options.once {
            return Ok(None);
        }
        let control = Control::bind()
            .await
            .context("no port for the control listener")?;
        let mut random = [0u8; 32];
        OsEntropy.fill(&mut random);
        let token = Secret::new(to_hex(&random));
        file.sim_url = control.url();
        file.sim_token = Some(Token::new(token.expose()));
        file.save(&self.options.data)?;
        Ok(Some((control, token)))
    }

    /// Plays the scenarios of documents and dossiers, waits until everything has come to its end, and checks it.
    async fn scenario(
        &self,
        file: &mut DemoFile,
        outside: &Outside,
        ready_ms: u64,
    ) -> Result<DemoReport> {
        let Outside {
            province, world, ..
        } = outside;
        let began = self.clock.monotonic();
        let documents = async {
            let scenario = tokio::time::timeout(SCENARIO_TIMEOUT, province.play_scenario())
                .await
                .context("the scenario was not played in time")??;
            while !is_finished(province, &world.journal, &scenario) {
                if self.clock.monotonic().saturating_sub(began) > SCENARIO_TIMEOUT {
                    break;
                }
                tokio::time::sleep(SCENARIO_PAUSE).await;
            }
            anyhow::Ok(scenario)
        };
        let (offices, national) = (&outside.offices, &outside.national);
        let dossiers = dossiers::play(
            offices,
            national,
            &self.admin,
            SCENARIO_TIMEOUT,
            SCENARIO_PAUSE,
        );
        let (scenario, dossiers) = tokio::try_join!(documents, dossiers)?;
        let scenario_ms = millis(self.clock.monotonic().saturating_sub(began));
        let first = world.journal.document(scenario.first.sha256);
        file.first_document_id = first.unwrap_or_default();
        file.first_dossier_id.clone_from(&dossiers.first_id);
        file.first_dossier_code.clone_from(&dossiers.first_code);
        file.save(&self.options.data)?;

        let mut checked = check::outcome(&world.journal, &scenario);
        checked.add(check::traces(&self.admin, &world.journal, &scenario).await?);
        checked.problems.extend(dossiers.problems);
        let verdict = world.journal.verdict();
        Ok(DemoReport {
            ready_ms,
            first_delivery_ms: world.journal.first_arrival().map(millis),
            documents: DocumentCounts {
                submitted: verdict.submitted,
                delivered: verdict.delivered,
                acknowledged: verdict.acknowledged,
                dead: checked.dead,
            },
            dossiers: dossiers.counts,
            duplicates: verdict.duplicates,
            statuses: world.journal.totals().statuses,
            traces: checked.traces,
            retries: world.journal.errors(),
            problems: checked.problems,
            url: file.url.clone(),
            first_document_id: file.first_document_id.clone(),
            first_dossier_id: file.first_dossier_id.clone(),
            first_dossier_code: file.first_dossier_code.clone(),
            scenario_ms,
        })
    }

    /// Keeps a working day going until Ctrl+C.
    async fn day(
        &self,
        file: &mut DemoFile,
        outside: &Outside,
        units: Vec<TestUnit>,
        stopping: watch::Receiver<bool>,
    ) -> Result<()> {
        let Outside {
            province, offices, ..
        } = outside;
        for member in province.members() {
            member.set_manners(DAY_MANNERS);
        }
        let broken = break_one(province).await;
        file.console_url = setup::console_link(self.server, file.admin_token.expose()).await?;
        file.save(&self.options.data)?;
        self.words.day(file, broken.as_deref());
        let mut agencies = province.start(DAY_PACE, &stopping);
        let mut counters = offices.start(DAY_PACE, &stopping);
        let mut answering = JoinSet::new();
        for unit in units {
            answering.spawn(unit.run(stopping.clone()));
        }
        let book = &offices.world().book;
        tokio::select! {
            () = province.live(stopping.clone(), |news| self.words.news(news, book.dossiers())) => {}
            () = offices.live(stopping) => {}
            interrupted = tokio::signal::ctrl_c() => interrupted?,
        }
        answering.shutdown().await;
        agencies.shutdown().await;
        counters.shutdown().await;
        self.words.goodbye();
        Ok(())
    }
}

/// Every simulated system: the agencies and the test units.
fn systems(province: &Province, units: &[TestUnit]) -> Vec<Arc<AgencySystem>> {
    let members = province.members().iter();
    members
        .chain(units.iter().map(TestUnit::system))
        .cloned()
        .collect()
}

/// Breaks one agency and sends it letters that it will miss; the name of the agency, if the province has it.
async fn break_one(province: &Province) -> Option<String> {
    let broken = province.member(BROKEN_AGENCY)?;
    broken.faults().start(Fault::Down);
    let senders = province
        .members()
        .iter()
        .filter(|member| member.agency().code != BROKEN_AGENCY);
    for sender in senders.take(MISSED_LETTERS) {
        let sent: Result<Letter, _> = sender.send(&[broken.agency()], Purpose::New).await;
        if let Err(error) = sent {
            tracing::warn!(%error, "a letter to the broken agency was not sent");
        }
    }
    Some(broken.agency().name.clone())
}

/// True when nothing is under way any more and every expected status has come back.
fn is_finished(province: &Province, journal: &Journal, scenario: &Scenario) -> bool {
    province.is_idle()
        && journal.verdict().is_clean()
        && scenario
            .expected
            .iter()
            .all(|(id, recipient, code)| journal.statuses(id, recipient).iter().any(|c| c == code))
}

async fn wait_until_ready(url: &str, clock: &dyn Clock) -> Result<()> {
    let client = lgsp_sim::http::HttpClient::new(url);
    let began = clock.monotonic();
    loop {
        let call = lgsp_sim::http::Call::new(hyper::Method::GET, "/readyz");
        match client.send(call).await {
            Ok(answer) if answer.status.is_success() => return Ok(()),
            _ if clock.monotonic().saturating_sub(began) > READY_TIMEOUT => {
                anyhow::bail!("the platform did not become ready")
            }
            _ => tokio::time::sleep(READY_PAUSE).await,
        }
    }
}

/// A repeatable generator: its one seed is what a replay needs.
fn seeded(entropy: &dyn Entropy) -> Arc<dyn Entropy> {
    let seed = entropy.below(u64::MAX);
    tracing::info!(seed, "the simulated agencies follow this seed");
    Arc::new(SeededEntropy::new(seed))
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
