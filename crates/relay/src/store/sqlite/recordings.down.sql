DROP INDEX event_at;
DROP TABLE clip;
DROP TABLE recording_part;
DROP TABLE recording;
