-- Version 6: messages that were paid for and stand above the chat until then.
CREATE TABLE paid (
    room  TEXT NOT NULL,
    seq   BIGINT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (room, seq)
);
CREATE INDEX paid_until ON paid (room, until);
