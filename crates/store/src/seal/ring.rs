//! The keys of dossiers: numbered key-encryption keys and one index key, in one file.
//!
//! ```text
//! lgsp-dossier-index-1 <64 hexadecimal digits>
//! lgsp-dossier-key-1 <number> <since, RFC 3339> <64 hexadecimal digits>
//! ```
//!
//! Numbers rise from line to line, and the last key is the current one. The index key never changes: every hash would.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::hmac;
use lgsp_base::entropy::Entropy;
use lgsp_base::hash::{from_hex, to_hex};
use lgsp_base::{Sha256, Timestamp, limits};
use zeroize::Zeroizing;

use super::cipher::{CIPHER_KEY_BYTES, Cipher};
use super::{SealError, private_file};
use crate::StoreError;

/// What stands before the index key.
const INDEX_WORD: &str = "lgsp-dossier-index-1";
/// What stands before each key-encryption key.
const KEY_WORD: &str = "lgsp-dossier-key-1";
/// What the hash of an identity number begins with, so that the index key serves one purpose at a time.
const PERSON_DOMAIN: &[u8] = b"lgsp person 1\n";

/// The keyed hash of an identity number: HMAC-SHA-256 (RFC 2104) under the index key. Without that key nobody can try numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonHash(pub [u8; 32]);

struct NumberedKey {
    since: Timestamp,
    cipher: Arc<Cipher>,
}

/// What one reading of the file gave.
struct Keys {
    /// Of the whole file, to see that it changed.
    sha256: Sha256,
    /// Of the index key, to see that it did not.
    index_sha256: Sha256,
    index: hmac::Key,
    numbered: BTreeMap<u32, NumberedKey>,
}

struct Inner {
    path: PathBuf,
    keys: RwLock<Arc<Keys>>,
}

/// The keys of dossiers; clones share what was read last.
#[derive(Clone)]
pub struct KeyRing {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing")
            .field("path", &self.inner.path)
            .field("numbers", &self.numbers())
            .finish()
    }
}

/// What became of the keys when those without use were to be removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Removed.
    pub removed: Vec<u32>,
    /// Kept, because data keys are sealed under them.
    pub used: Vec<u32>,
    /// Kept, because the key behind them is younger than `limits::KEY_SUPERSEDED_MIN`: a node may not have noticed it.
    pub fresh: Vec<u32>,
}

impl KeyRing {
    /// Makes the file with an index key and key 1. An existing file is left alone and is an error.
    ///
    /// # Errors
    /// The file exists or cannot be written.
    pub fn create(path: &Path, now: Timestamp, entropy: &dyn Entropy) -> Result<Self, SealError> {
        let mut text = Zeroizing::new(format!("{INDEX_WORD} "));
        push_key(&mut text, entropy);
        push_line(&mut text, 1, now, entropy);
        private_file::create(path, text.as_bytes())
            .map_err(private_file::PrivateFileError::File)?;
        Self::open(path)
    }

    /// Reads the file.
    ///
    /// # Errors
    /// It is missing, others can read it, or it has not the form of a key file.
    pub fn open(path: &Path) -> Result<Self, SealError> {
        let keys = read(path)?;
        Ok(Self {
            inner: Arc::new(Inner {
                path: path.to_owned(),
                keys: RwLock::new(Arc::new(keys)),
            }),
        })
    }

    /// Reads the file again if it changed; true if it did. After an error the keys are those of before.
    ///
    /// # Errors
    /// As [`KeyRing::open`], and [`SealError::Foreign`] if the file is not a later one of this ring.
    pub fn reload(&self) -> Result<bool, SealError> {
        let (before, found) = (self.keys(), read(&self.inner.path)?);
        if found.sha256 == before.sha256 {
            return Ok(false);
        }
        let is_later = before
            .numbered
            .last_key_value()
            .is_some_and(|(current, _)| {
                found
                    .numbered
                    .last_key_value()
                    .is_some_and(|(number, _)| number >= current)
            });
        if found.index_sha256 != before.index_sha256 || !is_later {
            return Err(SealError::Foreign);
        }
        *self
            .inner
            .keys
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(found);
        Ok(true)
    }

