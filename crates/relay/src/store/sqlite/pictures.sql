-- A room's own emotes, by what stands between colons. `picture` is a hash of the image; width and height are in pixels.
CREATE TABLE emote (
    room    TEXT NOT NULL,
    name    TEXT NOT NULL,
    picture TEXT NOT NULL,
    width   INTEGER NOT NULL,
    height  INTEGER NOT NULL,
    image   BLOB NOT NULL,
    PRIMARY KEY (room, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX emote_picture ON emote (picture);
-- Pictures that people set of themselves. `hidden`: a moderator took it away; there is no other until it is given back.
CREATE TABLE avatar (
    person  TEXT PRIMARY KEY,
    picture TEXT NOT NULL,
    image   BLOB NOT NULL,
    hidden  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX avatar_picture ON avatar (picture);
