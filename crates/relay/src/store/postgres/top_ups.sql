-- Coins that were paid outside. `state`: 0 waits, 1 approved, 2 declined; `seen` by the person who asked.
CREATE TABLE top_up (
    room      TEXT NOT NULL,
    id        TEXT NOT NULL,
    person    TEXT NOT NULL,
    nonce     TEXT NOT NULL,
    at        BIGINT NOT NULL,
    -- As JSON.
    pack      TEXT NOT NULL,
    reference TEXT NOT NULL,
    state     BIGINT NOT NULL,
    reason    TEXT NOT NULL,
    seen      BIGINT NOT NULL,
    PRIMARY KEY (room, id)
);
CREATE UNIQUE INDEX top_up_request ON top_up (room, person, nonce);
CREATE INDEX top_up_waits ON top_up (room, at) WHERE state = 0;

-- What a payer scans.
CREATE TABLE payment_picture (
    room  TEXT PRIMARY KEY,
    name  TEXT NOT NULL,
    image BYTEA NOT NULL
);
