-- Sessions of the console. Only digests: of the cookie, and of the token that was shown at login. Whoever reads this table
-- cannot enter, and a revoked token ends its sessions at once.
CREATE TABLE console_sessions (
    session_sha256 BYTEA PRIMARY KEY,
    token_sha256 BYTEA NOT NULL,
    opened_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);

-- Links that open one session, once. used_at stays, so that a link is used up also after a restart.
CREATE TABLE console_links (
    link_sha256 BYTEA PRIMARY KEY,
    token_sha256 BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
