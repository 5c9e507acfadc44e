//! Dossiers that change while they are sent to the portal and compared with it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::future::{BoxFuture, join_all};
use lgsp_base::id::{SystemId, WebhookId};
use lgsp_base::vi::Day;
use lgsp_base::{Actor, Clock};
use lgsp_exchange::dossier::reconcile::{Portal, PortalUnavailable, Reconciler, RemoteDossier};
use lgsp_exchange::dossier::{DossierPush, Dossiers, PushMode};
use lgsp_exchange::{
    ContentBody, ContentTarget, Door, Exchange, HandOver, HandOverOutcome, Transport,
};
use lgsp_wire::dossier::{Dossier, DossierCode, DossierStatus};
use tokio::sync::watch;

use crate::micros_since;
use crate::pages::row;
use crate::province::{DAYS, PORTAL, Province, actor, org};
use crate::report::Row;

/// Promised: updates per second.
pub(crate) const UPDATES_PER_SECOND: f64 = 100.0;
/// Units that push at the same time.
const AT_ONCE: usize = 16;

const PLATFORM: Actor = Actor::Platform { part: "bench" };

/// What the portal has: the province's dossiers but the lost ones, and what was sent since.
#[derive(Debug)]
pub(crate) struct FakePortal {
    province: Province,
    sent: Mutex<HashMap<DossierCode, DossierStatus>>,
    taken: AtomicUsize,
}

impl FakePortal {
    pub(crate) fn new(province: Province) -> Self {
        Self {
            province,
            sent: Mutex::default(),
            taken: AtomicUsize::new(0),
        }
    }

    fn has(&self, code: &DossierCode) -> Option<DossierStatus> {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(status) = sent.get(code) {
            return Some(*status);
        }
        let number = self.province.number(code)?;
        (!Province::is_lost(number)).then(|| self.province.status(number))
    }
}

impl Portal for FakePortal {
    fn look_up(
        &self,
        codes: Vec<DossierCode>,
    ) -> BoxFuture<'_, Result<Vec<RemoteDossier>, PortalUnavailable>> {
        let found = codes.into_iter().filter_map(|code| {
            let status = self.has(&code)?;
            Some(RemoteDossier {
                code,
                status: Some(status),
            })
        });
        Box::pin(std::future::ready(Ok(found.collect())))
    }
}

/// Reads what it hands over, as a connector does, and never fails.
#[derive(Debug)]
struct ToPortal {
    exchange: Exchange,
    portal: Arc<FakePortal>,
}

impl ToPortal {
    async fn takes(&self, item: HandOver) -> Result<()> {
        let target = ContentTarget::Document(item.document);
        let content = self.exchange.content(&PLATFORM, target).await?;
        let ContentBody::Bytes(bytes) = content.body else {
            anyhow::bail!("a dossier in a file");
        };
        let dossier: Dossier = serde_json::from_slice(&bytes)?;
        let mut sent = self
            .portal
            .sent
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        sent.insert(dossier.code, dossier.status);
        self.portal.taken.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }
}

impl Transport for ToPortal {
    fn hand_over(&self, item: HandOver) -> BoxFuture<'_, HandOverOutcome> {
        Box::pin(async move {
            match self.takes(item).await {
                Ok(()) => HandOverOutcome::Confirmed,
                Err(error) => HandOverOutcome::Refused {
                    cause: "bench".to_owned(),
                    detail: error.to_string(),
                },
            }
        })
    }

    fn endpoint_gone(&self, _webhook: WebhookId, _system: SystemId) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// What may follow a status, so that every push moves its dossier.
fn next(status: DossierStatus) -> DossierStatus {
    match status {
        DossierStatus::Registered => DossierStatus::Received,
        DossierStatus::Processing => DossierStatus::SupplementAsked,
        _ => DossierStatus::Processing,
    }
}

/// Everything that runs at the same time.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) dossiers: Dossiers,
    pub(crate) exchange: Exchange,
    pub(crate) province: Province,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) span: Duration,
}

