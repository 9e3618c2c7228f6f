DROP TABLE sanction;
DROP TABLE event;
DROP TABLE person;
DROP TABLE secret;
