//! A small reader of HTML for the checks of pages and templates: tags with attributes, and the text between them.

/// A piece of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// `<name a="b">`; the name of a closing tag begins with a slash.
    Tag(&'a str, Vec<(&'a str, &'a str)>),
    /// What stands between tags.
    Text(&'a str),
}

impl<'a> Piece<'a> {
    pub(super) fn attribute(&self, wanted: &str) -> Option<&'a str> {
        match self {
            Piece::Tag(_, attributes) => attributes
                .iter()
                .find(|(name, _)| *name == wanted)
                .map(|(_, value)| *value),
            Piece::Text(_) => None,
        }
    }

    pub(super) fn is(&self, wanted: &str) -> bool {
        matches!(self, Piece::Tag(name, _) if *name == wanted)
    }
}

/// Reads a page that our templates made; quotes are always double.
pub(super) fn pieces(html: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (text, tail) = rest.split_at(at);
        if !text.trim().is_empty() {
            pieces.push(Piece::Text(text));
        }
        let end = end_of_tag(tail);
        pieces.push(tag(&tail[1..end]));
        rest = &tail[(end + 1).min(tail.len())..];
    }
    if !rest.trim().is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

fn end_of_tag(tail: &str) -> usize {
    let mut is_quoted = false;
    for (at, c) in tail.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            '>' if !is_quoted => return at,
            _ => {}
        }
    }
    panic!("a tag is left open: {}", &tail[..tail.len().min(80)]);
}

fn tag(inner: &str) -> Piece<'_> {
    let inner = inner.trim_end_matches('/');
    let split = inner.find(char::is_whitespace).unwrap_or(inner.len());
    let (name, mut rest) = inner.split_at(split);
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Piece::Tag(name, attributes);
        }
        let end = rest
            .find(|c: char| c == '=' || c.is_whitespace())
            .unwrap_or(rest.len());
        let attribute = &rest[..end];
        rest = &rest[end..];
        if let Some(quoted) = rest.strip_prefix("=\"") {
            let end = quoted.find('"').expect("the quote is closed");
            attributes.push((attribute, &quoted[..end]));
            rest = &quoted[end + 1..];
        } else {
            assert!(
                !rest.starts_with('='),
                "an attribute without quotes: {inner}"
            );
            attributes.push((attribute, ""));
        }
    }
}

/// What breaks the rules of a rendered page, in words.
pub(super) fn findings(html: &str) -> Vec<String> {
    let pieces = pieces(html);
    let mut found = Vec::new();
    let labelled: Vec<&str> = pieces
        .iter()
        .filter(|piece| piece.is("label"))
        .filter_map(|piece| piece.attribute("for"))
        .collect();
    let mut ids: Vec<&str> = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        let Piece::Tag(name, attributes) = piece else {
            continue;
        };
        for (attribute, value) in attributes {
            if *attribute == "style" || attribute.starts_with("on") {
                found.push(format!("inline {attribute} on <{name}>"));
            }
            let is_address = matches!(*attribute, "href" | "src" | "action" | "srcset" | "poster");
            if is_address && (value.contains("//") || value.starts_with("javascript:")) {
                found.push(format!("<{name}> leads to another host: {value}"));
            }
            if *attribute == "id" {
                if ids.contains(value) {
                    found.push(format!("two elements have the id {value}"));
                }
                ids.push(value);
            }
        }
        match *name {
            "style" => found.push("a style element".to_owned()),
            "script" if piece.attribute("src").is_none() => {
                found.push("an inline script".to_owned());
            }
            "input" | "select" | "textarea" => {
                let is_hidden = piece.attribute("type") == Some("hidden");
                let has_label = piece.attribute("aria-label").is_some()
                    || piece
                        .attribute("id")
                        .is_some_and(|id| labelled.contains(&id));
                if !is_hidden && !has_label {
                    found.push(format!("a {name} without a label: {piece:?}"));
                }
            }
            "table" if !pieces.get(at + 1).is_some_and(|next| next.is("caption")) => {
                found.push("a table without a caption".to_owned());
            }
            "th" if piece.attribute("scope").is_none() => {
                found.push("a heading of a table without scope".to_owned());
            }
            "img" if piece.attribute("alt").is_none() => {
                found.push("an image without alt".to_owned());
            }
            "form" => {
                let end = pieces[at..].iter().position(|p| p.is("/form")).unwrap_or(0);
                let is_post = piece.attribute("method") == Some("post");
                let has_token = pieces[at..at + end]
                    .iter()
                    .any(|p| p.attribute("name") == Some("csrf"));
                let is_wish = piece.attribute("action") == Some("/tuy-chon");
                if is_post && !has_token && !is_wish {
                    found.push(format!("a post without a token: {piece:?}"));
                }
            }
            _ => {}
        }
    }
    let headings = pieces.iter().filter(|piece| piece.is("h1")).count();
    if html.starts_with("<!doctype") && headings != 1 {
        found.push(format!("{headings} first-level headings"));
    }
    found
}

