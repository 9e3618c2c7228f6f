-- Stream keys, several a room. A hash is keyed; the key's text is nowhere. Numbers are never used again.
CREATE TABLE stream_key (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    room TEXT NOT NULL,
    name TEXT NOT NULL,
    hash BLOB NOT NULL,
    made INTEGER NOT NULL,
    UNIQUE (room, name)
) STRICT;
