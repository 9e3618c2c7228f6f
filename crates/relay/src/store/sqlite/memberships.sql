-- Version 11: memberships, from when and until when they are paid for. They follow from `entry`.
CREATE TABLE membership (
    room  TEXT NOT NULL,
    purse TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (room, purse)
) STRICT, WITHOUT ROWID;
