DROP TABLE uploads;
DROP TABLE stored_files;
DROP TABLE sync_requests;
DROP TABLE schedules;
DROP TABLE jobs;
