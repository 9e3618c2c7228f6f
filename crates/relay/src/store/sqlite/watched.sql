-- How long people have watched, and what they got for it on that day, counted from 1970 in UTC. `millis` are not rewarded yet.
CREATE TABLE watched (
    room   TEXT NOT NULL,
    person TEXT NOT NULL,
    day    INTEGER NOT NULL,
    count  INTEGER NOT NULL,
    coins  INTEGER NOT NULL,
    millis INTEGER NOT NULL,
    PRIMARY KEY (room, person)
) STRICT, WITHOUT ROWID;
