-- What happened, derived from the sealed ledger: transactions, counters, health, search. Every row here can be made again
-- from the ledger and the documents; nothing else depends on it.
-- Times are BIGINT microseconds UTC, hours are whole hours since 1970 UTC, leaves are positions in the ledger.

-- How far the projector is (one row, id 1): the next leaf it will read, and the time of the last one it read.
CREATE TABLE insight_cursor (
    id BIGINT PRIMARY KEY,
    next_leaf BIGINT NOT NULL,
    as_of BIGINT NOT NULL
){{KEYED}};
INSERT INTO insight_cursor (id, next_leaf, as_of) VALUES (1, 0, 0);

-- A business transaction: one document with everything that became of it. leaf: of its acceptance; newer is larger.
-- correlation_id: the first document of the chain it belongs to. outcome: under_way, done, troubled, cancelled.
-- waiting, done, troubled and cancelled count recipients. words: folded words with a space on either side.
CREATE TABLE insight_transactions (
    leaf {{ROWID}},
    document_id {{CODE}} NOT NULL,
    correlation_id {{CODE}} NOT NULL,
    kind TEXT NOT NULL,
    business_type BIGINT,
    sender_org_id {{CODE}} NOT NULL,
    content_bytes BIGINT NOT NULL,
    recipients BIGINT NOT NULL,
    waiting BIGINT NOT NULL,
    done BIGINT NOT NULL,
    troubled BIGINT NOT NULL,
    cancelled BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    cause TEXT,
    next_try_at BIGINT,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    last_leaf BIGINT NOT NULL,
    erased_at BIGINT,
    words TEXT NOT NULL
);
CREATE UNIQUE INDEX insight_transactions_by_document ON insight_transactions (document_id);
CREATE INDEX insight_transactions_by_correlation ON insight_transactions (correlation_id)
    WHERE correlation_id <> document_id;
CREATE INDEX insight_transactions_unfinished ON insight_transactions (outcome, leaf) WHERE outcome <> 'done';

-- What became of a transaction at one recipient. state: waiting, confirmed, parked, dead, expired, cancelled.
-- since_at: when its newest delivery set out.
CREATE TABLE insight_recipients (
    leaf BIGINT NOT NULL,
    org_id {{CODE}} NOT NULL,
    delivery_id {{CODE}} NOT NULL,
    state TEXT NOT NULL,
    cause TEXT,
    status_code TEXT,
    attempts BIGINT NOT NULL,
    next_try_at BIGINT,
    since_at BIGINT NOT NULL,
    closed_at BIGINT,
    PRIMARY KEY (leaf, org_id)
){{KEYED}};

-- Leaves of the first and the last transaction of an hour: a span of time becomes a span of leaves.
CREATE TABLE insight_hours (
    hour BIGINT PRIMARY KEY,
    first_leaf BIGINT NOT NULL,
    last_leaf BIGINT NOT NULL
){{KEYED}};

-- How many, by the hour of acceptance. agency: an organisation, or empty for all of them together.
-- direction: sent, received. outcome: as a transaction's, and refused for what was not accepted (kind is empty there).
CREATE TABLE insight_counters (
    agency {{CODE}} NOT NULL,
    hour BIGINT NOT NULL,
    direction TEXT NOT NULL,
    kind TEXT NOT NULL,
    outcome TEXT NOT NULL,
    count BIGINT NOT NULL,
    content_bytes BIGINT NOT NULL,
    PRIMARY KEY (agency, hour, direction, kind, outcome)
){{KEYED}};

-- How deliveries to an organisation go. waiting and troubled count its recipients rows in these states.
-- good_at: its last confirmation; trouble_*: its last failure; trouble_since: the first failure behind the last good one.
CREATE TABLE insight_agencies (
    org_id {{CODE}} PRIMARY KEY,
    waiting BIGINT NOT NULL,
    troubled BIGINT NOT NULL,
    good_at BIGINT,
    good_leaf BIGINT,
    was_slow BIGINT NOT NULL,
    trouble_since BIGINT,
    trouble_at BIGINT,
    trouble_leaf BIGINT,
    trouble_cause TEXT
){{KEYED}};

-- What a health strip shows: for each organisation a ring of spans of time; a newer tick takes the slot of an older one.
CREATE TABLE insight_health (
    org_id {{CODE}} NOT NULL,
    slot BIGINT NOT NULL,
    tick BIGINT NOT NULL,
    good BIGINT NOT NULL,
    slow BIGINT NOT NULL,
    trouble BIGINT NOT NULL,
    PRIMARY KEY (org_id, slot)
){{KEYED}};

-- The search index: the words of a transaction under its leaf.
{{SEARCH}}
