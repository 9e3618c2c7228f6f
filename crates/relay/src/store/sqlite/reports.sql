-- What people report, and what became of it. `state`: 0 waits, 1 acted upon, 2 dismissed, 3 neither counts.
CREATE TABLE report (
    room    TEXT NOT NULL,
    message INTEGER NOT NULL,
    person  TEXT NOT NULL,
    at      INTEGER NOT NULL,
    ground  TEXT NOT NULL,
    words   TEXT NOT NULL,
    weight  INTEGER NOT NULL,
    state   INTEGER NOT NULL,
    PRIMARY KEY (room, message, person)
) STRICT, WITHOUT ROWID;
CREATE INDEX report_person ON report (person, at);
CREATE INDEX report_open ON report (room, message) WHERE state = 0;

-- Steps up the ladder, each under the event that took it.
CREATE TABLE penalty (
    room    TEXT NOT NULL,
    seq     INTEGER NOT NULL,
    person  TEXT NOT NULL,
    at      INTEGER NOT NULL,
    message INTEGER NOT NULL,
    PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX penalty_person ON penalty (room, person);
