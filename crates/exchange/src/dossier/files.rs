//! Files of a dossier: sealed while they come in, opened piece by piece, handed to others by links that end.
//!
//! A link names the file, for whom it is and until when, and carries an authenticator over that; nothing in it says anything about a
//! person. It can be given away, but opens only for its audience and only in its time.

use std::time::Duration;

use lgsp_base::hash::{equal_in_constant_time, from_hex, to_hex};
use lgsp_base::id::{DossierFileId, DossierId, ReceiptId};
use lgsp_base::problem::{kinds, rules};
use lgsp_base::{Actor, Permission, Timestamp, limits};
use lgsp_store::dossier::{Dossier as Row, DossierFile, FileKind};
use lgsp_store::seal::{DataKey, Place, SealedBlob, SealedReader, SealedWriter};
use lgsp_store::{BlobReader, StoreError, Tx};

use super::error::DossierError;
use super::model::{Audience, DossierRef, FileView, Purpose};
use super::sealing;
use super::service::{Dossiers, Viewer};
use super::view::{file_view, lookup, note_look};
use crate::counters::count;
use crate::error::SubmitError;
use crate::evidence::{self, Entry};

/// What the authenticator of a link is bound to besides the link.
const LINK_DOMAIN: &[u8] = b"lgsp dossier file link 1\n";
/// The audience of a link that whoever has it may use.
const BEARER: &str = "bearer";
/// Characters of a media type.
const MEDIA_TYPE_CHARS_MAX: usize = 255;

/// A file about to come in.
#[derive(Clone)]
pub struct NewFile {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// What it is.
    pub kind: FileKind,
    /// How many bytes are announced.
    pub declared_len: Option<u64>,
}

impl std::fmt::Debug for NewFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewFile")
            .field("kind", &self.kind)
            .field("declared_len", &self.declared_len)
            .finish_non_exhaustive()
    }
}

/// A file on its way in. Dropping it leaves nothing behind.
#[derive(Debug)]
pub struct FileIntake {
    dossier: DossierId,
    id: DossierFileId,
    new: NewFile,
    key: DataKey,
    writer: SealedWriter,
}

impl FileIntake {
    /// Takes the next bytes. It writes to a file: a door that serves many callers on one thread calls it from a blocking thread.
    ///
    /// # Errors
    /// [`DossierError::FileTooLarge`], or a full disk; the file is lost then.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), DossierError> {
        let total = self.writer.size_bytes().saturating_add(bytes.len() as u64);
        if total > limits::DOSSIER_FILE_BYTES_MAX {
            return Err(DossierError::FileTooLarge);
        }
        Ok(self.writer.write(bytes)?)
    }
}

/// A file on its way out. Reading blocks; it fails at the piece that is not what was stored.
#[derive(Debug)]
pub struct FileContent {
    /// The file.
    pub file: FileView,
    /// Its bytes.
    pub body: SealedReader<BlobReader>,
}

/// A link to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLink {
    /// What stands in the address: ids, a time and an authenticator.
    pub token: String,
    /// Until when it opens.
    pub expires_at: Timestamp,
}

/// What a token says, once its authenticator was found right.
struct Claim {
    file: DossierFileId,
    expires_at: Timestamp,
    audience: String,
}

