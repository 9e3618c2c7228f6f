-- Version 7: memberships, from when and until when they are paid for. They follow from `entry`.
CREATE TABLE membership (
    room  TEXT NOT NULL,
    purse TEXT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (room, purse)
);
