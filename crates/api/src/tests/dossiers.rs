//! Dossiers through our own API.

use http::Method;
use serde_json::json;

use super::one_stop::{route_all, sample, take};
use super::*;

const PATH: &str = "/api/v1/dossiers";
const CODE: &str = "H99.131-260312-0042";

/// The sample in our own JSON.
fn dossier() -> Value {
    let read = lgsp_wire::dossier::Dossier::from_portal(sample("DongBoHoSoMC_new"), "");
    serde_json::to_value(read.result.expect("a dossier")).expect("JSON")
}

fn coded(code: &str) -> Value {
    let mut dossier = dossier();
    dossier["code"] = code.into();
    dossier
}

async fn push(caller: &Caller, key: &str, body: &Value) -> Answer {
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", key),
    ];
    caller
        .call(Method::POST, PATH, &headers, body.to_string())
        .await
}

#[tokio::test]
async fn a_dossier_is_handed_in_followed_and_shown() {
    let door = Door::open("api-dossier").await;
    let (office, department) = (door.system("H99.131").await, door.system("H99.14").await);
    let (stranger, operator) = (door.system("H99.132").await, door.operator().await);
    let body = json!({"dossier": dossier(), "to": ["H99.14"], "mode": "create"});
    let pushed = push(&office, "k1", &body).await;
    assert_eq!(pushed.status, 202, "{}", pushed.json());
    let answer = pushed.json();
    assert_eq!(
        (text(&answer, "/code"), &answer["version"]),
        (CODE, &json!(1))
    );
    assert_eq!(text(&answer, "/document/deliveries/0/to"), "H99.14");
    let location = pushed.headers["location"]
        .to_str()
        .expect("text")
        .to_owned();
    assert_eq!(location, format!("{PATH}/{}", text(&answer, "/id")));
    let again = push(&office, "k1", &body).await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.json()["document"]["id"], answer["document"]["id"]);
    let other = json!({"dossier": dossier(), "mode": "create"});
    assert_eq!(problem(&push(&office, "k1", &other).await).0, 409);
    assert_eq!(take(&department).await, [dossier()]);

    let step = json!({"steps": [{"status": "4", "handler": "Trần Thị Xử"}]});
    let told = department
        .post(&format!("{PATH}/{CODE}/progress"), &step)
        .await;
    assert_eq!(told.status, 202, "{}", told.json());
    assert_eq!(text(&told.json(), "/status"), "4");
    let strange = stranger
        .post(&format!("{PATH}/{CODE}/progress"), &step)
        .await;
    assert_eq!(problem(&strange), (404, "dossier.unknown".to_owned()));

    for address in [location.clone(), format!("{PATH}/{CODE}")] {
        let shown = office.get(&format!("{address}?purpose=handling")).await;
        assert_eq!(shown.status, 200, "{}", shown.json());
        let shown = shown.json();
        assert_eq!(shown["is_masked"], false);
        assert_eq!(shown["dossier"]["applicant"], dossier()["applicant"]);
        assert_eq!(text(&shown, "/steps/1/handler"), "Trần Thị Xử");
        assert_eq!(shown["messages"].as_array().expect("messages").len(), 2);
        assert_eq!(text(&shown, "/messages/0/deliveries/0/state"), "delivered");
        assert_eq!(text(&shown, "/clock/state"), "overdue");
        let masked = operator.get(&format!("{address}?purpose=support")).await;
        let name = text(&dossier(), "/applicant/name").to_owned();
        assert_eq!(masked.json()["is_masked"], true);
        assert!(!String::from_utf8_lossy(&masked.body).contains(&name));
        for (caller, query, code) in [
            (&office, "", "input.invalid"),
            (&office, "?purpose=curiosity", "input.invalid"),
            (&stranger, "?purpose=handling", "dossier.unknown"),
        ] {
            let refused = caller.get(&format!("{address}{query}")).await;
            assert_eq!(problem(&refused).1, code, "{query}");
        }
    }
    let nothing = office.get(&format!("{PATH}/x?purpose=handling")).await;
    assert_eq!(problem(&nothing), (404, "dossier.unknown".to_owned()));

    let number = text(&dossier(), "/applicant/identities/0/number").to_owned();
    let looks = operator
        .post(
            &format!("{PATH}/looks"),
            &json!({"identity_number": number}),
        )
        .await
        .json();
    assert_eq!(looks["items"].as_array().expect("looks").len(), 4);
    assert_eq!(text(&looks, "/items/0/code"), CODE);
    let asked = office
        .post(
            &format!("{PATH}/looks"),
            &json!({"identity_number": number}),
        )
        .await;
    assert_eq!(problem(&asked), (403, "auth.forbidden".to_owned()));
}