impl Dossiers {
    /// Begins to take a file of a dossier in.
    ///
    /// # Errors
    /// [`DossierError::Unknown`] unless the actor is a party; [`DossierError::Erased`], [`DossierError::FileTooLarge`],
    /// [`DossierError::Invalid`] for an impossible name or too many files.
    pub async fn file_begin(
        &self,
        actor: &Actor,
        which: &DossierRef,
        new: NewFile,
    ) -> Result<FileIntake, DossierError> {
        if !actor.may(Permission::DossierSubmit) {
            return Err(DossierError::Forbidden);
        }
        check_new(&new)?;
        let exchange = self.exchange();
        let size = new.declared_len.unwrap_or(0);
        if !exchange.inner.db.has_room() || !exchange.inner.blobs.has_room(size) {
            return Err(SubmitError::Full.into());
        }
        let viewer = self.viewer(actor)?;
        let (dossiers, wanted) = (self.clone(), which.clone());
        let (row, wrapped) = exchange
            .inner
            .db
            .read::<_, DossierError, _>("dossier_file_begin", move |tx| {
                let row = dossiers.party_row(tx, &viewer, &wanted)?;
                let key = tx.dossier_key(row.id)?.ok_or(DossierError::Erased)?;
                Ok((row, key))
            })
            .await?;
        let key = sealing::open_key(self.keys()?, row.id, &wrapped)?;
        let id = DossierFileId::generate(self.now(), exchange.entropy());
        let writer = exchange.inner.blobs.create_sealed(
            &row.owner.to_string(),
            &key,
            Place::File(id),
            exchange.entropy(),
        )?;
        Ok(FileIntake {
            dossier: row.id,
            id,
            new,
            key,
            writer,
        })
    }

