#!/usr/bin/env python3
"""Checks a receipt bundle offline, in the Python standard library only and in code of its own.

    python3 verify.py BUNDLE [--key KEY]

KEY is the log's verifier key as published elsewhere (name+id+base64). Without it the verdict says that the embedded key is not pinned.
Exit code 0: valid, 10: not valid, 2: the command line or the file cannot be read. The format is described in docs/specs/receipt.md; what
cannot be checked here counts as not valid and is named.
"""

import argparse
import base64
import binascii
import datetime
import hashlib
import json
import re
import sys

FORMAT = "lgsp receipt v1"
BUNDLE_BYTES_MAX = 1024 * 1024
DER_BYTES_MAX = 64 * 1024
NOTE_BYTES_MAX = 64 * 1024
VIETNAM = datetime.timezone(datetime.timedelta(hours=7))


class Bad(Exception):
    """Something does not hold; the reason is a stable code."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


def need(condition, reason):
    if not condition:
        raise Bad(reason)


# --- Canonical JSON (docs/specs/ledger-entry.md) -----------------------------------------------------------------------------------------


def no_number(_):
    raise Bad("not_a_bundle")


def pairs(items):
    record = dict(items)
    need(len(record) == len(items), "not_a_bundle")
    return record


def canonical(value, depth=0):
    """The one form of a value, as text."""
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):
        need(-(2**63) <= value < 2**63, "not_a_bundle")
        return str(value)
    if isinstance(value, str):
        return '"' + re.sub(r'[\x00-\x1f"\\]', escape, value) + '"'
    need(depth < 32, "not_a_bundle")
    if isinstance(value, list):
        return "[" + ",".join(canonical(item, depth + 1) for item in value) + "]"
    need(isinstance(value, dict), "not_a_bundle")
    keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
    return "{" + ",".join(canonical(key, depth) + ":" + canonical(value[key], depth + 1) for key in keys) + "}"


def escape(match):
    short = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
    return short.get(match.group(), "\\u%04x" % ord(match.group()))


def read_record(data):
    """A record from its canonical bytes, and from no others."""
    try:
        text = data.decode("utf-8")
        record = json.loads(text, object_pairs_hook=pairs, parse_float=no_number, parse_constant=no_number)
        need(isinstance(record, dict), "not_a_bundle")
        need(canonical(record).encode("utf-8") == data, "not_canonical")
    except (ValueError, RecursionError):
        raise Bad("not_a_bundle") from None
    return record


def unbase64(text, length=None):
    need(isinstance(text, str), "not_a_bundle")
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise Bad("not_a_bundle") from None
    need(base64.b64encode(data).decode() == text, "not_canonical")
    need(length is None or len(data) == length, "not_a_bundle")
    return data


# --- Ed25519 (RFC 8032 §5.1), strict -----------------------------------------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def point_add(a, b):
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g = 2 * a[3] * b[3] * D % P
    h = 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def point_mul(number, point):
    result = (0, 1, 1, 0)
    while number:
        if number & 1:
            result = point_add(result, point)
        point = point_add(point, point)
        number >>= 1
    return result


def point_encode(point):
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def point_decode(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


BASE = point_decode((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def is_weak(public_key):
    """Not in its one form, or of small order: eight times the point is nothing."""
    point = point_decode(public_key)
    return point is None or point_encode(point_mul(8, point)) == (1).to_bytes(32, "little")


def is_ed25519(public_key, message, signature):
    point = point_decode(public_key)
    s = int.from_bytes(signature[32:], "little")
    if point is None or len(signature) != 64 or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % L
    minus = (P - point[0], point[1], 1, P - point[3])
    return point_encode(point_add(point_mul(s, BASE), point_mul(k, minus))) == signature[:32]


# --- Signed notes and keys (C2SP signed-note, tlog-cosignature) --------------------------------------------------------------------------


class Key:
    """A verifier key: name+id+base64(algorithm, public key)."""

    def __init__(self, text):
        need(isinstance(text, str) and text.count("+") >= 2, "not_a_bundle")
        self.text = text
        self.name, number, encoded = text.split("+", 2)
        need(is_name(self.name) and re.fullmatch("[0-9a-f]{8}", number), "not_a_bundle")
        data = unbase64(encoded, 33)
        self.algorithm, self.public = data[0], data[1:]
        need(self.algorithm in (1, 4) and not is_weak(self.public), "not_a_bundle")
        self.id = hashlib.sha256(self.name.encode() + b"\n" + data).digest()[:4]
        need(self.id.hex() == number, "not_a_bundle")


def is_name(name):
    return 0 < len(name.encode()) <= 255 and not re.search(r"[\s+\x00-\x1f\x7f-\x9f]", name)


class Note:
    """A text and signature lines (name, key id, bytes)."""

    def __init__(self, note):
        need(isinstance(note, str) and len(note.encode()) <= NOTE_BYTES_MAX, "not_a_bundle")
        need(not re.search(r"[\x00-\x09\x0b-\x1f]", note) and "\n\n" in note and note.endswith("\n"), "not_a_bundle")
        text, lines = note.rsplit("\n\n", 1)
        self.text, self.lines = text + "\n", []
        for line in lines[:-1].split("\n"):
            parts = line.split(" ")
            need(len(parts) == 3 and parts[0] == "\u2014" and is_name(parts[1]), "not_a_bundle")
            data = unbase64(parts[2])
            need(len(data) > 4, "not_a_bundle")
            self.lines.append((parts[1], data[:4], data[4:]))
        need(len(self.lines) <= 16, "not_a_bundle")

    def verify(self, key):
        """Every line that names the key must hold, and there must be one."""
        need(key.algorithm == 1, "not_signed")
        mine = [data for name, number, data in self.lines if (name, number) == (key.name, key.id)]
        need(mine, "not_signed")
        for data in mine:
            need(is_ed25519(key.public, self.text.encode(), data), "bad_signature")


def number(text):
    """A number in its one decimal form."""
    need(re.fullmatch("0|[1-9][0-9]{0,19}", text, re.ASCII) and int(text) < 2**64, "not_a_checkpoint")
    return int(text)


def read_checkpoint(text):
    """Origin, size and root (C2SP tlog-checkpoint)."""
    need(text.endswith("\n") and not re.search(r"[\x00-\x09\x0b-\x1f]", text), "not_a_checkpoint")
    lines = text[:-1].split("\n")
    need(len(lines) >= 3 and all(lines), "not_a_checkpoint")
    try:
        root = unbase64(lines[2], 32)
    except Bad:
        raise Bad("not_a_checkpoint") from None
    return lines[0], number(lines[1]), root


def read_succession(note):
    """From which size the new key signs, the old key, the new key."""
    try:
        lines = note.text.split("\n")
        need(len(lines) == 5 and lines[4] == "" and lines[0] == "lgsp ledger key succession v1", "broken_chain")
        from_size, old, new = number(lines[1]), Key(lines[2]), Key(lines[3])
        need(old.algorithm == new.algorithm == 1 and old.name == new.name and old.public != new.public, "broken_chain")
        note.verify(old)
    except Bad:
        raise Bad("broken_chain") from None
    return from_size, old, new


# --- The Merkle tree (RFC 9162 §2.1.3.2) -------------------------------------------------------------------------------------------------


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def check_inclusion(leaf, index, size, proof, root):
    need(index < size, "proof_shape")
    place, last, value = index, size - 1, leaf
    for sibling in proof:
        need(last > 0, "proof_shape")
        if place & 1 or place == last:
            value = sha256(b"\x01", sibling, value)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            value = sha256(b"\x01", value, sibling)
        place, last = place >> 1, last >> 1
    need(last == 0, "proof_shape")
    need(value == root, "other_root")


# --- Time stamps (RFC 3161, RFC 5652, RFC 5280) ------------------------------------------------------------------------------------------


class Der:
    """Reads elements one behind the other: definite, shortest lengths, one-byte tags."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def rest(self):
        return self.at < len(self.data)

    def peek(self):
        return self.data[self.at] if self.rest() else None

    def any(self):
        """Tag, content, whole element."""
        data, begin = self.data, self.at
        need(len(data) - begin >= 2 and data[begin] & 0x1F != 0x1F, "token_unreadable")
        length, at = data[begin + 1], begin + 2
        if length >= 0x80:
            count = length & 0x7F
            need(1 <= count <= 3 and len(data) - at >= count, "token_unreadable")
            length = int.from_bytes(data[at : at + count], "big")
            need(length >= (0x80, 0x100, 0x10000)[count - 1], "token_unreadable")
            at += count
        need(len(data) - at >= length, "token_unreadable")
        self.at = at + length
        return data[begin], data[at : self.at], data[begin : self.at]

    def take(self, tag):
        need(self.peek() == tag, "token_unreadable")
        return self.any()[1]

    def into(self, tag):
        return Der(self.take(tag))

    def skip(self, tag):
        return self.take(tag) if self.peek() == tag else None

    def end(self):
        need(not self.rest(), "token_unreadable")


