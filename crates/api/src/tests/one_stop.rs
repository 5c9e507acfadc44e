//! The shapes of the field: bare arrays in, the portal's answers out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use lgsp_wire::dossier::Dossier;
use serde_json::json;

use super::*;

/// The samples as they are kept with the codecs.
pub(super) fn sample(name: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(format!("../wire/fixtures/dossier_{name}.json"));
    let text = std::fs::read(&path).expect("a sample");
    let sample: Value = serde_json::from_slice(&text).expect("JSON");
    // A whole request, or the array of its data.
    let data = sample.get("data").unwrap_or(&sample);
    data.get(0).unwrap_or(data).clone()
}

fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut item = sample("DongBoHoSoMC_new");
    item[name] = value.into();
    item
}

impl Caller {
    pub(super) async fn sync(&self, service: &str, is_updating: &str, items: &Value) -> Answer {
        let path = format!("/SynsTTHCC/{service}?MaDinhDanhDV=H99.131&isUpdating={is_updating}");
        self.post(&path, items).await
    }
}

/// `error_code` and `message`.
fn told(answer: &Value) -> (&str, &str) {
    (text(answer, "/error_code"), text(answer, "/message"))
}

pub(super) async fn route_all(door: &Door, to: &str) {
    let operator = door.operator().await;
    let route = json!({"kind": "all", "to": to});
    let added = operator.post("/api/v1/dossiers/routes", &route).await;
    assert_eq!(added.status, 201);
}

/// What waits for a system, taken and confirmed.
pub(super) async fn take(caller: &Caller) -> Vec<Value> {
    let page = caller
        .get("/api/v1/inbox?kind=dossier&include=content")
        .await
        .json();
    let items = page["items"].as_array().expect("items").clone();
    if items.is_empty() {
        return Vec::new();
    }
    let ids: Vec<Value> = items.iter().map(|item| json!({"id": item["id"]})).collect();
    let confirmed = caller
        .post("/api/v1/inbox/acknowledge", &json!({"deliveries": ids}))
        .await;
    assert_eq!(confirmed.status, 200);
    let content = |item: &Value| {
        let bytes = STANDARD.decode(text(item, "/content")).expect("base64");
        serde_json::from_slice(&bytes).expect("JSON")
    };
    items.iter().map(content).collect()
}

#[tokio::test]
async fn the_samples_come_out_unchanged_in_meaning() {
    let door = Door::open("api-samples").await;
    route_all(&door, "H99.14").await;
    let (office, department) = (door.system("H99.131").await, door.system("H99.14").await);
    for (service, is_updating, name) in [
        ("DongBoHoSoMC", "False", "DongBoHoSoMC_new"),
        ("CapNhatTienDoHoSoMC", "False", "CapNhatTienDoHoSoMC"),
        ("DongBoHoSoMC", "True", "DongBoHoSoMC_result_returned"),
    ] {
        let item = sample(name);
        let answer = office.sync(service, is_updating, &json!([item])).await;
        assert_eq!(answer.status, 200);
        assert_eq!(told(&answer.json()).0, "0", "{}", answer.json());
        assert_eq!(text(&answer.json(), "/data/0/error_code"), "0");
        let got = take(&department).await;
        assert_eq!(got.len(), 1, "{name}");
        let meaning = match got[0].get("steps") {
            None => serde_json::from_value::<Dossier>(got[0].clone())
                .expect("a dossier")
                .to_portal(),
            Some(steps) => {
                let step =
                    serde_json::from_value::<lgsp_wire::dossier::ProgressStep>(steps[0].clone());
                step.expect("a step").to_portal()
            }
        };
        assert_eq!(meaning, item, "{name}");
        // Sent again, it is no second message.
        let again = office.sync(service, is_updating, &json!([item])).await;
        assert_eq!(told(&again.json()).0, "0", "{}", again.json());
        assert_eq!(take(&department).await.len(), 0, "{name}");
    }
    let code = text(&sample("DongBoHoSoMC_new"), "/MaHoSo").to_owned();
    let found = department
        .get(&format!("/KetNoiMotCuaQuocGia/TraCuuHoSo?MaHoSo={code}"))
        .await
        .json();
    assert_eq!(found["result"][0], sample("DongBoHoSoMC_result_returned"));
}

