-- What moderators see of a person: the names that they had, how long they watched and how much they said, and notes.
CREATE TABLE former_name (
    person TEXT NOT NULL,
    name   TEXT NOT NULL,
    until  BIGINT NOT NULL,
    PRIMARY KEY (person, name)
);

-- `watched` in milliseconds. Both are counted in memory and written now and then.
CREATE TABLE visit (
    room     TEXT NOT NULL,
    person   TEXT NOT NULL,
    watched  BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    PRIMARY KEY (room, person)
);
INSERT INTO visit (room, person, watched, messages)
    SELECT room, by, 0, count(*) FROM event
    WHERE by IS NOT NULL AND substr(body, 1, 15) = '{"event":"said"' GROUP BY room, by;

-- Numbers are never used again.
CREATE TABLE note (
    id     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    room   TEXT NOT NULL,
    person TEXT NOT NULL,
    by     TEXT NOT NULL,
    at     BIGINT NOT NULL,
    text   TEXT NOT NULL
);
CREATE INDEX note_person ON note (person, room);
CREATE INDEX note_by ON note (by);

-- Which events are acts of moderation over a person.
CREATE TABLE act (
    room   TEXT NOT NULL,
    person TEXT NOT NULL,
    seq    BIGINT NOT NULL,
    PRIMARY KEY (room, person, seq)
);
INSERT INTO act (room, person, seq)
    SELECT room, body::json -> 'user' ->> 'id', seq FROM event
    WHERE substr(body, 1, 15) IN ('{"event":"timed', '{"event":"banne', '{"event":"pardo', '{"event":"trust',
                                  '{"event":"restr', '{"event":"unmar', '{"event":"appoi');