#[tokio::test]
async fn dossiers_are_listed_and_counted() {
    let door = Door::open("api-dossier-list").await;
    let (office, stranger) = (door.system("H99.131").await, door.system("H99.132").await);
    let many: Vec<Value> = (1..=5)
        .map(|number| coded(&format!("H99.131-260312-{number:04}")))
        .collect();
    let pushed = push(&office, "k", &json!({"dossiers": many})).await;
    assert_eq!(pushed.status, 200);
    assert_eq!(pushed.json()["accepted"], 5, "{}", pushed.json());
    let again = push(&office, "k", &json!({"dossiers": many})).await.json();
    assert_eq!(again["results"][4]["accepted"]["repeated"], true);

    let list = async |caller: &Caller, query: &str| {
        let page = caller.get(&format!("{PATH}?{query}")).await;
        assert_eq!(page.status, 200, "{query} {}", page.json());
        page.json()
    };
    let items = |page: &Value| page["items"].as_array().expect("items").len();
    for (query, count) in [
        ("", 5),
        ("status=2&status=4", 5),
        ("status=10", 0),
        ("clock=overdue&procedure=9.000001", 5),
        ("clock=on_time", 0),
        ("code=h99.131-260312-000", 5),
        ("code=H99.131-260312-0003", 1),
        ("organisation=H99.131&order=due", 5),
        ("after=2026-11-21&before=2026-11-22", 5),
        ("before=2026-11-20", 0),
    ] {
        assert_eq!(items(&list(&office, query).await), count, "{query}");
    }
    assert_eq!(items(&list(&stranger, "").await), 0);
    let mut seen = 0;
    let mut query = "page_size=2".to_owned();
    loop {
        let page = list(&office, &query).await;
        seen += items(&page);
        match page["next_page_token"].as_str() {
            Some(token) => query = format!("page_size=2&page_token={token}"),
            None => break,
        }
    }
    assert_eq!(seen, 5);
    let page = list(&office, "page_size=1").await;
    let name = text(&dossier(), "/applicant/name").to_owned();
    assert!(!page.to_string().contains(&name), "masked in lists");
    for (query, code) in [
        ("status=11", "input.invalid"),
        ("clock=late", "input.invalid"),
        ("order=name", "input.invalid"),
        ("organisation=H1", "org.unknown"),
        ("organisation=H99.14", "auth.forbidden"),
        ("q=x", "input.invalid"),
    ] {
        let refused = office.get(&format!("{PATH}?{query}")).await;
        assert_eq!(problem(&refused).1, code, "{query}");
    }
    let counts = office.get(&format!("{PATH}/counts")).await.json();
    assert_eq!(
        (&counts["open"], &counts["overdue"]),
        (&json!(5), &json!(5))
    );
    let ageing = office.get(&format!("{PATH}/ageing")).await.json();
    assert_eq!(ageing["items"][0]["overdue_long"], 5);
    assert_eq!(ageing["items"][0]["stuck_status"], "2");
}

