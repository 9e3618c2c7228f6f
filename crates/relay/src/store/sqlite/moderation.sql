-- Version 7: messages that wait for a moderator or are of a raid, whom moderators marked, and since when people are known.
-- `raid` is the seq of the event that recognised it; `state`: 0 waits, 1 shown, 2 denied.
CREATE TABLE held (
    room  TEXT NOT NULL,
    seq   INTEGER NOT NULL,
    raid  INTEGER,
    state INTEGER NOT NULL,
    PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX held_raid ON held (room, raid) WHERE raid IS NOT NULL;

-- `mark`: 'trusted' or 'restricted'.
CREATE TABLE standing (
    room   TEXT NOT NULL,
    person TEXT NOT NULL,
    mark   TEXT NOT NULL,
    PRIMARY KEY (room, person)
) STRICT, WITHOUT ROWID;

ALTER TABLE person ADD COLUMN first INTEGER NOT NULL DEFAULT 0;
UPDATE person SET first = at;

-- The record of moderation: all but what is said and given.
CREATE INDEX event_act ON event (room, seq)
    WHERE substr(body, 1, 15) NOT IN ('{"event":"said"', '{"event":"gifte', '{"event":"refun');
