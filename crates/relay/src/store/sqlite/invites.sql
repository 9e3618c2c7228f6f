-- Links by which people become moderators or VIPs. A hash is keyed; the secret is nowhere. Numbers are never used again.
CREATE TABLE invite (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    room    TEXT NOT NULL,
    role    TEXT NOT NULL,
    label   TEXT NOT NULL,
    hash    BLOB NOT NULL,
    made    INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    uses    INTEGER NOT NULL,
    used    INTEGER NOT NULL DEFAULT 0,
    revoked INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX invite_room ON invite (room);

CREATE TABLE invite_use (
    invite INTEGER NOT NULL,
    person TEXT NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (invite, person)
) STRICT, WITHOUT ROWID;
CREATE INDEX invite_use_person ON invite_use (person);
