DROP TABLE packet;
