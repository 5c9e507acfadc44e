-- Where a system stands that is called by a national protocol, and with what it is entered. settings: the protocol's own
-- particulars, JSON. secret_sealed: the password or key, sealed for the system's id.
CREATE TABLE system_connectors (
    system_id {{CODE}} PRIMARY KEY,
    url TEXT NOT NULL,
    user_name TEXT NOT NULL,
    secret_sealed BYTEA NOT NULL,
    settings TEXT NOT NULL,
    changed_at BIGINT NOT NULL
){{KEYED}};