def oid(dotted):
    """The content of an object identifier."""
    arcs = [int(arc) for arc in dotted.split(".")]
    out = b""
    for arc in [arcs[0] * 40 + arcs[1]] + arcs[2:]:
        group = [arc & 0x7F]
        while arc := arc >> 7:
            group.insert(0, arc & 0x7F | 0x80)
        out += bytes(group)
    return out


DIGESTS = {oid("2.16.840.1.101.3.4.2." + arc): name for arc, name in (("1", "sha256"), ("2", "sha384"), ("3", "sha512"))}
RSA = oid("1.2.840.113549.1.1.1")
RSA_WITH = {oid("1.2.840.113549.1.1." + arc): name for arc, name in (("11", "sha256"), ("12", "sha384"), ("13", "sha512"))}
ECDSA_WITH = {oid("1.2.840.10045.4.3." + arc): name for arc, name in (("2", "sha256"), ("3", "sha384"))}
EC = oid("1.2.840.10045.2.1")
# Curve: prime, b, order, base point. All have a = -3 (FIPS 186-4 D.1.2).
CURVES = {
    oid("1.2.840.10045.3.1.7"): (
        0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    ),
    oid("1.3.132.0.34"): (
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFFFF0000000000000000FFFFFFFF,
        0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
        0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
        0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
    ),
}