#[tokio::test]
async fn each_dossier_of_a_batch_is_judged_on_its_own() {
    let door = Door::open("api-dossier-batch").await;
    let office = door.system("H99.131").await;
    let with = |name: &str, value: Value| {
        let mut dossier = dossier();
        dossier[name] = value;
        dossier
    };
    let mut no_date = dossier();
    no_date["received_at"] = Value::Null;
    let items = json!([
        coded("H99.131-260312-0001"),
        with("code", json!("x")),
        with("applicant", json!({"name": 7})),
        no_date,
        with("received_at", json!("2099-01-01T00:00:00Z")),
        coded("H99.131-260312-0002"),
    ]);
    let answer = push(&office, "k", &json!({"dossiers": items})).await.json();
    assert_eq!(
        (&answer["accepted"], &answer["refused"]),
        (&json!(2), &json!(4)),
        "{answer}"
    );
    let code = |index: usize| answer["results"][index]["problem"]["code"].clone();
    assert_eq!(code(1), "dossier.invalid");
    assert_eq!(
        text(&answer, "/results/3/problem/errors/0/pointer"),
        "NgayTiepNhan"
    );
    assert_eq!(answer["results"][4]["code"], CODE);
    for (body, problem_code) in [
        (json!({}), "input.invalid"),
        (json!({"dossiers": []}), "input.invalid"),
        (
            json!({"dossier": dossier(), "dossiers": []}),
            "input.invalid",
        ),
        (
            json!({"dossier": dossier(), "mode": "both"}),
            "input.invalid",
        ),
        (
            json!({"dossiers": vec![json!({}); 201]}),
            "dossier.batch_too_large",
        ),
        (
            json!({"dossier": dossier(), "to": ["H99.999"]}),
            "exchange.recipient_unknown",
        ),
        (
            json!({"dossier": dossier(), "agency": "H99.14"}),
            "exchange.sender",
        ),
        (
            json!({"dossier": coded("H12.999-260312-0001")}),
            "dossier.agency_unknown",
        ),
        (
            json!({"dossier": coded("H99.14-260312-0001")}),
            "exchange.sender",
        ),
    ] {
        let refused = push(&office, "k2", &body).await;
        assert_eq!(problem(&refused).1, problem_code, "{body:.80}");
    }
    let debug: crate::dossiers::PushDossiers =
        serde_json::from_value(json!({"dossier": dossier()})).expect("a request");
    let name = text(&dossier(), "/applicant/name").to_owned();
    assert!(!format!("{debug:?}").contains(&name));
}

