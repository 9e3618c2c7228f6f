DROP TABLE act;
DROP TABLE note;
DROP TABLE visit;
DROP TABLE former_name;