def read_digest(der):
    """An AlgorithmIdentifier of a digest that is accepted."""
    name = DIGESTS.get(der.take(0x06))
    need(name, "unknown_algorithm")
    need(der.skip(0x05) in (None, b""), "token_unreadable")
    der.end()
    return name


def read_time(tag, content):
    text = content.decode("ascii", "replace")
    if tag == 0x17:
        text = ("20" if text < "50" else "19") + text
    match = re.fullmatch(r"([0-9]{14})(?:\.([0-9]{0,8}[1-9]))?Z", text)
    need(tag in (0x17, 0x18) and match, "token_unreadable")
    try:
        whole = datetime.datetime.strptime(match[1], "%Y%m%d%H%M%S").replace(tzinfo=datetime.timezone.utc)
    except ValueError:
        raise Bad("token_unreadable") from None
    return whole + datetime.timedelta(microseconds=int((match[2] or "0").ljust(9, "0")) // 1000)


class Certificate:
    """What a time stamp depends on (RFC 5280 §4.1)."""

    def __init__(self, data):
        need(len(data) <= DER_BYTES_MAX, "token_unreadable")
        self.data, outer = data, Der(data)
        whole = outer.into(0x30)
        outer.end()
        body = whole.into(0x30)
        whole.take(0x30)
        whole.take(0x03)
        whole.end()
        body.skip(0xA0)
        self.serial = body.take(0x02)
        body.take(0x30)
        self.issuer = body.take(0x30)
        validity = body.into(0x30)
        self.begin, self.finish = read_time(*validity.any()[:2]), read_time(*validity.any()[:2])
        validity.end()
        self.subject = body.take(0x30)
        self.public_key = body.take(0x30)
        self.key_id, self.is_for_stamps = None, False
        while body.rest():
            tag, content, _ = body.any()
            if tag == 0xA3:
                extensions = Der(content).into(0x30)
                while extensions.rest():
                    self.read_extension(extensions.into(0x30))

    def read_extension(self, extension):
        kind = extension.take(0x06)
        is_critical = extension.skip(0x01) == b"\xff"
        value = extension.into(0x04)
        if kind == oid("2.5.29.14"):
            self.key_id = value.take(0x04)
        elif kind == oid("2.5.29.37"):
            purposes = value.into(0x30)
            first = purposes.take(0x06)
            self.is_for_stamps = is_critical and first == oid("1.3.6.1.5.5.7.3.8") and not purposes.rest()

    def name(self):
        found, sets = hashlib.sha256(self.data).hexdigest(), Der(self.subject)
        while sets.rest():
            attributes = sets.into(0x31)
            while attributes.rest():
                attribute = attributes.into(0x30)
                kind, value = attribute.take(0x06), attribute.any()[1]
                if kind == oid("2.5.4.3") and value:
                    found = value.decode("utf-8", "replace")
        return found

    def is_signature(self, algorithm, digest, message, signature):
        kind = algorithm.take(0x06)
        named = digest if kind == RSA else RSA_WITH.get(kind) or ECDSA_WITH.get(kind)
        # RSA-PSS and everything newer is not known here.
        need(named == digest, "unknown_algorithm")
        need(algorithm.skip(0x05) in (None, b""), "token_unreadable")
        algorithm.end()
        info = Der(self.public_key)
        parameters, bits = info.into(0x30), info.take(0x03)
        info.end()
        need(bits[:1] == b"\0", "token_unreadable")
        value, key_kind = hashlib.new(digest, message).digest(), parameters.take(0x06)
        if key_kind == RSA and kind not in ECDSA_WITH:
            return is_rsa(bits[1:], digest, value, signature)
        need(key_kind == EC and kind in ECDSA_WITH, "unknown_algorithm")
        curve = CURVES.get(parameters.take(0x06))
        need(curve, "unknown_algorithm")
        return is_ecdsa(curve, bits[1:], value, signature)


def is_rsa(key, digest, value, signature):
    """RSASSA-PKCS1-v1_5 (RFC 8017 §8.2.2)."""
    numbers = Der(key).into(0x30)
    modulus, exponent = (int.from_bytes(numbers.take(0x02), "big") for _ in range(2))
    length = (modulus.bit_length() + 7) // 8
    need(2048 <= modulus.bit_length() <= 8192, "unknown_algorithm")
    sealed = int.from_bytes(signature, "big")
    if len(signature) != length or sealed >= modulus:
        return False
    identifier = next(content for content, name in DIGESTS.items() if name == digest)
    algorithm = b"\x06" + bytes([len(identifier)]) + identifier + b"\x05\x00"
    info = b"\x30" + bytes([len(algorithm)]) + algorithm + b"\x04" + bytes([len(value)]) + value
    info = b"\x30" + bytes([len(info)]) + info
    expected = b"\x00\x01" + b"\xff" * (length - len(info) - 3) + b"\x00" + info
    return pow(sealed, exponent, modulus).to_bytes(length, "big") == expected


def is_ecdsa(curve, key, value, signature):
    """ECDSA (FIPS 186-4 §6.4) on an uncompressed point."""
    p, b, n, gx, gy = curve
    size = (p.bit_length() + 7) // 8
    need(len(key) == 1 + 2 * size and key[0] == 4, "token_unreadable")
    x, y = int.from_bytes(key[1 : 1 + size], "big"), int.from_bytes(key[1 + size :], "big")
    if x >= p or y >= p or (y * y - x**3 + 3 * x - b) % p:
        return False
    try:
        outer = Der(signature)
        parts = outer.into(0x30)
        outer.end()
        r, s = (der_positive(parts.take(0x02)) for _ in range(2))
        parts.end()
    except Bad:
        return False
    if not (0 < r < n and 0 < s < n):
        return False

    def add(one, two):
        if one is None or two is None:
            return one or two
        if one[0] == two[0]:
            if (one[1] + two[1]) % p == 0:
                return None
            slope = (3 * one[0] * one[0] - 3) * pow(2 * one[1], -1, p) % p
        else:
            slope = (two[1] - one[1]) * pow(two[0] - one[0], -1, p) % p
        top = (slope * slope - one[0] - two[0]) % p
        return top, (slope * (one[0] - top) - one[1]) % p

    def mul(factor, point):
        result = None
        while factor:
            if factor & 1:
                result = add(result, point)
            point, factor = add(point, point), factor >> 1
        return result

    z = int.from_bytes(value, "big") >> max(0, len(value) * 8 - n.bit_length())
    inverse = pow(s, -1, n)
    point = add(mul(z * inverse % n, (gx, gy)), mul(r * inverse % n, (x, y)))
    return point is not None and point[0] % n == r


def der_positive(content):
    """A positive integer in its shortest form."""
    need(content and content[0] < 0x80 and not (len(content) > 1 and content[0] == 0 and content[1] < 0x80), "token_unreadable")
    return int.from_bytes(content, "big")


def check_timestamp(token, certificate, imprint):
    """The time at which the authority with this certificate stamped the digest."""
    need(len(token) <= DER_BYTES_MAX, "token_unreadable")
    outer = Der(token)
    wrapper = outer.into(0x30)
    outer.end()
    need(wrapper.take(0x06) == oid("1.2.840.113549.1.7.2"), "token_unreadable")
    explicit = wrapper.into(0xA0)
    wrapper.end()
    data = explicit.into(0x30)
    explicit.end()
    need(data.take(0x02) == b"\x03", "token_unreadable")
    announced, digests = data.into(0x31), set()
    while announced.rest():
        digests.add(announced.into(0x30).take(0x06))
    inner = data.into(0x30)
    stamp_type = oid("1.2.840.113549.1.9.16.1.4")
    need(inner.take(0x06) == stamp_type, "token_unreadable")
    content = inner.into(0xA0).take(0x04)
    inner.end()
    # Certificates that come along are not looked at: the bundle names the one that counts.
    data.skip(0xA0)
    data.skip(0xA1)
    signers = data.into(0x31)
    data.end()
    signer = signers.into(0x30)
    signers.end()

    info_outer = Der(content)
    info = info_outer.into(0x30)
    info_outer.end()
    need(info.take(0x02) == b"\x01", "token_unreadable")
    info.take(0x06)
    message = info.into(0x30)
    algorithm, stamped = message.into(0x30).take(0x06), message.take(0x04)
    info.take(0x02)
    at = read_time(0x18, info.take(0x18))
    need(DIGESTS.get(algorithm) == "sha256" and stamped == imprint, "other_imprint")

    version = signer.take(0x02)
    tag, identifier, _ = signer.any()
    if tag == 0x30:
        parts = Der(identifier)
        is_named = parts.take(0x30) == certificate.issuer and parts.take(0x02) == certificate.serial
    else:
        is_named = tag == 0x80 and identifier == certificate.key_id
    need(version == (b"\x01" if tag == 0x30 else b"\x03"), "token_unreadable")
    need(is_named, "other_authority")
    need(certificate.is_for_stamps, "other_purpose")
    need(certificate.begin <= at < certificate.finish + datetime.timedelta(seconds=1), "certificate_not_valid")
    digest_oid = Der(signer.data[signer.at :]).into(0x30).take(0x06)
    digest = read_digest(signer.into(0x30))
    need(digest_oid in digests, "token_unreadable")
    attributes = signer.take(0xA0)
    algorithm, signature = signer.into(0x30), signer.take(0x04)
    signer.skip(0xA1)
    signer.end()
    check_attributes(Der(attributes), stamp_type, hashlib.new(digest, content).digest(), certificate)
    # RFC 5652 §5.4: signed under the tag of a SET.
    signed = b"\x31" + der_length(len(attributes)) + attributes
    need(certificate.is_signature(algorithm, digest, signed, signature), "bad_signature")
    return at


def der_length(length):
    if length < 0x80:
        return bytes([length])
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(digits)]) + digits


