use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use lgsp_base::entropy::{Entropy, SeededEntropy};
use lgsp_base::id::{DocumentId, DossierFileId, DossierId};
use lgsp_base::planted::Planted;
use lgsp_base::{Sha256, Timestamp, limits};

use super::private_file::PrivateFileError;
use super::*;
use crate::blobs::Blobs;
use crate::dossier::DossierKey;
use crate::testing::Scratch;

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
const CHUNK: usize = limits::SEALED_CHUNK_BYTES;

fn later(times: u32) -> Timestamp {
    NOW.plus(limits::KEY_SUPERSEDED_MIN * times)
}

fn key_path(scratch: &Scratch) -> PathBuf {
    scratch.path().join("dossier.key")
}

fn ring(scratch: &Scratch, entropy: &SeededEntropy) -> KeyRing {
    KeyRing::create(&key_path(scratch), NOW, entropy).expect("a ring")
}

const DOSSIER: DossierId = DossierId::from_bits(1);
const FILE: Place = Place::File(DossierFileId::from_bits(1));

fn is_damaged<T>(result: Result<T, SealError>) -> bool {
    matches!(result, Err(SealError::Damaged))
}

#[test]
fn a_sealed_value_opens_only_unchanged_at_its_place_and_under_its_key() {
    let entropy = SeededEntropy::new(1);
    let key = DataKey::generate(&entropy).expect("a key");
    let place = Place::Content(DOSSIER);
    let sealed = key.seal(place, b"Nguyen Van A", &entropy).expect("seals");
    assert_eq!(sealed.len(), 12 + SEALED_OVERHEAD_BYTES);
    assert_eq!(sealed[0], 1);
    assert_eq!(
        key.open(place, &sealed).expect("opens").expose(),
        b"Nguyen Van A"
    );
    for position in 0..sealed.len() {
        for bit in 0..8 {
            let mut changed = sealed.clone();
            changed[position] ^= 1 << bit;
            assert!(is_damaged(key.open(place, &changed)), "{position} {bit}");
        }
        assert!(is_damaged(key.open(place, &sealed[..position])));
    }
    let other = DataKey::generate(&entropy).expect("a key");
    assert!(is_damaged(other.open(place, &sealed)));
    assert_ne!(sealed, key.seal(place, b"Nguyen Van A", &entropy).unwrap());
}

#[test]
fn no_two_places_have_the_same_text() {
    let (dossier, file) = (DossierId::from_bits(1), DossierFileId::from_bits(1));
    let places = [
        Place::Key(dossier),
        Place::Summary(dossier),
        Place::Content(dossier),
        Place::Content(DossierId::from_bits(2)),
        Place::Step(dossier, 1),
        Place::Step(dossier, 11),
        Place::Document(DocumentId::from_bits(1)),
        Place::FileName(file),
        Place::FileSource(file),
        Place::File(file),
    ];
    let entropy = SeededEntropy::new(2);
    let key = DataKey::generate(&entropy).expect("a key");
    for sealed_at in places {
        let sealed = key.seal(sealed_at, b"x", &entropy).expect("seals");
        for opened_at in places {
            assert_eq!(key.open(opened_at, &sealed).is_ok(), sealed_at == opened_at);
        }
    }
}

