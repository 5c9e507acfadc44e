//! Real dossiers on their way to a small portal that remembers what it took.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use lgsp_base::id::SystemId;
use lgsp_base::vi::{Day, WorkingCalendar};
use lgsp_base::{Actor, Clock};
use lgsp_exchange::Door;
use lgsp_exchange::dossier::reconcile::Reconciler;
use lgsp_exchange::dossier::{
    DossierConfig, DossierPush, Dossiers, KeyRing, ProcedureFilter, ProgressPush, Reconciliation,
    RouteKind,
};
use lgsp_registry::model::Protocol;
use serde_json::{Value, json};

use crate::connector::fakes::{
    Asked, FakeCasework, Foreign, connect, dossier, ministries, outbound, steps,
};
use crate::connector::{Connectors, DossierCasework};
use crate::dvcqg::{NationalPortal, PortalRecords};
use crate::testkit::House;

const PLATFORM: Actor = Actor::Platform { part: "test" };

/// What the little portal took: dossiers by code, and how many steps.
#[derive(Default)]
struct Memory {
    dossiers: BTreeMap<String, Vec<Value>>,
    steps: usize,
}

fn reply(code: &str, message: &str, more: Value) -> Option<(u16, String)> {
    let mut body = json!({"error_code": code, "message": message});
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    Some((200, body.to_string()))
}

fn answer(memory: &Mutex<Memory>, asked: &Asked) -> Option<(u16, String)> {
    if asked.path.ends_with("/login") {
        return reply("0", "", json!({"session": "s"}));
    }
    let mut memory = memory.lock().expect("lock");
    let items = asked.body["data"].as_array().cloned().unwrap_or_default();
    let code = |item: &Value| item["MaHoSo"].as_str().unwrap_or("").to_owned();
    match asked.text("service") {
        "DongBoHoSoMC" => {
            let key = code(&items[0]);
            let is_known = memory.dossiers.contains_key(&key);
            match (is_known, asked.text("isUpdating")) {
                (true, "False") => return reply("3", "đã tồn tại", json!({})),
                (false, "True") => return reply("3", "chưa có trên hệ thống", json!({})),
                _ => {}
            }
            memory.dossiers.insert(key, items);
            reply("0", "", json!({}))
        }
        "CapNhatTienDoHoSoMC" => {
            if !memory.dossiers.contains_key(&code(&items[0])) {
                return reply("3", "chưa có trên hệ thống", json!({}));
            }
            for item in &items {
                for record in memory.dossiers.get_mut(&code(item)).into_iter().flatten() {
                    record["TrangThaiHoSo"] = item["TrangThai"].clone();
                }
            }
            memory.steps += items.len();
            reply("00", "", json!({}))
        }
        "TraCuuHoSo" => {
            let found = memory.dossiers.get(asked.text("mahoso"));
            reply(
                "0",
                "",
                json!({"result": found.cloned().unwrap_or_default()}),
            )
        }
        "LayDanhSachTTHC" => reply(
            "0",
            "",
            json!({"result": [
                {"MATTHC": "2.000488", "TENTTHC": "Một"},
                {"MATTHC": "2.000500.H99", "TENTTHC": "Hai"},
                {"MATTHC": "hỏng"},
                {"MATTHC": "2.000600"},
            ]}),
        ),
        "LayThuTuc" if asked.text("maTTHC") == "2.000600" => reply("3", "không có", json!({})),
        "LayThuTuc" => reply(
            "0",
            "",
            json!({"result": [{
                "MATTHC": asked.text("maTTHC"),
                "TENTTHC": "Thủ tục mẫu",
                "LINHVUCTHUCHIEN": [{"MALINHVUC": "G99-LV01", "TENLINHVUC": "Lĩnh vực mẫu"}],
                "CAPTHUCHIEN": [{"CAPTHUCHIEN": "3", "TENCAP": "Cấp xã"}],
            }]}),
        ),
        "LayDanhMucGioiTinh" => reply(
            "0",
            "",
            json!({"result": [
                {"ID": 1, "MAGIOITINH": "1", "TENGIOITINH": "Nam"},
                {"ID": 2, "TENGIOITINH": "Nữ"},
                {"TENGIOITINH": "?"},
            ]}),
        ),
        "LayDanhMucDanToc" => reply("0", "", json!({"result": []})),
        _ => reply("3", "không có dịch vụ này", json!({})),
    }
}

