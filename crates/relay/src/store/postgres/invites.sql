-- Links by which people become moderators or VIPs. A hash is keyed; the secret is nowhere. Numbers are never used again.
CREATE TABLE invite (
    id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    room    TEXT NOT NULL,
    role    TEXT NOT NULL,
    label   TEXT NOT NULL,
    hash    BYTEA NOT NULL,
    made    BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    uses    BIGINT NOT NULL,
    used    BIGINT NOT NULL DEFAULT 0,
    revoked BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX invite_room ON invite (room);

CREATE TABLE invite_use (
    invite BIGINT NOT NULL,
    person TEXT NOT NULL,
    at     BIGINT NOT NULL,
    PRIMARY KEY (invite, person)
);
CREATE INDEX invite_use_person ON invite_use (person);
