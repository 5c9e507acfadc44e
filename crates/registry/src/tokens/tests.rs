use lgsp_base::entropy::SeededEntropy;

use super::*;

#[test]
fn a_token_reads_back_and_shows_its_environment() {
    let entropy = SeededEntropy::new(7);
    for (environment, prefix) in [
        (Environment::Live, "lgsp_live_"),
        (Environment::Test, "lgsp_test_"),
    ] {
        let token = Token::generate(environment, &entropy);
        assert!(token.expose().starts_with(prefix));
        assert_eq!(token.expose().len(), prefix.len() + 46);
        let read = Token::parse(token.expose()).unwrap();
        assert_eq!(read.environment(), environment);
        assert_eq!(read.hash(), token.hash());
        assert!(!format!("{token:?}").contains(token.expose()));
    }
}

#[test]
fn any_single_wrong_character_is_seen() {
    let token = Token::generate(Environment::Live, &SeededEntropy::new(8));
    let text = token.expose().as_bytes();
    for position in 0..text.len() {
        let mut wrong = text.to_vec();
        wrong[position] = if wrong[position] == b'x' { b'y' } else { b'x' };
        assert!(Token::parse(std::str::from_utf8(&wrong).unwrap()).is_err());
    }
    for text in [
        "",
        "lgsp_live_",
        "lgsp_live_đđđđđđđđđđđđđđđđđđđđđđđ",
        "Bearer",
        &format!("{}0", token.expose()),
    ] {
        assert_eq!(Token::parse(text).err(), Some(ParseTokenError));
    }
}

#[test]
fn tokens_use_the_whole_alphabet_and_do_not_repeat() {
    let entropy = SeededEntropy::new(9);
    let mut seen = std::collections::HashSet::new();
    let mut characters = std::collections::HashSet::new();
    for _ in 0..200 {
        let token = Token::generate(Environment::Test, &entropy);
        characters.extend(token.expose()[10..50].chars());
        assert!(seen.insert(token.expose().to_owned()));
    }
    assert_eq!(characters.len(), 62);
}
