use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use lgsp_base::entropy::{Entropy, SeededEntropy};
use lgsp_base::id::SystemId;
use lgsp_base::time::Timestamp;

use super::*;

struct Folder(PathBuf);

impl Folder {
    fn new(seed: u64) -> Self {
        let id = SystemId::generate(
            Timestamp::from_millis(seed.cast_signed()),
            &SeededEntropy::new(seed),
        );
        let path = std::env::temp_dir().join(format!("lgsp-vault-{}-{id}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn key(&self) -> PathBuf {
        self.0.join("vault.key")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn a_sealed_secret_opens_only_for_its_owner_unchanged_and_under_its_key() {
    let folder = Folder::new(1);
    let entropy = SeededEntropy::new(1);
    let vault = Vault::create(&folder.key(), &entropy).unwrap();
    let sealed = vault.seal("sys_a", b"the secret", &entropy).unwrap();
    assert_eq!(sealed.first(), Some(&1));
    assert_eq!(sealed.len(), 1 + 12 + 10 + 16);

    let reopened = Vault::open(&folder.key()).unwrap();
    assert_eq!(
        reopened.unseal("sys_a", &sealed).unwrap().expose(),
        b"the secret"
    );
    assert!(matches!(
        reopened.unseal("sys_b", &sealed),
        Err(VaultError::Sealed)
    ));
    for position in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[position] ^= 1;
        assert!(vault.unseal("sys_a", &changed).is_err(), "byte {position}");
        assert!(vault.unseal("sys_a", &sealed[..position]).is_err());
    }

    let other = Folder::new(2);
    let stranger = Vault::create(&other.key(), &entropy).unwrap();
    assert!(stranger.unseal("sys_a", &sealed).is_err());
    assert_ne!(
        sealed,
        vault.seal("sys_a", b"the secret", &entropy).unwrap()
    );
}

#[test]
fn a_key_that_others_can_read_is_refused_and_never_overwritten() {
    let folder = Folder::new(3);
    let entropy = SeededEntropy::new(3);
    drop(Vault::create(&folder.key(), &entropy).unwrap());
    let before = fs::read(folder.key()).unwrap();
    assert!(matches!(
        Vault::create(&folder.key(), &entropy),
        Err(VaultError::File(_))
    ));
    assert_eq!(fs::read(folder.key()).unwrap(), before);

    for mode in [0o644, 0o640, 0o400, 0o700] {
        fs::set_permissions(folder.key(), fs::Permissions::from_mode(mode)).unwrap();
        assert!(
            matches!(Vault::open(&folder.key()), Err(VaultError::Mode { mode: m }) if m == mode)
        );
    }
    fs::set_permissions(folder.key(), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(folder.key(), "lgsp-vault-key-1 00ff\n").unwrap();
    assert!(matches!(Vault::open(&folder.key()), Err(VaultError::Key)));
    fs::write(folder.key(), "").unwrap();
    assert!(matches!(Vault::open(&folder.key()), Err(VaultError::Key)));
    assert!(matches!(
        Vault::open(&folder.0.join("none")),
        Err(VaultError::File(_))
    ));
    let mut unused = [0u8; 1];
    entropy.fill(&mut unused);
}

#[test]
fn a_mark_is_for_one_purpose_under_one_key() {
    let entropy = SeededEntropy::new(3);
    let (one, two) = (Folder::new(31), Folder::new(32));
    let vault = Vault::create(&one.key(), &entropy).unwrap();
    let other = Vault::create(&two.key(), &entropy).unwrap();
    let mark = vault.vouch("a", b"statement");
    assert!(vault.has_vouched("a", b"statement", &mark));
    let again = Vault::open(&one.key()).unwrap();
    assert!(again.has_vouched("a", b"statement", &mark));
    assert!(!vault.has_vouched("b", b"statement", &mark));
    assert!(!vault.has_vouched("a", b"another", &mark));
    assert!(!vault.has_vouched("a", b"statement", &[]));
    assert!(!other.has_vouched("a", b"statement", &mark));
}