/// Letters that stand in a template outside of what is put in, in words; every text belongs to the catalogue.
pub(super) fn raw_texts(source: &str) -> Vec<String> {
    let plain = without_code(source);
    let mut found = Vec::new();
    let mut is_code = false;
    for piece in pieces(&plain) {
        match &piece {
            Piece::Tag(name, attributes) => {
                // Key names and commands are the same in every language.
                if matches!(*name, "kbd" | "code") {
                    is_code = true;
                } else if matches!(*name, "/kbd" | "/code") {
                    is_code = false;
                }
                for (attribute, value) in attributes {
                    let is_said = matches!(
                        *attribute,
                        "title" | "alt" | "placeholder" | "aria-label" | "data-copied"
                    );
                    if is_said && value.chars().any(char::is_alphabetic) {
                        found.push(format!("{attribute}=\"{value}\""));
                    }
                }
            }
            Piece::Text(text) => {
                if !is_code && text.chars().any(char::is_alphabetic) {
                    found.push(text.trim().to_owned());
                }
            }
        }
    }
    found
}

/// The template without `{{ … }}`, `{% … %}` and `{# … #}`.
fn without_code(source: &str) -> String {
    let mut plain = String::new();
    let mut rest = source;
    while let Some(at) = rest.find('{') {
        let (before, tail) = rest.split_at(at);
        plain.push_str(before);
        let close = match tail.get(..2) {
            Some("{{") => "}}",
            Some("{%") => "%}",
            Some("{#") => "#}",
            _ => {
                plain.push('{');
                rest = &tail[1..];
                continue;
            }
        };
        let end = tail.find(close).expect("code is closed");
        rest = &tail[end + 2..];
    }
    plain.push_str(rest);
    plain
}

#[test]
fn the_checks_see_what_is_planted() {
    for (html, word) in [
        ("<p style=\"x\">a</p>", "inline style"),
        ("<p onclick=\"x\">a</p>", "inline onclick"),
        ("<script>x</script>", "inline script"),
        ("<style>x</style>", "style element"),
        ("<img src=\"https://x.example/a\" alt=\"\">", "another host"),
        ("<a href=\"//x.example\">a</a>", "another host"),
        ("<img src=\"/a\">", "without alt"),
        ("<input name=\"a\">", "without a label"),
        ("<table><tr></tr></table>", "without a caption"),
        (
            "<table><caption>a</caption><th>b</th></table>",
            "without scope",
        ),
        (
            "<form method=\"post\" action=\"/a\"></form>",
            "without a token",
        ),
        ("<p id=\"a\"></p><p id=\"a\"></p>", "two elements"),
        ("<!doctype html><h2>a</h2>", "first-level"),
    ] {
        let found = findings(html);
        assert!(
            found.iter().any(|one| one.contains(word)),
            "{html}: {found:?}"
        );
    }
    assert_eq!(
        findings("<label for=\"a\">A</label><input id=\"a\"><a href=\"/b?c=1\">b</a>"),
        Vec::<String>::new()
    );
    assert_eq!(
        raw_texts("<p>{{ t(\"a\") }} · {% if a %}●{% endif %}{# b #}</p>"),
        Vec::<String>::new()
    );
    assert_eq!(raw_texts("<p>Xin chào</p>"), ["Xin chào"]);
    assert_eq!(raw_texts("<p title=\"Xin\"></p>"), ["title=\"Xin\""]);
    assert_eq!(raw_texts("<kbd>g</kbd>"), Vec::<String>::new());
}
