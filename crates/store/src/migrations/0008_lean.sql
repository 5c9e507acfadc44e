-- Fewer trees to change for each document, and each where its neighbours are changed too. A partial index names is_open once
-- more as a column: only then SQLite reads it without the table.

-- Keys are forgotten by walking through all of them now and then.
DROP INDEX idempotency_keys_by_age;

-- Which deliveries have expired is read from the index of the open ones, all of it: it holds no more than what waits.
DROP INDEX deliveries_expiry;
DROP INDEX deliveries_open;
CREATE INDEX deliveries_open ON deliveries (recipient_org_id, position, id, expires_at, is_open) WHERE is_open = 1;

-- What a recipient received is noted when it is closed: a batch of confirmations lies side by side there, while submits of one
-- moment are spread over all recipients. What is open stands in deliveries_open.
DROP INDEX deliveries_by_recipient;
DROP INDEX deliveries_by_document;
CREATE INDEX deliveries_by_document ON deliveries (document_id, recipient_org_id);
CREATE INDEX deliveries_closed ON deliveries (recipient_org_id, document_id, is_open) WHERE is_open = 0;
