use std::net::SocketAddr;

use lgsp_base::entropy::SeededEntropy;
use lgsp_base::time::ManualClock;
use lgsp_wire::dossier::{read_dossiers, read_progress};
use serde_json::json;

use super::*;
use crate::RestClient;
use crate::platform::{Asked, Platform, Platforms, Said};
use crate::portal::fictional;

/// A stand-in for the exchange: what one office hands in waits for every other one.
#[derive(Debug, Default)]
struct Relay {
    offices: Vec<String>,
    faults: Faults,
    state: Mutex<Relayed>,
}

#[derive(Debug, Default)]
struct Relayed {
    contents: Vec<String>,
    /// Recipient and number of the content, in order.
    waiting: Vec<(String, usize)>,
}

impl Relay {
    fn relay(&self, from: &str, content: String) {
        let mut state = self.state.lock().expect("no panic before");
        state.contents.push(content);
        let number = state.contents.len() - 1;
        for office in self.offices.iter().filter(|office| *office != from) {
            state.waiting.push((office.clone(), number));
        }
    }

    fn caller(asked: &Asked) -> String {
        let bearer = asked.header("authorization").unwrap_or_default();
        bearer.trim_start_matches("Bearer ").to_owned()
    }

    fn inbox(&self, caller: &str) -> Value {
        let state = self.state.lock().expect("no panic before");
        let items: Vec<Value> = state
            .waiting
            .iter()
            .filter(|(office, _)| office == caller)
            .map(|(office, number)| {
                json!({
                    "id": format!("{office}/{number}"),
                    "document_id": format!("doc_{number}"),
                    "sha256": Sha256::of(state.contents[*number].as_bytes()),
                    "content_url": format!("/api/content/{number}"),
                })
            })
            .collect();
        json!({"items": items})
    }
}

impl Breakable for Relay {
    fn code(&self) -> &'static str {
        "H99"
    }
    fn name(&self) -> &'static str {
        "Trục"
    }
    fn notation(&self) -> &'static str {
        "T"
    }
    fn receives(&self) -> &'static str {
        "call"
    }
    fn faults(&self) -> &Faults {
        &self.faults
    }
}

impl Platform for Relay {
    fn prefix(&self) -> &'static str {
        "/api/"
    }

    fn answer(&self, asked: &Asked) -> Said {
        let caller = Self::caller(asked);
        let body = asked.object().unwrap_or_default();
        match asked.path.as_str() {
            "/api/SynsTTHCC/DongBoHoSoMC" => {
                assert_eq!(asked.parameter("MaDinhDanhDV"), Some(caller.as_str()));
                let batch = read_dossiers(&asked.body).expect("readable");
                for item in batch.items {
                    let dossier = item.result.expect("valid");
                    self.relay(&caller, json!(dossier).to_string());
                }
                Said::json(&json!({"error_code": "0", "message": ""}))
            }
            "/api/SynsTTHCC/CapNhatTienDoHoSoMC" => {
                let batch = read_progress(&asked.body).expect("readable");
                for item in batch.items {
                    let step = item.result.expect("valid");
                    let content = json!({"code": step.code, "steps": [step]});
                    self.relay(&caller, content.to_string());
                }
                Said::json(&json!({"error_code": "0", "message": ""}))
            }
            "/api/v1/dossiers" => {
                self.relay(&caller, body["dossier"].to_string());
                Said::json(&json!({}))
            }
            path if path.ends_with("/progress") => {
                let code = path.split('/').nth(4).expect("a code");
                let content = json!({"code": code, "steps": body["steps"]});
                self.relay(&caller, content.to_string());
                Said::json(&json!({}))
            }
            "/api/v1/inbox" => Said::json(&self.inbox(&caller)),
            "/api/v1/inbox/acknowledge" => {
                let id = body["deliveries"][0]["id"].as_str().expect("an id");
                let mut state = self.state.lock().expect("no panic before");
                state
                    .waiting
                    .retain(|(office, number)| format!("{office}/{number}") != id);
                Said::json(&json!({"results": [{}]}))
            }
            path => {
                let number: usize = path
                    .trim_start_matches("/api/content/")
                    .parse()
                    .expect("a number");
                let state = self.state.lock().expect("no panic before");
                Said {
                    status: hyper::StatusCode::OK,
                    content_type: "application/json",
                    body: state.contents[number].clone().into(),
                }
            }
        }
    }
}

struct Scene {
    clock: Arc<ManualClock>,
    world: OfficeWorld,
    relay: Arc<Relay>,
    platforms: Option<Platforms>,
    url: String,
}

async fn scene(offices: &[&str], now: &str) -> Scene {
    let clock = Arc::new(ManualClock::new(Timestamp::from_edxml(now).expect("valid")));
    let platforms = Platforms::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .expect("a port");
    Scene {
        world: OfficeWorld {
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(5)),
            book: DossierBook::new(),
        },
        clock,
        relay: Arc::new(Relay {
            offices: offices.iter().map(|code| (*code).to_owned()).collect(),
            ..Relay::default()
        }),
        url: platforms.url(),
        platforms: Some(platforms),
    }
}

impl Scene {
    fn office(&self, code: &str, issuer: &str, shape: Shape, services: &[Service]) -> OneStop {
        let config = OfficeConfig {
            agency: Agency {
                code: code.to_owned(),
                name: format!("Đơn vị {code}"),
                in_charge: String::new(),
                notation: "DV".to_owned(),
            },
            issuer: issuer.to_owned(),
            services: services.to_vec(),
            closes_at: None,
            is_polling: true,
        };
        let door = DossierDoor::new(RestClient::new(&self.url, code), shape, code);
        OneStop::new(config, door, self.world.clone())
    }

