//! What the portal asks of a province: it announces a dossier with its papers inside, asks for results that can be used again
//! (protocols §4.9, §4.10), and downloads files from the addresses that it was given.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use lgsp_base::{Secret, Sha256};
use serde_json::{Value, json};

use super::Portal;
use crate::http::{Answer, Call, CallError, HttpClient};
use crate::pdf;

/// Files that the portal remembers to have fetched.
const FILES_MAX: usize = 10_000;

/// Where a province listens to the portal.
#[derive(Debug, Clone)]
pub struct ProvinceConfig {
    /// The province's address.
    pub origin: String,
    /// The token that the province gave to the portal; none if it asks for none.
    pub token: Option<Secret<String>>,
    /// The path of the notice of a dossier.
    pub notice_path: String,
    /// The path of the question for results.
    pub results_path: String,
}

/// A dossier that was handed in at the portal.
#[derive(Debug, Clone)]
pub struct Notice {
    /// `MaHoSo`.
    pub code: String,
    /// `MaTTHC`.
    pub procedure: String,
    /// `ChuHoSo`.
    pub applicant: String,
    /// Names of the papers; each is a small PDF.
    pub papers: Vec<String>,
}

/// A file that the portal tried to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The dossier that named it.
    pub code: String,
    /// The path of its address, without the query, which may hold a signature.
    pub path: String,
    /// HTTP status of the answer; 0 if there was none.
    pub status: u16,
    /// Bytes of the file.
    pub bytes: usize,
    /// Its hash.
    pub sha256: Option<Sha256>,
}

/// The portal as a client of one province.
#[derive(Debug)]
pub struct PortalClient {
    portal: Arc<Portal>,
    config: ProvinceConfig,
    http: HttpClient,
    fetched: Mutex<Vec<Fetched>>,
}

impl PortalClient {
    /// A client that has asked for nothing.
    pub fn new(portal: Arc<Portal>, config: ProvinceConfig) -> Self {
        Self {
            portal,
            http: HttpClient::new(&config.origin),
            config,
            fetched: Mutex::default(),
        }
    }

    /// Announces a dossier; the answer as it came.
    ///
    /// # Errors
    /// [`CallError`] for a broken call, a status other than 2xx and what is no JSON.
    pub async fn announce(&self, notice: &Notice) -> Result<Value, CallError> {
        let papers: Vec<Value> = notice
            .papers
            .iter()
            .map(|name| {
                let file = pdf::one_page(&[name, &notice.code], 0);
                json!({"TenTepDinhKem": name, "Base64": STANDARD.encode(file)})
            })
            .collect();
        let body = json!({
            "MaHoSo": notice.code,
            "MaTTHC": notice.procedure,
            "ChuHoSo": notice.applicant,
            "LoaiDoiTuong": "2",
            "Email": "doanhnghiep.mau@example.com",
            "SoDienThoai": "0000000000",
            "DiaChiDoanhNghiep": {
                "MaTinh": "99",
                "MaHuyen": "",
                "MaXa": "99131",
                "DiaChiChiTiet": "Thôn Mẫu",
            },
            "TaiLieuNop": papers,
        });
        self.post(&self.config.notice_path, &body).await
    }

    /// Asks for the results of a person that a procedure may use again; the answer as it came.
    ///
    /// # Errors
    /// As [`PortalClient::announce`].
    pub async fn ask_results(
        &self,
        owner_number: &str,
        procedure: &str,
        results: &[&str],
    ) -> Result<Value, CallError> {
        let wanted: Vec<Value> = results
            .iter()
            .map(|code| json!({"MaKetQua": code, "SoKyHieu": ""}))
            .collect();
        let body = json!({
            "SoDinhDanhChuSoHuu": owner_number,
            "HoTenNguoiYeuCau": "Phạm Thị Thử Nghiệm",
            "KenhThucHien": "2",
            "SoDinhDanhNguoiYeuCau": owner_number,
            "MaThuTuc": procedure,
            "DanhSachDanhMucKetQua": wanted,
        });
        self.post(&self.config.results_path, &body).await
    }

    /// Downloads every file of the dossiers that the portal keeps, if it lies at the province and was not fetched yet; how many
    /// came whole. Addresses elsewhere are left alone.
    pub async fn fetch_files(&self) -> usize {
        let mut whole = 0;
        for code in self.portal.codes() {
            for path in self.addresses(&code) {
                let bare = path.split('?').next().unwrap_or_default().to_owned();
                if self.has_fetched(&code, &bare) {
                    continue;
                }
                let fetched = self.fetch(&code, &path, bare).await;
                whole += usize::from(fetched.status == 200);
                let mut all = self.book();
                if all.len() < FILES_MAX {
                    all.push(fetched);
                }
            }
        }
        whole
    }

    /// Downloads one address of the province, however often.
    ///
    /// # Errors
    /// [`CallError`] for a broken call.
    pub async fn download(&self, path: &str) -> Result<Answer, CallError> {
        self.http.send(self.call(Method::GET, path)).await
    }

    /// The files that were tried, oldest first.
    pub fn fetched(&self) -> Vec<Fetched> {
        self.book().clone()
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Vec<Fetched>> {
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file that failed is tried again.
    fn has_fetched(&self, code: &str, path: &str) -> bool {
        self.book()
            .iter()
            .any(|file| file.code == code && file.path == path && file.status == 200)
    }

    async fn fetch(&self, code: &str, path: &str, bare: String) -> Fetched {
        let answer = self.download(path).await.ok();
        Fetched {
            code: code.to_owned(),
            path: bare,
            status: answer.as_ref().map_or(0, |answer| answer.status.as_u16()),
            bytes: answer.as_ref().map_or(0, |answer| answer.body.len()),
            sha256: answer
                .filter(|answer| answer.status.is_success())
                .map(|answer| Sha256::of(&answer.body)),
        }
    }

    /// Paths and queries of the files that a dossier names at the province.
    fn addresses(&self, code: &str) -> Vec<String> {
        let lists = [
            ("TaiLieuNop", "DuongDanTaiTepTin"),
            ("DanhSachGiayToKetQua", "DuongDanTepTinKetQua"),
        ];
        let mut paths = Vec::new();
        for record in self.portal.remembered(code).records {
            for (list, field) in lists {
                let items = record.object.get(list).and_then(Value::as_array);
                let urls = items
                    .into_iter()
                    .flatten()
                    .filter_map(|item| item.get(field)?.as_str());
                let own = urls.filter_map(|url| url.strip_prefix(self.http.origin()));
                paths.extend(
                    own.filter(|path| path.starts_with('/'))
                        .map(ToOwned::to_owned),
                );
            }
        }
        paths
    }

    fn call(&self, method: Method, path: &str) -> Call {
        let call = Call::new(method, path).header("accept", "application/json");
        match &self.config.token {
            Some(token) => call.header("authorization", &format!("Bearer {}", token.expose())),
            None => call,
        }
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, CallError> {
        let call = self
            .call(Method::POST, path)
            .header("content-type", "application/json")
            .body(body.to_string());
        let answer = self.http.send(call).await?;
        if !answer.status.is_success() {
            return Err(CallError::Refused {
                status: answer.status.as_u16(),
                code: String::new(),
                detail: format!("{} bytes", answer.body.len()),
            });
        }
        serde_json::from_slice(&answer.body).map_err(|error| CallError::Format(error.to_string()))
    }
}
