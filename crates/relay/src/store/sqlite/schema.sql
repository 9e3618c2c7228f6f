-- Version 1. A change is a new file and a new step in sqlite.rs, never an edit.
CREATE TABLE secret (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

CREATE TABLE person (
    id   TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- `body` is the event's kind as the room messages write it.
CREATE TABLE event (
    room    TEXT NOT NULL,
    seq     INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    body    TEXT NOT NULL,
    by      TEXT,
    nonce   TEXT,
    deleted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;

-- `until` in milliseconds since the Unix epoch; NULL is a ban.
CREATE TABLE sanction (
    room  TEXT NOT NULL,
    person TEXT NOT NULL,
    until INTEGER,
    PRIMARY KEY (room, person)
) STRICT, WITHOUT ROWID;