def check_attributes(attributes, stamp_type, digest, certificate):
    """Of this content and by this certificate (RFC 5652 §11, RFC 2634 §5.4, RFC 5035)."""
    seen = []
    while attributes.rest():
        attribute = attributes.into(0x30)
        kind, values = attribute.take(0x06), attribute.into(0x31)
        attribute.end()
        if kind == oid("1.2.840.113549.1.9.3"):
            seen.append("type")
            fits = values.take(0x06) == stamp_type
        elif kind == oid("1.2.840.113549.1.9.4"):
            seen.append("digest")
            fits = values.take(0x04) == digest
        elif kind == oid("1.2.840.113549.1.9.16.2.12"):
            seen.append("certificate")
            fits = values.into(0x30).into(0x30).into(0x30).take(0x04) == hashlib.sha1(certificate.data).digest()
        elif kind == oid("1.2.840.113549.1.9.16.2.47"):
            seen.append("certificate")
            one = values.into(0x30).into(0x30).into(0x30)
            name = read_digest(one.into(0x30)) if one.peek() == 0x30 else "sha256"
            fits = one.take(0x04) == hashlib.new(name, certificate.data).digest()
        else:
            continue
        values.end()
        need(fits, "other_authority")
    need(seen.count("type") == 1 and seen.count("digest") == 1 and "certificate" in seen, "other_authority")


