-- Version 2: broadcasts on disk, their files, and clips. Lengths and positions in milliseconds of media time, which
-- counts from `epoch`; the files are named by the ids.
CREATE TABLE recording (
    id     TEXT PRIMARY KEY,
    room   TEXT NOT NULL,
    -- Wall clock at media time zero, in microseconds since the Unix epoch.
    epoch  INTEGER NOT NULL,
    -- Milliseconds since the Unix epoch; NULL while it is being written, or when that was cut off.
    ended  INTEGER,
    title  TEXT,
    public INTEGER NOT NULL,
    poster INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX recording_epoch ON recording (room, epoch);

CREATE TABLE recording_part (
    recording TEXT NOT NULL,
    number    INTEGER NOT NULL,
    begins    INTEGER NOT NULL,
    duration  INTEGER NOT NULL DEFAULT 0,
    bytes     INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (recording, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE clip (
    id        TEXT PRIMARY KEY,
    room      TEXT NOT NULL,
    recording TEXT NOT NULL,
    made      INTEGER NOT NULL,
    begins    INTEGER NOT NULL,
    duration  INTEGER NOT NULL,
    bytes     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A replay asks for what happened between two instants.
CREATE INDEX event_at ON event (room, at);
