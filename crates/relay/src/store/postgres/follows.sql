-- Who follows a room, and since when.
CREATE TABLE follow (
    room   TEXT NOT NULL,
    person TEXT NOT NULL,
    since  BIGINT NOT NULL,
    PRIMARY KEY (room, person)
);
CREATE INDEX follow_person ON follow (person);
