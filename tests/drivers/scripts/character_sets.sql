-- Text in other character sets than the session's own, and collations.
SELECT @@character_set_client, @@character_set_connection, @@character_set_results
SELECT id, t, HEX(t) FROM latin1_text ORDER BY id
INSERT INTO latin1_text VALUES (10, 'Ä ö'), (11, '€uro')
INSERT INTO latin1_text VALUES (12, '🐬')
SELECT id, t FROM latin1_text WHERE t = 'GRÜSSE, FAÇADE' ORDER BY id
SET NAMES utf8mb4 COLLATE utf8mb4_bin
SELECT @@collation_connection
SELECT 'a' = 'A'
SET NAMES utf8mb4
SELECT @@collation_connection
SELECT 'a' = 'A'
SET CHARACTER SET utf8mb4
SELECT @@collation_connection
SET collation_connection = utf8mb4_da_0900_as_cs
SELECT 'a' = 'A', COLLATION('x')
SET collation_connection = DEFAULT
SELECT COLLATION('x')
SELECT _latin1 x'e9' = 'é', _utf8mb4 x'F09F90AC', N'national', CONVERT('é' USING latin1)
DELETE FROM latin1_text WHERE id >= 10
SET character_set_results = NULL
SELECT HEX(t), LENGTH(t) FROM latin1_text ORDER BY id
SET NAMES utf8mb4
