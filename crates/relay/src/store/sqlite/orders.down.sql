DROP TABLE card_order;
