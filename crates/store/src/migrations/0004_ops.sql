-- Running the exchange: bulk resends as durable work, contents that were erased.

-- A bulk resend, asked for once. Its deliveries are fixed when it is asked for and stand in resend_items; they are taken in the
-- order of their numbers, and done says how far. next_at: when the next one may go, by the pace asked for.
-- state: running, done, cancelled. owner: who asked, an id; org_id: for a system its organisation. request: what was chosen, JSON.
CREATE TABLE resend_jobs (
    id {{CODE}} PRIMARY KEY,
    owner {{CODE}} NOT NULL,
    org_id {{CODE}},
    request TEXT NOT NULL,
    state {{CODE}} NOT NULL,
    per_second BIGINT NOT NULL,
    total BIGINT NOT NULL,
    done BIGINT NOT NULL,
    resent BIGINT NOT NULL,
    already BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    finished_at BIGINT,
    cancelled_by TEXT
){{KEYED}};
CREATE INDEX resend_jobs_running ON resend_jobs (id) WHERE state = 'running';

-- One delivery of a bulk resend. outcome is empty until its turn: resent, already (it was sent again before), failed.
-- resent_as: the new delivery; problem: the code of the problem.
CREATE TABLE resend_items (
    job_id {{CODE}} NOT NULL,
    number BIGINT NOT NULL,
    delivery_id {{CODE}} NOT NULL,
    outcome TEXT,
    resent_as {{CODE}},
    problem TEXT,
    at BIGINT,
    PRIMARY KEY (job_id, number)
){{KEYED}};

-- Documents whose content was erased. Their rows, digests and ledger entries stay.
CREATE TABLE document_erasures (
    document_id {{CODE}} PRIMARY KEY,
    erased_at BIGINT NOT NULL,
    erased_by TEXT NOT NULL,
    reason TEXT NOT NULL
){{KEYED}};

-- Symmetric secrets of push endpoints, sealed; the one before still signs until old_secret_until.
ALTER TABLE webhooks ADD COLUMN secret_sealed BYTEA;
ALTER TABLE webhooks ADD COLUMN old_secret_sealed BYTEA;
ALTER TABLE webhooks ADD COLUMN old_secret_until BIGINT;
