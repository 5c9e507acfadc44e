//! A province of simulated agencies: the scenario that is checked, and a working day that goes on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::agency::{AgencyError, AgencySystem, World};
use crate::fault::Fault;
use crate::letter::{Agency, Letter, Purpose};

/// A simulated day runs this many times faster than the clock.
pub const DAY_SPEED: u32 = 60;
/// How often the working day decides what happens next.
const TICK: Duration = Duration::from_millis(250);
/// Ticks between two lines of news.
const TICKS_PER_LINE: u32 = 4;
/// Ticks between two breakdowns of an agency, and how long one lasts.
const TICKS_PER_BREAKDOWN: u32 = 480;
const BREAKDOWN_TICKS: u32 = 80;
/// Letters of the day that may still be recalled, updated or replaced.
const RECENT_LETTERS: usize = 20;
/// Letters that the day still sends to an agency that is down: enough to be seen, few enough to be looked after.
const UNHEARD_LETTERS_MAX: u32 = 40;
/// How long the scenario waits for a confirmation, and how often it looks.
const CONFIRMATION_TIMEOUT: Duration = Duration::from_secs(20);
const CONFIRMATION_PAUSE: Duration = Duration::from_millis(10);
/// When the simulated day begins.
const DAY_BEGINS_MINUTE: u64 = 7 * 60 + 30;
const MINUTES_OF_DAY: u64 = 24 * 60;

/// Why the province could not act.
#[derive(Debug, thiserror::Error)]
pub enum ProvinceError {
    /// Fewer agencies than the scenario needs.
    #[error("the scenario needs {needed} agencies, the province has {present}")]
    TooSmall {
        /// How many it needs.
        needed: usize,
        /// How many there are.
        present: usize,
    },
    /// A letter of the scenario was not confirmed in time.
    #[error("letter {code} was not confirmed within {CONFIRMATION_TIMEOUT:?}")]
    Unconfirmed {
        /// Number and notation of the letter.
        code: String,
    },
    /// An agency could not send.
    #[error("agency {code} could not send: {source}")]
    Send {
        /// The agency's code.
        code: String,
        /// Why.
        #[source]
        source: AgencyError,
    },
}

/// The letters of the scenario, to be traced afterwards.
#[derive(Debug)]
pub struct Scenario {
    /// A new document to one recipient.
    pub first: Letter,
    /// Everything that was sent, `first` included, in order.
    pub letters: Vec<Letter>,
    /// Recipients of each letter whose final status is known beforehand: external id, recipient, code.
    pub expected: Vec<(String, String, &'static str)>,
}

/// One moment of the working day, for one line of news.
#[derive(Debug, Clone)]
pub struct News {
    /// Simulated time of day, `HH:mm`.
    pub time_of_day: String,
    /// Letters sent today.
    pub letters: u64,
    /// Deliveries promised, arrived and acknowledged, and statuses learnt.
    pub submitted: u64,
    /// Deliveries acknowledged.
    pub acknowledged: u64,
    /// Status reports that reached senders.
    pub statuses: u64,
    /// The agencies that are down at the moment.
    pub down: Vec<String>,
}

/// Simulated agencies that know each other's addresses.
#[derive(Debug, Clone)]
pub struct Province {
    members: Vec<Arc<AgencySystem>>,
    world: World,
}

impl Province {
    /// A province of these systems; `world` is the one that they share.
    pub fn new(members: Vec<Arc<AgencySystem>>, world: World) -> Self {
        Self { members, world }
    }

    /// The system of the agency with this code.
    pub fn member(&self, code: &str) -> Option<&Arc<AgencySystem>> {
        self.members
            .iter()
            .find(|member| member.agency().code == code)
    }

    /// The systems.
    pub fn members(&self) -> &[Arc<AgencySystem>] {
        &self.members
    }

    /// Starts every system's own loop; they end when `stop` turns true.
    pub fn start(&self, pace: Duration, stop: &watch::Receiver<bool>) -> JoinSet<()> {
        let mut running = JoinSet::new();
        for member in &self.members {
            let (member, stop) = (Arc::clone(member), stop.clone());
            running.spawn(async move { member.run(pace, stop).await });
        }
        running
    }

