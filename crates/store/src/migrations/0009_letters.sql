-- Official documents that name a dossier (ApplicationType MCDT_DT), sent by one of its parties. They are documents of their own: they move
-- nothing of the dossier and outlive it.
CREATE TABLE dossier_letters (
    dossier_id {{CODE}} NOT NULL,
    document_id {{CODE}} NOT NULL,
    sender_org_id {{CODE}} NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (dossier_id, document_id)
){{KEYED}};
