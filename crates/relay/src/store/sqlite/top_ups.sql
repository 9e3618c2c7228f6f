-- Coins that were paid outside. `state`: 0 waits, 1 approved, 2 declined; `seen` by the person who asked.
CREATE TABLE top_up (
    room      TEXT NOT NULL,
    id        TEXT NOT NULL,
    person    TEXT NOT NULL,
    nonce     TEXT NOT NULL,
    at        INTEGER NOT NULL,
    -- As JSON.
    pack      TEXT NOT NULL,
    reference TEXT NOT NULL,
    state     INTEGER NOT NULL,
    reason    TEXT NOT NULL,
    seen      INTEGER NOT NULL,
    PRIMARY KEY (room, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX top_up_request ON top_up (room, person, nonce);
CREATE INDEX top_up_waits ON top_up (room, at) WHERE state = 0;

-- What a payer scans.
CREATE TABLE payment_picture (
    room  TEXT PRIMARY KEY,
    name  TEXT NOT NULL,
    image BLOB NOT NULL
) STRICT, WITHOUT ROWID;
