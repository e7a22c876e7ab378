DROP INDEX messages_email_message_id;
DROP INDEX messages_provider_mail_id;
ALTER TABLE messages DROP COLUMN delivery_error, DROP COLUMN provider_mail_id;
DROP TABLE inbound_emails;
DROP TABLE email_threads;
DROP TABLE email_configs;
