DROP TABLE stream_key;