    /// True when nobody has anything left to send or report.
    pub fn is_idle(&self) -> bool {
        self.members.iter().all(|member| member.is_idle())
    }

    /// Sends the scenario: new, two recipients with attachment, recall, update, replace, a repeated send and a repeated
    /// acknowledgement, and one document from every agency to its neighbour.
    pub async fn play_scenario(&self) -> Result<Scenario, ProvinceError> {
        let needed = 4;
        let [a, b, c, d, ..] = self.members.as_slice() else {
            return Err(ProvinceError::TooSmall {
                needed,
                present: self.members.len(),
            });
        };
        let first = send(a, &[b], Purpose::New).await?;
        let two = send(b, &[c, d], Purpose::New).await?;
        let recalled = send(c, &[a], Purpose::New).await?;
        let updated = send(d, &[a], Purpose::New).await?;
        let replaced = send(a, &[c], Purpose::New).await?;
        // What no recipient has seen yet would be cancelled instead of recalled.
        for letter in [&recalled, &updated, &replaced] {
            self.wait_for(letter).await?;
        }
        let recall = send(c, &[a], Purpose::Recall(&recalled)).await?;
        let update = send(d, &[a, b], Purpose::Update(&updated)).await?;
        let replacement = send(a, &[c], Purpose::Replace(&replaced)).await?;

        b.faults().start(Fault::SendsTwice);
        let repeated = send(b, &[a], Purpose::New).await;
        b.faults().end(Fault::SendsTwice);
        d.faults().start(Fault::AcknowledgesTwice);

        let mut letters = vec![
            first.clone(),
            two,
            recalled,
            updated,
            replaced,
            recall,
            update,
            replacement,
            repeated?,
        ];
        let others = self.members.iter().skip(1).chain(self.members.first());
        for (from, to) in self.members.iter().zip(others) {
            letters.push(send(from, &[to], Purpose::New).await?);
        }
        let expected = expected_statuses(&letters);
        Ok(Scenario {
            first,
            letters,
            expected,
        })
    }

    /// Waits until every recipient has confirmed a letter.
    async fn wait_for(&self, letter: &Letter) -> Result<(), ProvinceError> {
        let began = self.world.clock.monotonic();
        while !self.world.journal.is_complete(letter.sha256) {
            if self.world.clock.monotonic().saturating_sub(began) > CONFIRMATION_TIMEOUT {
                return Err(ProvinceError::Unconfirmed {
                    code: letter.code.clone(),
                });
            }
            tokio::time::sleep(CONFIRMATION_PAUSE).await;
        }
        Ok(())
    }

    /// Keeps a working day going until told to stop; `tell` hears of it about once a second.
    pub async fn live(&self, mut stop: watch::Receiver<bool>, mut tell: impl FnMut(&News)) {
        let entropy = Arc::clone(&self.world.entropy);
        let began = self.world.clock.monotonic();
        let mut recent: Vec<(Arc<AgencySystem>, Letter)> = Vec::new();
        let mut down: Option<Arc<AgencySystem>> = None;
        let mut unheard = Unheard::default();
        let (mut tick, mut letters) = (0u32, 0u64);
        while !*stop.borrow() {
            tick = tick.wrapping_add(1);
            let day = self.world.clock.monotonic().saturating_sub(began) * DAY_SPEED;
            let minute = (DAY_BEGINS_MINUTE + day.as_secs() / 60) % MINUTES_OF_DAY;
            if entropy.below(100) < activity_percent(minute)
                && let Some(sent) = self.some_letter(&recent, &mut unheard).await
            {
                letters += 1;
                recent.push(sent);
                if recent.len() > RECENT_LETTERS {
                    recent.remove(0);
                }
            }
            match tick % TICKS_PER_BREAKDOWN {
                0 => {
                    // One that somebody broke on purpose stays broken until they restore it.
                    down = self
                        .some_member()
                        .filter(|member| !member.faults().is_down());
                    if let Some(member) = &down {
                        member.faults().start(Fault::Down);
                    }
                }
                BREAKDOWN_TICKS => {
                    if let Some(member) = down.take() {
                        member.faults().end(Fault::Down);
                    }
                }
                _ => {}
            }
            if tick % TICKS_PER_LINE == 0 {
                let totals = self.world.journal.totals();
                tell(&News {
                    time_of_day: format!("{:02}:{:02}", minute / 60, minute % 60),
                    letters,
                    submitted: totals.submitted,
                    acknowledged: totals.acknowledged,
                    statuses: totals.statuses,
                    down: self.names_of_down(),
                });
            }
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                _ = stop.changed() => {}
            }
        }
    }

