-- How long people have watched, and what they got for it on that day, counted from 1970 in UTC. `millis` are not rewarded yet.
CREATE TABLE watched (
    room   TEXT NOT NULL,
    person TEXT NOT NULL,
    day    BIGINT NOT NULL,
    count  BIGINT NOT NULL,
    coins  BIGINT NOT NULL,
    millis BIGINT NOT NULL,
    PRIMARY KEY (room, person)
);