impl Load {
    /// Pushes for the whole span; the time of each push.
    async fn pusher(&self, first: usize, numbers: &[usize]) -> Result<Vec<u32>> {
        let started = self.clock.monotonic();
        let mut times = Vec::new();
        let mut statuses: HashMap<usize, DossierStatus> = HashMap::new();
        for (turn, number) in numbers.iter().cycle().enumerate() {
            if self.clock.monotonic().saturating_sub(started) > self.span {
                break;
            }
            let status = statuses
                .entry(*number)
                .or_insert_with(|| self.province.status(*number));
            *status = next(*status);
            let push = DossierPush {
                mode: PushMode::Update,
                idempotency_key: Some(format!("bench-{first}-{turn}")),
                ..DossierPush::new(
                    actor(Province::unit(*number)),
                    Door::Api,
                    self.province.dossier(*number, *status)?,
                )
            };
            let began = self.clock.monotonic();
            self.dossiers.push(push).await?;
            times.push(micros_since(&*self.clock, began));
        }
        Ok(times)
    }

    /// Compares day after day, the latest first, until it is told to stop; how many dossiers were compared, and sent again.
    async fn compares(&self, portal: Arc<FakePortal>, is_over: &AtomicBool) -> Result<(u64, u64)> {
        let reconciler = Reconciler::new(self.dossiers.clone(), org(PORTAL), portal);
        let (mut checked, mut replayed) = (0, 0);
        let mut day = Day::of(self.province.now);
        for _ in 0..DAYS {
            if is_over.load(Ordering::Acquire) {
                break;
            }
            day = day.plus_days(-1).context("a day before")?;
            let done = reconciler.run(&PLATFORM, day).await?;
            checked += done.checked;
            replayed += done.replayed;
        }
        Ok((checked, replayed))
    }

    /// Everything at once for the span; a row for the updates and one for the comparisons, and updates per second.
    pub(crate) async fn run(self, size: &str) -> Result<(Vec<Row>, f64)> {
        let portal = Arc::new(FakePortal::new(self.province));
        let (stop, stopped) = watch::channel(false);
        let transport = Arc::new(ToPortal {
            exchange: self.exchange.clone(),
            portal: Arc::clone(&portal),
        });
        let worker = self
            .exchange
            .run_worker("bench".to_owned(), transport, stopped);
        let is_over = AtomicBool::new(false);
        let open: Vec<usize> = (0..self.province.count)
            .filter(|number| self.province.is_open(*number))
            .collect();
        let share = open.len().div_ceil(AT_ONCE).max(1);
        let started = self.clock.monotonic();
        let seconds = || {
            let passed = self.clock.monotonic().saturating_sub(started);
            passed.as_secs_f64().max(f64::EPSILON)
        };
        let pushing = async {
            let pushers = open.chunks(share).enumerate();
            let pushers = pushers.map(|(first, numbers)| self.pusher(first, numbers));
            let times = join_all(pushers).await;
            is_over.store(true, Ordering::Release);
            (times, seconds(), portal.taken.load(Ordering::Acquire))
        };
        let comparing = async {
            let compared = self.compares(Arc::clone(&portal), &is_over).await;
            // The worker ends last; that nobody waits for it any more cannot be.
            let _told = stop.send(true);
            (compared, seconds())
        };
        let ((pushed, pushed_seconds, taken), (compared, compared_seconds), ()) =
            tokio::join!(pushing, comparing, worker);
        let (checked, replayed) = compared?;
        let mut times = Vec::new();
        for of_one in pushed {
            times.extend(of_one?);
        }
        times.sort_unstable();
        let per_second = times.len() as f64 / pushed_seconds;
        let rate = |target: &str, per_second: f64, note: String| Row {
            per_second: Some(per_second),
            p50_ms: None,
            p99_ms: None,
            ..row(target, size, &[], note)
        };
        let rows = vec![
            Row {
                per_second: Some(per_second),
                ..row("updates", size, &times, format!("{AT_ONCE} units at once"))
            },
            rate(
                "delivered to the portal",
                taken as f64 / pushed_seconds,
                "meanwhile".to_owned(),
            ),
            rate(
                "compared with the portal",
                checked as f64 / compared_seconds,
                format!("meanwhile; {replayed} sent again"),
            ),
        ];
        Ok((rows, per_second))
    }
}
