//! The one JSON endpoint of the national portal (Cổng DVCQG): log in, then requests that name a service (protocols §4.4, §4.5).

use lgsp_base::Secret;
use lgsp_base::limits::{DOSSIER_BATCH_MAX, DOSSIER_BODY_BYTES_MAX, DOSSIER_PROGRESS_BATCH_MAX};
use lgsp_base::problem::rules;
use serde_json::{Map, Value};

use super::bare::{Batch, read_items};
use super::code::{DossierCode, ProcedureCode};
use super::codec::BoolForm;
use super::error::{DossierError, Violation};
use super::fields::{Extra, field, required, take_text};
use super::json;
use super::model::Dossier;
use super::progress::ProgressStep;

/// The header or query field that tells the adapter where a request goes.
pub const DESTINATION_FIELD: &str = "dstcode";
/// The portal's name in that field.
pub const DESTINATION: &str = "VN:GOV:000.00.00.G22:vpcpdvcprovider";

macro_rules! services {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal ; )*) => {
        /// A service of the portal: the text of `service`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum PortalService {
            $( $(#[$doc])* $variant, )*
        }

        impl PortalService {
            /// Every service that is known.
            pub const ALL: &'static [PortalService] = &[$( Self::$variant, )*];

            /// The text on the wire.
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$variant => $name, )*
                }
            }
        }
    };
}

services! {
    /// Push new and changed dossiers.
    SyncDossiers = "DongBoHoSoMC";
    /// Push steps of progress.
    SyncProgress = "CapNhatTienDoHoSoMC";
    /// Look a dossier up; takes `mahoso`.
    FindDossier = "TraCuuHoSo";
    /// The agency's procedures.
    Procedures = "LayDanhSachTTHC";
    /// One procedure in full; takes `maTTHC`.
    Procedure = "LayThuTuc";
    /// Catalogue: agencies.
    Agencies = "LayDanhMucCoQuan";
    /// Catalogue: sectors.
    Sectors = "LayDanhMucLinhVuc";
    /// Catalogue: provinces.
    Provinces = "LayDanhMucTinhThanh";
    /// Catalogue: districts.
    Districts = "LayDanhMucQuanHuyen";
    /// Catalogue: communes.
    Communes = "LayDanhMucPhuongXa";
    /// Catalogue: genders.
    Genders = "LayDanhMucGioiTinh";
    /// Catalogue: countries.
    Countries = "LayDanhMucQuocGia";
    /// Catalogue: ethnic groups.
    EthnicGroups = "LayDanhMucDanToc";
    /// Catalogue: religions.
    Religions = "LayDanhMucTonGiao";
    /// Catalogue: marital states.
    MaritalStates = "LayDanhMucTinhTrangHonNhan";
    /// Catalogue: kinds of applicants.
    SubjectKinds = "LayDanhMucDoiTuong";
    /// Catalogue: levels at which a procedure is handled.
    Levels = "LayDanhMucCapThucHien";
    /// Catalogue: legal bases.
    LegalBases = "LayDanhMucCanCuPhapLy";
    /// Catalogue: fees.
    Fees = "LayDanhMucLePhi";
    /// The national account's id of a citizen or an enterprise; takes `provider` and `mstorcmnd`.
    FindTechId = "TraCuuTechID";
    /// Questions that came from the portal.
    PortalQuestions = "LayDanhSachHoiDapGuiTuDVCQG";
    /// Questions of a ministry or an agency.
    AgencyQuestions = "LayDanhSachHoiDapBoCoQuan";
    /// The answer to a question.
    Answer = "LayNoiDungTraLoiTheoCauHoi";
    /// Push questions and answers.
    SyncQuestions = "DongBoHoiDap";
    /// Push answers to questions that came from the portal.
    SyncAnswers = "DongBoKetQuaHoiDapGuiTuDVCQG";
    /// Push ratings of satisfaction.
    SyncRatings = "DongBoDanhGia";
}

impl PortalService {
    /// The service of a text, in any letter case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|service| service.name().eq_ignore_ascii_case(name.trim()))
    }

    /// True for the lists that [`Reply::rows`](super::Reply::rows) reads.
    pub fn is_catalogue(self) -> bool {
        self.name().starts_with("LayDanhMuc")
    }
}

/// What is asked before anything else: `POST …/login`.
#[derive(Debug, Clone)]
pub struct LoginRequest {
    /// `username`.
    pub username: String,
    /// `password`.
    pub password: Secret<String>,
}

impl LoginRequest {
    /// The body.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut body = Map::new();
        body.insert("username".to_owned(), self.username.as_str().into());
        body.insert(
            "password".to_owned(),
            self.password.expose().as_str().into(),
        );
        Value::Object(body).to_string().into_bytes()
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`DossierError`] for what is no such body.
    pub fn read(bytes: &[u8]) -> Result<Self, DossierError> {
        let mut body = object_of(bytes)?;
        let (username, password) = (required("username"), required("password"));
        let mut violations = Vec::new();
        let username = take_text(&mut body, &username, &mut violations);
        let password = take_text(&mut body, &password, &mut violations);
        if !violations.is_empty() {
            return Err(DossierError::Invalid(violations));
        }
        Ok(Self {
            username,
            password: Secret::new(password),
        })
    }
}

fn object_of(bytes: &[u8]) -> Result<Map<String, Value>, DossierError> {
    match json::parse(bytes, DOSSIER_BODY_BYTES_MAX)?.0 {
        Value::Object(body) => Ok(body),
        _ => Err(DossierError::Shape("a JSON object is asked for")),
    }
}

