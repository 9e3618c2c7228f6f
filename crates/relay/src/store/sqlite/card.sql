-- What viewers read while there is no picture, in the creator's words.
CREATE TABLE card (
    room TEXT PRIMARY KEY,
    text TEXT NOT NULL
) STRICT, WITHOUT ROWID;
