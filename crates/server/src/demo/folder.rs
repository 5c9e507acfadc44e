//! `demo.json`: the mark of a demo folder, and what a curious visitor needs to call the platform.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use lgsp_base::Secret;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::dossiers::DemoDossiers;
use crate::init::{InitOptions, init};

const FILE_NAME: &str = "demo.json";

/// The content of `demo.json`. The platform is a toy with invented data, which is why its credentials may stand in a file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DemoFile {
    /// Address of the platform in its last run.
    pub(super) url: String,
    /// The operator's token.
    pub(super) admin_token: Token,
    /// A document to be traced.
    pub(super) first_document_id: String,
    /// A dossier to be looked at: its id and its code.
    #[serde(default)]
    pub(super) first_dossier_id: String,
    #[serde(default)]
    pub(super) first_dossier_code: String,
    /// The simulated agencies.
    pub(super) agencies: Vec<DemoAgency>,
    /// Organisations whose code says how they behave; none before the first working day.
    #[serde(default)]
    pub(super) test_units: Vec<DemoAgency>,
    /// Port of the simulated webhook endpoints; 0 before the first run.
    pub(super) webhook_port: u16,
    /// What dossiers need.
    #[serde(default)]
    pub(super) dossiers: DemoDossiers,
    /// The one-time link into the console, from the last run; empty if none was made.
    #[serde(default)]
    pub(super) console_url: String,
    /// Where agencies are broken and restored in the last run.
    #[serde(default)]
    pub(crate) sim_url: String,
    /// The token for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sim_token: Option<Token>,
}

/// One simulated agency and its credentials.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct DemoAgency {
    pub(super) code: String,
    pub(super) name: String,
    pub(super) in_charge: String,
    /// `vxp` or `rest`.
    pub(super) protocol: String,
    /// True if documents come by webhook.
    pub(super) is_pushed: bool,
    /// For `vxp` the id under which it signs.
    pub(super) system_id: String,
    /// For `vxp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<Token>,
    /// A token of the REST API, whatever the protocol.
    pub(super) token: Token,
    /// The address that was approved for pushes; empty if documents are fetched.
    #[serde(default)]
    pub(super) webhook: String,
}

/// A credential that the demo file shows and nothing else does.
#[derive(Debug, Clone)]
pub(crate) struct Token(Secret<String>);

impl Token {
    /// Takes a credential into custody.
    pub(super) fn new(text: &str) -> Self {
        Self(Secret::new(text.to_owned()))
    }

    /// The credential itself.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Secret::new(String::deserialize(deserializer)?)))
    }
}

/// Reads the mark of a demo folder; none if the folder is not one.
pub(crate) fn read(data: &Path) -> Result<Option<DemoFile>> {
    let path = data.join(FILE_NAME);
    let text = match std::fs::read(&path) {
        Ok(text) => Secret::new(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    let file = serde_json::from_slice(text.expose()).with_context(|| path.display().to_string())?;
    Ok(Some(file))
}

/// Opens a demo folder, or makes one where there is nothing; true if it was made.
pub(super) async fn open(data: &Path) -> Result<(DemoFile, bool)> {
    if let Some(file) = read(data)? {
        return Ok((file, false));
    }
    let is_empty = match std::fs::read_dir(data) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(error).with_context(|| data.display().to_string()),
    };
    if !is_empty {
        bail!(
            "{} is not a demo folder (it has no {FILE_NAME}) and is left as it is; choose another with --data",
            data.display()
        );
    }
    let made = init(InitOptions {
        data,
        org_code: super::PROVINCE_CODE,
        org_name: super::PROVINCE_NAME,
        database: None,
    })
    .await?;
    let file = DemoFile {
        url: String::new(),
        admin_token: Token(made.admin_token),
        first_document_id: String::new(),
        first_dossier_id: String::new(),
        first_dossier_code: String::new(),
        agencies: Vec::new(),
        test_units: Vec::new(),
        webhook_port: 0,
        dossiers: DemoDossiers::default(),
        console_url: String::new(),
        sim_url: String::new(),
        sim_token: None,
    };
    file.save(data)?;
    Ok((file, true))
}

impl DemoFile {
    /// Writes the file beside the old one and puts it in its place; only the owner may read it.
    pub(super) fn save(&self, data: &Path) -> Result<()> {
        let new = data.join(format!("{FILE_NAME}.new"));
        let mut out = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)
            .with_context(|| new.display().to_string())?;
        let text = Secret::new(serde_json::to_string_pretty(self)?);
        out.write_all(text.expose().as_bytes())?;
        out.write_all(b"\n")?;
        std::fs::rename(&new, data.join(FILE_NAME))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    /// A folder of this test alone, removed at its end.
    struct Temp(PathBuf);

    impl Temp {
        fn new(name: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("lgsp-demo-{name}-{}", std::process::id()));
            // What an earlier run of this process id left behind.
            let _removed = std::fs::remove_dir_all(&path);
            Self(path)
        }
    }

    impl Drop for Temp {
        fn drop(&mut self) {
            let _removed = std::fs::remove_dir_all(&self.0);
        }
    }

    #[tokio::test]
    async fn a_demo_folder_is_used_again_and_its_credentials_are_private() {
        let temp = Temp::new("again");
        let (mut file, is_new) = open(&temp.0).await.expect("made");
        assert!(is_new);
        file.first_document_id = "doc_1".to_owned();
        file.save(&temp.0).expect("saved");
        let mode = std::fs::metadata(temp.0.join(FILE_NAME))
            .expect("facts")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let (again, is_new) = open(&temp.0).await.expect("opened");
        assert!(!is_new);
        assert_eq!(again.admin_token.expose(), file.admin_token.expose());
        assert_eq!(again.first_document_id, "doc_1");
        assert!(!format!("{again:?}").contains(again.admin_token.expose()));
    }

    #[tokio::test]
    async fn a_folder_of_somebody_else_is_left_as_it_is() {
        let temp = Temp::new("other");
        std::fs::create_dir_all(&temp.0).expect("a folder");
        std::fs::write(temp.0.join("lgsp.toml"), "").expect("a file");
        let refused = open(&temp.0).await.expect_err("refused");
        assert!(
            refused.to_string().contains("not a demo folder"),
            "{refused}"
        );
        assert_eq!(std::fs::read_dir(&temp.0).expect("listed").count(), 1);
    }
}
