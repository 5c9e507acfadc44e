-- The first schema: organisations over time, systems and their credentials, documents and deliveries, ledger, jobs.
-- Times are BIGINT microseconds UTC. Booleans are BIGINT 0/1. Ids are TEXT of the form prefix_26-characters.
-- {{SERIAL}}, {{CODE}} and {{KEYED}} are filled in per engine by store::dialect.

-- Values an operator may change; `registry_version` and the like count changes.
CREATE TABLE settings (
    key {{CODE}} PRIMARY KEY,
    value TEXT NOT NULL,
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL
){{KEYED}};

-- An organisation for all time. Everything that changes stands in organisation_periods and organisation_codes.
CREATE TABLE organisations (
    id {{CODE}} PRIMARY KEY,
    created_at BIGINT NOT NULL
){{KEYED}};

-- What an organisation was from from_at until to_at (NULL: until further notice). Periods of one organisation do not overlap.
CREATE TABLE organisation_periods (
    org_id {{CODE}} NOT NULL,
    from_at BIGINT NOT NULL,
    to_at BIGINT,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    level BIGINT NOT NULL,
    parent_id {{CODE}},
    admin_unit_code TEXT,
    province TEXT,
    event_id {{CODE}} NOT NULL,
    PRIMARY KEY (org_id, from_at)
){{KEYED}};

-- A code of an organisation. (scheme, code_key) is never given to a second organisation.
CREATE TABLE organisation_codes (
    scheme {{CODE}} NOT NULL,
    code_key {{CODE}} NOT NULL,
    code TEXT NOT NULL,
    org_id {{CODE}} NOT NULL,
    from_at BIGINT NOT NULL,
    to_at BIGINT,
    is_official BIGINT NOT NULL,
    legal_basis TEXT,
    event_id {{CODE}} NOT NULL,
    PRIMARY KEY (scheme, code_key)
){{KEYED}};
CREATE INDEX organisation_codes_by_org ON organisation_codes (org_id);

-- What happened to organisations: create, rename, merge, split, move, change_level, transfer, dissolve, code.
CREATE TABLE organisation_events (
    id {{CODE}} PRIMARY KEY,
    kind TEXT NOT NULL,
    effective_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    decision TEXT,
    note TEXT,
    actor TEXT NOT NULL,
    detail TEXT NOT NULL
){{KEYED}};

-- The many-to-many graph of an event; an empty successor_id says that the successor is unknown or that there is none.
CREATE TABLE organisation_successions (
    event_id {{CODE}} NOT NULL,
    predecessor_id {{CODE}} NOT NULL,
    successor_id {{CODE}} NOT NULL,
    kind TEXT NOT NULL,
    effective_at BIGINT NOT NULL,
    note TEXT,
    PRIMARY KEY (event_id, predecessor_id, successor_id)
){{KEYED}};
CREATE INDEX organisation_successions_by_predecessor ON organisation_successions (predecessor_id);

-- A connected application of an organisation. state: active, closed.
CREATE TABLE systems (
    id {{CODE}} PRIMARY KEY,
    org_id {{CODE}} NOT NULL,
    name TEXT NOT NULL,
    protocol TEXT NOT NULL,
    state TEXT NOT NULL,
    is_receiver BIGINT NOT NULL,
    vxp_system_id {{CODE}},
    vxp_secret_sealed BYTEA,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    closed_at BIGINT
){{KEYED}};
CREATE UNIQUE INDEX systems_receiver ON systems (org_id) WHERE is_receiver = 1 AND state = 'active';
CREATE UNIQUE INDEX systems_name ON systems (org_id, name) WHERE state = 'active';
CREATE UNIQUE INDEX systems_vxp ON systems (vxp_system_id) WHERE vxp_system_id IS NOT NULL;

-- Agencies for which a system registered itself on the document axis.
CREATE TABLE system_agencies (
    system_id {{CODE}} NOT NULL,
    org_id {{CODE}} NOT NULL,
    registered_at BIGINT NOT NULL,
    PRIMARY KEY (system_id, org_id)
){{KEYED}};

-- API tokens; only the SHA-256 of the token is kept. system_id NULL: an operator's token.
CREATE TABLE api_tokens (
    id {{CODE}} PRIMARY KEY,
    token_sha256 BYTEA NOT NULL,
    system_id {{CODE}},
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
){{KEYED}};
CREATE UNIQUE INDEX api_tokens_by_hash ON api_tokens (token_sha256);

-- Push endpoints of a system. Nothing is sent before approved_at. state: proposed, active, disabled.
CREATE TABLE webhooks (
    id {{CODE}} PRIMARY KEY,
    system_id {{CODE}} NOT NULL,
    url TEXT NOT NULL,
    state TEXT NOT NULL,
    approved_by TEXT,
    approved_at BIGINT,
    failing_since BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL
){{KEYED}};
CREATE INDEX webhooks_by_system ON webhooks (system_id);

-- A document as received. The body stands here up to 64 KiB, otherwise blob names a file.
-- kind: edoc, status, plain, notice. business_type: 0 new, 1 recall, 2 update, 3 replace (plain: 0; others: NULL).
CREATE TABLE documents (
    id {{CODE}} PRIMARY KEY,
    accepted_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    door TEXT NOT NULL,
    kind TEXT NOT NULL,
    business_type BIGINT,
    sender_org_id {{CODE}} NOT NULL,
    sender_code TEXT NOT NULL,
    sender_system_id {{CODE}},
    external_id {{CODE}},
    notation TEXT,
    subject TEXT,
    subject_folded TEXT,
    issued_on TEXT,
    type_name TEXT,
    priority TEXT,
    original_id {{CODE}},
    content_type TEXT NOT NULL,
    content_bytes BIGINT NOT NULL,
    content_sha256 BYTEA NOT NULL,
    attachments TEXT,
    receipt_id {{CODE}} NOT NULL,
    blob TEXT,
    body BYTEA
);
CREATE UNIQUE INDEX documents_content ON documents (sender_org_id, external_id, content_sha256)
    WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX documents_new ON documents (sender_org_id, external_id)
    WHERE external_id IS NOT NULL AND business_type = 0;
