DROP TABLE setting;
DROP TABLE given;
DROP TABLE purse;
DROP TABLE chain;
DROP TABLE entry;
DROP TABLE account;
