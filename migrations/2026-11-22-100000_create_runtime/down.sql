DROP TABLE uploads;
DROP TABLE stored_files;
DROP TABLE schedules;
DROP TABLE jobs;
