//! Random histories, replayable from a seed, and a checker that counts them in another way than the projector does.

use std::collections::BTreeMap;

use lgsp_base::Entropy;
use lgsp_base::entropy::SeededEntropy;
use lgsp_store::StoreError;
use lgsp_store::exchange::DocumentKind;
use lgsp_wire::record::Record;

use super::world::{Draft, Sent, World, at};

/// Small numbers from a seed.
#[derive(Debug)]
pub(super) struct Dice(SeededEntropy);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    /// A number below `sides`.
    pub(super) fn roll(&self, sides: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        let sides = u64::try_from(sides.max(1)).expect("small");
        usize::try_from(u64::from_le_bytes(bytes) % sides).expect("small")
    }
}

const STEPS: [&str; 9] = [
    "delivery.confirmed",
    "delivery.confirmed",
    "delivery.attempt_failed",
    "delivery.refused",
    "delivery.parked",
    "delivery.dead",
    "delivery.expired",
    "delivery.cancelled",
    "status.reported",
];

/// Writes a history of so many entries: entries of any order, also such as the exchange would not write.
pub(super) fn write(world: &World, dice: &Dice, entries: usize) -> Vec<Sent> {
    let mut sent: Vec<Sent> = Vec::new();
    for number in 0..entries {
        let when = at(1_000_000 + i64::try_from(number).expect("small") * 400);
        match dice.roll(10) {
            0..=2 => sent.push(submit(world, dice, &sent, number)),
            3 => {
                if number > 0 {
                    world
                        .leaves
                        .repeat(u64::try_from(dice.roll(number)).expect("small"));
                } else {
                    world.leaves.push(when, "token.issued", &Record::new());
                }
            }
            4 => {
                let record = Record::new()
                    .with("code", "exchange.recipient_unknown")
                    .with("org", world.orgs[dice.roll(4)].to_string());
                world.leaves.push(when, "submit.refused", &record);
            }
            5 => match pick(dice, &mut sent) {
                Some((document, place)) => {
                    world.resend(when, document, place);
                }
                None => {
                    world
                        .leaves
                        .push(when, "registry.transition_set", &Record::new());
                }
            },
            6 => match pick(dice, &mut sent) {
                Some((document, _)) if dice.roll(3) == 0 => {
                    let record = Record::new().with("document", document.id.to_string());
                    world.leaves.push(when, "document.erased", &record);
                }
                // An entry that this version cannot read.
                _ => {
                    world.leaves.push(when, "delivery.dead", &Record::new());
                }
            },
            _ => match pick(dice, &mut sent) {
                Some((document, place)) => {
                    world.step(when, STEPS[dice.roll(STEPS.len())], document, place);
                }
                None => {
                    world.leaves.push(when, "system.added", &Record::new());
                }
            },
        }
    }
    sent
}

fn submit(world: &World, dice: &Dice, sent: &[Sent], number: usize) -> Sent {
    let when = at(1_000_000 + i64::try_from(number).expect("small") * 400);
    let kinds = [
        DocumentKind::Edoc,
        DocumentKind::Edoc,
        DocumentKind::Plain,
        DocumentKind::Status,
        DocumentKind::Notice,
    ];
    let from = dice.roll(4);
    let to: Vec<usize> = (0..4)
        .filter(|org| *org != from && dice.roll(2) == 0)
        .collect();
    let original = (dice.roll(3) == 0 && !sent.is_empty()).then(|| sent[dice.roll(sent.len())].id);
    let notation = format!("{number}/SYT");
    let draft = Draft {
        kind: kinds[dice.roll(kinds.len())],
        notation: Some(&notation),
        original,
        bytes: dice.roll(5_000) as u64,
        ..Draft::default()
    };
    world.send(when, from, &to, draft)
}

fn pick<'s>(dice: &Dice, sent: &'s mut [Sent]) -> Option<(&'s mut Sent, usize)> {
    let count = sent.len();
    let document = sent.get_mut(dice.roll(count))?;
    let places = document.deliveries.len();
    (places > 0).then(|| {
        let place = dice.roll(places);
        (document, place)
    })
}

/// Counts transactions and recipients as they stand and compares with the counters; the lines that differ.
pub(super) fn miscounted(world: &World) -> Vec<String> {
    let read = world.db.read::<_, StoreError, _>("test_recount", |tx| {
        let from_rows = "
            SELECT t.sender_org_id, t.first_at / 3600000000, 'sent', t.kind, t.outcome, 1, t.content_bytes
                FROM insight_transactions t
            UNION ALL
            SELECT r.org_id, t.first_at / 3600000000, 'received', t.kind, CASE r.state WHEN 'waiting' THEN 'under_way'
                WHEN 'confirmed' THEN 'done' WHEN 'cancelled' THEN 'cancelled' ELSE 'troubled' END, 1, t.content_bytes
                FROM insight_recipients r JOIN insight_transactions t ON t.leaf = r.leaf";
        let mut counts: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        let mut add = |sql: &str, sign: i64, with_all: bool| {
            let rows = tx.query_dyn(sql, &[], |row| {
                let key = format!(
                    "{} {} {} {}",
                    row.int(1)?,
                    row.text(2)?,
                    row.text(3)?,
                    row.text(4)?
                );
                Ok((row.text(0)?, key, row.int(5)?, row.int(6)?))
            })?;
            for (agency, key, count, bytes) in rows {
                let agencies = if with_all { vec![agency, String::new()] } else { vec![agency] };
                for agency in agencies {
                    let entry = counts.entry(format!("{agency} {key}")).or_default();
                    entry.0 += sign * count;
                    entry.1 += sign * bytes;
                }
            }
            Ok::<_, StoreError>(())
        };
        add(from_rows, 1, true)?;
        add(
            "SELECT agency, hour, direction, kind, outcome, count, content_bytes FROM insight_counters
             WHERE outcome <> 'refused'",
            -1,
            false,
        )?;
        Ok(counts
            .into_iter()
            .filter(|(_, difference)| *difference != (0, 0))
            .map(|(key, difference)| format!("{key}: {difference:?}"))
            .collect())
    });
    read.wait().expect("counts")
}