#[tokio::test]
async fn operators_set_routes_tables_and_meanings() {
    let door = Door::open("api-dossier-settings").await;
    let (office, operator) = (door.system("H99.131").await, door.operator().await);
    let path = format!("{PATH}/routes");
    let route = json!({"kind": "procedure", "value": "9.000001", "to": "H99.14"});
    assert_eq!(problem(&office.post(&path, &route).await).0, 403);
    assert_eq!(operator.post(&path, &route).await.status, 201);
    assert_eq!(operator.post(&path, &route).await.status, 200);
    let listed = operator.get(&path).await.json();
    assert_eq!(text(&listed, "/items/0/to"), "H99.14");
    for (bad, code) in [
        (json!({"kind": "person", "to": "H99.14"}), "input.invalid"),
        (json!({"kind": "field", "to": "H99.14"}), "input.invalid"),
        (
            json!({"kind": "all", "to": "H99.999"}),
            "exchange.recipient_unknown",
        ),
    ] {
        assert_eq!(problem(&operator.post(&path, &bad).await).1, code, "{bad}");
    }
    let gone = format!("{path}?kind=procedure&value=9.000001&to=H99.14");
    assert_eq!(
        operator.call(Method::DELETE, &gone, &[], "").await.status,
        204
    );
    assert_eq!(
        problem(&operator.call(Method::DELETE, &gone, &[], "").await).0,
        404
    );

    for name in ["transitions", "retention"] {
        let path = format!("{PATH}/{name}");
        assert_eq!(problem(&office.get(&path).await).0, 403);
        let mut table = operator.get(&path).await.json();
        table["version"] = json!("tỉnh-1");
        assert_eq!(operator.post(&path, &table).await.status, 200);
        assert_eq!(operator.get(&path).await.json(), table);
        table["version"] = json!("");
        assert_eq!(
            problem(&operator.post(&path, &table).await).1,
            "input.invalid"
        );
    }

    let path = "/api/v1/procedures/mappings";
    let mapping = json!({"local_code": "9.000001", "national_code": "2.000488"});
    assert_eq!(operator.post(path, &mapping).await.status, 204);
    let listed = operator.get(path).await.json();
    assert_eq!(text(&listed, "/items/0/national_code"), "2.000488");
    assert_eq!(
        push(&office, "k", &json!({"dossier": dossier()}))
            .await
            .status,
        202
    );
    let found = office
        .get(&format!("{PATH}?procedure=2.000488"))
        .await
        .json();
    assert_eq!(text(&found, "/items/0/code"), CODE);
    let gone = format!("{path}?local_code=9.000001");
    assert_eq!(
        operator.call(Method::DELETE, &gone, &[], "").await.status,
        204
    );
    assert_eq!(
        problem(&operator.call(Method::DELETE, &gone, &[], "").await).0,
        422
    );

    let procedures = json!({"procedures": [
        {"MATTHC": "2.000488", "TENTTHC": "Cấp phiếu lý lịch tư pháp", "LINHVUCTHUCHIEN": [{"MALINHVUC": "G15-TP01", "TENLINHVUC": "Lý lịch tư pháp"}]},
        {"MATTHC": "2.000489.H99", "TENTTHC": "Thủ tục của tỉnh"},
    ]});
    let stored = operator.post("/api/v1/procedures", &procedures).await;
    assert_eq!(stored.json(), json!({"changed": 2}));
    let page = office
        .get("/api/v1/procedures?q=ly%20lich&page_size=1")
        .await
        .json();
    assert_eq!(text(&page, "/items/0/field"), "G15-TP01");
    let page = office.get("/api/v1/procedures?page_size=1").await.json();
    let token = text(&page, "/next_page_token").to_owned();
    let page = office
        .get(&format!(
            "/api/v1/procedures?page_size=1&page_token={token}"
        ))
        .await
        .json();
    assert_eq!(text(&page, "/items/0/code"), "2.000489.H99");
    let one = office.get("/api/v1/procedures/2.000488").await.json();
    assert_eq!(text(&one, "/record/MATTHC"), "2.000488");
    let bad = json!({"procedures": [{"MATTHC": "x"}]});
    assert_eq!(
        problem(&operator.post("/api/v1/procedures", &bad).await).1,
        "input.invalid"
    );
}

#[tokio::test]
async fn a_dossier_is_sent_again_and_erased() {
    let door = Door::open("api-dossier-keeping").await;
    route_all(&door, "H99.14").await;
    let (office, department) = (door.system("H99.131").await, door.system("H99.14").await);
    let operator = door.operator().await;
    assert_eq!(
        push(&office, "k", &json!({"dossier": dossier()}))
            .await
            .status,
        202
    );
    let path = format!("{PATH}/{CODE}/replay");
    let to = json!({"to": "H99.14"}).to_string();
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", "r1"),
    ];
    let sent = operator
        .call(Method::POST, &path, &headers, to.clone())
        .await;
    assert_eq!(sent.status, 202, "{}", sent.json());
    let again = operator
        .call(Method::POST, &path, &headers, to.clone())
        .await;
    assert_eq!(
        again.json()["document"]["id"],
        sent.json()["document"]["id"]
    );
    let keyless = operator
        .call(Method::POST, &path, &headers[..1], to.clone())
        .await;
    assert_eq!(problem(&keyless).1, "input.invalid");
    let system = office.call(Method::POST, &path, &headers, to).await;
    assert_eq!(problem(&system).0, 403);

    let erase = format!("{PATH}/{CODE}/content?reason=personal_data");
    let waits = operator.call(Method::DELETE, &erase, &[], "").await;
    assert_eq!(
        waits.json()["receipt_id"],
        Value::Null,
        "a message is on its way"
    );
    assert_eq!(take(&department).await, [dossier(), dossier()]);
    let erased = operator.call(Method::DELETE, &erase, &[], "").await;
    assert!(erased.json()["receipt_id"].is_string(), "{}", erased.json());
    let shown = operator
        .get(&format!("{PATH}/{CODE}?purpose=support"))
        .await
        .json();
    assert_eq!(shown["dossier"], Value::Null);
    assert!(shown["erased_at"].is_string());
    let changed = push(&office, "k3", &json!({"dossier": dossier()})).await;
    assert_eq!(problem(&changed), (410, "dossier.erased".to_owned()));
    let why = format!("{PATH}/{CODE}/content?reason=boredom");
    assert_eq!(
        problem(&operator.call(Method::DELETE, &why, &[], "").await).1,
        "input.invalid"
    );
}

