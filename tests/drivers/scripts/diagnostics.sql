-- Questions about the last statement that only the connection which ran it can answer.
SELECT 1 / 0
SELECT @@warning_count, @@error_count
SHOW WARNINGS
SELECT 1 / 0, 2 / 0
GET DIAGNOSTICS @count = NUMBER
SELECT @count
SELECT * FROM numbers WHERE n = 'x1'
GET DIAGNOSTICS CONDITION 1 @state = RETURNED_SQLSTATE, @text = MESSAGE_TEXT
SELECT @state, @text
INSERT INTO parents VALUES (1, 'twice')
GET DIAGNOSTICS CONDITION 1 @state = RETURNED_SQLSTATE, @text = MESSAGE_TEXT
SELECT @state, @text
INSERT INTO written (what) VALUES ('one'), ('two')
SELECT ROW_COUNT(), LAST_INSERT_ID() > 0
DELETE FROM written
SELECT ROW_COUNT()
SELECT ROW_COUNT()
DELETE FROM written
SELECT ROW_COUNT() AS changed, @@warning_count