/// A request to a service.
#[derive(Debug, Clone)]
pub struct PortalRequest {
    /// `session` from the login.
    pub session: Secret<String>,
    /// `madonvi`: who asks.
    pub agency: String,
    /// `service`.
    pub service: PortalService,
    /// `isUpdating`: true if the dossiers are known already; only the services that push have it.
    pub is_updating: Option<bool>,
    /// `data`: what is pushed.
    pub data: Option<Value>,
    /// Every other field: `mahoso`, `maTTHC` and so on.
    pub parameters: Extra,
}

impl PortalRequest {
    /// A request without further fields.
    pub fn new(session: Secret<String>, agency: &str, service: PortalService) -> Self {
        Self {
            session,
            agency: agency.to_owned(),
            service,
            is_updating: None,
            data: None,
            parameters: Extra::new(),
        }
    }

    /// Pushes dossiers.
    pub fn sync_dossiers(
        session: Secret<String>,
        agency: &str,
        is_updating: bool,
        dossiers: &[Dossier],
    ) -> Self {
        Self {
            is_updating: Some(is_updating),
            data: Some(dossiers.iter().map(Dossier::to_portal).collect()),
            ..Self::new(session, agency, PortalService::SyncDossiers)
        }
    }

    /// Pushes steps; at most `DOSSIER_PROGRESS_BATCH_MAX` go in one request: see [`progress_batches`].
    pub fn sync_progress(
        session: Secret<String>,
        agency: &str,
        is_updating: bool,
        steps: &[ProgressStep],
    ) -> Self {
        Self {
            is_updating: Some(is_updating),
            data: Some(steps.iter().map(ProgressStep::to_portal).collect()),
            ..Self::new(session, agency, PortalService::SyncProgress)
        }
    }

    /// Looks a dossier up.
    pub fn find_dossier(session: Secret<String>, agency: &str, code: &DossierCode) -> Self {
        Self::new(session, agency, PortalService::FindDossier).with("mahoso", code.as_str())
    }

    /// Asks for a procedure in full.
    pub fn procedure(session: Secret<String>, agency: &str, code: &ProcedureCode) -> Self {
        Self::new(session, agency, PortalService::Procedure).with("maTTHC", code.as_str())
    }

    /// Asks for the national account's id of a tax number or identity number.
    pub fn tech_id(session: Secret<String>, agency: &str, provider: &str, number: &str) -> Self {
        Self::new(session, agency, PortalService::FindTechId)
            .with("provider", provider)
            .with("mstorcmnd", number)
    }

    /// Adds a field.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.parameters.insert(name.to_owned(), value.into());
        self
    }

    /// The text of a further field, its name in any letter case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| value.as_str())
    }

    /// The body.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut body: Map<String, Value> = self.parameters.clone().into_iter().collect();
        body.insert("session".to_owned(), self.session.expose().as_str().into());
        body.insert("madonvi".to_owned(), self.agency.as_str().into());
        body.insert("service".to_owned(), self.service.name().into());
        if let Some(is_updating) = self.is_updating {
            body.insert(
                "isUpdating".to_owned(),
                BoolForm::Word.write(is_updating).into(),
            );
        }
        if let Some(data) = &self.data {
            body.insert("data".to_owned(), data.clone());
        }
        Value::Object(body).to_string().into_bytes()
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`DossierError`] for what is no such body or names a service that is not known.
    pub fn read(bytes: &[u8]) -> Result<Self, DossierError> {
        let mut body = object_of(bytes)?;
        let mut violations = Vec::new();
        let mut text = |spec| take_text(&mut body, &spec, &mut violations);
        let session = text(required("session"));
        let agency = text(required("madonvi"));
        let name = text(required("service"));
        let updating = text(field("isUpdating"));
        let service = PortalService::from_name(&name);
        if service.is_none() && !name.trim().is_empty() {
            violations.push(Violation {
                path: "service".to_owned(),
                sentence: rules::PORTAL_SERVICE.plain(),
            });
        }
        let is_updating = match (updating.trim(), BoolForm::read_any(updating.trim())) {
            ("", _) => None,
            (_, Some((value, _))) => Some(value),
            _ => {
                violations.push(Violation {
                    path: "isUpdating".to_owned(),
                    sentence: rules::WORD.with(&[("words", &"True, False")]),
                });
                None
            }
        };
        match service {
            Some(service) if violations.is_empty() => Ok(Self {
                session: Secret::new(session),
                agency,
                service,
                is_updating,
                data: body.remove("data"),
                parameters: body.into_iter().collect(),
            }),
            _ => Err(DossierError::Invalid(violations)),
        }
    }

    /// The dossiers of a push.
    ///
    /// # Errors
    /// [`DossierError`] if `data` is no list, or has more than `DOSSIER_BATCH_MAX` items.
    pub fn dossiers(&self) -> Result<Batch<Dossier>, DossierError> {
        read_items(self.data.clone().unwrap_or_default(), DOSSIER_BATCH_MAX)
    }

    /// The steps of a push.
    ///
    /// # Errors
    /// As [`dossiers`](Self::dossiers).
    pub fn progress(&self) -> Result<Batch<ProgressStep>, DossierError> {
        read_items(self.data.clone().unwrap_or_default(), DOSSIER_BATCH_MAX)
    }
}

/// Cuts steps into batches that the portal takes.
pub fn progress_batches(steps: &[ProgressStep]) -> impl Iterator<Item = &[ProgressStep]> {
    steps.chunks(DOSSIER_PROGRESS_BATCH_MAX)
}
