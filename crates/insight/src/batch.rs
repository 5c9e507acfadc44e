//! One batch of events worked into transactions, counters and health: plain code over what was loaded, no database.
//!
//! Everything is counted by state, not by event: a recipient moves from one state to another, and with it one count moves.
//! An entry that comes twice, or a delivery that is sent again, therefore counts once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lgsp_base::Timestamp;
use lgsp_base::id::{DeliveryId, DocumentId, OrgId};
use lgsp_base::limits::INSIGHT_SLOW_AFTER;
use lgsp_base::planted::{Bug, Planted};
use lgsp_store::exchange::DocumentKind;
use lgsp_store::insight::search::hour_of;
use lgsp_store::insight::{
    Agency, Counter, Direction, DocumentFacts, HealthTick, Hour, Outcome, Projected, Recipient,
    RecipientState, Transaction,
};

use crate::event::{Accepted, DeliveryEvent, Event, Step, What};
use crate::leaves::{Names, Party};
use crate::words::Words;

/// Microseconds of one tick of a health strip: 90 of them are a day.
pub(crate) const TICK_MICROS: i64 = 16 * 60 * 1_000_000;

/// The tick of an instant: its number since 1970.
pub(crate) fn tick_of(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(TICK_MICROS)
}

/// A transaction with its recipients.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) transaction: Transaction,
    pub(crate) recipients: BTreeMap<OrgId, Recipient>,
}

/// What is loaded before a batch is worked on.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// Transactions that the batch is about and that exist already.
    pub(crate) known: HashMap<DocumentId, Known>,
    /// Rows of documents that the batch accepts.
    pub(crate) facts: HashMap<DocumentId, DocumentFacts>,
    /// Chains of their originals.
    pub(crate) chains: HashMap<DocumentId, DocumentId>,
    /// Agencies that the batch is about.
    pub(crate) agencies: HashMap<OrgId, Agency>,
}

/// The work on one batch.
#[derive(Debug)]
pub(crate) struct Batch<'n> {
    names: &'n dyn Names,
    planted: Planted,
    loaded: Loaded,
    changed: BTreeSet<DocumentId>,
    changed_recipients: BTreeSet<(DocumentId, OrgId)>,
    changed_agencies: BTreeSet<OrgId>,
    words: Vec<(u64, String)>,
    hours: BTreeMap<i64, Hour>,
    counters: BTreeMap<Counter, (i64, i64)>,
    health: BTreeMap<(OrgId, i64), HealthTick>,
}

/// How a contact with a recipient went.
#[derive(Debug, Clone, Copy)]
enum Contact<'c> {
    Good,
    Slow,
    Trouble(Option<&'c str>),
}

impl<'n> Batch<'n> {
    pub(crate) fn new(names: &'n dyn Names, planted: Planted, loaded: Loaded) -> Self {
        Self {
            names,
            planted,
            loaded,
            changed: BTreeSet::new(),
            changed_recipients: BTreeSet::new(),
            changed_agencies: BTreeSet::new(),
            words: Vec::new(),
            hours: BTreeMap::new(),
            counters: BTreeMap::new(),
            health: BTreeMap::new(),
        }
    }

    /// Works one event in; events come in the order of their leaves.
    pub(crate) fn apply(&mut self, event: &Event) {
        match &event.what {
            What::Accepted(accepted) => self.accept(event, accepted),
            What::Refused { org, .. } => self.refuse(event, *org),
            What::Delivery(delivery) => self.deliver(event, delivery),
            What::Erased { document, .. } => self.erase(event, *document),
            What::Other => {}
        }
    }

    /// What is to be written.
    pub(crate) fn finish(self) -> Projected {
        let Loaded {
            known, agencies, ..
        } = self.loaded;
        let mut transactions: Vec<Transaction> = self
            .changed
            .iter()
            .filter_map(|document| Some(known.get(document)?.transaction.clone()))
            .collect();
        transactions.sort_unstable_by_key(|transaction| transaction.leaf);
        let mut recipients: Vec<(u64, Recipient)> = self
            .changed_recipients
            .iter()
            .filter_map(|(document, org)| {
                let known = known.get(document)?;
                Some((known.transaction.leaf, known.recipients.get(org)?.clone()))
            })
            .collect();
        recipients.sort_unstable_by_key(|(leaf, recipient)| (*leaf, recipient.org));
        Projected {
            transactions,
            recipients,
            words: self.words,
            hours: self.hours.into_values().collect(),
            counters: self
                .counters
                .into_iter()
                .filter(|(_, change)| *change != (0, 0))
                .map(|(counter, (by, bytes))| (counter, by, bytes))
                .collect(),
            agencies: self
                .changed_agencies
                .iter()
                .filter_map(|org| agencies.get(org).cloned())
                .collect(),
            health: self.health.into_values().collect(),
        }
    }