# --- The bundle --------------------------------------------------------------------------------------------------------------------------

KEYS = {"checkpoint", "format", "key", "leaf_index", "platform", "proof", "record", "salt", "signature", "successions", "witnesses"}


class Bundle:
    """The file, read; what it is worth, verify says."""

    def __init__(self, data):
        need(len(data) <= BUNDLE_BYTES_MAX, "not_a_bundle")
        self.fields = fields = read_record(data)
        need(fields.get("format") == FORMAT and fields.keys() - {"timestamp"} == KEYS, "not_a_bundle")
        need(isinstance(fields["platform"], str) and len(fields["platform"]) <= 300, "not_a_bundle")
        self.record, self.salt = unbase64(fields["record"]), unbase64(fields["salt"], 32)
        self.index = fields["leaf_index"]
        need(type(self.index) is int and self.index >= 0, "not_a_bundle")
        for name, limit in (("proof", 65), ("successions", 64), ("witnesses", 16)):
            need(isinstance(fields[name], list) and len(fields[name]) <= limit, "not_a_bundle")
        self.proof = [unbase64(item, 32) for item in fields["proof"]]
        self.note, self.key = Note(fields["checkpoint"]), Key(fields["key"])
        self.successions = [Note(item) for item in fields["successions"]]
        self.witnesses = [Key(item) for item in fields["witnesses"]]
        self.signature = unbase64(fields["signature"], 64)
        self.stamped = None
        if "timestamp" in fields:
            stamped = fields["timestamp"]
            need(isinstance(stamped, dict) and stamped.keys() == {"token", "certificate"}, "not_a_bundle")
            self.stamped = unbase64(stamped["token"]), unbase64(stamped["certificate"])


