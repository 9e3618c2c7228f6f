-- Version 9: red packets. They follow from `entry`; what is left in one is the balance of the account `held:` and its seq.
CREATE TABLE packet (
    room   TEXT NOT NULL,
    -- Of the event that shows it.
    seq    INTEGER NOT NULL,
    payer  TEXT NOT NULL,
    takers INTEGER NOT NULL,
    drawn  INTEGER NOT NULL,
    ends   INTEGER NOT NULL,
    closed INTEGER NOT NULL,
    PRIMARY KEY (room, seq),
    CHECK (drawn <= takers)
) STRICT, WITHOUT ROWID;
CREATE INDEX packet_open ON packet (room, seq) WHERE closed = 0 AND drawn < takers;