#[tokio::test]
async fn every_prefix_leads_to_the_same_door() {
    let door = Door::open("api-prefixes").await;
    let office = door.system("H99.131").await;
    for prefix in ["/motcua", "", "/api"] {
        let path = format!("{prefix}/SynsTTHCC/DongBoHoSoMC?madinhdanhdv=H99.131&dstcode=x");
        let answer = office
            .post(&path, &json!([sample("DongBoHoSoMC_new")]))
            .await;
        assert_eq!(told(&answer.json()).0, "0", "{prefix}");
        let path = format!("{prefix}/KetNoiMotCuaQuocGia/LayDanhSachTTHC");
        assert_eq!(office.get(&path).await.json()["result"], json!([]));
    }
    let unknown = office
        .get("/motcua/KetNoiMotCuaQuocGia/DongBoDanhGia")
        .await;
    assert_eq!(problem(&unknown).0, 404);
}

#[tokio::test]
async fn a_system_may_say_who_it_is_with_its_id_and_token() {
    let door = Door::open("api-basic").await;
    let system = door.house.connect("H99.131", Protocol::Rest).await;
    let token = system.token.expect("a token").expose().clone();
    let other = door.house.connect("H99.14", Protocol::Rest).await;
    let operator = door.house.operator().await;
    let body = json!([sample("DongBoHoSoMC_new")]).to_string();
    let call = async |user: &str, token: &str, path: &str| {
        let pair = format!("Basic {}", STANDARD.encode(format!("{user}:{token}")));
        let headers = [("authorization", pair.as_str())];
        door.anonymous()
            .call(Method::POST, path, &headers, body.clone())
            .await
    };
    let path = "/motcua/SynsTTHCC/DongBoHoSoMC";
    let id = system.system.to_string();
    assert_eq!(told(&call(&id, &token, path).await.json()).0, "0");
    for (user, token) in [
        (id.as_str(), "lgsp_live_x"),
        (&other.system.to_string(), &token),
        ("", &token),
        (&id, &operator),
        ("operator", &operator),
    ] {
        let refused = call(user, token, path).await;
        assert_eq!(
            problem(&refused),
            (401, "auth.invalid".to_owned()),
            "{user}"
        );
        let challenges = refused.headers.get_all("www-authenticate");
        assert!(
            challenges
                .iter()
                .any(|one| one.as_bytes().starts_with(b"Basic"))
        );
    }
    // Our own API takes bearer tokens alone.
    let refused = call(&id, &token, "/api/v1/dossiers").await;
    assert_eq!(problem(&refused), (401, "auth.invalid".to_owned()));
}

