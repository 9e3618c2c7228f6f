DROP INDEX event_act;
ALTER TABLE person DROP COLUMN first;
DROP TABLE standing;
DROP TABLE held;