    fn keys(&self) -> Arc<Keys> {
        let keys = self
            .inner
            .keys
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&keys)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// The number of the current key-encryption key.
    pub fn current_number(&self) -> u32 {
        self.numbers().last().copied().unwrap_or(0)
    }

    /// The numbers of all key-encryption keys, rising.
    pub fn numbers(&self) -> Vec<u32> {
        self.keys().numbered.keys().copied().collect()
    }

    pub(super) fn current(&self) -> Result<(u32, Arc<Cipher>), SealError> {
        let keys = self.keys();
        let (number, key) = keys
            .numbered
            .last_key_value()
            .ok_or(SealError::KeyUnknown { number: 0 })?;
        Ok((*number, Arc::clone(&key.cipher)))
    }

    pub(super) fn numbered(&self, number: u32) -> Result<Arc<Cipher>, SealError> {
        let find = || {
            self.keys()
                .numbered
                .get(&number)
                .map(|key| Arc::clone(&key.cipher))
        };
        if let Some(known) = find() {
            return Ok(known);
        }
        // Another node may have begun with a key that this one has not noticed.
        self.reload()?;
        find().ok_or(SealError::KeyUnknown { number })
    }

    /// The hash under which a person is found. The number is hashed as given: the caller brings it into one form.
    pub fn person_hash(&self, identity_number: &str) -> PersonHash {
        PersonHash(self.mac(PERSON_DOMAIN, identity_number.as_bytes()))
    }

    /// An authenticator over a message for another purpose than persons, under the same key: `domain` keeps purposes apart and ends
    /// with a line feed.
    pub fn mac(&self, domain: &[u8], message: &[u8]) -> [u8; 32] {
        let keys = self.keys();
        let mut context = hmac::Context::with_key(&keys.index);
        context.update(domain);
        context.update(message);
        let tag = context.sign();
        let mut bytes = [0u8; 32];
        for (slot, byte) in bytes.iter_mut().zip(tag.as_ref()) {
            *slot = *byte;
        }
        bytes
    }

    /// Adds a key-encryption key, which is the current one from now on, and gives its number. Nodes notice it with
    /// [`KeyRing::reload`].
    ///
    /// # Errors
    /// [`SealError::Busy`], [`SealError::TooManyKeys`], or as [`KeyRing::reload`].
    pub fn append(&self, now: Timestamp, entropy: &dyn Entropy) -> Result<u32, SealError> {
        self.rewrite(|keys, text| {
            let count = keys.numbered.len();
            if count >= limits::KEY_RING_KEYS_MAX {
                return Err(SealError::TooManyKeys { count });
            }
            let last = keys.numbered.last_key_value().map_or(0, |(last, _)| *last);
            let number = last
                .checked_add(1)
                .ok_or(SealError::TooManyKeys { count })?;
            push_line(text, number, now, entropy);
            Ok(number)
        })
    }

    /// Removes the keys that nothing uses and that were superseded long enough ago; never the current one. `is_used` is asked for each
    /// and may read the database ([`dossier_key_is_used`](crate::Tx::dossier_key_is_used)).
    ///
    /// # Errors
    /// As `is_used` and [`KeyRing::append`].
    pub fn prune(
        &self,
        now: Timestamp,
        mut is_used: impl FnMut(u32) -> Result<bool, StoreError>,
    ) -> Result<Pruned, SealError> {
        self.rewrite(|keys, text| {
            let mut pruned = Pruned::default();
            let successors = keys.numbered.values().skip(1);
            for (number, next) in keys.numbered.keys().zip(successors) {
                if now.since(next.since) < limits::KEY_SUPERSEDED_MIN {
                    pruned.fresh.push(*number);
                } else if is_used(*number)? {
                    pruned.used.push(*number);
                } else {
                    pruned.removed.push(*number);
                }
            }
            let is_kept = |line: &&str| {
                number_of(line).is_none_or(|number| !pruned.removed.contains(&number))
            };
            let mut kept = Zeroizing::new(String::with_capacity(text.len()));
            for line in text.lines().filter(is_kept) {
                kept.push_str(line);
                kept.push('\n');
            }
            *text = kept;
            Ok(pruned)
        })
    }