    fn names_of_down(&self) -> Vec<String> {
        self.members
            .iter()
            .filter(|member| member.faults().is_down())
            .map(|member| member.agency().name.clone())
            .collect()
    }

    fn some_member(&self) -> Option<Arc<AgencySystem>> {
        let index = self.world.entropy.below(self.members.len() as u64);
        self.members.get(usize::try_from(index).ok()?).cloned()
    }

    /// Sends something plausible: mostly a new document, now and then a recall, an update or a replacement.
    async fn some_letter(
        &self,
        recent: &[(Arc<AgencySystem>, Letter)],
        unheard: &mut Unheard,
    ) -> Option<(Arc<AgencySystem>, Letter)> {
        let entropy = &*self.world.entropy;
        let earlier = usize::try_from(entropy.below(recent.len() as u64))
            .ok()
            .and_then(|index| recent.get(index));
        if let Some((from, letter)) = earlier
            && !letter.is_request
            && !from.faults().is_down()
            && self.world.journal.is_complete(letter.sha256)
            && entropy.below(10) == 0
        {
            let to: Vec<&Arc<AgencySystem>> = self
                .members
                .iter()
                .filter(|member| letter.to.contains(&member.agency().code))
                .collect();
            let purpose = match entropy.below(3) {
                0 => Purpose::Recall(letter),
                1 => Purpose::Update(letter),
                _ => Purpose::Replace(letter),
            };
            let sent = send(from, &to, purpose).await.ok()?;
            return Some((Arc::clone(from), sent));
        }
        // A system that is down writes nothing: its outbox would only grow.
        let from = self
            .some_member()
            .filter(|member| !member.faults().is_down())?;
        let mut to: Vec<Arc<AgencySystem>> = Vec::new();
        for _ in 0..=entropy.below(3) {
            let member = self.some_member()?;
            let code = &member.agency().code;
            let is_new = to.iter().all(|known| &known.agency().code != code);
            if is_new && code != &from.agency().code && unheard.may_address(&member) {
                to.push(member);
            }
        }
        if to.is_empty() {
            return None;
        }
        let to: Vec<&Arc<AgencySystem>> = to.iter().collect();
        let sent = send(&from, &to, Purpose::New).await.ok()?;
        Some((from, sent))
    }
}

/// How often agencies that are down were addressed since they fell silent.
#[derive(Debug, Default)]
struct Unheard(BTreeMap<String, u32>);

impl Unheard {
    /// Counts a letter to a member that is down; false when it has had enough of them.
    fn may_address(&mut self, member: &AgencySystem) -> bool {
        let code = &member.agency().code;
        if !member.faults().is_down() {
            self.0.remove(code);
            return true;
        }
        let count = self.0.entry(code.clone()).or_default();
        *count = count.saturating_add(1);
        *count <= UNHEARD_LETTERS_MAX
    }
}

async fn send(
    from: &Arc<AgencySystem>,
    to: &[&Arc<AgencySystem>],
    purpose: Purpose<'_>,
) -> Result<Letter, ProvinceError> {
    let to: Vec<&Agency> = to.iter().map(|member| member.agency()).collect();
    from.send(&to, purpose)
        .await
        .map_err(|source| ProvinceError::Send {
            code: from.agency().code.clone(),
            source,
        })
}

/// Every recipient completes a new document or a replacement in the end and grants a recall or an update.
fn expected_statuses(letters: &[Letter]) -> Vec<(String, String, &'static str)> {
    let mut expected = Vec::new();
    for letter in letters {
        let code = if letter.is_request { "15" } else { "06" };
        for recipient in &letter.to {
            expected.push((letter.external_id.clone(), recipient.clone(), code));
        }
    }
    expected
}

/// How busy a minute of the day is: the chance of a letter per tick.
fn activity_percent(minute: u64) -> u64 {
    match minute / 60 {
        8..=10 => 60,
        7 | 13..=15 => 40,
        11 | 16 => 25,
        _ => 4,
    }
}
