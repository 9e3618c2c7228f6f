DROP TABLE avatar;
DROP TABLE emote;