    /// Changes the file's text, alone: what is on disk is read, changed and put back whole.
    fn rewrite<T>(
        &self,
        change: impl FnOnce(&Keys, &mut Zeroizing<String>) -> Result<T, SealError>,
    ) -> Result<T, SealError> {
        let file = private_file::PrivateFileError::File;
        let held = private_file::hold_folder(&self.inner.path).map_err(file)?;
        let _held = held.ok_or(SealError::Busy)?;
        self.reload()?;
        let text = private_file::read(&self.inner.path, limits::KEY_FILE_BYTES_MAX)?;
        let mut changed = Zeroizing::new(String::with_capacity(text.len() + 256));
        changed.push_str(&text);
        let done = change(&self.keys(), &mut changed)?;
        if *changed != *text {
            private_file::replace(&self.inner.path, changed.as_bytes()).map_err(file)?;
            self.reload()?;
        }
        Ok(done)
    }
}

/// Appends a fresh key and the end of its line.
fn push_key(text: &mut Zeroizing<String>, entropy: &dyn Entropy) {
    let mut key = Zeroizing::new([0u8; CIPHER_KEY_BYTES]);
    entropy.fill(key.as_mut());
    text.push_str(&Zeroizing::new(to_hex(key.as_ref())));
    text.push('\n');
}

fn push_line(text: &mut Zeroizing<String>, number: u32, since: Timestamp, entropy: &dyn Entropy) {
    // Writing into a text cannot fail.
    let _written = write!(text, "{KEY_WORD} {number} {since} ");
    push_key(text, entropy);
}

/// The number in a line of a key-encryption key.
fn number_of(line: &str) -> Option<u32> {
    let mut words = line.split(' ');
    (words.next() == Some(KEY_WORD))
        .then(|| words.next()?.parse().ok())
        .flatten()
}

fn read(path: &Path) -> Result<Keys, SealError> {
    let text = private_file::read(path, limits::KEY_FILE_BYTES_MAX)?;
    parse(&text).map_err(|detail| SealError::Form {
        detail: detail.to_owned(),
    })
}

fn parse(text: &str) -> Result<Keys, &'static str> {
    if !text.ends_with('\n') {
        return Err("its last line has no end");
    }
    let (mut index, mut numbered) = (None, BTreeMap::new());
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            [INDEX_WORD, key] if index.is_none() && numbered.is_empty() => {
                index = Some(key_bytes(key)?);
            }
            [KEY_WORD, number, since, key] => {
                let number = number.parse().map_err(|_| "a key has no number")?;
                let is_later = numbered
                    .last_key_value()
                    .is_none_or(|(last, _)| number > *last);
                if !is_later || numbered.len() >= limits::KEY_RING_KEYS_MAX {
                    return Err("the numbers of its keys do not rise");
                }
                let since = Timestamp::parse(since).ok_or("a key has no time")?;
                let cipher = Cipher::new(&key_bytes(key)?).ok_or("a key is no key")?;
                let cipher = Arc::new(cipher);
                numbered.insert(number, NumberedKey { since, cipher });
            }
            _ => return Err("a line is neither an index key nor a key"),
        }
    }
    let index = index.ok_or("it has no index key")?;
    if numbered.is_empty() {
        return Err("it has no key");
    }
    Ok(Keys {
        sha256: Sha256::of(text.as_bytes()),
        index_sha256: Sha256::of(&index),
        index: hmac::Key::new(hmac::HMAC_SHA256, &index),
        numbered,
    })
}

fn key_bytes(text: &str) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    from_hex(text)
        .filter(|key| key.len() == CIPHER_KEY_BYTES)
        .map(Zeroizing::new)
        .ok_or("a key is not 64 hexadecimal digits")
}
