//! A sound history has no violation; each doctored one has exactly the one it was doctored for.

use super::*;

fn submitting(key: &str, sha256: &str) -> Event {
    Event::Submitting {
        key: key.to_owned(),
        sender: "A".to_owned(),
        recipients: vec!["B".to_owned()],
        sha256: sha256.to_owned(),
    }
}

fn accepted(key: &str, number: u64, sha256: &str) -> Event {
    Event::Accepted {
        key: key.to_owned(),
        document: format!("doc{number}"),
        receipt: format!("rcp{number}"),
        sha256: sha256.to_owned(),
        deliveries: vec![(format!("dlv{number}"), "B".to_owned(), number)],
    }
}

fn handed(number: u64, sha256: &str, attempt: u64) -> Event {
    Event::Handed {
        recipient: "B".to_owned(),
        sender: "A".to_owned(),
        delivery: format!("dlv{number}"),
        document: format!("doc{number}"),
        sha256: sha256.to_owned(),
        attempt,
    }
}

fn confirmed(number: u64, is_repeat: bool) -> Event {
    Event::Confirmed {
        recipient: "B".to_owned(),
        delivery: format!("dlv{number}"),
        receipt: format!("con{number}"),
        is_repeat,
    }
}

fn sound() -> (Vec<Event>, Final) {
    let events = vec![
        submitting("k1", "h1"),
        Event::Unknown {
            key: "k1".to_owned(),
        },
        submitting("k1", "h1"),
        accepted("k1", 1, "h1"),
        submitting("k2", "h2"),
        accepted("k2", 2, "h2"),
        handed(1, "h1", 1),
        handed(1, "h1", 2),
        handed(2, "h2", 1),
        confirmed(1, false),
        confirmed(1, true),
        confirmed(2, false),
    ];
    let shown = (1..=2)
        .map(|number| {
            let deliveries = BTreeMap::from([(
                format!("dlv{number}"),
                ("delivered".to_owned(), Some(format!("con{number}"))),
            )]);
            let document = FinalDocument {
                content_sha256: Some(format!("h{number}")),
                sha256: format!("h{number}"),
                receipt: format!("rcp{number}"),
                deliveries,
            };
            (format!("doc{number}"), document)
        })
        .collect();
    (events, shown)
}

fn promises(doctor: impl FnOnce(&mut Vec<Event>, &mut Final)) -> BTreeSet<&'static str> {
    let (mut events, mut shown) = sound();
    doctor(&mut events, &mut shown);
    check(&events, &shown, Expect::Drained)
        .into_iter()
        .map(|violation| violation.promise)
        .collect()
}

#[test]
fn a_sound_history_has_no_violation() {
    assert!(promises(|_, _| {}).is_empty());
}

#[test]
fn d1_lost_document_delivery_or_hash() {
    assert_eq!(
        promises(|_, shown| drop(shown.remove("doc1"))),
        ["D1"].into()
    );
    let lost_delivery = promises(|_, shown| shown.get_mut("doc1").unwrap().deliveries.clear());
    assert_eq!(lost_delivery, ["D1"].into());
    let other_hash = promises(|_, shown| {
        let document = shown.get_mut("doc1").unwrap();
        document.sha256 = "other".to_owned();
        document.content_sha256 = Some("other".to_owned());
    });
    assert_eq!(other_hash, ["D1"].into());
}

#[test]
fn d2_something_nobody_sent() {
    assert_eq!(
        promises(|events, _| events.push(handed(9, "h9", 1))),
        ["D2"].into()
    );
}

#[test]
fn d3_two_documents_for_a_key() {
    let found = promises(|events, _| {
        events[3] = accepted("k2", 1, "h2");
        events.insert(3, submitting("k2", "h1"));
    });
    assert!(found.contains("D3"), "{found:?}");
}

#[test]
fn d3_a_second_document_that_only_the_recipient_saw() {
    let found = promises(|events, _| {
        events.push(Event::Handed {
            recipient: "B".to_owned(),
            sender: "A".to_owned(),
            delivery: "dlv8".to_owned(),
            document: "doc8".to_owned(),
            sha256: "h1".to_owned(),
            attempt: 1,
        });
    });
    assert_eq!(found, ["D3"].into());
}

#[test]
fn d4_other_content_for_a_key() {
    let found = promises(|events, _| {
        events.push(submitting("k1", "h2"));
        events.push(accepted("k1", 2, "h2"));
    });
    assert!(found.contains("D4"), "{found:?}");
}

#[test]
fn d5_again_after_the_confirmation() {
    assert_eq!(
        promises(|events, _| events.push(handed(1, "h1", 3))),
        ["D5"].into()
    );
    assert_eq!(
        promises(|events, _| events.push(confirmed(1, false))),
        ["D5"].into()
    );
    assert_eq!(
        promises(|events, _| events[7] = handed(1, "h1", 0)),
        ["D5"].into()
    );
}

#[test]
fn d6_out_of_order() {
    let found = promises(|events, _| {
        events.swap(9, 11);
        events.swap(10, 11);
    });
    assert_eq!(found, ["D6"].into());
}

#[test]
fn d7_never_confirmed() {
    let found = promises(|events, shown| {
        events.pop();
        shown
            .get_mut("doc2")
            .unwrap()
            .deliveries
            .insert("dlv2".to_owned(), ("waiting".to_owned(), None));
    });
    assert_eq!(found, ["D7"].into());
}

#[test]
fn d8_visible_without_its_body() {
    let found = promises(|_, shown| shown.get_mut("doc1").unwrap().content_sha256 = None);
    assert_eq!(found, ["D8"].into());
    let torn =
        promises(|_, shown| shown.get_mut("doc1").unwrap().content_sha256 = Some("x".to_owned()));
    assert_eq!(torn, ["D8"].into());
}

#[test]
fn d13_receipts_that_do_not_match() {
    let sender = promises(|_, shown| shown.get_mut("doc1").unwrap().receipt = "other".to_owned());
    assert_eq!(sender, ["D13"].into());
    let recipient = promises(|_, shown| {
        shown
            .get_mut("doc1")
            .unwrap()
            .deliveries
            .get_mut("dlv1")
            .unwrap()
            .1 = Some("other".to_owned());
    });
    assert_eq!(recipient, ["D13"].into());
    let undone = promises(|_, shown| {
        shown
            .get_mut("doc1")
            .unwrap()
            .deliveries
            .get_mut("dlv1")
            .unwrap()
            .0 = "waiting".to_owned();
    });
    assert_eq!(undone, ["D13"].into());
}

#[test]
fn the_recorder_writes_a_line_per_event() {
    let recorder = Recorder::new("recorder-test");
    for event in sound().0 {
        recorder.record(event);
    }
    let text = std::fs::read_to_string(&recorder.path).unwrap();
    assert_eq!(text.lines().count(), recorder.events().len());
    assert_eq!(recorder.accepted(), 2);
}
