DROP TABLE payment_picture;
DROP TABLE top_up;