#[test]
fn data_keys_open_under_their_number_and_survive_a_new_key() {
    let (scratch, entropy) = (Scratch::new("ring"), SeededEntropy::new(3));
    let ring = ring(&scratch, &entropy);
    let (key, place) = (DataKey::generate(&entropy).unwrap(), Place::Key(DOSSIER));
    let sealed = key.seal(FILE, b"kept", &entropy).expect("seals");
    let first = ring.wrap(place, &key, &entropy).expect("wraps");
    assert_eq!(first.number, 1);

    assert_eq!(ring.append(later(1), &entropy).expect("appends"), 2);
    assert_eq!((ring.current_number(), ring.numbers()), (2, vec![1, 2]));
    let second = ring.wrap(place, &key, &entropy).expect("wraps");
    assert_eq!(second.number, 2);
    for wrapped in [&first, &second] {
        let again = ring.unwrap_key(place, wrapped).expect("unwraps");
        assert_eq!(again.open(FILE, &sealed).expect("opens").expose(), b"kept");
    }
    let swapped = DossierKey {
        number: 2,
        sealed: first.sealed.clone(),
    };
    assert!(is_damaged(ring.unwrap_key(place, &swapped)));
    let elsewhere = Place::Key(DossierId::from_bits(2));
    assert!(is_damaged(ring.unwrap_key(elsewhere, &first)));
    let unknown = DossierKey { number: 9, ..first };
    assert!(matches!(
        ring.unwrap_key(place, &unknown),
        Err(SealError::KeyUnknown { number: 9 })
    ));
}

#[test]
fn a_running_node_notices_a_new_key_and_opens_with_it_before() {
    let (scratch, entropy) = (Scratch::new("reload"), SeededEntropy::new(4));
    let node = ring(&scratch, &entropy);
    assert!(!node.reload().expect("nothing new"));
    let tool = KeyRing::open(&key_path(&scratch)).expect("opens");
    tool.append(later(1), &entropy).expect("appends");
    let key = DataKey::generate(&entropy).expect("a key");
    let wrapped = tool.wrap(Place::Key(DOSSIER), &key, &entropy).unwrap();
    assert_eq!(node.current_number(), 1, "not noticed yet");
    node.unwrap_key(Place::Key(DOSSIER), &wrapped)
        .expect("looked for in the file");
    assert_eq!(node.current_number(), 2);
    tool.append(later(2), &entropy).expect("appends");
    assert!(node.reload().expect("reads"));
    assert_eq!(node.current_number(), 3);
}

#[test]
fn keys_are_removed_only_without_use_and_when_their_successor_is_old() {
    let (scratch, entropy) = (Scratch::new("prune"), SeededEntropy::new(5));
    let ring = ring(&scratch, &entropy);
    for times in 1..=3 {
        ring.append(later(times), &entropy).expect("appends");
    }
    let nothing_used = |_| Ok(false);
    let pruned = ring
        .prune(later(3), |number| Ok(number == 1))
        .expect("prunes");
    let expected = Pruned {
        removed: vec![2],
        used: vec![1],
        fresh: vec![3],
    };
    assert_eq!(pruned, expected);
    assert_eq!(ring.numbers(), [1, 3, 4]);
    let pruned = ring.prune(later(9), nothing_used).expect("prunes");
    assert_eq!(pruned.removed, [1, 3]);
    assert_eq!(ring.numbers(), [4], "the current one always stays");
    assert_eq!(ring.append(later(9), &entropy).expect("appends"), 5);
    let failed = ring.prune(later(20), |_| Err(StoreError::Busy));
    assert!(matches!(failed, Err(SealError::Store(StoreError::Busy))));
    assert_eq!(KeyRing::open(ring.path()).unwrap().numbers(), [4, 5]);
}

