-- What moderators see of a person: the names that they had, how long they watched and how much they said, and notes.
CREATE TABLE former_name (
    person TEXT NOT NULL,
    name   TEXT NOT NULL,
    until  INTEGER NOT NULL,
    PRIMARY KEY (person, name)
) STRICT, WITHOUT ROWID;

-- `watched` in milliseconds. Both are counted in memory and written now and then.
CREATE TABLE visit (
    room     TEXT NOT NULL,
    person   TEXT NOT NULL,
    watched  INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    PRIMARY KEY (room, person)
) STRICT, WITHOUT ROWID;
INSERT INTO visit (room, person, watched, messages)
    SELECT room, by, 0, count(*) FROM event
    WHERE by IS NOT NULL AND substr(body, 1, 15) = '{"event":"said"' GROUP BY room, by;

-- Numbers are never used again.
CREATE TABLE note (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    room   TEXT NOT NULL,
    person TEXT NOT NULL,
    by     TEXT NOT NULL,
    at     INTEGER NOT NULL,
    text   TEXT NOT NULL
) STRICT;
CREATE INDEX note_person ON note (person, room);
CREATE INDEX note_by ON note (by);

-- Which events are acts of moderation over a person.
CREATE TABLE act (
    room   TEXT NOT NULL,
    person TEXT NOT NULL,
    seq    INTEGER NOT NULL,
    PRIMARY KEY (room, person, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO act (room, person, seq)
    SELECT room, json_extract(body, '$.user.id'), seq FROM event
    WHERE substr(body, 1, 15) IN ('{"event":"timed', '{"event":"banne', '{"event":"pardo', '{"event":"trust',
                                  '{"event":"restr', '{"event":"unmar', '{"event":"appoi');
