-- The log over ledger_entries: which entry is which leaf, the tree's tiles, checkpoints and what others signed about them.
-- A leaf index counts from 0 without holes; it, not the row id and not a time, is the order of everything that follows.

-- One row. size: leaves that have tiles. next_id: the first row id not looked at yet. published: the size of the newest
-- checkpoint. key_number: the newest key, 0 before the first. sealer: the node that seals at present, until sealer_until.
CREATE TABLE ledger_head (
    id BIGINT PRIMARY KEY,
    size BIGINT NOT NULL,
    next_id BIGINT NOT NULL,
    published BIGINT NOT NULL,
    key_number BIGINT NOT NULL,
    sealer TEXT,
    sealer_until BIGINT
);
INSERT INTO ledger_head (id, size, next_id, published, key_number) VALUES (1, 0, 1, 0, 0);

-- Leaf first_leaf + i is the entry with the row id first_id + i, for every i below entries.
CREATE TABLE ledger_runs (
    first_leaf BIGINT PRIMARY KEY,
    first_id BIGINT NOT NULL,
    entries BIGINT NOT NULL
){{KEYED}};
CREATE UNIQUE INDEX ledger_runs_by_id ON ledger_runs (first_id);

-- Row ids below next_id that had no row when their neighbours became leaves: taken by a transaction that was not committed yet
-- or never will be.
CREATE TABLE ledger_gaps (
    first_id BIGINT PRIMARY KEY,
    ids BIGINT NOT NULL
){{KEYED}};

-- Tiles of 256 hashes (C2SP tlog-tiles); the last of each level holds as many as there are (width).
CREATE TABLE ledger_tiles (
    level BIGINT NOT NULL,
    tile BIGINT NOT NULL,
    width BIGINT NOT NULL,
    hashes BYTEA NOT NULL,
    PRIMARY KEY (level, tile)
);

-- The leaf that a receipt names; receipt: the 16 bytes of its id.
CREATE TABLE ledger_receipts (
    receipt BYTEA PRIMARY KEY,
    leaf BIGINT NOT NULL
){{KEYED}};

-- Signed checkpoints. note: the signed note with the log's own signature. previous: the size of the one before, 0 for the first.
CREATE TABLE ledger_checkpoints (
    size BIGINT PRIMARY KEY,
    root BYTEA NOT NULL,
    at BIGINT NOT NULL,
    key_number BIGINT NOT NULL,
    previous BIGINT NOT NULL,
    note TEXT NOT NULL
){{KEYED}};

-- Signatures of witnesses under a checkpoint. verifier: the witness's key as the note format writes it. signature: the bytes
-- behind the key id in the note's line.
CREATE TABLE ledger_cosignatures (
    size BIGINT NOT NULL,
    verifier {{CODE}} NOT NULL,
    signature BYTEA NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (size, verifier)
){{KEYED}};

-- RFC 3161 tokens over a checkpoint. gen_time: as the token says. authority: SHA-256 of the certificate that is trusted.
CREATE TABLE ledger_timestamps (
    size BIGINT NOT NULL,
    authority BYTEA NOT NULL,
    gen_time BIGINT NOT NULL,
    at BIGINT NOT NULL,
    token BYTEA NOT NULL,
    PRIMARY KEY (size, authority)
){{KEYED}};

-- Certificates of time stamping authorities, DER, by their SHA-256.
CREATE TABLE ledger_authorities (
    fingerprint BYTEA PRIMARY KEY,
    certificate BYTEA NOT NULL
){{KEYED}};

-- What the log knows of each witness: the newest size it cosigned, and its last failure.
CREATE TABLE ledger_witnesses (
    name {{CODE}} PRIMARY KEY,
    size BIGINT NOT NULL,
    cosigned_at BIGINT,
    failure TEXT,
    failed_at BIGINT
){{KEYED}};

-- Keys of the log. verifier: the verifier key of the note format. from_size: checkpoints of this size and more are signed by it,
-- until the next key. succession: the statement signed by the key before; NULL for the first.
CREATE TABLE ledger_keys (
    number BIGINT PRIMARY KEY,
    verifier TEXT NOT NULL,
    from_size BIGINT NOT NULL,
    succession TEXT,
    created_at BIGINT NOT NULL
){{KEYED}};