struct Province {
    house: House,
    dossiers: Dossiers,
    portal: NationalPortal,
    system: SystemId,
    commune: Actor,
    memory: Arc<Mutex<Memory>>,
}

impl Province {
    async fn new(name: &str) -> Self {
        let house = House::plain(name).await;
        let keys = KeyRing::create(
            &house.db.folder().join("dossier.key"),
            house.clock.now(),
            house.entropy.as_ref(),
        )
        .expect("keys");
        let dossiers = Dossiers::new(
            house.exchange.clone(),
            keys,
            Arc::new(WorkingCalendar::built_in().clone()),
            DossierConfig::default(),
        );
        let (foreign, memory) = (Foreign::default(), Arc::new(Mutex::new(Memory::default())));
        let remembered = memory.clone();
        foreign.script(move |asked| answer(&remembered, asked));
        let system = connect(&house, Protocol::Dvcqg, &foreign.listen().await).await;
        let routed = dossiers
            .route_add(&PLATFORM, RouteKind::All, "", "H99")
            .await;
        assert!(routed.expect("a route"));
        let casework = DossierCasework::new(
            house.exchange.clone(),
            dossiers.clone(),
            "https://lgsp.example",
        );
        let portal = NationalPortal::new(outbound(), house.registry.clone(), Arc::new(casework));
        let connected = house.connect("H99.131", Protocol::Rest).await.system;
        let snapshot = house.registry.snapshot();
        let commune = Actor::System {
            system: connected,
            org: snapshot.lookup("H99.131").expect("org").id,
        };
        Self {
            house,
            dossiers,
            portal,
            system,
            commune,
            memory,
        }
    }

    /// Hands over everything that is due; gives how much that was.
    async fn work(&self) -> usize {
        let casework = Arc::new(FakeCasework::default());
        let ministries = ministries(&self.house, casework);
        let connectors = Arc::new(Connectors::new(self.portal.clone(), ministries));
        let mut worker = self.house.exchange.worker("node".to_owned(), connectors);
        let mut count = 0;
        loop {
            match worker.step().await.expect("works") {
                0 => return count,
                more => count += more,
            }
        }
    }

    async fn push(&self, status: &str, key: &str) {
        let mut dossier = dossier();
        dossier.status = status.parse().expect("a status");
        let push = DossierPush {
            idempotency_key: Some(key.to_owned()),
            ..DossierPush::new(self.commune.clone(), Door::Api, dossier)
        };
        self.dossiers.push(push).await.expect("accepted");
    }

    fn remote(&self) -> Vec<String> {
        let memory = self.memory.lock().expect("lock");
        let records = memory.dossiers.values().flatten();
        records
            .map(|record| record["TrangThaiHoSo"].as_str().expect("a text").to_owned())
            .collect()
    }

    async fn close(self) {
        let Self { house, .. } = self;
        tokio::task::spawn_blocking(move || drop(house))
            .await
            .expect("closed");
    }
}

