//! A push tokenizer for XML 1.0 with namespaces that never holds a text node.
//!
//! It takes text in pieces cut anywhere and calls a [`Handler`] for start tags, end tags and pieces of text. Only one tag,
//! processing instruction or reference is ever buffered, each under a limit. It knows no DTD: a declaration ends the
//! reading, so only the five predefined entities and character references exist. Whether an error is reported, and which,
//! does not depend on where the pieces were cut: what came before a fault is always handed over first.

use super::error::Cause;
use super::limits::Limits;
use super::markup::{
    REFERENCE_BYTES_MAX, check_declaration, decode_reference, is_special_in_tag,
    is_special_in_text, parse_attributes,
};
use super::names::{Attribute, Namespaces, is_plain_name, is_space, split_name};
use super::scan;

/// A start tag with its namespace resolved.
#[derive(Debug)]
pub(crate) struct StartTag<'a> {
    /// The prefix, empty if none.
    pub(crate) prefix: &'a str,
    /// The name without prefix.
    pub(crate) local: &'a str,
    /// The namespace, empty if none.
    pub(crate) namespace: &'a str,
    /// Attributes, declarations included.
    pub(crate) attributes: &'a [Attribute],
}

/// Receives what the tokenizer finds. `at` is the offset of the tag or of the piece's text node.
pub(crate) trait Handler {
    /// An element begins.
    fn start(&mut self, tag: &StartTag<'_>, at: u64) -> Result<(), Cause>;
    /// The element begun last ends.
    fn end(&mut self, at: u64) -> Result<(), Cause>;
    /// A piece of text inside an element.
    fn text(&mut self, text: &str) -> Result<(), Cause>;
    /// True if the text of the present element is base64. It may be long, so it is handed over as written: line ends are not
    /// normalised and `]]>` is left to the receiver, who refuses brackets in any case.
    fn is_base64(&self) -> bool {
        false
    }
    /// A comment, processing instruction or CDATA section ended.
    fn other(&mut self, at: u64) -> Result<(), Cause>;
}

/// An error with its place.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) cause: Cause,
    pub(crate) at: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first `<`.
    Start,
    Text,
    /// After `<`.
    Open,
    Tag {
        quote: Option<u8>,
    },
    /// After `<!`.
    Declaration,
    Comment {
        dashes: u8,
    },
    Section {
        brackets: u8,
    },
    Instruction {
        question: bool,
    },
    Reference,
}

/// The tokenizer's state between two pieces.
#[derive(Debug)]
pub(crate) struct Tokenizer {
    limits: Limits,
    state: State,
    token: String,
    /// Bytes of a comment, which is not kept.
    skipped: usize,
    token_at: u64,
    at: u64,
    /// The names of the open elements, one behind the other.
    names: String,
    /// Where the name of each open element begins.
    open: Vec<usize>,
    namespaces: Namespaces,
    elements: usize,
    brackets: u8,
    after_return: bool,
    junk: usize,
    junk_is_space: bool,
    has_bom: bool,
    is_first: bool,
    has_root: bool,
    junk_before_declaration: usize,
    /// Bytes looked at, those looked at again included.
    #[cfg(test)]
    pub(crate) steps: u64,
}

