//! What is sealed of a dossier, in the forms in which it is kept.

use lgsp_base::Entropy;
use lgsp_base::id::{DocumentId, DossierId};
use lgsp_store::dossier::DossierKey;
use lgsp_store::seal::{DataKey, KeyRing, Place, SealError};
use lgsp_store::{StoreError, Tx};
use lgsp_wire::dossier::Dossier;
use serde::{Deserialize, Serialize};

use super::error::DossierError;

/// The little that lists show: nothing that is not masked.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// The applicant's name, masked.
    pub(crate) applicant: String,
    /// The procedure's name.
    pub(crate) procedure: String,
    /// The handling unit's name as the dossier writes it.
    pub(crate) unit: String,
}

/// A new data key of a dossier, and the same wrapped.
pub(crate) fn new_key(
    ring: &KeyRing,
    id: DossierId,
    entropy: &dyn Entropy,
) -> Result<(DataKey, DossierKey), DossierError> {
    let key = DataKey::generate(entropy)?;
    let wrapped = ring.wrap(Place::Key(id), &key, entropy)?;
    Ok((key, wrapped))
}

/// Opens the data key of a dossier.
pub(crate) fn open_key(
    ring: &KeyRing,
    id: DossierId,
    wrapped: &DossierKey,
) -> Result<DataKey, DossierError> {
    Ok(ring.unwrap_key(Place::Key(id), wrapped)?)
}

/// True if the ring opens this data key of a dossier; for a check of an installation.
pub fn opens(ring: &KeyRing, id: DossierId, wrapped: &DossierKey) -> bool {
    ring.unwrap_key(Place::Key(id), wrapped).is_ok()
}

/// Writes a value as JSON and seals it.
pub(crate) fn seal_json<T: Serialize>(
    key: &DataKey,
    place: Place,
    value: &T,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, DossierError> {
    let bytes = serde_json::to_vec(value)
        .map_err(|_| StoreError::corrupt("a sealed value could not be written as JSON"))?;
    Ok(key.seal(place, &bytes, entropy)?)
}

/// Opens a value that was sealed as JSON.
pub(crate) fn open_json<T: for<'de> Deserialize<'de>>(
    key: &DataKey,
    place: Place,
    sealed: &[u8],
) -> Result<T, DossierError> {
    let bytes = key.open(place, sealed)?;
    // Serde's words may quote what they read.
    Ok(serde_json::from_slice(bytes.expose()).map_err(|_| unreadable(place))?)
}

/// The state of a dossier, opened.
pub(crate) fn open_state(
    key: &DataKey,
    id: DossierId,
    sealed: &[u8],
) -> Result<Dossier, DossierError> {
    open_json(key, Place::Content(id), sealed)
}

/// A sealed text, opened.
pub(crate) fn open_text(
    key: &DataKey,
    place: Place,
    sealed: &[u8],
) -> Result<String, DossierError> {
    let bytes = key.open(place, sealed)?;
    Ok(String::from_utf8(bytes.expose().clone()).map_err(|_| unreadable(place))?)
}

fn unreadable(place: Place) -> StoreError {
    StoreError::corrupt(format_args!("what was sealed as {place} is unreadable"))
}

/// The body of a document that carries a push, opened. None if its dossier is erased.
pub(crate) fn open_body(
    tx: &mut Tx<'_>,
    ring: &KeyRing,
    document: DocumentId,
    sealed: &[u8],
) -> Result<Option<Vec<u8>>, StoreError> {
    let (dossier, _) = tx.dossier_by_document(document)?.ok_or_else(|| {
        StoreError::corrupt(format_args!("{document} is a push about no dossier"))
    })?;
    let Some(wrapped) = tx.dossier_key(dossier)? else {
        return Ok(None);
    };
    let key = ring.unwrap_key(Place::Key(dossier), &wrapped)?;
    let bytes = key.open(Place::Document(document), sealed)?;
    Ok(Some(bytes.expose().clone()))
}

/// The work of opening a dossier that is not there, so that an answer's time does not tell.
pub(crate) fn work_in_vain(ring: &KeyRing, entropy: &dyn Entropy) -> Result<(), DossierError> {
    const USUAL_BYTES: usize = 4_096;
    let id = DossierId::from_bits(0);
    let (key, wrapped) = new_key(ring, id, entropy)?;
    let place = Place::Content(id);
    let sealed = key.seal(place, &[b' '; USUAL_BYTES], entropy)?;
    let opened = open_key(ring, id, &wrapped)?.open(place, &sealed)?;
    drop(serde_json::from_slice::<serde_json::Value>(opened.expose()));
    Ok(())
}

impl From<SealError> for DossierError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::KeyUnknown { .. } => DossierError::Keys,
            error => DossierError::Store(error.into()),
        }
    }
}
