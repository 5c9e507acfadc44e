-- Dossiers of the one-stop shop. What systems push about a dossier are documents of kind `dossier`; here stands what a dossier is
-- now, who takes part in it, and what the portals know of it.
-- Whatever says something about a person is sealed (columns *_sealed) under the dossier's own data key, or is a keyed hash
-- (person_hash). Nothing else here may hold personal data: columns without seal are written to be read by an operator.

-- A dossier without its content. code_key: the code as it is compared; code: as it was first written. unit_org_id: the unit whose
-- clock runs, the handling unit where one is named and the owner otherwise. procedure_code and field_code are empty where unknown.
-- status: 1 to 10 (protocols 4.3), since status_at. is_open = 1 while the clock runs or stands: neither finished nor closed.
-- due_at: as the agency states it; due_effective_at: with the time in which the clock stood. paused_at: since when it stands.
-- version: pushes so far; last_document_id: the last of them. updated_at: its time. retention: a class of the settings;
-- keep_until: when it is to be erased, set when it is closed. Of an erased dossier this row stays, without person_hash.
CREATE TABLE dossiers (
    id {{CODE}} PRIMARY KEY,
    code_key {{CODE}} NOT NULL,
    code TEXT NOT NULL,
    owner_org_id {{CODE}} NOT NULL,
    handling_org_id {{CODE}},
    unit_org_id {{CODE}} NOT NULL,
    procedure_code {{CODE}} NOT NULL,
    field_code {{CODE}} NOT NULL,
    channel BIGINT,
    status BIGINT NOT NULL,
    status_at BIGINT NOT NULL,
    is_open BIGINT NOT NULL,
    submitted_at BIGINT,
    received_at BIGINT,
    due_at BIGINT,
    due_effective_at BIGINT,
    paused_at BIGINT,
    paused_working_seconds BIGINT NOT NULL,
    finished_at BIGINT,
    closed_at BIGINT,
    version BIGINT NOT NULL,
    last_document_id {{CODE}} NOT NULL,
    source_system_id {{CODE}},
    person_hash BYTEA,
    retention TEXT NOT NULL,
    keep_until BIGINT,
    erased_at BIGINT,
    erasure_receipt_id {{CODE}},
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
){{KEYED}};
CREATE UNIQUE INDEX dossiers_code ON dossiers (code_key);
CREATE INDEX dossiers_by_update ON dossiers (updated_at, id);
CREATE INDEX dossiers_by_procedure ON dossiers (procedure_code, updated_at, id);
CREATE INDEX dossiers_by_field ON dossiers (field_code, updated_at, id);
CREATE INDEX dossiers_by_status ON dossiers (status, updated_at, id);
-- The two below hold all that ageing asks for, so that it never touches the rows.
CREATE INDEX dossiers_ageing ON dossiers (unit_org_id, field_code, status, due_effective_at, id) WHERE is_open = 1;
CREATE INDEX dossiers_due ON dossiers (due_effective_at, id, status) WHERE is_open = 1 AND due_effective_at IS NOT NULL;
CREATE INDEX dossiers_keep_until ON dossiers (keep_until, id) WHERE keep_until IS NOT NULL;

-- What a dossier says: its data key, sealed under the key-encryption key of that number, and what is sealed under the data key.
-- summary_sealed: the little that lists show; content_sealed: the whole current state. The row goes when the dossier is erased.
CREATE TABLE dossier_contents (
    dossier_id {{CODE}} PRIMARY KEY,
    key_number BIGINT NOT NULL,
    key_sealed BYTEA NOT NULL,
    summary_sealed BYTEA NOT NULL,
    content_sealed BYTEA NOT NULL
);
CREATE INDEX dossier_contents_by_key ON dossier_contents (key_number, dossier_id);