    async fn play(&mut self, checks: impl Future<Output = ()>) {
        let (_stop, stopping) = watch::channel(false);
        let platforms = self.platforms.take().expect("once");
        let served = platforms.serve(vec![self.relay.clone()], stopping);
        tokio::select! {
            () = checks => {}
            () = served => panic!("the listener ended"),
        }
    }
}

fn shared(decided_by: Option<&str>, parties: &[&str]) -> Service {
    Service {
        procedure: fictional().remove(1),
        decided_by: decided_by.map(ToOwned::to_owned),
        parties: parties.iter().map(|code| (*code).to_owned()).collect(),
    }
}

#[tokio::test]
async fn a_dossier_of_a_commune_is_decided_by_a_department_and_comes_back() {
    let mut scene = scene(&["H99.131", "H99.06"], "2026/03/12 08:15:00").await;
    let services = [shared(Some("H99.06"), &["H99.131", "H99.06"])];
    let commune = scene.office("H99.131", "H99.131", Shape::Field, &services);
    let department = scene.office("H99.06", "H99.06", Shape::Own, &services);
    let world = scene.world.clone();
    let code = commune.take_in(&services[0]).expect("open");
    assert_eq!(code, "H99.131-260312-0001");
    scene
        .play(async {
            for _ in 0..20 {
                commune.work().await;
                department.work().await;
            }
            assert!(commune.is_done() && department.is_done());
        })
        .await;
    let verdict = world.book.verdict();
    assert!(verdict.is_clean(), "{verdict:?}");
    // State 2, step 4 and state 10 to the department, state 9 to the commune.
    assert_eq!((verdict.dossiers, verdict.submitted), (1, 4));
    let latest = world.book.latest();
    let last = &latest[0].1;
    assert_eq!(last["TrangThaiHoSo"], "10");
    assert_eq!(
        last["DanhSachGiayToKetQua"][0]["TenGiayTo"],
        "Giấy phép (mẫu)"
    );
    // Fifteen working days after 12 March 2026.
    assert_eq!(last["NgayHenTra"], "20260402170000");
    assert_eq!(last["DinhDanhCHS"][0]["SoDinhDanh"], "000000000000");
}

#[tokio::test]
async fn a_lost_call_is_repeated_and_an_office_that_is_down_does_nothing() {
    let mut scene = scene(&["H99.131"], "2026/03/12 08:15:00").await;
    let services = [shared(None, &["H99.131"])];
    let commune = scene.office("H99.131", "H99.131", Shape::Field, &services);
    let world = scene.world.clone();
    let relay = scene.relay.clone();
    let nobody = RestClient::new("http://127.0.0.1:9", "H99.131");
    let door = DossierDoor::new(nobody, Shape::Field, "H99.131");
    let lost = OneStop::new(commune.config.clone(), door, world.clone());
    lost.take_in(&services[0]).expect("open");
    lost.work().await;
    assert!(!lost.is_done(), "the case waits for a better line");
    assert_eq!(lost.hand_over(&commune), 1);
    scene
        .play(async {
            commune.faults().start(crate::Fault::Down);
            commune.work().await;
            assert!(
                relay
                    .state
                    .lock()
                    .expect("no panic before")
                    .contents
                    .is_empty()
            );
            commune.faults().end(crate::Fault::Down);
            for _ in 0..8 {
                commune.work().await;
            }
            assert!(commune.is_done());
        })
        .await;
    assert_eq!(world.book.latest()[0].1["TrangThaiHoSo"], "10");
    assert!(world.book.verdict().is_clean());
}

#[tokio::test]
async fn a_district_works_until_it_is_closed_and_a_commune_goes_on_with_its_cases() {
    let mut scene = scene(&["H99.132"], "2025/06/30 16:00:00").await;
    let services = [shared(None, &["H99.132"])];
    let closes_at = Timestamp::from_civil_date("2025-07-01").expect("valid");
    let mut config = scene
        .office("H99.132", "000.00.31.H99", Shape::Field, &services)
        .config;
    config.closes_at = Some(closes_at);
    let door = DossierDoor::new(
        RestClient::new(&scene.url, "H99.132"),
        Shape::Field,
        "H99.132",
    );
    let district = OneStop::new(config, door, scene.world.clone());
    let commune = scene.office("H99.132", "H99.132", Shape::Field, &services);
    let code = district.take_in(&services[0]).expect("open");
    assert_eq!(code, "000.00.31.H99-250630-0001");
    let world = scene.world.clone();
    let clock = scene.clock.clone();
    scene
        .play(async {
            district.work().await;
            clock.advance(Duration::from_secs(12 * 3_600));
            assert!(!district.is_open());
            assert!(district.take_in(&services[0]).is_none());
            assert_eq!(district.hand_over(&commune), 1);
            assert_eq!(
                commune.take_in(&services[0]).as_deref(),
                Some("H99.132-250701-0001")
            );
            for _ in 0..8 {
                commune.work().await;
            }
            assert!(district.is_done() && commune.is_done());
        })
        .await;
    let latest = world.book.latest();
    assert_eq!(latest.len(), 2);
    assert!(
        latest
            .iter()
            .all(|(_, dossier)| dossier["TrangThaiHoSo"] == "10")
    );
}