#[tokio::test]
async fn each_item_is_judged_on_its_own() {
    let door = Door::open("api-items").await;
    let operator = door.operator().await;
    let known = json!({"procedures": [{"MATTHC": "9.000001", "TENTTHC": "Thủ tục thử"}]});
    let stored = operator.post("/api/v1/procedures", &known).await;
    assert_eq!(stored.json(), json!({"changed": 1}));
    let office = door.system("H99.131").await;
    let first = json!([sample("DongBoHoSoMC_new")]);
    assert_eq!(
        told(&office.sync("DongBoHoSoMC", "False", &first).await.json()).0,
        "0"
    );

    let coded = |number: u32, name: &str, value: Value| {
        let mut item = with(name, value);
        item["MaHoSo"] = format!("H99.131-260312-{number:04}").into();
        item
    };
    let mut other = sample("DongBoHoSoMC_new");
    other["ChuHoSo"] = json!("Lê Thị Khác");
    other["DinhDanhCHS"] = json!([{"LoaiDinhDanh": "1", "SoDinhDanh": "001099099999"}]);
    let items = json!([
        coded(1, "GhiChu", json!("tốt")),
        with("MaHoSo", "không phải mã"),
        with("MaHoSo", "H99.131-260231-0042"),
        coded(2, "NgayTiepNhan", json!("20260230081500")),
        coded(3, "NgayTiepNhan", json!("20990101000000")),
        coded(4, "MaTTHC", json!("9.999999")),
        other,
        coded(5, "TrangThaiHoSo", json!("11")),
        7,
        coded(6, "GhiChu", json!("cũng tốt")),
        with("GhiChu", "khác"),
    ]);
    let answer = office.sync("DongBoHoSoMC", "False", &items).await.json();
    assert_eq!(told(&answer), ("3", "9/11 hồ sơ không được nhận, xem data"));
    let data = answer["data"].as_array().expect("data");
    let said: Vec<(&str, &str)> = data.iter().map(told).collect();
    for (index, (code, words)) in [
        ("0", "Thành công"),
        ("3", "Mã hồ sơ phải theo dạng"),
        ("3", "ngày có thật"),
        ("3", "data[3].NgayTiepNhan"),
        ("3", "NgayTiepNhan"),
        ("3", "Không có thủ tục hành chính này"),
        ("3", "Mã hồ sơ này đã thuộc về người nộp khác"),
        ("3", "Trạng thái hồ sơ phải từ 1 đến 10"),
        ("3", "Hồ sơ không hợp lệ"),
        ("0", "Thành công"),
        ("3", "Hồ sơ đã tồn tại"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(said[index].0, code, "{index}: {said:?}");
        assert!(said[index].1.contains(words), "{index}: {said:?}");
    }
    let whole = answer.to_string();
    assert!(!whole.contains("Lê Thị Khác") && !whole.contains("001099099999"));

    // Only what exists already failed: the words that clients look for stand alone, and the update succeeds.
    let again = json!([with("GhiChu", "khác")]);
    let answer = office.sync("DongBoHoSoMC", "False", &again).await.json();
    assert_eq!(told(&answer), ("3", "Hồ sơ đã tồn tại"));
    let answer = office.sync("DongBoHoSoMC", "True", &again).await.json();
    assert_eq!(told(&answer).0, "0");
    let unknown = json!([coded(77, "GhiChu", json!(""))]);
    let answer = office.sync("DongBoHoSoMC", "True", &unknown).await.json();
    assert_eq!(told(&answer), ("3", "Không có hồ sơ này"));

    let procedures = office
        .get("/motcua/KetNoiMotCuaQuocGia/LayDanhSachTTHC")
        .await;
    assert_eq!(procedures.json()["result"][0]["MATTHC"], "9.000001");
    let path = "/motcua/KetNoiMotCuaQuocGia/LayThuTuc?maTTHC=";
    let one = office.get(&format!("{path}9.000001")).await.json();
    assert_eq!(one["result"][0]["TENTTHC"], "Thủ tục thử");
    for bad in ["9.000002", "x"] {
        let none = office.get(&format!("{path}{bad}")).await;
        assert_eq!((none.status.as_u16(), told(&none.json()).0), (200, "3"));
    }
}

#[tokio::test]
async fn steps_are_judged_by_dossier() {
    let door = Door::open("api-steps").await;
    let office = door.system("H99.131").await;
    let first = json!([sample("DongBoHoSoMC_new")]);
    assert_eq!(
        told(&office.sync("DongBoHoSoMC", "False", &first).await.json()).0,
        "0"
    );
    let mut unknown = sample("CapNhatTienDoHoSoMC");
    unknown["MaHoSo"] = json!("H99.131-260312-0099");
    let mut broken = sample("CapNhatTienDoHoSoMC");
    broken["TrangThai"] = json!("");
    let items = json!([unknown, broken, sample("CapNhatTienDoHoSoMC")]);
    let answer = office
        .sync("CapNhatTienDoHoSoMC", "False", &items)
        .await
        .json();
    let codes: Vec<&str> = answer["data"]
        .as_array()
        .expect("data")
        .iter()
        .map(|item| told(item).0)
        .collect();
    assert_eq!(codes, ["3", "3", "0"]);
    // A stranger hears the same as of a dossier that does not exist.
    let stranger = door.system("H99.132").await;
    let items = json!([sample("CapNhatTienDoHoSoMC")]);
    let path = "/motcua/SynsTTHCC/CapNhatTienDoHoSoMC";
    let answer = stranger.post(path, &items).await.json();
    assert_eq!(told(&answer), ("3", "Không có hồ sơ này"));
}

#[tokio::test]
async fn bodies_that_are_no_batch_are_answered_in_the_portals_form() {
    let door = Door::open("api-bodies").await;
    let office = door.system("H99.131").await;
    let many = json!(vec![json!({}); 201]).to_string();
    let deep = "[".repeat(100_000);
    for body in ["", "<html></html>", "7", "{\"a\":", &many, &deep] {
        let path = "/motcua/SynsTTHCC/DongBoHoSoMC";
        let answer = office.call(Method::POST, path, &[], body.to_owned()).await;
        assert_eq!(answer.status, 200);
        let (code, message) = (answer.json()["error_code"].clone(), answer.json());
        assert_eq!(code, "3", "{message}");
    }
    let large = " ".repeat(lgsp_base::limits::DOSSIER_BODY_BYTES_MAX + 1);
    let path = "/motcua/SynsTTHCC/DongBoHoSoMC";
    let answer = office.call(Method::POST, path, &[], large).await;
    assert_eq!(problem(&answer), (413, "input.too_large".to_owned()));
    let nobody = door.anonymous().post(path, &json!([])).await;
    assert_eq!(problem(&nobody), (401, "auth.required".to_owned()));
}
