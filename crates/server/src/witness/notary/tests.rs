use lgsp_base::entropy::SeededEntropy;
use lgsp_base::time::ManualClock;
use lgsp_base::{Entropy as _, Sha256, Timestamp};
use lgsp_wire::tlog::checkpoint::verify_cosignature;
use lgsp_wire::tlog::merkle::{HashReader, consistency_proof, leaf_hash, node_hash, root};
use lgsp_wire::tlog::note::Algorithm;

use super::*;

const ORIGIN: &str = "log.example/1";

fn signer(name: &str, algorithm: Algorithm, seed: u64) -> SoftSigner {
    let mut bytes = [0; 32];
    SeededEntropy::new(seed).fill(&mut bytes);
    SoftSigner::from_seed(name, algorithm, &bytes).expect("a key")
}

/// A log in memory.
struct Tree(Vec<Sha256>);

impl HashReader for Tree {
    type Error = ();

    fn hash(&mut self, level: u8, index: u64) -> Result<Sha256, ()> {
        if level == 0 {
            return self
                .0
                .get(usize::try_from(index).expect("small"))
                .copied()
                .ok_or(());
        }
        Ok(node_hash(
            &self.hash(level - 1, 2 * index)?,
            &self.hash(level - 1, 2 * index + 1)?,
        ))
    }
}

fn tree(leaves: u64, face: u8) -> Tree {
    Tree(
        (0..leaves)
            .map(|leaf| leaf_hash(&[&leaf.to_be_bytes()[..], &[face]].concat()))
            .collect(),
    )
}

fn request(by: &SoftSigner, old: u64, new: u64, face: u8) -> String {
    let mut tree = tree(new, face);
    let checkpoint = Checkpoint {
        origin: by.key().name().to_owned(),
        size: new,
        root: root(new, &mut tree).expect("a root"),
        extensions: Vec::new(),
    };
    AddCheckpoint {
        old_size: old,
        proof: consistency_proof(old, new, &mut tree).expect("a proof"),
        note: checkpoint.sign(by).expect("signed"),
    }
    .to_string()
}

struct Scene {
    folder: PathBuf,
    log: SoftSigner,
}

impl Scene {
    fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("lgsp-witness-{name}-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir(&folder).expect("a folder");
        Self {
            folder,
            log: signer(ORIGIN, Algorithm::Ed25519, 1),
        }
    }

    fn notary(&self) -> Result<Notary, NotaryError> {
        Notary::open(
            &self.folder,
            signer("witness.example/1", Algorithm::CosignatureV1, 2),
            vec![self.log.key().clone()],
            Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000))),
        )
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

#[test]
fn a_growing_log_is_cosigned_and_remembered() {
    let scene = Scene::new("grows");
    let notary = scene.notary().expect("opens");
    for (old, new) in [(0, 3), (3, 3), (3, 10), (10, 700)] {
        let body = request(&scene.log, old, new, 0);
        let signature = notary.add_checkpoint(&body).expect("cosigned");
        let note = body.parse::<AddCheckpoint>().expect("valid").note;
        let at = verify_cosignature(&note.text, &signature, notary.key()).expect("good");
        assert_eq!(at, 1_800_000_000);
    }
    assert_eq!(
        notary.add_checkpoint(&request(&scene.log, 3, 800, 0)),
        Err(Refusal::Conflict(700))
    );
    let again = scene.notary().expect("opens again");
    assert_eq!(again.seen(), notary.seen());
    assert_eq!(
        again.add_checkpoint(&request(&scene.log, 0, 5, 0)),
        Err(Refusal::Conflict(700)),
        "a rolled-back log is refused, also after a restart"
    );
}

#[test]
fn forks_rollbacks_strangers_and_rubbish_are_refused() {
    let scene = Scene::new("refuses");
    let notary = scene.notary().expect("opens");
    notary
        .add_checkpoint(&request(&scene.log, 0, 10, 0))
        .expect("cosigned");
    for (body, refusal) in [
        (request(&scene.log, 10, 10, 1), Refusal::Fork(10)),
        (request(&scene.log, 10, 20, 1), Refusal::Inconsistent),
        (request(&scene.log, 5, 5, 0), Refusal::Conflict(10)),
        (
            request(&scene.log, 10, 20, 0).replacen("old 10", "old 30", 1),
            Refusal::Malformed,
        ),
        (
            request(&signer("other", Algorithm::Ed25519, 1), 0, 3, 0),
            Refusal::UnknownLog,
        ),
        (
            request(&signer(ORIGIN, Algorithm::Ed25519, 9), 10, 20, 0),
            Refusal::NotSigned,
        ),
        ("old 0\n".to_owned(), Refusal::Malformed),
    ] {
        assert_eq!(notary.add_checkpoint(&body), Err(refusal), "{body}");
    }
    let seen = notary.seen();
    assert_eq!((seen[0].size, seen[0].refused), (10, 2));
    notary
        .add_checkpoint(&request(&scene.log, 10, 20, 0))
        .expect("the honest log goes on");
}

#[test]
fn a_changed_record_stops_the_start() {
    let scene = Scene::new("record");
    let notary = scene.notary().expect("opens");
    notary
        .add_checkpoint(&request(&scene.log, 0, 10, 0))
        .expect("cosigned");
    let record = std::fs::read_dir(&scene.folder)
        .expect("a folder")
        .next()
        .expect("a record")
        .expect("an entry")
        .path();
    let good = std::fs::read_to_string(&record).expect("text");
    for bad in [good.replacen("\n10\n", "\n1\n", 1), String::new()] {
        assert_ne!(bad, good);
        std::fs::write(&record, bad).expect("written");
        assert!(scene.notary().is_err());
    }
    std::fs::rename(&record, record.with_file_name("other.note")).expect("moved");
    assert!(scene.notary().is_err());
}
