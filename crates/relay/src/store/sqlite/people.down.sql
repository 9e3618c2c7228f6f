DROP INDEX given_purse;
DROP INDEX event_over_person;
DROP TABLE note;
DROP TABLE visit;
DROP TABLE former_name;
