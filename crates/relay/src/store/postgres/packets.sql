-- Version 5: red packets. They follow from `entry`; what is left in one is the balance of the account `held:` and its seq.
CREATE TABLE packet (
    room   TEXT NOT NULL,
    -- Of the event that shows it.
    seq    BIGINT NOT NULL,
    payer  TEXT NOT NULL,
    takers BIGINT NOT NULL,
    drawn  BIGINT NOT NULL,
    ends   BIGINT NOT NULL,
    closed BIGINT NOT NULL,
    PRIMARY KEY (room, seq),
    CHECK (drawn <= takers)
);
CREATE INDEX packet_open ON packet (room, seq) WHERE closed = 0 AND drawn < takers;
