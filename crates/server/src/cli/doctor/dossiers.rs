//! The keys of dossiers: that they are there, open what is stored, and how far a rotation has come.

use lgsp_exchange::dossier::{KeyRing, opens};
use lgsp_store::{Db, StoreError};

use super::{Doctor, State};
use crate::data_folder::DataFolder;

/// The name of the finding.
const NAME: &str = "dossier_keys";
/// Data keys under an older key that are counted.
const OLDER_MAX: usize = 100_000;
/// Data keys of each key that are opened.
const OPENED_MAX: usize = 200;
/// What to do about keys that are gone.
const PUT_BACK: (&str, &str) = (
    "Chép lại keys/dossier.key từ nơi giữ khóa; không có khóa thì không đọc được hồ sơ",
    "Put keys/dossier.key back from where keys are kept; without it no dossier can be read",
);

/// What the database says about the keys.
struct Found {
    older: u64,
    has_any: bool,
    is_opened: bool,
}

impl Doctor<'_> {
    /// Looks whether the key file opens the data keys of the dossiers.
    pub(super) fn dossier_keys(&mut self, folder: &DataFolder, db: &Db) {
        let path = folder.dossier_key();
        let ring = match path.try_exists() {
            Ok(true) => KeyRing::open(&path).map(Some),
            Ok(false) => Ok(None),
            Err(error) => {
                return self.note(NAME, State::Bad, error.to_string(), PUT_BACK);
            }
        };
        let ring = match ring {
            Ok(ring) => ring,
            Err(error) => return self.note(NAME, State::Bad, error.to_string(), PUT_BACK),
        };
        match look(db, ring.clone()) {
            Ok(found) => self.told(ring.as_ref(), &found),
            Err(error) => self.note(NAME, State::Bad, error.to_string(), PUT_BACK),
        }
    }

    fn told(&mut self, ring: Option<&KeyRing>, found: &Found) {
        let Some(ring) = ring else {
            if found.has_any {
                self.note(NAME, State::Bad, "keys/dossier.key", PUT_BACK);
            } else {
                let none = self.context.output.say("chưa có hồ sơ", "no dossiers yet");
                self.good(NAME, none);
            }
            return;
        };
        let current = ring.current_number();
        if !found.is_opened {
            self.note(NAME, State::Damaged, format!("#{current}"), PUT_BACK);
        } else if found.older > 0 {
            self.note(
                NAME,
                State::Warning,
                format!("#{current}, {} < #{current}", found.older),
                (
                    "Máy chủ đang chạy sẽ gói lại các khóa dữ liệu; chạy lại sau ít phút",
                    "A running server wraps the data keys anew; run it again in some minutes",
                ),
            );
        } else {
            self.good(NAME, format!("#{current}"));
        }
    }
}

fn look(db: &Db, ring: Option<KeyRing>) -> Result<Found, StoreError> {
    db.read::<_, StoreError, _>("doctor_dossier_keys", move |tx| {
        let current = ring.as_ref().map_or(u32::MAX, KeyRing::current_number);
        let some = tx.dossier_key_page(u32::MAX, None, OPENED_MAX)?;
        let is_opened = ring
            .as_ref()
            .is_some_and(|ring| some.iter().all(|(id, key)| opens(ring, *id, key)));
        Ok(Found {
            older: tx.dossier_key_count_older(current, OLDER_MAX)?,
            has_any: !some.is_empty(),
            is_opened,
        })
    })
    .wait()
}