HOLDS, ABSENT = "holds", "absent"


def attempt(check):
    """Outcome and addition of a check: what it returns is said beside the sentence."""
    try:
        return HOLDS, check() or ""
    except Bad as bad:
        return bad.reason, ""


def verify(data, pinned=None):
    """The facts and the checks: (code, outcome, addition)."""
    try:
        bundle = Bundle(data)
    except Bad as bad:
        return claimed(data), [("receipt.form", bad.reason, "")]
    checks = [("receipt.form", HOLDS, "")]
    try:
        record = read_record(bundle.record)
        facts = {"document": record.get("document"), "receipt": record.get("receipt"), "leaf": bundle.index}
        checks.append(("receipt.record", HOLDS, ""))
    except Bad:
        facts = claimed(data)
        checks.append(("receipt.record", "not_canonical", ""))
    try:
        checkpoint = read_checkpoint(bundle.note.text)
    except Bad:
        checkpoint = None

    def inclusion():
        need(checkpoint, "not_a_checkpoint")
        commitment = sha256(b"lgsp ledger entry v1\n", bundle.salt, bundle.record)
        check_inclusion(sha256(b"\x00", commitment), bundle.index, checkpoint[1], bundle.proof, checkpoint[2])
        return f"{bundle.index} / {checkpoint[1]}"

    checks.append(("receipt.inclusion", *attempt(inclusion)))

    keys, chain = [(0, bundle.key)], HOLDS if bundle.successions else ABSENT
    for note in bundle.successions:
        try:
            from_size, old, new = read_succession(note)
            need(old.text == keys[-1][1].text and from_size >= keys[-1][0], "broken_chain")
            keys.append((from_size, new))
        except Bad as bad:
            chain = bad.reason
            break
    checks.append(("receipt.succession", chain, ""))

    # A key that was replaced must not sign for larger sizes.
    in_force = next((key for size, key in reversed(keys) if checkpoint and size <= checkpoint[1]), None)

    def log_signature():
        need(in_force and checkpoint[0] == in_force.name, "not_a_checkpoint")
        bundle.note.verify(in_force)
        return f"{in_force.name}, {in_force.id.hex()}"

    checks.append(("receipt.checkpoint", *attempt(log_signature)))
    others = [line for line in bundle.note.lines if not in_force or line[:2] != (in_force.name, in_force.id)]
    for line in others:
        checks.append(("receipt.cosignature", *attempt(lambda line=line: cosignature(bundle, line))))
    if not others:
        checks.append(("receipt.cosignature", ABSENT, ""))

    def timestamp():
        token, der = bundle.stamped
        certificate = Certificate(der)
        at = check_timestamp(token, certificate, sha256(bundle.note.text.encode()))
        return f"{vietnamese(at)}, {certificate.name()}, SHA-256 {hashlib.sha256(der).hexdigest()}"

    checks.append(("receipt.timestamp", *(attempt(timestamp) if bundle.stamped else (ABSENT, ""))))

    newest = keys[-1][1]
    rest = {name: value for name, value in bundle.fields.items() if name != "signature"}
    message = (FORMAT + "\n" + canonical(rest)).encode()
    is_signed = newest.algorithm == 1 and is_ed25519(newest.public, message, bundle.signature)
    checks.append(("receipt.signature", HOLDS if is_signed else "bad_signature", ""))
    if pinned is None:
        checks.append(("receipt.pin", ABSENT, newest.text))
    else:
        is_known = any(key.text == pinned for _, key in keys)
        checks.append(("receipt.pin", HOLDS if is_known else "other_key", pinned))
    return facts, checks