-- Who takes part in a dossier and sees it. role: owner, handling, follower. is_open, due_at (the effective one) and updated_at repeat
-- the dossier's, so that a party's lists are read in their order.
CREATE TABLE dossier_parties (
    dossier_id {{CODE}} NOT NULL,
    org_id {{CODE}} NOT NULL,
    role TEXT NOT NULL,
    since_at BIGINT NOT NULL,
    is_open BIGINT NOT NULL,
    due_at BIGINT,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (dossier_id, org_id)
){{KEYED}};
CREATE INDEX dossier_parties_by_update ON dossier_parties (org_id, updated_at, dossier_id);
CREATE INDEX dossier_parties_due ON dossier_parties (org_id, due_at, dossier_id) WHERE is_open = 1 AND due_at IS NOT NULL;

-- Steps of the work on a dossier, in order of arrival. org_id: of the system that reported it. text_sealed: who did what; NULL when
-- erased. started_at and due_at: the span that the agency states for the step.
CREATE TABLE dossier_steps (
    dossier_id {{CODE}} NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    status BIGINT NOT NULL,
    org_id {{CODE}} NOT NULL,
    document_id {{CODE}} NOT NULL,
    text_sealed BYTEA,
    started_at BIGINT,
    due_at BIGINT,
    PRIMARY KEY (dossier_id, seq)
){{KEYED}};

-- Every push about a dossier: the document that carried it. kind: dossier (the whole state), progress (steps).
-- status: of the dossier behind this push.
CREATE TABLE dossier_messages (
    dossier_id {{CODE}} NOT NULL,
    version BIGINT NOT NULL,
    document_id {{CODE}} NOT NULL,
    kind TEXT NOT NULL,
    sender_org_id {{CODE}} NOT NULL,
    status BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (dossier_id, version)
){{KEYED}};
CREATE UNIQUE INDEX dossier_messages_by_document ON dossier_messages (document_id);

-- Which dossiers tell of a person. person_hash: HMAC-SHA-256 of the identity number under the index key. A person whom a later push no
-- longer names stays here until the dossier is erased: who looked before must remain to be asked for.
CREATE TABLE dossier_persons (
    person_hash BYTEA NOT NULL,
    dossier_id {{CODE}} NOT NULL,
    since_at BIGINT NOT NULL,
    PRIMARY KEY (person_hash, dossier_id)
){{KEYED}};
CREATE INDEX dossier_persons_by_dossier ON dossier_persons (dossier_id);

-- Who looked at a dossier, and so at the persons in it. actor: as the ledger names actors. purpose: a stable word.
-- receipt_id: the ledger entry.
CREATE TABLE dossier_looks (
    id {{SERIAL}},
    dossier_id {{CODE}} NOT NULL,
    actor TEXT NOT NULL,
    org_id {{CODE}},
    purpose TEXT NOT NULL,
    receipt_id {{CODE}},
    at BIGINT NOT NULL
);
CREATE INDEX dossier_looks_by_dossier ON dossier_looks (dossier_id, id);

-- Files of a dossier. kind: paper, result. sha256 and bytes: of what was handed in; the blob itself is sealed, and NULL when it was
-- never fetched (then source_url_sealed says from where it can be) or is erased.
CREATE TABLE dossier_files (
    id {{CODE}} PRIMARY KEY,
    dossier_id {{CODE}} NOT NULL,
    kind TEXT NOT NULL,
    name_sealed BYTEA,
    media_type TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 BYTEA NOT NULL,
    blob TEXT,
    source_url_sealed BYTEA,
    created_at BIGINT NOT NULL
){{KEYED}};
CREATE INDEX dossier_files_by_dossier ON dossier_files (dossier_id, id);
CREATE INDEX dossier_files_by_blob ON dossier_files (blob) WHERE blob IS NOT NULL;

-- Who gets dossiers besides their parties. match_kind: all (match_value is empty), field, procedure.
CREATE TABLE dossier_routes (
    match_kind {{CODE}} NOT NULL,
    match_value {{CODE}} NOT NULL,
    recipient_code {{CODE}} NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (match_kind, match_value, recipient_code)
){{KEYED}};

