//! API tokens: what they look like, and how they are recognised without being kept.
//!
//! `lgsp_live_` or `lgsp_test_`, 40 base-62 characters (238 bits), and a checksum of six, so that scanners of code find leaked tokens without
//! asking anybody and a typing error is told apart from a revoked token. Only the SHA-256 of the whole text is stored.

use std::fmt;

use lgsp_base::entropy::Entropy;
use lgsp_base::hash::{Sha256, equal_in_constant_time};
use lgsp_base::secret::Secret;

/// Random characters.
const BODY_CHARS: usize = 40;
/// Characters of the checksum.
const CHECK_CHARS: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Whether a platform carries real traffic; its tokens say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Environment {
    /// Real traffic.
    #[default]
    Live,
    /// Tests and demonstrations.
    Test,
}

impl Environment {
    /// What stands before a token's random part.
    pub const fn token_prefix(self) -> &'static str {
        match self {
            Environment::Live => "lgsp_live_",
            Environment::Test => "lgsp_test_",
        }
    }
}

/// A token in its readable form; printed only by [`Token::expose`].
#[derive(Clone)]
pub struct Token {
    text: Secret<String>,
    environment: Environment,
}

/// The text is no token: wrong prefix, length, characters or checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an API token")]
pub struct ParseTokenError;

impl Token {
    /// Makes a new one.
    pub fn generate(environment: Environment, entropy: &dyn Entropy) -> Self {
        let mut text = String::with_capacity(64);
        text.push_str(environment.token_prefix());
        let mut taken = 0;
        while taken < BODY_CHARS {
            let mut bytes = [0u8; 32];
            entropy.fill(&mut bytes);
            for byte in bytes {
                // Six bits at a time; the two values beyond 61 are thrown away so that all characters are equally likely.
                let character = ALPHABET.get(usize::from(byte >> 2)).copied();
                if let Some(character) = character.filter(|_| taken < BODY_CHARS) {
                    text.push(char::from(character));
                    taken += 1;
                }
            }
        }
        let check = checksum(&text);
        text.push_str(&check);
        Self {
            text: Secret::new(text),
            environment,
        }
    }

    /// Reads one, checking form and checksum only.
    ///
    /// # Errors
    /// [`ParseTokenError`].
    pub fn parse(text: &str) -> Result<Self, ParseTokenError> {
        let environment = [Environment::Live, Environment::Test]
            .into_iter()
            .find(|environment| text.starts_with(environment.token_prefix()))
            .ok_or(ParseTokenError)?;
        let prefix = environment.token_prefix();
        let is_plain = text
            .bytes()
            .skip(prefix.len())
            .all(|byte| byte.is_ascii_alphanumeric());
        if !is_plain || text.len() != prefix.len() + BODY_CHARS + CHECK_CHARS {
            return Err(ParseTokenError);
        }
        let (head, check) = text
            .split_at_checked(text.len() - CHECK_CHARS)
            .ok_or(ParseTokenError)?;
        if !equal_in_constant_time(checksum(head).as_bytes(), check.as_bytes()) {
            return Err(ParseTokenError);
        }
        Ok(Self {
            text: Secret::new(text.to_owned()),
            environment,
        })
    }

    /// Which platforms take it.
    pub fn environment(&self) -> Environment {
        self.environment
    }

    /// What the store keeps.
    pub fn hash(&self) -> Sha256 {
        Sha256::of(self.text.expose().as_bytes())
    }

    /// The token itself.
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// Hands the token over to be shown once.
    pub fn into_secret(self) -> Secret<String> {
        self.text
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// Six base-62 characters of the SHA-256 of what stands before.
fn checksum(head: &str) -> String {
    let digest = Sha256::of(head.as_bytes());
    let mut value = digest
        .0
        .iter()
        .take(8)
        .fold(0u64, |value, byte| (value << 8) | u64::from(*byte));
    let mut text = String::with_capacity(CHECK_CHARS);
    for _ in 0..CHECK_CHARS {
        let digit = usize::try_from(value % 62).unwrap_or(0);
        text.push(char::from(ALPHABET.get(digit).copied().unwrap_or(b'0')));
        value /= 62;
    }
    text
}

#[cfg(test)]
mod tests;
