-- Version 6: coins. What is in `entry` is never changed; `account`, `given` and `chain` follow from it.
CREATE TABLE account (
    room    TEXT NOT NULL,
    name    TEXT NOT NULL,
    balance INTEGER NOT NULL,
    PRIMARY KEY (room, name),
    -- The treasury owes what all others have.
    CHECK (balance >= 0 OR name = 'treasury')
) STRICT, WITHOUT ROWID;

CREATE TABLE entry (
    room     TEXT NOT NULL,
    number   INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    payer    TEXT NOT NULL,
    payee    TEXT NOT NULL,
    amount   INTEGER NOT NULL CHECK (amount > 0),
    item     TEXT,
    count    INTEGER NOT NULL,
    by       TEXT NOT NULL,
    nonce    TEXT NOT NULL,
    reverses INTEGER,
    -- The room's event that shows it.
    seq      INTEGER,
    previous BLOB NOT NULL,
    hash     BLOB NOT NULL,
    PRIMARY KEY (room, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX entry_request ON entry (room, by, nonce);
CREATE UNIQUE INDEX entry_reverses ON entry (room, reverses) WHERE reverses IS NOT NULL;
CREATE INDEX entry_payee ON entry (room, payee) WHERE payee <> 'creator';
CREATE INDEX entry_sent ON entry (room, by, item, at) WHERE item IS NOT NULL;
CREATE TRIGGER entry_stays BEFORE UPDATE ON entry BEGIN SELECT raise(ABORT, 'entries are never changed'); END;
CREATE TRIGGER entry_is_kept BEFORE DELETE ON entry BEGIN SELECT raise(ABORT, 'entries are never deleted'); END;

-- Where the books of a room end.
CREATE TABLE chain (
    room   TEXT PRIMARY KEY,
    number INTEGER NOT NULL,
    hash   BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Who is behind a purse. Erasing a person takes this away and leaves the books whole.
CREATE TABLE purse (
    purse  TEXT PRIMARY KEY,
    person TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Coins that a purse gave on a day, counted from 1970 in UTC.
CREATE TABLE given (
    room  TEXT NOT NULL,
    day   INTEGER NOT NULL,
    purse TEXT NOT NULL,
    coins INTEGER NOT NULL,
    PRIMARY KEY (room, day, purse)
) STRICT, WITHOUT ROWID;

-- What a room's creator has set, as JSON.
CREATE TABLE setting (
    room  TEXT NOT NULL,
    name  TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (room, name)
) STRICT, WITHOUT ROWID;