    fn accept(&mut self, event: &Event, accepted: &Accepted) {
        // A notice is the platform's word about a document, no business of its own.
        if accepted.kind == DocumentKind::Notice
            || self.loaded.known.contains_key(&accepted.document)
        {
            return;
        }
        let recipients: BTreeMap<OrgId, Recipient> = accepted
            .deliveries
            .iter()
            .map(|(delivery, org)| (*org, new_recipient(*org, *delivery, event.at)))
            .collect();
        let facts = self.loaded.facts.get(&accepted.document);
        let words = self.words_of(accepted, facts, event.at);
        let transaction = Transaction {
            leaf: event.leaf,
            document: accepted.document,
            correlation: self.chain_of(accepted.document, facts),
            kind: accepted.kind,
            business_type: accepted.business_type,
            sender: accepted.sender,
            content_bytes: facts.map_or(0, |facts| facts.content_bytes),
            recipients: 0,
            waiting: 0,
            done: 0,
            troubled: 0,
            cancelled: 0,
            outcome: Outcome::UnderWay,
            cause: None,
            next_try_at: None,
            first_at: event.at,
            last_at: event.at,
            last_leaf: event.leaf,
            erased_at: None,
            words: words.stored(),
        };
        self.words.push((
            event.leaf,
            words.indexed(accepted.kind, accepted.sender, recipients.keys().copied()),
        ));
        let hour = hour_of(event.at);
        let span = self.hours.entry(hour).or_insert(Hour {
            hour,
            first_leaf: event.leaf,
            last_leaf: event.leaf,
        });
        span.first_leaf = span.first_leaf.min(event.leaf);
        span.last_leaf = span.last_leaf.max(event.leaf);
        let orgs: Vec<OrgId> = recipients.keys().copied().collect();
        let mut known = Known {
            transaction,
            recipients,
        };
        known.summarise();
        self.count_transaction(&known.transaction, known.transaction.outcome, 1);
        for org in orgs {
            self.count_recipient(&known.transaction, org, Outcome::UnderWay, 1);
            self.changed_recipients.insert((accepted.document, org));
        }
        self.changed.insert(accepted.document);
        self.loaded.known.insert(accepted.document, known);
    }

    fn words_of(&self, accepted: &Accepted, facts: Option<&DocumentFacts>, at: Timestamp) -> Words {
        let mut words = Words::default();
        if let Some(facts) = facts {
            for text in [&facts.notation, &facts.subject].into_iter().flatten() {
                words.text(text);
            }
            if let Some(id) = &facts.external_id {
                words.external_id(id);
            }
            words.code(&facts.sender_code);
        }
        let recipients = accepted.deliveries.iter().map(|(_, org)| *org);
        for org in [accepted.sender].into_iter().chain(recipients) {
            if let Some(Party { name, code }) = self.names.party(org, at) {
                words.text(&name);
                if let Some(code) = code {
                    words.code(&code);
                }
            }
        }
        words
    }

    /// The first document of the chain: that of the original, if there is one.
    fn chain_of(&self, document: DocumentId, facts: Option<&DocumentFacts>) -> DocumentId {
        let Some(original) = facts.and_then(|facts| facts.original) else {
            return document;
        };
        match self.loaded.known.get(&original) {
            Some(known) => known.transaction.correlation,
            None => self
                .loaded
                .chains
                .get(&original)
                .copied()
                .unwrap_or(original),
        }
    }

    fn refuse(&mut self, event: &Event, org: Option<OrgId>) {
        for agency in [None].into_iter().chain(org.map(Some)) {
            self.count(
                Counter {
                    agency,
                    hour: hour_of(event.at),
                    direction: Direction::Sent,
                    kind: None,
                    outcome: Outcome::Refused,
                },
                1,
                0,
            );
        }
    }

