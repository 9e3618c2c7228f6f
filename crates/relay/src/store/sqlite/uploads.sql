-- Version 5: copies of replays in a bucket.
-- When all of a recording was there, in milliseconds since the Unix epoch.
ALTER TABLE recording ADD COLUMN uploaded INTEGER;
-- Whether its files are on this disk too.
ALTER TABLE recording ADD COLUMN local INTEGER NOT NULL DEFAULT 1;

-- The objects of a recording that is on its way.
CREATE TABLE upload (
    recording TEXT NOT NULL,
    name      TEXT NOT NULL,
    -- The bucket's name for an upload in pieces; NULL once the object is whole.
    session   TEXT,
    -- What the bucket said of each piece, one a line.
    tags      TEXT NOT NULL,
    PRIMARY KEY (recording, name)
) STRICT, WITHOUT ROWID;
