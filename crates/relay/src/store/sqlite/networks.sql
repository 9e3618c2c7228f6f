-- Networks that nobody may come in from, under names that only the relay's key leads to, and with whom they were banned.
CREATE TABLE network (
    room   TEXT NOT NULL,
    name   TEXT NOT NULL,
    person TEXT NOT NULL,
    PRIMARY KEY (room, name, person)
) STRICT, WITHOUT ROWID;
