DROP TABLE automation_settings;
DROP TABLE ai_agent_settings;
DROP TABLE audit_log_settings;