/// An official document that says it carries a dossier stands at that dossier, if a party sent it; it is taken in any case.
#[tokio::test]
async fn a_letter_about_a_dossier_is_found_at_it() {
    let door = Door::open("api-dossier-letter").await;
    route_all(&door, "H99.14").await;
    let (office, department) = (door.system("H99.131").await, door.system("H99.14").await);
    let stranger = door.system("H99.132").await;
    assert_eq!(
        push(&office, "k", &json!({"dossier": dossier()}))
            .await
            .status,
        202
    );
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = path.join("../wire/fixtures/edoc_new_department_to_commune.edxml");
    let packet = std::fs::read_to_string(path).expect("a sample");
    let letter = |from: &str, to: &str, code: &str| {
        let start = packet.find("<edXML:Subject>").expect("a subject");
        let end = packet.find("</edXML:Subject>").expect("its end");
        let subject = format!("<edXML:Subject>Cấp bản sao/Phạm Thị Thử Nghiệm/{code}");
        packet
            .replace(&packet[start..end], &subject)
            .replace("H99.131<", "TO<")
            .replace("H99.14<", &format!("{from}<"))
            .replace("H99.14,", &format!("{from},"))
            .replace("TO<", &format!("{to}<"))
            .replace(
                "<edXML:CodeNumber>215<",
                &format!("<edXML:CodeNumber>{code}<"),
            )
            .replace(
                "<edXML:ToPlaces>",
                "<edXML:ApplicationType>MCDT_DT</edXML:ApplicationType><edXML:ToPlaces>",
            )
    };
    let headers = [("content-type", "application/edxml+xml")];
    let mut sent = Vec::new();
    for (caller, from, to, code) in [
        (&department, "H99.14", "H99.131", CODE),
        (&stranger, "H99.132", "H99.131", CODE),
        (&office, "H99.131", "H99.14", "H99.131-260312-9999"),
    ] {
        let body = letter(from, to, code);
        let answer = caller
            .call(Method::POST, "/api/v1/documents", &headers, body)
            .await;
        assert_eq!(answer.status, 202, "{from} {}", answer.json());
        sent.push(answer.json()["id"].clone());
    }
    let shown = office
        .get(&format!("{PATH}/{CODE}?purpose=handling"))
        .await
        .json();
    let letters = shown["letters"].as_array().expect("letters");
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(letters[0]["document_id"], sent[0]);
    assert_eq!(text(&letters[0], "/sender/code"), "H99.14");
    assert_eq!(shown["version"], 1, "it moves nothing");
    let id = sent[0].as_str().expect("an id");
    let document = office
        .get(&format!("/api/v1/documents/{id}"))
        .await
        .json()
        .to_string();
    assert!(
        document.contains(CODE) && !document.contains("Thử Nghiệm"),
        "{document}"
    );
}
