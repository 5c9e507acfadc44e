//! Whatever happens to a document stands on its open page within a second, without anybody pressing anything.

use std::time::Duration;

use lgsp_base::Clock;
use lgsp_base::time::SystemClock;
use lgsp_tests::agency::Letter;
use lgsp_tests::browser::Browser;
use lgsp_tests::system::{SystemBuilder, department};
use lgsp_tests::tell;

use crate::BINARY;
use crate::console::{Texts, logs_in};

/// The promise.
const SOON: Duration = Duration::from_secs(1);

const ROUNDS: usize = 5;

#[test]
fn a_confirmation_stands_on_the_page_within_a_second() {
    let Some(mut browser) = Browser::start("console-follow") else {
        return;
    };
    let system = SystemBuilder::new(BINARY, "console-follow")
        .start()
        .expect("SQLite");
    let site = format!("http://{}", system.address);
    let vi = Texts::of("vi");
    let mut agencies = system.agencies(2);
    logs_in(&mut browser, &site, system.admin_token());
    let clock = SystemClock::new();
    let mut took = Vec::new();
    for round in 0..ROUNDS {
        let letter = Letter {
            key: format!("letter-{round}"),
            recipients: vec![department(2)],
            body: format!("letter {round}").into_bytes(),
        };
        let outcome = agencies[0].submits(&letter);
        browser.opens(&format!("{site}/truy-vet/{}", outcome.document()));
        // The page follows: the mark stands there as soon as the stream is open.
        browser.waits_until("!document.querySelector('[data-live-mark]').hidden");
        let waiting = vi.get("transport.waiting").to_owned();
        assert!(browser.text_of("[data-live=way]").contains(&waiting));
        let handed = agencies[1].receives(10).expect("a document");
        let confirmed = agencies[1].acknowledges(&handed).expect("an answer");
        assert_eq!(confirmed, [Ok(false)]);
        let from = clock.monotonic();
        let delivered = vi.get("transport.delivered");
        browser.waits_until(&format!(
            "document.querySelector('[data-live=way]').innerText.includes('{delivered}')"
        ));
        took.push(clock.monotonic().saturating_sub(from));
    }
    took.sort();
    tell(&format!(
        "console_follow: a confirmation is seen after {took:?}"
    ));
    // One of the five may fall into a pause of a busy machine.
    assert!(took[ROUNDS - 2] <= SOON, "{took:?}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
