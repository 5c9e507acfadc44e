//! Files of dossiers: in and out as streams, and by links.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::Method;
use lgsp_base::limits;
use serde_json::json;

use super::one_stop::{route_all, sample};
use super::*;

const FILES: &str = "/api/v1/dossiers/H99.131-260312-0042/files";
const NAME: (&str, &str) = (
    "content-disposition",
    "attachment; filename*=UTF-8''%C4%90%C6%A1n%20Th%E1%BB%AD.pdf",
);
const PDF: (&str, &str) = ("content-type", "application/pdf");

/// An office with a dossier that a department follows.
async fn office(door: &Door) -> Caller {
    route_all(door, "H99.14").await;
    let office = door.system("H99.131").await;
    let pushed = office
        .sync(
            "DongBoHoSoMC",
            "False",
            &json!([sample("DongBoHoSoMC_new")]),
        )
        .await;
    assert_eq!(text(&pushed.json(), "/error_code"), "0");
    office
}

/// A body of so many bytes that comes in pieces, without a length before it.
fn pieces(bytes: u64) -> Body {
    let piece = Bytes::from(vec![7u8; 64 * 1024]);
    let count = usize::try_from(bytes.div_ceil(64 * 1024)).expect("a count");
    let last = usize::try_from(bytes - (count as u64 - 1) * 64 * 1024).expect("a size");
    Body::from_stream(stream::iter((1..=count).map(move |index| {
        let size = if index == count { last } else { piece.len() };
        Ok::<_, std::io::Error>(piece.slice(..size))
    })))
}

#[tokio::test]
async fn a_file_comes_in_and_goes_out_as_it_was() {
    let door = Door::open("api-files").await;
    let office = office(&door).await;
    let (stranger, operator) = (door.system("H99.132").await, door.operator().await);
    let body = Bytes::from(vec![42u8; 300_000]);
    let call = async |caller: &Caller, path: &str| {
        caller
            .call(Method::POST, path, &[NAME, PDF], body.clone())
            .await
    };
    let stored = call(&office, FILES).await;
    assert_eq!(stored.status, 201, "{}", stored.json());
    assert_eq!(text(&stored.json(), "/name"), "Đơn Thử.pdf");
    assert_eq!(stored.json()["bytes"], 300_000);
    let place = stored.headers["location"]
        .to_str()
        .expect("text")
        .to_owned();
    let again = call(&office, FILES).await;
    assert_eq!(again.json()["id"], stored.json()["id"], "the same file");

    let fetched = office.get(&place).await;
    assert_eq!(fetched.body, body);
    assert_eq!(fetched.headers["content-type"], "application/pdf");
    assert!(
        fetched.headers["content-disposition"]
            .to_str()
            .expect("text")
            .starts_with("attachment")
    );
    for (caller, code) in [
        (&stranger, "dossier.file_unknown"),
        (&operator, "auth.forbidden"),
        (&door.anonymous(), "auth.required"),
    ] {
        assert_eq!(problem(&caller.get(&place).await).1, code);
    }
    assert_eq!(problem(&call(&stranger, FILES).await).1, "dossier.unknown");
    assert_eq!(
        problem(&call(&office, &format!("{FILES}?kind=photo")).await).1,
        "input.invalid"
    );
    let nameless = office.call(Method::POST, FILES, &[PDF], body.clone()).await;
    assert_eq!(problem(&nameless).1, "input.invalid");
    let shown = office
        .get("/api/v1/dossiers/H99.131-260312-0042?purpose=handling")
        .await
        .json();
    assert_eq!(text(&shown, "/files/0/name"), "Đơn Thử.pdf");
    let masked = operator
        .get("/api/v1/dossiers/H99.131-260312-0042?purpose=support")
        .await
        .json();
    assert_eq!(text(&masked, "/files/0/name"), "");
}

#[tokio::test]
async fn fifty_megabytes_fit_and_one_byte_more_does_not() {
    let door = Door::open("api-files-large").await;
    let office = office(&door).await;
    let max = limits::DOSSIER_FILE_BYTES_MAX;
    let stored = office
        .call(Method::POST, FILES, &[NAME, PDF], pieces(max))
        .await;
    assert_eq!(stored.json()["bytes"], max, "{}", stored.json());
    let fetched = office
        .get(stored.headers["location"].to_str().expect("text"))
        .await;
    assert_eq!(fetched.body.len() as u64, max);
    let large = office
        .call(Method::POST, FILES, &[NAME, PDF], pieces(max + 1))
        .await;
    assert_eq!(problem(&large), (413, "dossier.file_too_large".to_owned()));
    assert_eq!(large.headers["connection"], "close");
    let length = (max + 1).to_string();
    let headers = [NAME, PDF, ("content-length", length.as_str())];
    let announced = office.call(Method::POST, FILES, &headers, "x").await;
    assert_eq!(problem(&announced).1, "dossier.file_too_large");
}

#[tokio::test]
async fn a_link_opens_for_its_system_in_its_time() {
    let door = Door::open("api-links").await;
    let office = office(&door).await;
    let (department, stranger) = (door.system("H99.14").await, door.system("H99.132").await);
    let stored = office
        .call(Method::POST, FILES, &[NAME, PDF], "nội dung")
        .await;
    let links = format!(
        "/api/v1/dossier-files/{}/links",
        text(&stored.json(), "/id")
    );
    let make = async |caller: &Caller, to: &str| {
        caller.post(&links, &json!({"to": to, "seconds": 60})).await
    };
    let made = make(&office, "H99.14").await;
    assert_eq!(
        (made.status.as_u16(), &made.headers["cache-control"]),
        (201, &"no-store".parse().expect("a value"))
    );
    let link = text(&made.json(), "/path").to_owned();
    assert_eq!(department.get(&link).await.body, "nội dung".as_bytes());
    for caller in [&stranger, &office, &door.anonymous()] {
        let refused = caller.get(&link).await;
        assert_eq!(problem(&refused), (403, "dossier.link_audience".to_owned()));
    }
    let bearer = text(&make(&office, "bearer").await.json(), "/path").to_owned();
    assert_eq!(
        door.anonymous().get(&bearer).await.body,
        "nội dung".as_bytes()
    );
    let forged = bearer.replace("bearer", "bearex");
    let cut = &bearer[..bearer.len() - 1];
    for bad in [forged.as_str(), cut, "/tep/x"] {
        let refused = door.anonymous().get(bad).await;
        assert_eq!(problem(&refused), (404, "dossier.file_unknown".to_owned()));
    }
    assert_eq!(
        problem(&make(&stranger, "bearer").await).1,
        "dossier.file_unknown"
    );
    assert_eq!(problem(&make(&office, "H99").await).1, "system.unknown");
    for seconds in [0, 1_000_000_000] {
        let long = office
            .post(&links, &json!({"to": "bearer", "seconds": seconds}))
            .await;
        assert_eq!(problem(&long).1, "input.invalid", "{seconds}");
    }
    door.house.clock.advance(Duration::from_secs(60));
    for (caller, link) in [(&department, &link), (&door.anonymous(), &bearer)] {
        let late = caller.get(link).await;
        assert_eq!(problem(&late), (410, "dossier.link_expired".to_owned()));
    }
}