#[test]
fn the_key_file_keeps_its_mode_and_nobody_changes_it_with_us() {
    let (scratch, entropy) = (Scratch::new("file"), SeededEntropy::new(6));
    let ring = ring(&scratch, &entropy);
    assert!(matches!(
        KeyRing::create(ring.path(), NOW, &entropy),
        Err(SealError::File(_))
    ));
    ring.append(later(1), &entropy).expect("appends");
    let facts = std::fs::metadata(ring.path()).expect("there");
    assert_eq!(facts.permissions().mode() & 0o7777, 0o600);
    // A stop half-way leaves this behind.
    let mut next = ring.path().as_os_str().to_owned();
    next.push(".next");
    std::fs::write(&next, "half a line").expect("writes");
    ring.append(later(2), &entropy)
        .expect("appends all the same");
    assert!(!PathBuf::from(next).exists());

    let held = private_file::hold_folder(ring.path()).expect("a folder");
    assert!(held.is_some());
    assert!(matches!(
        ring.append(later(3), &entropy),
        Err(SealError::Busy)
    ));
    drop(held);
    ring.append(later(3), &entropy).expect("free again");
    assert_eq!(ring.numbers(), [1, 2, 3, 4]);

    for mode in [0o644, 0o640, 0o400, 0o700] {
        std::fs::set_permissions(ring.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        assert!(matches!(
            KeyRing::open(ring.path()),
            Err(SealError::File(PrivateFileError::Mode { .. }))
        ));
    }
}

fn replaced(ring: &KeyRing, text: &str) -> Result<bool, SealError> {
    std::fs::write(ring.path(), text).expect("writes");
    ring.reload()
}

#[test]
fn a_foreign_or_broken_key_file_changes_nothing() {
    let (scratch, entropy) = (Scratch::new("foreign"), SeededEntropy::new(7));
    let ring = ring(&scratch, &entropy);
    ring.append(later(1), &entropy).expect("appends");
    let text = std::fs::read_to_string(ring.path()).expect("reads");
    let lines: Vec<&str> = text.lines().collect();
    let (index, first, second) = (lines[0], lines[1], lines[2]);
    let broken = [
        String::new(),
        text.trim_end().to_owned(),
        format!("{index}\n"),
        format!("{first}\n{second}\n"),
        format!("{index}\n{second}\n{first}\n"),
        format!("{index}\n{first}\n{first}\n"),
        format!("{index}\n{index}\n{first}\n"),
        format!("{first}\n{index}\n{second}\n"),
        format!("{text}lgsp-dossier-key-2 3 x\n"),
        format!("{text}\n"),
        text.replace("-1 1 ", "-1 x "),
        text.replace('Z', "?"),
        text[..text.len() - 2].to_owned() + "\n",
    ];
    for text in broken {
        let read = replaced(&ring, &text);
        assert!(matches!(read, Err(SealError::Form { .. })), "{text:?}");
        assert_eq!(ring.numbers(), [1, 2]);
    }
    let lost = replaced(&ring, &format!("{index}\n{first}\n"));
    assert!(matches!(lost, Err(SealError::Foreign)), "the current key");
    let other = Scratch::new("foreign-other");
    let stranger = KeyRing::create(&key_path(&other), NOW, &entropy).unwrap();
    stranger.append(later(1), &entropy).expect("appends");
    let foreign = std::fs::read_to_string(stranger.path()).expect("reads");
    assert!(matches!(replaced(&ring, &foreign), Err(SealError::Foreign)));
    assert!(!replaced(&ring, &text).expect("its own again"));
    assert!(!format!("{ring:?}").contains(&first[first.len() - 64..]));
}

#[test]
fn persons_are_found_by_a_hash_that_only_the_index_key_makes() {
    let (scratch, entropy) = (Scratch::new("persons"), SeededEntropy::new(8));
    let ring = ring(&scratch, &entropy);
    let hash = ring.person_hash("001099000001");
    assert_eq!(hash, ring.person_hash("001099000001"));
    assert_ne!(hash, ring.person_hash("001099000002"));
    assert_ne!(hash.0, Sha256::of(b"001099000001").0);
    assert_ne!(hash.0, ring.mac(b"lgsp file link 1\n", b"001099000001"));
    ring.append(later(1), &entropy).expect("appends");
    let reopened = KeyRing::open(ring.path()).expect("opens");
    assert_eq!(
        hash,
        reopened.person_hash("001099000001"),
        "keys change, hashes stay"
    );
    let other = Scratch::new("persons-other");
    let stranger = KeyRing::create(&key_path(&other), NOW, &entropy).unwrap();
    assert_ne!(hash, stranger.person_hash("001099000001"));
}

/// A folder of blobs and a key.
struct Files {
    _scratch: Scratch,
    root: PathBuf,
    blobs: Blobs,
    key: DataKey,
    entropy: SeededEntropy,
}

impl Files {
    fn new(name: &str, seed: u64) -> Self {
        let (scratch, entropy) = (Scratch::new(name), SeededEntropy::new(seed));
        let root = scratch.path().join("blobs");
        Self {
            blobs: Blobs::open(&root, Planted::default()).expect("a folder"),
            key: DataKey::generate(&entropy).expect("a key"),
            root,
            _scratch: scratch,
            entropy,
        }
    }

    fn random(&self, bytes: usize) -> Vec<u8> {
        let mut random = vec![0; bytes];
        self.entropy.fill(&mut random);
        random
    }

    fn seal(&self, plain: &[u8]) -> SealedBlob {
        let mut writer = self
            .blobs
            .create_sealed("org_a", &self.key, FILE, &self.entropy)
            .expect("begins");
        writer.write(plain).expect("writes");
        assert_eq!(writer.size_bytes(), plain.len() as u64);
        assert_eq!(writer.sha256(), Sha256::of(plain));
        writer.finish().expect("stores")
    }

    /// The sealed bytes as they lie on the disk.
    fn sealed(&self, plain: &[u8]) -> Vec<u8> {
        let stored = self.seal(plain);
        std::fs::read(self.root.join("v1").join(&stored.blob.name)).expect("reads")
    }

    fn open(&self, sealed: &[u8]) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        SealedReader::new(sealed, sealed.len() as u64, &self.key, FILE)?.read_to_end(&mut plain)?;
        Ok(plain)
    }
}

