DROP TABLE support_attachments;
DROP TABLE mailed_messages;
DROP TABLE messages;
DROP TABLE conversations;
DROP TABLE widget_sessions;
DROP TABLE visitor_aliases;
DROP TABLE visitor_presence;
DROP TABLE visitors;
