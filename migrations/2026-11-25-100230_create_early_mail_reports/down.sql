DROP TABLE early_mail_reports;