#[test]
fn a_sealed_file_of_any_size_written_in_any_parts_comes_back() {
    let files = Files::new("stream", 9);
    let mut sizes = vec![0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7];
    sizes.extend((0..20).map(|_| usize::try_from(files.entropy.below(300_000)).unwrap()));
    for size in sizes {
        let plain = files.random(size);
        let mut writer = files
            .blobs
            .create_sealed("org_a", &files.key, FILE, &files.entropy)
            .expect("begins");
        let mut rest = plain.as_slice();
        while !rest.is_empty() {
            let part = 1 + usize::try_from(files.entropy.below(100_000)).unwrap();
            let (now, left) = rest.split_at(part.min(rest.len()));
            writer.write(now).expect("writes");
            rest = left;
        }
        let stored = writer.finish().expect("stores");
        assert_eq!(
            (stored.bytes, stored.sha256),
            (size as u64, Sha256::of(&plain))
        );
        assert_eq!(stored.blob.bytes, sealed_stream_bytes(size as u64));
        assert_ne!(stored.blob.sha256, stored.sha256);
        files.blobs.check(&stored.blob.name).expect("whole");

        let open = || {
            files
                .blobs
                .sealed_reader(&stored.blob.name, &files.key, FILE)
                .expect("opens")
        };
        assert_eq!(open().size_bytes(), size as u64);
        assert_eq!(*open().read_all(size).expect("reads"), plain);
        let (mut reader, mut read, mut buffer) = (open(), Vec::new(), vec![0; 70_001]);
        loop {
            let wanted = 1 + usize::try_from(files.entropy.below(70_000)).unwrap();
            match reader.read(&mut buffer[..wanted]).expect("reads") {
                0 => break,
                count => read.extend_from_slice(&buffer[..count]),
            }
        }
        assert_eq!(read, plain);
        if let Some(less) = size.checked_sub(1) {
            assert!(matches!(
                open().read_all(less),
                Err(StoreError::Corrupt { .. })
            ));
        }
    }
}

#[test]
fn no_byte_of_a_sealed_file_can_be_changed_or_cut_off() {
    let files = Files::new("tamper", 10);
    for size in [0, 1, 300] {
        let plain = files.random(size);
        let sealed = files.sealed(&plain);
        assert_eq!(files.open(&sealed).expect("opens"), plain);
        for position in 0..sealed.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed[position] ^= 1 << bit;
                assert!(files.open(&changed).is_err(), "byte {position} bit {bit}");
            }
            assert!(
                files.open(&sealed[..position]).is_err(),
                "cut at {position}"
            );
        }
        let mut longer = sealed.clone();
        longer.push(0);
        assert!(files.open(&longer).is_err());
    }
}

