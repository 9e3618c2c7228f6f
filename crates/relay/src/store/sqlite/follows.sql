-- Who follows a room, and since when.
CREATE TABLE follow (
    room   TEXT NOT NULL,
    person TEXT NOT NULL,
    since  INTEGER NOT NULL,
    PRIMARY KEY (room, person)
) STRICT, WITHOUT ROWID;
CREATE INDEX follow_person ON follow (person);