#[tokio::test]
async fn dossiers_and_steps_reach_the_portal_and_what_it_loses_comes_back() {
    let province = Province::new("dvcqg-province").await;
    province.push("2", "1").await;
    let progress = ProgressPush {
        actor: province.commune.clone(),
        door: Door::Api,
        agency: None,
        code: dossier().code,
        steps: steps(12),
        idempotency_key: Some("2".to_owned()),
    };
    province
        .dossiers
        .progress(progress)
        .await
        .expect("accepted");
    assert_eq!(province.work().await, 2);
    assert_eq!(province.remote(), ["4"]);
    assert_eq!(province.memory.lock().expect("lock").steps, 12);

    // The portal forgets it; a change meets a portal that does not know it, and makes it new.
    province.memory.lock().expect("lock").dossiers.clear();
    province.push("9", "3").await;
    assert_eq!(province.work().await, 1);
    assert_eq!(province.remote(), ["9"]);

    let health = province
        .dossiers
        .connector_health(&PLATFORM, Some(province.system))
        .await
        .expect("health");
    let good: Vec<(&str, u64, u64)> = health
        .iter()
        .map(|one| (one.service.as_str(), one.ok, one.failed_in_a_row))
        .collect();
    assert_eq!(
        good,
        [
            ("CapNhatTienDoHoSoMC", 2, 0),
            ("DongBoHoSoMC", 2, 0),
            ("login", 1, 0)
        ]
    );

    // Planted losses are found and made good.
    let portal_org = province
        .house
        .registry
        .snapshot()
        .lookup("H99")
        .expect("org")
        .id;
    let records = PortalRecords::new(province.portal.clone(), province.system);
    let reconciler = Reconciler::new(province.dossiers.clone(), portal_org, Arc::new(records));
    type Spoil = fn(&mut Vec<Value>);
    type Count = fn(&Reconciliation) -> u64;
    let faults: [(Spoil, Count); 3] = [
        (Vec::clear, |found| found.missing),
        (
            |records| records.extend(records.clone()),
            |found| found.duplicate,
        ),
        (
            |records| records[0]["TrangThaiHoSo"] = json!("4"),
            |found| found.drift,
        ),
    ];
    for (spoil, count) in faults {
        {
            let mut memory = province.memory.lock().expect("lock");
            memory.dossiers.values_mut().for_each(spoil);
            memory.dossiers.retain(|_, records| !records.is_empty());
        }
        let day = Day::of(province.house.clock.now());
        province
            .house
            .clock
            .advance(std::time::Duration::from_secs(24 * 3600));
        let found = reconciler.run(&PLATFORM, day).await.expect("compared");
        assert_eq!((count(&found), found.replayed), (1, 1), "{found:?}");
        assert_eq!(province.work().await, 1);
        assert_eq!(province.remote(), ["9"], "repaired");
    }
    province.close().await;
}

#[tokio::test]
async fn procedures_and_catalogues_are_fetched_and_what_fails_leaves_the_rest() {
    let province = Province::new("dvcqg-sync").await;
    let report = province
        .portal
        .synchronise(&province.dossiers, province.system)
        .await
        .expect("synchronised");
    assert_eq!(
        (report.procedures, report.changed, report.skipped),
        (4, 2, 2)
    );
    assert_eq!(report.entries, 2);
    let failed = |service: &str| {
        let mut failed = report.failed.iter();
        failed
            .find(|(name, _)| *name == service)
            .map(|(_, cause)| cause.as_str())
    };
    assert_eq!(failed("LayDanhMucDanToc"), Some("empty"));
    assert_eq!(failed("LayDanhMucQuocGia"), Some("portal_3"));
    assert_eq!(failed("LayDanhMucGioiTinh"), None);
    let genders = province
        .dossiers
        .catalogue(&PLATFORM, "LayDanhMucGioiTinh", None, 10)
        .await
        .expect("a catalogue");
    let genders: Vec<(&str, &str)> = genders
        .iter()
        .map(|entry| (entry.code.as_str(), entry.label.as_str()))
        .collect();
    assert_eq!(genders, [("1", "Nam"), ("2", "Nữ")]);
    let known = province
        .dossiers
        .procedures(&PLATFORM, ProcedureFilter::default())
        .await
        .expect("procedures");
    let known: Vec<(&str, &str, &str)> = known
        .iter()
        .map(|one| {
            (
                one.code.as_str(),
                one.agency.as_str(),
                one.field_code.as_str(),
            )
        })
        .collect();
    assert_eq!(
        known,
        [
            ("2.000488", "", "G99-LV01"),
            ("2.000500", "H99", "G99-LV01")
        ]
    );
    // Nothing new the second time.
    let again = province
        .portal
        .synchronise(&province.dossiers, province.system)
        .await
        .expect("synchronised");
    assert_eq!(again.changed, 0);
    province.close().await;
}