def cosignature(bundle, line):
    """A witness's signature as of a time (C2SP tlog-cosignature)."""
    name, key_id, data = line
    key = next((key for key in bundle.witnesses if (key.name, key.id) == (name, key_id)), None)
    need(key, "unknown_witness")
    need(key.algorithm == 4, "not_signed")
    seconds = int.from_bytes(data[:8], "big")
    message = f"cosignature/v1\ntime {seconds}\n{bundle.note.text}".encode()
    need(len(data) == 72 and 0 < seconds < 2**63 and is_ed25519(key.public, message, data[8:]), "bad_signature")
    try:
        return f"{name}, {vietnamese(datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc))}"
    except (ValueError, OverflowError, OSError):
        return name


def printable(text):
    """Text of strangers without what would move the cursor, start a line or turn the direction of writing."""
    return re.sub("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", "\ufffd", str(text))


def vietnamese(at):
    return at.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M:%S")


def claimed(data):
    """What a damaged file still says it is about; nothing of it is proved."""
    facts = {"document": None, "receipt": None, "leaf": None}
    if match := re.search(rb'"leaf_index":([0-9]{1,19})', data):
        facts["leaf"] = int(match[1])
    for piece in data.split(b'"'):
        # A destroyed quotation mark shifts the groups of four.
        for shift in range(4 if len(piece) >= 32 else 0):
            text = b"".join(lenient(piece[at : at + 4]) for at in range(shift, len(piece), 4))
            for name, prefix in (("document", b"doc_"), ("receipt", b"rcp_")):
                match = re.search(prefix + rb"[0-7][0-9a-hjkmnp-tv-z]{25}", text)
                facts[name] = facts[name] or (match and match[0].decode())
            if facts["document"] and facts["receipt"]:
                return facts
    return facts


def lenient(group):
    try:
        return base64.b64decode(group, validate=True)
    except (ValueError, binascii.Error):
        return b"\0\0\0"


# --- Words -------------------------------------------------------------------------------------------------------------------------------