    fn erase(&mut self, event: &Event, document: DocumentId) {
        if let Some(known) = self.loaded.known.get_mut(&document)
            && known.transaction.erased_at.is_none()
        {
            known.transaction.erased_at = Some(event.at);
            known.touch(event);
            self.changed.insert(document);
        }
    }

    fn deliver(&mut self, event: &Event, about: &DeliveryEvent) {
        let Some(mut known) = self.loaded.known.remove(&about.document) else {
            return;
        };
        if let Some(recipient) = known.recipients.get_mut(&about.recipient) {
            let before = recipient.state.outcome();
            let since = recipient.since_at;
            if step(recipient, about, event.at) {
                let after = recipient.state.outcome();
                self.changed.insert(about.document);
                self.changed_recipients
                    .insert((about.document, about.recipient));
                self.note_contact(event, about, since);
                self.move_counts(&mut known, about, (before, after));
                known.touch(event);
            }
        }
        self.loaded.known.insert(about.document, known);
    }

    fn move_counts(
        &mut self,
        known: &mut Known,
        about: &DeliveryEvent,
        (before, after): (Outcome, Outcome),
    ) {
        let was = known.transaction.outcome;
        known.summarise();
        let is = known.transaction.outcome;
        let is_counted_again =
            about.step == Step::Resent && self.planted.has(Bug::CountResendTwice);
        if before != after {
            if !is_counted_again {
                self.count_recipient(&known.transaction, about.recipient, before, -1);
            }
            self.count_recipient(&known.transaction, about.recipient, after, 1);
        }
        if was != is {
            self.count_transaction(&known.transaction, was, -1);
            self.count_transaction(&known.transaction, is, 1);
        }
    }

    fn note_contact(&mut self, event: &Event, about: &DeliveryEvent, since: Timestamp) {
        let contact = match &about.step {
            Step::Closed {
                state: RecipientState::Confirmed,
                ..
            } => {
                if event.at.since(since) > INSIGHT_SLOW_AFTER {
                    Contact::Slow
                } else {
                    Contact::Good
                }
            }
            Step::Closed {
                state: RecipientState::Parked | RecipientState::Dead | RecipientState::Expired,
                cause,
            }
            | Step::Failed { cause, .. } => Contact::Trouble(cause.as_deref()),
            Step::Closed { .. } | Step::Resent | Step::Status { .. } => return,
        };
        let tick = tick_of(event.at);
        let strip = self
            .health
            .entry((about.recipient, tick))
            .or_insert(HealthTick {
                org: about.recipient,
                tick,
                good: 0,
                slow: 0,
                trouble: 0,
            });
        match contact {
            Contact::Good => strip.good += 1,
            Contact::Slow => strip.slow += 1,
            Contact::Trouble(_) => strip.trouble += 1,
        }
        let agency = self.agency(about.recipient);
        match contact {
            Contact::Good | Contact::Slow => {
                agency.good_at = Some(event.at);
                agency.good_leaf = Some(event.leaf);
                agency.was_slow = matches!(contact, Contact::Slow);
                agency.trouble_since = None;
            }
            Contact::Trouble(cause) => {
                agency.trouble_since.get_or_insert(event.at);
                agency.trouble_at = Some(event.at);
                agency.trouble_leaf = Some(event.leaf);
                agency.trouble_cause = cause.map(str::to_owned);
            }
        }
    }

    fn agency(&mut self, org: OrgId) -> &mut Agency {
        self.changed_agencies.insert(org);
        self.loaded
            .agencies
            .entry(org)
            .or_insert_with(|| Agency::new(org))
    }

    fn count_transaction(&mut self, transaction: &Transaction, outcome: Outcome, by: i64) {
        self.count_both(
            transaction,
            transaction.sender,
            Direction::Sent,
            outcome,
            by,
        );
    }

    fn count_recipient(
        &mut self,
        transaction: &Transaction,
        org: OrgId,
        outcome: Outcome,
        by: i64,
    ) {
        self.count_both(transaction, org, Direction::Received, outcome, by);
        let agency = self.agency(org);
        match outcome {
            Outcome::UnderWay => agency.waiting += by,
            Outcome::Troubled => agency.troubled += by,
            Outcome::Done | Outcome::Cancelled | Outcome::Refused => {}
        }
    }

