//! Encryption at rest: nothing that says something about a person reaches the disk in the clear.
//!
//! Two layers (the envelope scheme of NIST SP 800-57 part 1, §6.2.3). Each dossier has a random [`DataKey`]; everything of the dossier
//! is sealed under it. The data key itself is stored wrapped under one of the numbered key-encryption keys of a [`KeyRing`], which
//! stands in a file of mode 0600 that is no part of a backup. A new key-encryption key only means wrapping the data keys again; a
//! destroyed data key means that the dossier is gone wherever its bytes still lie.
//!
//! Small values are AES-256-GCM with a random nonce ([`Cipher`]); files are a stream of pieces with counted nonces ([`SealedWriter`],
//! [`SealedReader`]). Both are bound to the [`Place`] where they stand, so that a value moved elsewhere does not open.

mod cipher;
pub mod private_file;
mod ring;
mod stream;

use std::fmt;

use lgsp_base::id::{DocumentId, DossierFileId, DossierId};

use crate::StoreError;

pub use cipher::{CIPHER_KEY_BYTES, Cipher, DataKey, NONCE_BYTES, SEALED_OVERHEAD_BYTES};
pub use ring::{KeyRing, PersonHash, Pruned};
pub use stream::{SealedBlob, SealedReader, SealedWriter, sealed_stream_bytes};

/// Where a sealed value stands. It is authenticated with the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `dossier_contents.key_sealed`.
    Key(DossierId),
    /// `dossier_contents.summary_sealed`.
    Summary(DossierId),
    /// `dossier_contents.content_sealed`.
    Content(DossierId),
    /// `dossier_steps.text_sealed` of the step with this number.
    Step(DossierId, i64),
    /// The content of a document of the kind dossier, in its row or as a blob.
    Document(DocumentId),
    /// `dossier_files.name_sealed`.
    FileName(DossierFileId),
    /// `dossier_files.source_url_sealed`.
    FileSource(DossierFileId),
    /// The blob of a file.
    File(DossierFileId),
}

impl fmt::Display for Place {
    /// The text that is authenticated: a word and an id.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Key(id) => write!(f, "dossier-key {id}"),
            Place::Summary(id) => write!(f, "dossier-summary {id}"),
            Place::Content(id) => write!(f, "dossier-content {id}"),
            Place::Step(id, seq) => write!(f, "dossier-step {id} {seq}"),
            Place::Document(id) => write!(f, "document {id}"),
            Place::FileName(id) => write!(f, "dossier-file-name {id}"),
            Place::FileSource(id) => write!(f, "dossier-file-source {id}"),
            Place::File(id) => write!(f, "dossier-file {id}"),
        }
    }
}

/// Why something cannot be sealed or opened, or the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key file cannot be used.
    #[error("the key file cannot be used")]
    File(#[from] private_file::PrivateFileError),
    /// The key file does not have the form of one.
    #[error("the key file is no key file: {detail}")]
    Form {
        /// What is wrong; never a key.
        detail: String,
    },
    /// The key file on disk has another index key, or lost the key in use: it is that of another installation.
    #[error("the key file on disk is that of another installation")]
    Foreign,
    /// The key file has as many keys as it may have.
    #[error("the key file has {count} keys already; remove those that nothing uses")]
    TooManyKeys {
        /// How many it has.
        count: usize,
    },
    /// Another program changes the key file.
    #[error("another program changes the key file at this moment")]
    Busy,
    /// The value is sealed under a key that the file does not hold.
    #[error("the key file holds no key {number}")]
    KeyUnknown {
        /// The number of the key.
        number: u32,
    },
    /// The value was sealed in another form, under another key or for another place, or it was changed.
    #[error("a sealed value does not open")]
    Damaged,
    /// The store could not say which keys are used.
    #[error("the store could not say which keys are used")]
    Store(#[from] StoreError),
}

impl From<SealError> for StoreError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Store(error) => error,
            SealError::File(_)
            | SealError::Form { .. }
            | SealError::Foreign
            | SealError::TooManyKeys { .. }
            | SealError::Busy => StoreError::Io(std::sync::Arc::new(error)),
            SealError::KeyUnknown { .. } | SealError::Damaged => StoreError::corrupt(error),
        }
    }
}

#[cfg(test)]
mod tests;
