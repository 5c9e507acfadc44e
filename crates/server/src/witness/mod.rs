//! A witness of logs as a process of its own (C2SP tlog-witness).
//!
//! A witness cosigns a checkpoint only if it follows from the last one it cosigned. It is worth something only on another
//! machine, in other hands: then nobody can show one log to some and another one to others.

mod http;
mod notary;
mod shelf;

use std::fs::{self, DirBuilder, File};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use lgsp_base::entropy::OsEntropy;
use lgsp_base::limits::{SHUTDOWN_DRAIN, WITNESS_CONNECTIONS_MAX, WITNESS_LOGS_MAX};
use lgsp_base::time::SystemClock;
use lgsp_base::{Clock, Entropy, Lang};
use lgsp_wire::tlog::note::{Algorithm, SoftSigner, VerifierKey};

use crate::data_folder::{FolderError, lock_file};
use crate::listen::{self, Listening};
use crate::note_key;
use crate::tasks::Tasks;

pub use notary::{Notary, NotaryError, Refusal};

/// Name of the key's file in the witness's folder.
const KEY_FILE: &str = "witness.key";
/// Name of the folder with what was cosigned.
const SHELF_FOLDER: &str = "logs";
/// How long a stop waits for open requests; they are short.
const DRAIN: Duration = SHUTDOWN_DRAIN;

/// What a witness is started with.
#[derive(Debug, Clone)]
pub struct WitnessOptions {
    /// Its folder; made on the first start.
    pub data: PathBuf,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Name of its key on the first start; one is made up without it.
    pub name: Option<String>,
    /// Keys of the logs that it watches; several of one name are one log whose key was rotated.
    pub logs: Vec<VerifierKey>,
    /// The language of its page.
    pub lang: Lang,
}

/// A witness that serves. It must be stopped with [`RunningWitness::stop`].
#[derive(Debug)]
pub struct RunningWitness {
    address: SocketAddr,
    key: VerifierKey,
    tasks: Tasks,
    _lock: File,
}

/// Opens or makes the folder, checks what was cosigned, and serves.
///
/// # Errors
/// [`FolderError`] for a folder that others can touch or that another witness uses, [`NotaryError`] for records that are
/// damaged, a taken port.
pub async fn start(options: WitnessOptions) -> anyhow::Result<RunningWitness> {
    anyhow::ensure!(
        options.logs.len() <= WITNESS_LOGS_MAX,
        "more than {WITNESS_LOGS_MAX} logs"
    );
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let signer = prepare(&options, entropy.as_ref())?;
    let lock = lock_file(&options.data, &options.data.join(KEY_FILE))?;
    let notary = Arc::new(Notary::open(
        &options.data.join(SHELF_FOLDER),
        signer,
        options.logs,
        clock.clone(),
    )?);
    let bound =
        listen::bind(options.listen).with_context(|| format!("listen: {}", options.listen))?;
    let address = bound.address();
    let tasks = Tasks::new();
    let listening = Listening {
        router: http::router(notary.clone(), options.lang),
        connections_max: WITNESS_CONNECTIONS_MAX,
        clock,
        entropy,
        counters: Arc::default(),
    };
    tasks.spawn(
        "witness.listener",
        listen::serve(bound, listening, tasks.clone()),
    );
    Ok(RunningWitness {
        address,
        key: notary.key().clone(),
        tasks,
        _lock: lock,
    })
}

impl RunningWitness {
    /// Its address with the real port.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Its public key, for the settings of the platform and for verifiers.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Stops accepting and finishes open requests.
    pub async fn stop(self) {
        self.tasks.stop();
        self.tasks.join(DRAIN).await;
    }
}

/// The folder and the key, both made if there are none. A folder with records but without a key is no first start.
fn prepare(options: &WitnessOptions, entropy: &dyn Entropy) -> Result<SoftSigner, FolderError> {
    let (key, shelf) = (options.data.join(KEY_FILE), options.data.join(SHELF_FOLDER));
    if note_key::exists(&key)? {
        return note_key::open(&key, Algorithm::CosignatureV1);
    }
    if !is_empty(&options.data)? {
        return Err(FolderError::Exists(options.data.clone()));
    }
    for folder in [&options.data, &shelf] {
        make_folder(folder)?;
    }
    let name = match &options.name {
        Some(name) => name.clone(),
        None => note_key::name("lgsp", "witness", entropy),
    };
    // The key comes last: without it the folder is not one of a witness.
    note_key::create(&key, &name, Algorithm::CosignatureV1, entropy)
}

/// True if there is nothing in the folder but perhaps the empty shelf of a first start that broke off.
fn is_empty(folder: &Path) -> Result<bool, FolderError> {
    let failed = |error| FolderError::Io(folder.to_owned(), error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let is_bare_shelf = path.ends_with(SHELF_FOLDER)
            && fs::read_dir(&path).is_ok_and(|mut inner| inner.next().is_none());
        if !is_bare_shelf {
            return Ok(false);
        }
    }
    Ok(true)
}

fn make_folder(folder: &Path) -> Result<(), FolderError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| FolderError::Io(folder.to_owned(), error))
}