-- Procedures as the national side publishes them. agency: of a procedure that one agency has for itself, otherwise empty.
-- record: the whole of what was published, JSON. version grows with each change of the record.
CREATE TABLE procedures (
    code {{CODE}} NOT NULL,
    agency {{CODE}} NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    field_code {{CODE}} NOT NULL,
    field_name TEXT NOT NULL,
    level TEXT NOT NULL,
    record TEXT NOT NULL,
    record_sha256 BYTEA NOT NULL,
    synced_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (code, agency)
);

-- Which national procedure a local code means. org_id: for the systems of this organisation only; empty: for all.
CREATE TABLE procedure_mappings (
    local_code {{CODE}} NOT NULL,
    org_id {{CODE}} NOT NULL,
    national_code {{CODE}} NOT NULL,
    mapped_at BIGINT NOT NULL,
    mapped_by TEXT NOT NULL,
    PRIMARY KEY (local_code, org_id)
){{KEYED}};

-- Entries of the national catalogues (agencies, provinces, genders …). extra: what else an entry says, JSON.
CREATE TABLE catalogues (
    name {{CODE}} NOT NULL,
    code {{CODE}} NOT NULL,
    label TEXT NOT NULL,
    extra TEXT,
    synced_at BIGINT NOT NULL,
    PRIMARY KEY (name, code)
){{KEYED}};

-- What a portal was sent of a dossier and what it answered. Versions are those of the dossier. remote_status: as it was read there at
-- checked_at. finding: missing, duplicate, drift, of the last comparison.
CREATE TABLE portal_items (
    portal_org_id {{CODE}} NOT NULL,
    dossier_id {{CODE}} NOT NULL,
    sent_version BIGINT NOT NULL,
    sent_at BIGINT NOT NULL,
    accepted_version BIGINT NOT NULL,
    accepted_at BIGINT,
    remote_status BIGINT,
    checked_at BIGINT,
    finding TEXT,
    PRIMARY KEY (portal_org_id, dossier_id)
){{KEYED}};
CREATE INDEX portal_items_finding ON portal_items (portal_org_id, finding, dossier_id) WHERE finding IS NOT NULL;

-- A comparison with a portal, one for each of its days (days since 1970, Vietnamese time). state: running, done, failed.
-- place_at and place_id: up to which dossier, in order of their last push, it has come; a new start goes on from there.
CREATE TABLE reconciliations (
    id {{CODE}} PRIMARY KEY,
    portal_org_id {{CODE}} NOT NULL,
    day BIGINT NOT NULL,
    state TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    place_at BIGINT NOT NULL,
    place_id {{CODE}} NOT NULL,
    checked BIGINT NOT NULL,
    missing BIGINT NOT NULL,
    duplicate BIGINT NOT NULL,
    drift BIGINT NOT NULL,
    replayed BIGINT NOT NULL,
    problem TEXT
){{KEYED}};
CREATE UNIQUE INDEX reconciliations_by_day ON reconciliations (portal_org_id, day);

-- What a comparison found. ours and theirs: statuses or versions, in words for an operator, nothing personal.
-- replayed_as: the delivery that sent it again; problem: why that was not possible.
CREATE TABLE reconciliation_items (
    reconciliation_id {{CODE}} NOT NULL,
    dossier_id {{CODE}} NOT NULL,
    finding {{CODE}} NOT NULL,
    ours TEXT NOT NULL,
    theirs TEXT NOT NULL,
    replayed_as {{CODE}},
    problem TEXT,
    at BIGINT NOT NULL,
    PRIMARY KEY (reconciliation_id, dossier_id, finding)
){{KEYED}};

-- How each service of a connector goes. last_error: a stable word and foreign words, nothing personal.
CREATE TABLE connector_health (
    system_id {{CODE}} NOT NULL,
    service {{CODE}} NOT NULL,
    last_ok_at BIGINT,
    last_error_at BIGINT,
    last_error TEXT,
    ok BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    failed_in_a_row BIGINT NOT NULL,
    PRIMARY KEY (system_id, service)
){{KEYED}};
