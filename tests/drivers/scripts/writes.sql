-- Changed rows, ids that the server gives, and what LAST_INSERT_ID() and ROW_COUNT() say of them.
INSERT INTO counted (n) VALUES (1)
INSERT INTO counted (n) VALUES (2), (3), (4)
SELECT LAST_INSERT_ID(), LAST_INSERT_ID() AS alias, @@identity, @@last_insert_id
INSERT INTO counted (id, n) VALUES (100, 5)
SELECT LAST_INSERT_ID()
INSERT INTO counted (n) VALUES (1)
SELECT LAST_INSERT_ID()
INSERT IGNORE INTO counted (n) VALUES (1), (6)
SHOW WARNINGS
INSERT INTO counted (n) VALUES (1) ON DUPLICATE KEY UPDATE note = 'again'
INSERT INTO counted (n) VALUES (1) ON DUPLICATE KEY UPDATE note = 'again'
INSERT INTO counted (n) VALUES (1) ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id), note = 'once more'
SELECT LAST_INSERT_ID()
REPLACE INTO counted (n, note) VALUES (1, 'replaced')
UPDATE counted SET note = note
UPDATE counted SET note = 'x' WHERE n IN (2, 3)
UPDATE counted SET id = LAST_INSERT_ID(id + 1000) WHERE n = 2
SELECT LAST_INSERT_ID()
SELECT LAST_INSERT_ID(77)
SELECT LAST_INSERT_ID()
DELETE FROM counted WHERE n = 3
DELETE FROM counted WHERE n = 3
INSERT INTO counted (n) SELECT n FROM numbers WHERE n BETWEEN 50 AND 52
SELECT LAST_INSERT_ID()
INSERT INTO counted () VALUES ()
INSERT INTO watched (n) VALUES (9)
SELECT LAST_INSERT_ID()
INSERT INTO big_ids (n) VALUES (1)
INSERT INTO big_ids (n) VALUES (2)
INSERT INTO big_ids (n) VALUES (3)
SELECT LAST_INSERT_ID()
SELECT next_written('by function')
SELECT LAST_INSERT_ID()
SET insert_id = 5000
INSERT INTO counted (n) VALUES (90)
SELECT id FROM counted WHERE n = 90
WITH w AS (SELECT 50 AS n) UPDATE counted SET note = 'with' WHERE n IN (SELECT n FROM w)
UPDATE counted, numbers SET counted.note = numbers.word WHERE counted.n = numbers.n AND counted.n > 50
DELETE counted FROM counted JOIN numbers USING (n) WHERE counted.n > 51
SELECT id, n, note FROM counted ORDER BY id
TRUNCATE counted
INSERT INTO counted (n) VALUES (1)
SELECT id, n, note FROM counted ORDER BY id
DELETE FROM big_ids
ALTER TABLE big_ids AUTO_INCREMENT = 9223372036854775806
TRUNCATE counted
SELECT LAST_INSERT_ID()