    fn count_both(
        &mut self,
        transaction: &Transaction,
        org: OrgId,
        direction: Direction,
        outcome: Outcome,
        by: i64,
    ) {
        let bytes = i64::try_from(transaction.content_bytes).unwrap_or(i64::MAX);
        for agency in [None, Some(org)] {
            let counter = Counter {
                agency,
                hour: hour_of(transaction.first_at),
                direction,
                kind: Some(transaction.kind),
                outcome,
            };
            self.count(counter, by, bytes.saturating_mul(by));
        }
    }

    fn count(&mut self, counter: Counter, by: i64, bytes: i64) {
        let change = self.counters.entry(counter).or_default();
        change.0 += by;
        change.1 = change.1.saturating_add(bytes);
    }
}

impl Known {
    /// Derives the sums of the transaction from its recipients.
    fn summarise(&mut self) {
        let (mut waiting, mut done, mut troubled, mut cancelled) = (0, 0, 0, 0);
        let mut next_try_at: Option<Timestamp> = None;
        let mut cause: Option<(bool, &String)> = None;
        for recipient in self.recipients.values() {
            let is_troubled = match recipient.state.outcome() {
                Outcome::UnderWay => {
                    waiting += 1;
                    next_try_at = match (next_try_at, recipient.next_try_at) {
                        (Some(one), Some(other)) => Some(one.min(other)),
                        (one, other) => one.or(other),
                    };
                    false
                }
                Outcome::Troubled => {
                    troubled += 1;
                    true
                }
                Outcome::Done | Outcome::Refused => {
                    done += 1;
                    continue;
                }
                Outcome::Cancelled => {
                    cancelled += 1;
                    continue;
                }
            };
            if let Some(found) = &recipient.cause
                && cause.is_none_or(|(was_troubled, _)| is_troubled && !was_troubled)
            {
                cause = Some((is_troubled, found));
            }
        }
        let row = &mut self.transaction;
        row.cause = cause.map(|(_, cause)| cause.clone());
        row.next_try_at = next_try_at;
        row.recipients = self.recipients.len() as u64;
        row.outcome = if troubled > 0 {
            Outcome::Troubled
        } else if waiting > 0 {
            Outcome::UnderWay
        } else if done > 0 || cancelled == 0 {
            Outcome::Done
        } else {
            Outcome::Cancelled
        };
        (row.waiting, row.done) = (waiting, done);
        (row.troubled, row.cancelled) = (troubled, cancelled);
    }

    fn touch(&mut self, event: &Event) {
        self.transaction.last_at = event.at;
        self.transaction.last_leaf = event.leaf;
    }
}

const fn new_recipient(org: OrgId, delivery: DeliveryId, at: Timestamp) -> Recipient {
    Recipient {
        org,
        delivery,
        state: RecipientState::Waiting,
        cause: None,
        status_code: None,
        attempts: 0,
        next_try_at: None,
        since_at: at,
        closed_at: None,
    }
}

/// Takes one step with a recipient; false if the entry tells nothing new: it was told before, or it is about a delivery that
/// has been sent again since.
fn step(recipient: &mut Recipient, about: &DeliveryEvent, at: Timestamp) -> bool {
    let is_newest = recipient.delivery == about.delivery;
    match &about.step {
        Step::Resent => {
            if is_newest || recipient.state.outcome() != Outcome::Troubled {
                return false;
            }
            *recipient = Recipient {
                status_code: recipient.status_code.take(),
                ..new_recipient(recipient.org, about.delivery, at)
            };
        }
        Step::Failed { cause, next_at, .. } => {
            if !is_newest || recipient.state != RecipientState::Waiting {
                return false;
            }
            recipient.attempts += 1;
            recipient.cause.clone_from(cause);
            recipient.next_try_at = *next_at;
        }
        Step::Closed { state, cause } => {
            if !is_newest || recipient.state != RecipientState::Waiting {
                return false;
            }
            recipient.state = *state;
            recipient.cause.clone_from(cause);
            recipient.next_try_at = None;
            recipient.closed_at = Some(at);
        }
        Step::Status { code, moved } => {
            // 13, 15 and 16 are side branches: what became of it there stands in the trace.
            let is_main = matches!(code.as_str(), "01" | "02" | "03" | "04" | "05" | "06");
            if !moved || !is_main || recipient.status_code.as_ref() == Some(code) {
                return false;
            }
            recipient.status_code = Some(code.clone());
        }
    }
    true
}
