DROP TABLE upload;
ALTER TABLE recording DROP COLUMN local;
ALTER TABLE recording DROP COLUMN uploaded;
