//! The ledger as strangers, parties and operators see it.

use lgsp_base::Sha256;
use lgsp_wire::tlog::checkpoint::Checkpoint;
use lgsp_wire::tlog::merkle::{leaf_hash, node_hash, root, verify_inclusion};
use lgsp_wire::tlog::note::{SignedNote, VerifierKey};
use lgsp_wire::tlog::receipt::Bundle;
use lgsp_wire::tlog::tile::{TileId, TileReader, decode_bundle, decode_tile};
use serde_json::json;

use super::*;

fn sha256(value: &Value, pointer: &str) -> Sha256 {
    text(value, pointer).parse().expect("a digest")
}

/// A stranger reads keys, checkpoint, tiles and entries, and finds that they fit.
#[tokio::test]
async fn a_stranger_reads_the_log_and_it_fits() {
    let door = Door::open("api-log").await;
    let stranger = door.anonymous();
    for path in [
        "/ledger/checkpoint",
        "/ledger/tile/0/000.p/1",
        "/ledger/tile/entries/000.p/1",
    ] {
        let answer = stranger.get(path).await;
        assert_eq!(
            problem(&answer),
            (404, "ledger.unknown".to_owned()),
            "{path}"
        );
    }
    let sender = door.system("H99.14").await;
    for number in 0..300 {
        sender.submit("H99.131", &format!("k{number}"), "x").await;
    }
    door.ledger.seal().await.expect("sealed");

    let keys = stranger.get("/ledger/keys").await;
    assert_eq!(keys.headers["content-type"], "text/plain; charset=utf-8");
    let keys = String::from_utf8(keys.body).expect("text");
    let key: VerifierKey = keys
        .lines()
        .next_back()
        .expect("a key")
        .parse()
        .expect("a key");
    let answer = stranger.get("/ledger/checkpoint").await;
    assert_eq!(answer.headers["cache-control"], "no-cache");
    let note = SignedNote::parse(std::str::from_utf8(&answer.body).expect("text")).expect("a note");
    let checkpoint = Checkpoint::open(&note, &key).expect("signed by the log");
    assert_eq!(checkpoint.origin, ORIGIN);
    assert!(checkpoint.size >= 300);

    let mut tiles = std::collections::BTreeMap::new();
    for id in lgsp_wire::tlog::tile::tiles_of(checkpoint.size) {
        let answer = stranger.get(&format!("/ledger/tile/{id}")).await;
        assert_eq!(answer.status, 200, "{id}");
        assert_eq!(
            answer.headers["cache-control"],
            "public, max-age=31536000, immutable"
        );
        tiles.insert((id.level, id.index, id.width), answer.body);
    }
    let fetch = |id: TileId| {
        Ok::<_, std::convert::Infallible>(tiles.get(&(id.level, id.index, id.width)).cloned())
    };
    let computed = root(
        checkpoint.size,
        &mut TileReader::new(checkpoint.size, fetch),
    );
    assert_eq!(computed.expect("every tile is there"), checkpoint.root);

    let bundle = stranger.get("/ledger/tile/entries/000").await;
    let entries = decode_bundle(&bundle.body).expect("a bundle");
    assert_eq!(entries.len(), 256);
    let whole = TileId {
        level: 0,
        index: 0,
        width: 256,
    };
    let hashes = decode_tile(whole, &tiles[&(0, 0, 256)]).expect("a tile");
    assert_eq!(leaf_hash(entries[7]), hashes[7]);
    for path in [
        "0/000.p/256",
        "0/0",
        "1/999",
        "entries/999",
        "../keys",
        "0/x",
        "63/000",
        "entries/",
    ] {
        let answer = stranger.get(&format!("/ledger/tile/{path}")).await;
        assert_eq!(
            problem(&answer),
            (404, "ledger.unknown".to_owned()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn parties_take_their_receipts_home() {
    let door = Door::open("api-receipts").await;
    let sender = door.system("H99.14").await;
    let receiver = door.system("H99.131").await;
    let other = door.system("H99.132").await;
    let operator = door.operator().await;
    let sent = sender.submit("H99.131", "k", "x").await.json();
    let path = format!("/api/v1/documents/{}/receipt", text(&sent, "/id"));
    let early = sender.get(&path).await;
    assert_eq!(problem(&early), (503, "ledger.not_sealed_yet".to_owned()));
    assert_eq!(early.headers["retry-after"], "1");
    door.ledger.seal().await.expect("sealed");

    let answer = sender.get(&path).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.headers["content-type"],
        "application/vnd.lgsp.receipt+json"
    );
    let name = format!("{}.lgsp-receipt", text(&sent, "/id"));
    assert!(
        answer.headers["content-disposition"]
            .to_str()
            .expect("text")
            .contains(&name)
    );
    let bundle = Bundle::decode(&answer.body).expect("a bundle");
    assert_eq!(bundle.encode(), answer.body);
    assert_eq!(operator.get(&path).await.status, 200);
    // A recipient gets the receipt of its own confirmation.
    assert_eq!(
        problem(&receiver.get(&path).await),
        (404, "ledger.unknown".to_owned())
    );
    let one = json!({"deliveries": [{"id": sent["deliveries"][0]["id"]}]});
    receiver.post("/api/v1/inbox/acknowledge", &one).await;
    assert_eq!(problem(&receiver.get(&path).await).0, 503);
    door.ledger.seal().await.expect("sealed");
    let own = receiver.get(&path).await;
    assert_eq!(own.status, 200);
    assert_ne!(own.body, answer.body);
    assert_eq!(
        problem(&other.get(&path).await),
        (404, "exchange.document_unknown".to_owned())
    );
}

#[tokio::test]
async fn an_operator_lists_entries_and_proves_them() {
    let door = Door::open("api-entries").await;
    let sender = door.system("H99.14").await;
    let operator = door.operator().await;
    for number in 0..5 {
        sender.submit("H99.131", &format!("k{number}"), "x").await;
    }
    door.ledger.seal().await.expect("sealed");
    assert_eq!(
        problem(&sender.get("/api/v1/ledger/entries").await),
        (403, "auth.forbidden".to_owned())
    );
    let mut seen = Vec::new();
    let mut path = "/api/v1/ledger/entries?page_size=4".to_owned();
    loop {
        let page = operator.get(&path).await.json();
        seen.extend(page["items"].as_array().expect("items").clone());
        let Some(token) = page["next_page_token"].as_str() else {
            break;
        };
        path = format!("/api/v1/ledger/entries?page_size=4&page_token={token}");
    }
    let leaves: Vec<u64> = seen
        .iter()
        .map(|entry| entry["leaf"].as_u64().expect("a leaf"))
        .collect();
    assert_eq!(leaves, (0..leaves.len() as u64).collect::<Vec<_>>());
    let last = seen.last().expect("entries");
    assert_eq!(text(last, "/kind"), "document.accepted");
    assert_eq!(text(last, "/record/at"), text(last, "/at"));
    let behind = operator
        .get(&format!(
            "/api/v1/ledger/entries?after={}",
            leaves.len() - 2
        ))
        .await;
    assert_eq!(behind.json()["items"].as_array().expect("items").len(), 1);

    let leaf = leaves.len() / 2;
    let proof = operator
        .get(&format!("/api/v1/ledger/entries/{leaf}/proof"))
        .await
        .json();
    assert_eq!(proof["entry"], seen[leaf]);
    let start = leaf_hash(&sha256(&proof, "/entry/commitment").0);
    assert_eq!(start, sha256(&proof, "/leaf_hash"));
    let steps = proof["path"].as_array().expect("a path");
    let reached = steps
        .iter()
        .fold(start, |hash, step| match text(step, "/side") {
            "left" => node_hash(&sha256(step, "/hash"), &hash),
            _ => node_hash(&hash, &sha256(step, "/hash")),
        });
    assert_eq!(reached, sha256(&proof, "/root"));
    let hashes: Vec<Sha256> = steps.iter().map(|step| sha256(step, "/hash")).collect();
    let size = proof["size"].as_u64().expect("a size");
    verify_inclusion(&start, leaf as u64, size, &hashes, &reached).expect("included");
    for bad in ["99999", "x", "-1"] {
        let answer = operator
            .get(&format!("/api/v1/ledger/entries/{bad}/proof"))
            .await;
        assert_eq!(
            problem(&answer),
            (404, "ledger.unknown".to_owned()),
            "{bad}"
        );
    }
}
