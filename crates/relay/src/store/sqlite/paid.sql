-- Version 10: messages that were paid for and stand above the chat until then.
CREATE TABLE paid (
    room  TEXT NOT NULL,
    seq   INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX paid_until ON paid (room, until);