CREATE INDEX documents_by_original ON documents (original_id) WHERE original_id IS NOT NULL;
CREATE INDEX documents_by_sender ON documents (sender_org_id, id);
CREATE INDEX documents_by_blob ON documents (blob) WHERE blob IS NOT NULL;

-- The counter of a (sender, recipient) pair: order and position are strictly rising in commit order.
CREATE TABLE pairs (
    sender_org_id {{CODE}} NOT NULL,
    recipient_org_id {{CODE}} NOT NULL,
    last_seq BIGINT NOT NULL,
    last_position BIGINT NOT NULL,
    confirmed_seq BIGINT NOT NULL,
    PRIMARY KEY (sender_org_id, recipient_org_id)
){{KEYED}};

-- One document on its way to one recipient. addressed_code: as the message names it; is_routed = 1: that code is closed
-- and its successor received it. Order is kept per pair and kind. next_attempt_at is set for the first open delivery of a
-- pair and kind whose recipient is pushed to, and NULL for all others.
-- state: waiting, leased, delivered, parked, dead, expired, cancelled; is_open = 1 for waiting and leased.
CREATE TABLE deliveries (
    id {{CODE}} PRIMARY KEY,
    document_id {{CODE}} NOT NULL,
    sender_org_id {{CODE}} NOT NULL,
    recipient_org_id {{CODE}} NOT NULL,
    recipient_code TEXT NOT NULL,
    addressed_code TEXT NOT NULL,
    is_routed BIGINT NOT NULL,
    kind {{CODE}} NOT NULL,
    seq BIGINT NOT NULL,
    position BIGINT NOT NULL,
    state TEXT NOT NULL,
    is_open BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    refusals BIGINT NOT NULL,
    next_attempt_at BIGINT,
    lease_owner TEXT,
    lease_number BIGINT NOT NULL,
    lease_until BIGINT,
    cause TEXT,
    cause_detail TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    offered_at BIGINT,
    closed_at BIGINT,
    confirmed_by {{CODE}},
    receipt_id {{CODE}},
    status_code TEXT,
    status_at BIGINT,
    side_status TEXT,
    resend_of {{CODE}}
){{KEYED}};
CREATE INDEX deliveries_by_document ON deliveries (document_id);
CREATE INDEX deliveries_by_recipient ON deliveries (recipient_org_id, document_id);
CREATE INDEX deliveries_open ON deliveries (recipient_org_id, position) WHERE is_open = 1;
CREATE INDEX deliveries_pair ON deliveries (recipient_org_id, sender_org_id, kind, seq) WHERE is_open = 1;
CREATE INDEX deliveries_expiry ON deliveries (expires_at) WHERE is_open = 1;
-- Not as a list: SQLite would build a table of it whenever a delivery changes.
CREATE INDEX deliveries_troubled ON deliveries (state, id) WHERE state = 'parked' OR state = 'dead' OR state = 'expired';
CREATE INDEX deliveries_due ON deliveries (next_attempt_at) WHERE next_attempt_at IS NOT NULL;

-- Every try of a push delivery and every refusal of a pulled one (its confirmation stands in the delivery).
CREATE TABLE attempts (
    delivery_id {{CODE}} NOT NULL,
    number BIGINT NOT NULL,
    transport TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    outcome TEXT,
    cause TEXT,
    detail TEXT,
    PRIMARY KEY (delivery_id, number)
){{KEYED}};

-- Status reports about a document, in order of arrival. moved = 1: the recipient's state went forward.
CREATE TABLE statuses (
    id {{CODE}} PRIMARY KEY,
    document_id {{CODE}} NOT NULL,
    delivery_id {{CODE}},
    reporter_org_id {{CODE}} NOT NULL,
    message_id {{CODE}},
    code TEXT NOT NULL,
    reason TEXT,
    reported_at BIGINT,
    received_at BIGINT NOT NULL,
    moved BIGINT NOT NULL
){{KEYED}};
CREATE INDEX statuses_by_document ON statuses (document_id);

-- Keys of requests that were answered; a repetition gets the same answer.
CREATE TABLE idempotency_keys (
    owner {{CODE}} NOT NULL,
    key {{CODE}} NOT NULL,
    request_sha256 BYTEA NOT NULL,
    answer TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (owner, key)
){{KEYED}};
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- The append-only trail. commitment = SHA-256(domain ‖ salt ‖ record). Where an entry stands in the log is kept in
-- ledger_runs, so that a row is written once. An erased record and its salt are NULL; the commitment stays.
CREATE TABLE ledger_entries (
    id {{SERIAL}},
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    receipt_id {{CODE}},
    record BYTEA,
    salt BYTEA,
    commitment BYTEA NOT NULL
);

-- Background work. state: pending, running, done, dead. lease_number fences a worker that lost its lease.
CREATE TABLE jobs (
    id {{CODE}} PRIMARY KEY,
    queue {{CODE}} NOT NULL,
    key {{CODE}} NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    attempts_max BIGINT NOT NULL,
    lease_owner TEXT,
    lease_number BIGINT NOT NULL,
    lease_until BIGINT,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    finished_at BIGINT
){{KEYED}};
CREATE UNIQUE INDEX jobs_key ON jobs (queue, key);
CREATE INDEX jobs_due ON jobs (queue, due_at) WHERE state = 'pending';
