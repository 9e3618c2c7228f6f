-- Version 1: what the steps of SQLite come to so far. A change is a new file and a new step in postgres.rs, never an edit.
CREATE TABLE secret (
    name  TEXT PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE person (
    id   TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    at   BIGINT NOT NULL
);

-- `body` is the event's kind as the room messages write it.
CREATE TABLE event (
    room    TEXT NOT NULL,
    seq     BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    body    TEXT NOT NULL,
    by      TEXT,
    nonce   TEXT,
    deleted BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (room, seq)
);
CREATE INDEX event_at ON event (room, at);

-- `until` in milliseconds since the Unix epoch; NULL is a ban.
CREATE TABLE sanction (
    room   TEXT NOT NULL,
    person TEXT NOT NULL,
    until  BIGINT,
    PRIMARY KEY (room, person)
);

CREATE TABLE card (
    room TEXT PRIMARY KEY,
    text TEXT NOT NULL
);

CREATE TABLE stream_key (
    id   BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    room TEXT NOT NULL,
    name TEXT NOT NULL,
    hash BYTEA NOT NULL,
    made BIGINT NOT NULL,
    UNIQUE (room, name)
);

CREATE TABLE recording (
    id       TEXT PRIMARY KEY,
    room     TEXT NOT NULL,
    epoch    BIGINT NOT NULL,
    ended    BIGINT,
    title    TEXT,
    public   BIGINT NOT NULL,
    poster   BIGINT NOT NULL DEFAULT 0,
    uploaded BIGINT,
    local    BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX recording_epoch ON recording (room, epoch);

CREATE TABLE recording_part (
    recording TEXT NOT NULL,
    number    BIGINT NOT NULL,
    begins    BIGINT NOT NULL,
    duration  BIGINT NOT NULL DEFAULT 0,
    bytes     BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (recording, number)
);

CREATE TABLE clip (
    id        TEXT PRIMARY KEY,
    room      TEXT NOT NULL,
    recording TEXT NOT NULL,
    made      BIGINT NOT NULL,
    begins    BIGINT NOT NULL,
    duration  BIGINT NOT NULL,
    bytes     BIGINT NOT NULL
);

CREATE TABLE upload (
    recording TEXT NOT NULL,
    name      TEXT NOT NULL,
    session   TEXT,
    tags      TEXT NOT NULL,
    PRIMARY KEY (recording, name)
);
