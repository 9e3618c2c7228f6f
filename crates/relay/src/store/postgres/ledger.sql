-- Version 2: coins. What is in `entry` is never changed; `account`, `given` and `chain` follow from it.
CREATE TABLE account (
    room    TEXT NOT NULL,
    name    TEXT NOT NULL,
    balance BIGINT NOT NULL,
    PRIMARY KEY (room, name),
    -- The treasury owes what all others have.
    CHECK (balance >= 0 OR name = 'treasury')
);

CREATE TABLE entry (
    room     TEXT NOT NULL,
    number   BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    kind     TEXT NOT NULL,
    payer    TEXT NOT NULL,
    payee    TEXT NOT NULL,
    amount   BIGINT NOT NULL CHECK (amount > 0),
    item     TEXT,
    count    BIGINT NOT NULL,
    by       TEXT NOT NULL,
    nonce    TEXT NOT NULL,
    reverses BIGINT,
    -- The room's event that shows it.
    seq      BIGINT,
    previous BYTEA NOT NULL,
    hash     BYTEA NOT NULL,
    PRIMARY KEY (room, number)
);
CREATE UNIQUE INDEX entry_request ON entry (room, by, nonce);
CREATE UNIQUE INDEX entry_reverses ON entry (room, reverses) WHERE reverses IS NOT NULL;
CREATE INDEX entry_payee ON entry (room, payee) WHERE payee <> 'creator';
CREATE INDEX entry_sent ON entry (room, by, item, at) WHERE item IS NOT NULL;
CREATE FUNCTION entry_stays() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'entries are never changed nor deleted'; END $$;
CREATE TRIGGER entry_stays BEFORE UPDATE OR DELETE ON entry FOR EACH ROW EXECUTE FUNCTION entry_stays();

-- Where the books of a room end.
CREATE TABLE chain (
    room   TEXT PRIMARY KEY,
    number BIGINT NOT NULL,
    hash   BYTEA NOT NULL
);

-- Who is behind a purse. Erasing a person takes this away and leaves the books whole.
CREATE TABLE purse (
    purse  TEXT PRIMARY KEY,
    person TEXT NOT NULL
);

-- Coins that a purse gave on a day, counted from 1970 in UTC.
CREATE TABLE given (
    room  TEXT NOT NULL,
    day   BIGINT NOT NULL,
    purse TEXT NOT NULL,
    coins BIGINT NOT NULL,
    PRIMARY KEY (room, day, purse)
);

-- What a room's creator has set, as JSON.
CREATE TABLE setting (
    room  TEXT NOT NULL,
    name  TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (room, name)
);
