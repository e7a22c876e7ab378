DROP TABLE notification_deliveries;
DROP TABLE notification_dedupe_keys;
DROP TABLE notification_events;
ALTER TABLE support_attachments DROP COLUMN ticket_comment_id, DROP COLUMN ticket_id;
DROP TABLE ticket_comments;
DROP TABLE tickets;
DROP TABLE ticket_forms;