#[test]
fn pieces_cannot_be_left_out_repeated_moved_or_taken_from_another_file() {
    const HEADER: usize = 41;
    let files = Files::new("pieces", 11);
    let sealed = files.sealed(&files.random(3 * CHUNK));
    let (header, body) = sealed.split_at(HEADER);
    let pieces: Vec<&[u8]> = body.chunks(CHUNK + 16).collect();
    assert_eq!(pieces.len(), 3);
    let other = files.sealed(&files.random(3 * CHUNK));
    let foreign: Vec<&[u8]> = other[HEADER..].chunks(CHUNK + 16).collect();
    let joined = |pieces: &[&[u8]]| [header, &pieces.concat()].concat();
    let [a, b, c] = [pieces[0], pieces[1], pieces[2]];
    assert!(files.open(&joined(&[a, b, c])).is_ok());
    let wrong: [&[&[u8]]; 11] = [
        &[],
        &[a],
        &[a, b],
        &[b, c],
        &[a, c],
        &[b, a, c],
        &[a, c, b],
        &[a, b, b, c],
        &[a, b, c, c],
        &[a, foreign[1], c],
        &[foreign[0], foreign[1], foreign[2]],
    ];
    for (number, pieces) in wrong.into_iter().enumerate() {
        let changed = joined(pieces);
        assert!(files.open(&changed).is_err(), "case {number}");
        // What comes out before the fault is the beginning of the file, nothing else.
        if let Ok(mut reader) =
            SealedReader::new(changed.as_slice(), changed.len() as u64, &files.key, FILE)
        {
            let mut plain = Vec::new();
            assert!(reader.read_to_end(&mut plain).is_err());
            assert!(plain.len() < 3 * CHUNK);
            assert!(reader.read(&mut [0; 1]).is_err(), "also when asked again");
        }
    }
}

#[test]
fn a_sealed_file_opens_only_at_its_place_and_under_its_key() {
    let files = Files::new("place", 12);
    let stored = files.seal(b"a paper");
    let name = &stored.blob.name;
    let elsewhere = Place::File(DossierFileId::from_bits(2));
    let refused = files.blobs.sealed_reader(name, &files.key, elsewhere);
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })));
    let other = DataKey::generate(&files.entropy).expect("a key");
    let refused = files.blobs.sealed_reader(name, &other, FILE);
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })));
    let again = files.seal(b"a paper");
    assert_ne!(
        again.blob.sha256, stored.blob.sha256,
        "never the same bytes twice"
    );
    std::fs::remove_file(files.root.join("v1").join(name)).expect("removes");
    let missing = files.blobs.sealed_reader(name, &files.key, FILE);
    assert!(matches!(missing, Err(StoreError::Corrupt { .. })));
}

/// Gives bytes of a pattern without end.
struct Endless;

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        buffer.fill(7);
        Ok(buffer.len())
    }
}

#[test]
fn a_large_file_passes_piece_by_piece() {
    let files = Files::new("large", 13);
    let mut writer = files
        .blobs
        .create_sealed("org_a", &files.key, FILE, &files.entropy)
        .expect("begins");
    let mut buffer = vec![0; 1 << 20];
    for _ in 0..8 {
        Endless.read_exact(&mut buffer).expect("reads");
        writer.write(&buffer).expect("writes");
    }
    let stored = writer.finish().expect("stores");
    let mut reader = files
        .blobs
        .sealed_reader(&stored.blob.name, &files.key, FILE)
        .expect("opens");
    let mut largest = 0;
    let mut total = 0;
    loop {
        match reader.read(&mut buffer).expect("reads") {
            0 => break,
            count => {
                largest = largest.max(count);
                total += count;
            }
        }
    }
    assert_eq!((total, largest), (8 << 20, CHUNK));
}