# Code: what it says when it holds, when there is nothing to check, when it fails.
WORDS = {
    "receipt.form": ("Tệp biên nhận đúng định dạng chuẩn", "", "Tệp biên nhận hỏng hoặc đã bị sửa"),
    "receipt.record": ("Bản ghi đọc được và đúng dạng chuẩn", "", "Bản ghi không đúng dạng chuẩn"),
    "receipt.inclusion": ("Bản ghi nằm trong sổ nhật ký", "", "Không chứng minh được bản ghi nằm trong sổ nhật ký"),
    "receipt.succession": (
        "Mỗi lần đổi khóa của sổ đều do khóa trước ký",
        "Biên nhận này không kèm lần đổi khóa nào",
        "Một lần đổi khóa của sổ không hợp lệ",
    ),
    "receipt.checkpoint": ("Điểm chốt của sổ có chữ ký hợp lệ", "", "Điểm chốt của sổ không hợp lệ"),
    "receipt.cosignature": (
        "Bên chứng kiến đã đồng ký điểm chốt",
        "Chưa có bên chứng kiến nào đồng ký",
        "Chữ ký của bên chứng kiến không hợp lệ",
    ),
    "receipt.timestamp": ("Dấu thời gian của điểm chốt hợp lệ", "Không có dấu thời gian", "Dấu thời gian không hợp lệ"),
    "receipt.signature": ("Chữ ký trên toàn bộ biên nhận hợp lệ", "", "Chữ ký trên toàn bộ biên nhận không hợp lệ"),
    "receipt.pin": (
        "Khóa của sổ đúng là khóa bạn tin cậy",
        "Khóa đi kèm CHƯA ĐƯỢC GHIM: hãy so khóa này với khóa công bố qua kênh khác",
        "Khóa của sổ KHÔNG phải khóa bạn tin cậy",
    ),
}
REASONS = {
    "not_a_bundle": "không phải tệp biên nhận phiên bản 1",
    "not_canonical": "các byte không phải dạng chuẩn",
    "proof_shape": "vị trí hoặc số mã băm của chứng minh không thể có",
    "other_root": "các mã băm dẫn tới một gốc khác",
    "not_a_checkpoint": "nội dung không phải điểm chốt của sổ này",
    "not_signed": "không có chữ ký của khóa đang hiệu lực tại điểm chốt này",
    "bad_signature": "chữ ký không khớp",
    "unknown_witness": "có chữ ký của bên mà biên nhận không kèm khóa",
    "broken_chain": "tuyên bố đổi khóa không nối tiếp khóa trước",
    "token_unreadable": "không đọc được dấu thời gian",
    "other_imprint": "dấu thời gian của nội dung khác",
    "other_authority": "không do cơ quan cấp dấu thời gian nêu trong biên nhận ký",
    "other_purpose": "chứng thư không dùng để cấp dấu thời gian",
    "certificate_not_valid": "chứng thư không có hiệu lực tại thời điểm đóng dấu",
    "unknown_algorithm": "công cụ này không kiểm tra được thuật toán đó",
    "other_key": "khóa bạn đưa không có trong chuỗi khóa của sổ",
}


def is_good(outcome):
    return outcome in (HOLDS, ABSENT)


def sentence(code, outcome, addition):
    holds, absent, fails = WORDS[code]
    text = {HOLDS: holds, ABSENT: absent}.get(outcome) or f"{fails}: {REASONS[outcome]}"
    return f"{text} ({printable(addition)})" if addition else text


def subject(facts):
    parts = [("văn bản", facts["document"]), ("biên nhận", facts["receipt"]), ("dòng sổ số", facts["leaf"])]
    return ", ".join(f"{word} {printable(value)}" for word, value in parts if value is not None) or "không rõ bản ghi nào"


def main():
    parser = argparse.ArgumentParser(description="Kiểm tra tệp biên nhận, không cần mạng.")
    parser.add_argument("bundle", metavar="BUNDLE", help="tệp biên nhận (.lgsp-receipt)")
    parser.add_argument("--key", help="khóa của sổ, lấy từ nơi công bố: tên+mã+base64")
    arguments = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8")
    if arguments.key is not None:
        try:
            Key(arguments.key)
        except Bad:
            parser.error("--key: không phải khóa dạng tên+mã+base64")
    try:
        with open(arguments.bundle, "rb") as file:
            data = file.read(BUNDLE_BYTES_MAX + 1)
    except OSError as error:
        parser.error(f"không đọc được tệp: {error}")
    facts, checks = verify(data, arguments.key)
    is_valid = all(is_good(outcome) for _, outcome, _ in checks)
    print(f"{'HỢP LỆ' if is_valid else 'KHÔNG HỢP LỆ'}: {subject(facts)}")
    for code, outcome, addition in checks:
        mark = {HOLDS: "đạt", ABSENT: "–"}.get(outcome, "KHÔNG ĐẠT")
        print(f"  [{mark}] {code}: {sentence(code, outcome, addition)}")
    return 0 if is_valid else 10


if __name__ == "__main__":
    sys.exit(main())