    /// Stores a file that came in whole. The same file of the same name handed in again gives the one that is there.
    ///
    /// # Errors
    /// [`DossierError::Erased`] if the dossier went in the meantime; the store's.
    pub async fn file_store(
        &self,
        actor: &Actor,
        intake: FileIntake,
    ) -> Result<FileView, DossierError> {
        let FileIntake {
            dossier,
            id,
            new,
            key,
            writer,
        } = intake;
        let stored = tokio::task::spawn_blocking(move || writer.finish())
            .await
            .map_err(|_| StoreError::Panicked)??;
        let (dossiers, by, now) = (self.clone(), actor.clone(), self.now());
        let (view, is_new) = self
            .exchange()
            .inner
            .db
            .write::<_, DossierError, _>("dossier_file_store", move |tx| {
                dossiers.insert_file(tx, &by, dossier, id, &new, &key, &stored, now)
            })
            .await?;
        count(&self.inner.counters.files, u64::from(is_new));
        Ok(view)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one row, gathered where it is written"
    )]
    fn insert_file(
        &self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        dossier: DossierId,
        id: DossierFileId,
        new: &NewFile,
        key: &DataKey,
        stored: &SealedBlob,
        now: Timestamp,
    ) -> Result<(FileView, bool), DossierError> {
        let row = tx.dossier_lookup(dossier)?.ok_or(DossierError::Unknown)?;
        let held = tx
            .dossier_hold(&row.code_key)?
            .ok_or(DossierError::Unknown)?;
        if held.erased_at.is_some() {
            return Err(DossierError::Erased);
        }
        let known = tx.dossier_files(dossier, None, limits::DOSSIER_FILES_MAX)?;
        for file in &known {
            if file.sha256 == stored.sha256 && file.kind == new.kind && file.blob.is_some() {
                let view = file_view(key, file, false)?;
                if view.name == new.name {
                    return Ok((view, false));
                }
            }
        }
        if known.len() >= limits::DOSSIER_FILES_MAX {
            return Err(invalid(
                "file",
                rules::TOO_MANY.with(&[("max", &limits::DOSSIER_FILES_MAX)]),
            ));
        }
        let entropy = self.exchange().entropy();
        let file = DossierFile {
            id,
            dossier,
            kind: new.kind,
            name_sealed: Some(key.seal(Place::FileName(id), new.name.as_bytes(), entropy)?),
            media_type: new.media_type.clone(),
            bytes: stored.bytes,
            sha256: stored.sha256,
            blob: Some(stored.blob.name.clone()),
            source_url_sealed: None,
            created_at: now,
        };
        tx.dossier_file_insert(&file)?;
        let receipt = ReceiptId::generate(now, entropy);
        Entry::new(
            evidence::DOSSIER_FILE_STORED,
            now,
            actor,
            self.exchange().salt(),
        )
        .receipt(receipt)
        .with("dossier", dossier.to_string())
        .with("file", id.to_string())
        .with("file_kind", new.kind.name())
        .with("sha256", stored.sha256.to_string())
        .with("bytes", i64::try_from(stored.bytes).unwrap_or(i64::MAX))
        .append(tx, now)?;
        Ok((file_view(key, &file, false)?, true))
    }

    /// Opens a file for a party. The look is recorded like one at the dossier.
    ///
    /// # Errors
    /// [`DossierError::FileUnknown`], also for somebody else's; [`DossierError::Forbidden`] for who sees persons masked.
    pub async fn file_open(
        &self,
        actor: &Actor,
        file: DossierFileId,
    ) -> Result<FileContent, DossierError> {
        let viewer = self.viewer(actor)?;
        if !self.sees_persons(actor, &viewer) {
            return Err(DossierError::Forbidden);
        }
        self.open_file(actor, viewer, file).await
    }

    async fn open_file(
        &self,
        actor: &Actor,
        viewer: Viewer,
        id: DossierFileId,
    ) -> Result<FileContent, DossierError> {
        let (dossiers, by, now) = (self.clone(), actor.clone(), self.now());
        let (file, wrapped) = self
            .exchange()
            .inner
            .db
            .write::<_, DossierError, _>("dossier_file_open", move |tx| {
                let file = tx.dossier_file(id)?.ok_or(DossierError::FileUnknown)?;
                let which = DossierRef::Id(file.dossier);
                let row = dossiers
                    .party_row(tx, &viewer, &which)
                    .map_err(|error| match error {
                        DossierError::Unknown => DossierError::FileUnknown,
                        error => error,
                    })?;
                let key = tx.dossier_key(row.id)?.ok_or(DossierError::Erased)?;
                note_look(tx, dossiers.exchange(), &by, row.id, Purpose::File, now)?;
                Ok((file, key))
            })
            .await?;
        let key = sealing::open_key(self.keys()?, file.dossier, &wrapped)?;
        let name = file.blob.clone().ok_or(DossierError::FileUnknown)?;
        let view = file_view(&key, &file, false)?;
        let blobs = self.exchange().inner.blobs.clone();
        let body =
            tokio::task::spawn_blocking(move || blobs.sealed_reader(&name, &key, Place::File(id)))
                .await
                .map_err(|_| StoreError::Panicked)??;
        Ok(FileContent { file: view, body })
    }

    /// Makes a link to a file, for one system or for whoever has it. `life` none stands for `limits::DOSSIER_LINK_LIFE`.
    ///
    /// # Errors
    /// As [`Dossiers::file_open`]; [`DossierError::Invalid`] for a life longer than `limits::DOSSIER_LINK_LIFE_MAX`.
    pub async fn link_make(
        &self,
        actor: &Actor,
        file: DossierFileId,
        audience: Audience,
        life: Option<Duration>,
    ) -> Result<FileLink, DossierError> {
        let viewer = self.viewer(actor)?;
        if !self.sees_persons(actor, &viewer) {
            return Err(DossierError::Forbidden);
        }
        let life = life.unwrap_or(limits::DOSSIER_LINK_LIFE);
        if life > limits::DOSSIER_LINK_LIFE_MAX {
            let max = limits::DOSSIER_LINK_LIFE_MAX.as_secs();
            let range = rules::RANGE.with(&[("min", &1), ("max", &max)]);
            return Err(invalid("seconds", range));
        }
        let dossiers = self.clone();
        self.exchange()
            .inner
            .db
            .read::<_, DossierError, _>("dossier_link_make", move |tx| {
                let found = tx.dossier_file(file)?.ok_or(DossierError::FileUnknown)?;
                let which = DossierRef::Id(found.dossier);
                dossiers.party_row(tx, &viewer, &which).map(|_| ())
            })
            .await
            .map_err(|error| match error {
                DossierError::Unknown => DossierError::FileUnknown,
                error => error,
            })?;
        let expires_at = self.now().plus(life);
        let audience = match audience {
            Audience::System(system) => system.to_string(),
            Audience::Bearer => BEARER.to_owned(),
        };
        let claim = format!("{file}.{}.{audience}", expires_at.as_millis());
        let mac = self.keys()?.mac(LINK_DOMAIN, claim.as_bytes());
        Ok(FileLink {
            token: format!("{claim}.{}", to_hex(&mac)),
            expires_at,
        })
    }

    /// Opens a file by a link. `caller`: who comes with it, if anybody is known.
    ///
    /// # Errors
    /// [`DossierError::FileUnknown`] for a link that we did not make; [`DossierError::LinkExpired`]; [`DossierError::LinkAudience`] if it
    /// was made for another system.
    pub async fn link_open(
        &self,
        token: &str,
        caller: Option<&Actor>,
    ) -> Result<FileContent, DossierError> {
        let claim = self.claim(token)?;
        if self.now() >= claim.expires_at {
            return Err(DossierError::LinkExpired);
        }
        if claim.audience != BEARER {
            let is_audience = match caller {
                Some(Actor::System { system, .. }) => system.to_string() == claim.audience,
                _ => false,
            };
            if !is_audience {
                return Err(DossierError::LinkAudience);
            }
        }
        // The right to see the file came with the link: whoever made it had it.
        let bearer = Actor::Platform { part: "link" };
        let by = caller.unwrap_or(&bearer);
        self.open_file(by, Viewer::All, claim.file).await
    }

    fn claim(&self, token: &str) -> Result<Claim, DossierError> {
        let unknown = || DossierError::FileUnknown;
        let (claim, mac) = token.rsplit_once('.').ok_or_else(unknown)?;
        let given = from_hex(mac).ok_or_else(unknown)?;
        let mac = self.keys()?.mac(LINK_DOMAIN, claim.as_bytes());
        if !equal_in_constant_time(&mac, &given) {
            return Err(unknown());
        }
        let mut parts = claim.split('.');
        let (Some(file), Some(expires), Some(audience)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(unknown());
        };
        Ok(Claim {
            file: file.parse().map_err(|_| unknown())?,
            expires_at: Timestamp::from_millis(expires.parse().map_err(|_| unknown())?),
            audience: audience.to_owned(),
        })
    }

    /// The dossier, if this viewer takes part in it.
    fn party_row(
        &self,
        tx: &mut Tx<'_>,
        viewer: &Viewer,
        which: &DossierRef,
    ) -> Result<Row, DossierError> {
        let row = lookup(tx, which)?.ok_or(DossierError::Unknown)?;
        let parties = tx.dossier_parties(row.id)?;
        if self.takes_part(viewer, &parties) {
            Ok(row)
        } else {
            Err(DossierError::Unknown)
        }
    }
}

fn invalid(place: &'static str, sentence: lgsp_base::problem::Sentence) -> DossierError {
    DossierError::Invalid(kinds::INPUT_INVALID.problem().breaks(place, sentence))
}

fn check_new(new: &NewFile) -> Result<(), DossierError> {
    if new
        .declared_len
        .is_some_and(|bytes| bytes > limits::DOSSIER_FILE_BYTES_MAX)
    {
        return Err(DossierError::FileTooLarge);
    }
    let chars = new.name.chars().count();
    if chars == 0 || chars > limits::FILE_NAME_CHARS_MAX || new.name.chars().any(char::is_control) {
        let max = limits::FILE_NAME_CHARS_MAX;
        return Err(invalid("name", rules::TOO_LONG.with(&[("max", &max)])));
    }
    let is_type = !new.media_type.is_empty()
        && new.media_type.len() <= MEDIA_TYPE_CHARS_MAX
        && new
            .media_type
            .bytes()
            .all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if !is_type {
        return Err(invalid("media_type", rules::FORM.plain()));
    }
    Ok(())
}