impl Tokenizer {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::Start,
            token: String::new(),
            skipped: 0,
            token_at: 0,
            at: 0,
            names: String::new(),
            open: Vec::new(),
            namespaces: Namespaces::default(),
            elements: 0,
            brackets: 0,
            after_return: false,
            junk: 0,
            junk_is_space: true,
            has_bom: false,
            is_first: true,
            has_root: false,
            junk_before_declaration: 0,
            #[cfg(test)]
            steps: 0,
        }
    }

    /// Bytes before the XML declaration, a byte order mark not counted.
    pub(crate) fn junk_bytes(&self) -> usize {
        self.junk_before_declaration
    }

    /// True if the text began with a byte order mark.
    pub(crate) fn has_bom(&self) -> bool {
        self.has_bom
    }

    /// Bytes held between two pieces.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.token.capacity()
    }

    /// Takes the next piece.
    pub(crate) fn push(&mut self, text: &str, handler: &mut dyn Handler) -> Result<(), Fault> {
        let mut from = 0;
        while let Some(rest) = text.get(from..).filter(|rest| !rest.is_empty()) {
            let step = match self.state {
                State::Start => self.in_start(rest),
                State::Text => self.in_text(rest, handler),
                State::Open => self.in_open(rest),
                State::Tag { quote } => self.in_tag(rest, quote, handler),
                State::Declaration => self.in_declaration(rest),
                State::Comment { dashes } => self.in_comment(rest, dashes, handler),
                State::Section { brackets } => self.in_section(rest, brackets, handler),
                State::Instruction { question } => self.in_instruction(rest, question, handler),
                State::Reference => self.in_reference(rest, handler),
            };
            let used = step.map_err(|cause| self.fault(cause))?;
            #[cfg(test)]
            {
                self.steps += used.max(1) as u64;
            }
            from += used;
            self.at += used as u64;
        }
        Ok(())
    }

    /// Says whether the document is complete.
    pub(crate) fn finish(&self) -> Result<(), Fault> {
        if self.has_root && self.open.is_empty() && self.state == State::Text {
            Ok(())
        } else {
            Err(self.fault(Cause::Malformed("ends too early")))
        }
    }

    /// An error at the present token.
    pub(crate) fn fault(&self, cause: Cause) -> Fault {
        Fault {
            cause,
            at: self.token_at,
        }
    }

    fn begin(&mut self, state: State, token_at: u64) {
        self.state = state;
        self.token.clear();
        self.skipped = 0;
        self.token_at = token_at;
    }

    /// Adds to the buffered token; the limit speaks before any other complaint about the same bytes.
    fn grow(&mut self, piece: &str) -> Result<(), Cause> {
        self.check_room(piece)?;
        self.token.push_str(piece);
        Ok(())
    }

    fn check_room(&self, piece: &str) -> Result<(), Cause> {
        if self.token.len() + piece.len() > self.limits.token_bytes {
            return Err(Cause::Limit("bytes of one tag"));
        }
        Ok(())
    }

    fn skip(&mut self, bytes: usize) -> Result<(), Cause> {
        self.skipped += bytes;
        if self.skipped > self.limits.token_bytes {
            return Err(Cause::Limit("bytes of one comment"));
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), Cause> {
        self.elements += 1;
        if self.elements > self.limits.elements {
            return Err(Cause::Limit("elements"));
        }
        Ok(())
    }

    fn in_start(&mut self, rest: &str) -> Result<usize, Cause> {
        if self.at == 0 && rest.starts_with('\u{FEFF}') {
            self.has_bom = true;
            return Ok('\u{FEFF}'.len_utf8());
        }
        let junk = rest.find('<').unwrap_or(rest.len());
        let before = rest.get(..junk).unwrap_or_default();
        self.junk += junk;
        self.junk_is_space &= before.chars().all(is_space);
        if self.junk > self.limits.junk_bytes {
            return Err(Cause::Malformed("not an XML file"));
        }
        if junk == rest.len() {
            return Ok(junk);
        }
        self.begin(State::Open, self.at + junk as u64);
        Ok(junk + 1)
    }

    /// Text that is handed over as written, up to the next markup.
    fn in_base64(&mut self, rest: &str, handler: &mut dyn Handler) -> Result<usize, Cause> {
        let bytes = rest.as_bytes();
        let end = scan::position(bytes, |byte| (byte == b'<') | (byte == b'&'));
        let run = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        if !run.is_empty() {
            handler.text(run)?;
        }
        let state = match bytes.get(run.len()) {
            Some(b'<') => State::Open,
            Some(_) => State::Reference,
            None => return Ok(run.len()),
        };
        self.begin(state, self.at + run.len() as u64);
        Ok(run.len() + 1)
    }

    fn in_text(&mut self, rest: &str, handler: &mut dyn Handler) -> Result<usize, Cause> {
        if handler.is_base64() {
            return self.in_base64(rest, handler);
        }
        let bytes = rest.as_bytes();
        let mut from = 0;
        if self.after_return {
            self.after_return = false;
            if bytes.first() == Some(&b'\n') {
                from = 1;
            }
        }
        let mut to = from;
        loop {
            let tail = bytes.get(to..).unwrap_or_default();
            let plain = scan::position(tail, is_special_in_text).unwrap_or(tail.len());
            if plain > 0 {
                self.brackets = 0;
            }
            to += plain;
            let run = rest.get(from..to).unwrap_or_default();
            match bytes.get(to) {
                Some(b']') => self.brackets = (self.brackets + 1).min(2),
                Some(b'>') if self.brackets == 2 => {
                    self.emit(run, handler)?;
                    return Err(Cause::Malformed("]]> in text"));
                }
                Some(b'>') => self.brackets = 0,
                None => {
                    self.emit(run, handler)?;
                    return Ok(to);
                }
                Some(special) => {
                    self.brackets = 0;
                    self.emit(run, handler)?;
                    match special {
                        b'<' => self.begin(State::Open, self.at + to as u64),
                        b'&' => self.begin(State::Reference, self.at + to as u64),
                        _ => {
                            self.emit("\n", handler)?;
                            self.after_return = true;
                        }
                    }
                    return Ok(to + 1);
                }
            }
            to += 1;
        }
    }

    fn emit(&self, text: &str, handler: &mut dyn Handler) -> Result<(), Cause> {
        if text.is_empty() {
            Ok(())
        } else if !self.open.is_empty() {
            handler.text(text)
        } else if text.chars().all(is_space) {
            Ok(())
        } else {
            Err(Cause::Malformed("text outside the root element"))
        }
    }

    fn in_open(&mut self, rest: &str) -> Result<usize, Cause> {
        let (state, used) = match rest.as_bytes().first() {
            Some(b'!') => (State::Declaration, 1),
            Some(b'?') => (State::Instruction { question: false }, 1),
            _ => (State::Tag { quote: None }, 0),
        };
        let is_instruction = matches!(state, State::Instruction { .. });
        if self.is_first && !self.junk_is_space && !is_instruction {
            return Err(Cause::Malformed("text before the first element"));
        }
        self.state = state;
        Ok(used)
    }

    fn in_tag(
        &mut self,
        rest: &str,
        mut quote: Option<u8>,
        handler: &mut dyn Handler,
    ) -> Result<usize, Cause> {
        let bytes = rest.as_bytes();
        let mut from = 0;
        loop {
            let tail = bytes.get(from..).unwrap_or_default();
            let found = match quote {
                Some(open) => scan::position(tail, |byte| (byte == open) | (byte == b'<')),
                None => scan::position(tail, is_special_in_tag),
            };
            let Some(index) = found.map(|index| from + index) else {
                break;
            };
            let before = rest.get(..index).unwrap_or_default();
            match (quote, bytes.get(index)) {
                (_, Some(b'<')) => {
                    self.grow(before)?;
                    return Err(Cause::Malformed("< inside a tag"));
                }
                (None, Some(b'>')) => {
                    self.whole_tag(before, handler)?;
                    self.begin(State::Text, self.at + index as u64 + 1);
                    return Ok(index + 1);
                }
                (None, mark) => quote = mark.copied(),
                (Some(_), _) => quote = None,
            }
            from = index + 1;
        }
        self.state = State::Tag { quote };
        self.grow(rest)?;
        Ok(rest.len())
    }

    /// Takes the end of a tag. One that came in one piece is read where it lies.
    fn whole_tag(&mut self, end: &str, handler: &mut dyn Handler) -> Result<(), Cause> {
        if self.token.is_empty() {
            self.check_room(end)?;
            return self.tag(end, handler);
        }
        self.grow(end)?;
        let token = std::mem::take(&mut self.token);
        let result = self.tag(&token, handler);
        // The buffer is kept for the next tag.
        self.token = token;
        result
    }

    fn tag(&mut self, token: &str, handler: &mut dyn Handler) -> Result<(), Cause> {
        self.is_first = false;
        #[cfg(test)]
        {
            // A tag is read for its attributes and again for their names.
            self.steps += 2 * token.len() as u64;
        }
        match token.strip_prefix('/') {
            Some(name) => self.end_tag(name, handler),
            None => self.start_tag(token, handler),
        }
    }

    fn start_tag(&mut self, token: &str, handler: &mut dyn Handler) -> Result<(), Cause> {
        let (body, is_empty) = match token.strip_suffix('/') {
            Some(body) => (body, true),
            None => (token, false),
        };
        let name_end = body.find(is_space).unwrap_or(body.len());
        let (name, rest) = body.split_at(name_end);
        let (prefix, local) = split_name(name)?;
        if self.open.is_empty() && self.has_root {
            return Err(Cause::Malformed("two root elements"));
        }
        self.has_root = true;
        self.count()?;
        if self.open.len() >= self.limits.depth {
            return Err(Cause::Limit("depth"));
        }
        let attributes = parse_attributes(rest, self.limits.attributes)?;
        self.namespaces.enter(&attributes)?;
        self.open.push(self.names.len());
        self.names.push_str(name);
        let tag = StartTag {
            prefix,
            local,
            namespace: self.namespaces.resolve(prefix)?,
            attributes: &attributes,
        };
        handler.start(&tag, self.token_at)?;
        if is_empty {
            self.close(handler)?;
        }
        Ok(())
    }

    fn end_tag(&mut self, name: &str, handler: &mut dyn Handler) -> Result<(), Cause> {
        let open = self.open.last().and_then(|from| self.names.get(*from..));
        if open != Some(name.trim_end_matches(is_space)) {
            return Err(Cause::Malformed("end tag does not match"));
        }
        self.close(handler)
    }

    fn close(&mut self, handler: &mut dyn Handler) -> Result<(), Cause> {
        if let Some(from) = self.open.pop() {
            self.names.truncate(from);
        }
        self.namespaces.leave();
        handler.end(self.token_at)
    }

    fn in_declaration(&mut self, rest: &str) -> Result<usize, Cause> {
        let Some(c) = rest.chars().next() else {
            return Ok(0);
        };
        self.token.push(c);
        self.is_first = false;
        match self.token.as_str() {
            "--" => self.state = State::Comment { dashes: 0 },
            "[CDATA[" if self.open.is_empty() => {
                return Err(Cause::Malformed("text outside the root element"));
            }
            "[CDATA[" => self.state = State::Section { brackets: 0 },
            "DOCTYPE" => return Err(Cause::Dtd),
            begun if "--".starts_with(begun) => {}
            begun if "[CDATA[".starts_with(begun) || "DOCTYPE".starts_with(begun) => {}
            _ => return Err(Cause::Malformed("unknown declaration")),
        }
        Ok(c.len_utf8())
    }

    fn in_comment(
        &mut self,
        rest: &str,
        mut dashes: u8,
        handler: &mut dyn Handler,
    ) -> Result<usize, Cause> {
        for (index, byte) in rest.bytes().enumerate() {
            match (dashes, byte) {
                (2, b'>') => {
                    self.skip(index)?;
                    return self.other(index + 1, handler);
                }
                (2, _) => {
                    self.skip(index)?;
                    return Err(Cause::Malformed("-- inside a comment"));
                }
                (_, b'-') => dashes += 1,
                _ => dashes = 0,
            }
        }
        self.state = State::Comment { dashes };
        self.skip(rest.len())?;
        Ok(rest.len())
    }

    /// Ends a comment, instruction or section after `used` bytes of the present piece.
    fn other(&mut self, used: usize, handler: &mut dyn Handler) -> Result<usize, Cause> {
        self.count()?;
        handler.other(self.token_at)?;
        self.begin(State::Text, self.at + used as u64);
        Ok(used)
    }

    fn in_section(
        &mut self,
        rest: &str,
        brackets: u8,
        handler: &mut dyn Handler,
    ) -> Result<usize, Cause> {
        let first = rest.as_bytes().first();
        if std::mem::take(&mut self.after_return) && first == Some(&b'\n') {
            return Ok(1);
        }
        match (brackets, first) {
            (2, Some(b'>')) => return self.other(1, handler),
            (2, Some(b']')) => {
                handler.text("]")?;
                return Ok(1);
            }
            (count, Some(b']')) => {
                self.state = State::Section {
                    brackets: count + 1,
                };
                return Ok(1);
            }
            (count, _) if count > 0 => {
                handler.text(if count == 2 { "]]" } else { "]" })?;
                self.state = State::Section { brackets: 0 };
                return Ok(0);
            }
            _ => {}
        }
        let end = rest.find([']', '\r']).unwrap_or(rest.len());
        if end > 0 {
            handler.text(rest.get(..end).unwrap_or_default())?;
            return Ok(end);
        }
        self.after_return = true;
        handler.text("\n")?;
        Ok(1)
    }

    fn in_instruction(
        &mut self,
        rest: &str,
        mut question: bool,
        handler: &mut dyn Handler,
    ) -> Result<usize, Cause> {
        for (index, byte) in rest.bytes().enumerate() {
            if question && byte == b'>' {
                self.grow(rest.get(..index).unwrap_or_default())?;
                self.instruction()?;
                return self.other(index + 1, handler);
            }
            question = byte == b'?';
        }
        self.state = State::Instruction { question };
        self.grow(rest)?;
        Ok(rest.len())
    }

    fn instruction(&mut self) -> Result<(), Cause> {
        let body = self.token.strip_suffix('?').unwrap_or_default();
        let (target, rest) = body.split_at(body.find(is_space).unwrap_or(body.len()));
        let is_first = std::mem::replace(&mut self.is_first, false);
        if target == "xml" {
            if !is_first {
                return Err(Cause::Malformed("XML declaration in the wrong place"));
            }
            self.junk_before_declaration = self.junk;
            return check_declaration(&parse_attributes(rest, self.limits.attributes)?);
        }
        if is_first && !self.junk_is_space {
            return Err(Cause::Malformed("text before the first element"));
        }
        if !is_plain_name(target) || target.eq_ignore_ascii_case("xml") {
            return Err(Cause::Malformed("bad processing instruction"));
        }
        if target.eq_ignore_ascii_case("xml-stylesheet") {
            return Err(Cause::Malformed("a style sheet is not allowed"));
        }
        Ok(())
    }

    fn in_reference(&mut self, rest: &str, handler: &mut dyn Handler) -> Result<usize, Cause> {
        let Some(c) = rest.chars().next() else {
            return Ok(0);
        };
        if c == ';' {
            let decoded = decode_reference(&self.token)?;
            if self.open.is_empty() {
                return Err(Cause::Malformed("text outside the root element"));
            }
            handler.text(decoded.encode_utf8(&mut [0; 4]))?;
            self.begin(State::Text, self.at + 1);
        } else if self.token.len() >= REFERENCE_BYTES_MAX
            || !(c.is_ascii_alphanumeric() || c == '#')
        {
            return Err(Cause::Malformed("bad reference"));
        } else {
            self.token.push(c);
        }
        Ok(c.len_utf8())
    }
}
