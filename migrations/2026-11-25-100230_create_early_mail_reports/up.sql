-- Owned by the crate `inbox`.

CREATE TABLE early_mail_reports (
    provider_mail_id text NOT NULL,
    kind text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (provider_mail_id, kind)
);
COMMENT ON TABLE early_mail_reports IS 'What a provider reported of mails that no message names, perhaps not yet. Kept for a day.';
CREATE INDEX early_mail_reports_created_at ON early_mail_reports (created_at);
