-- Results of every shape, and what is said of their columns.
SELECT 1, -1, 1.5, 1e3, 'x', x'00ff', b'11', NULL, TRUE, DATE'2024-01-01', TIME'10:00:00', 18446744073709551615
SELECT 1 AS `a b`, 2 AS 'quo''te', 3 AS `é🐬`, 4 AS ``, 5 AS dup, 6 AS dup
SELECT COUNT(*), SUM(n), AVG(n), MAX(word), GROUP_CONCAT(n ORDER BY n) FROM numbers WHERE n < 5
SELECT n, word FROM even_numbers WHERE n <= 6 ORDER BY n
SELECT a.n, b.word AS other FROM numbers a JOIN numbers b ON b.n = a.n + 1 WHERE a.n < 3 ORDER BY a.n
SELECT n, ROW_NUMBER() OVER (ORDER BY n DESC) AS place FROM numbers WHERE n < 4 ORDER BY n
SELECT twice(21), twice(NULL)
SELECT n FROM numbers WHERE n < 0
SELECT JSON_OBJECT('a', 1), JSON_EXTRACT('[1, 2]', '$[1]'), CAST('x' AS CHAR(3)), CAST(1.5 AS DECIMAL(5,1))
SELECT NOW() = SYSDATE(), CURDATE() IS NULL, UTC_TIMESTAMP(6) IS NULL
(SELECT 1 AS u) UNION ALL (SELECT 'two') ORDER BY 1
WITH w AS (SELECT 3 AS x) SELECT * FROM w
TABLE parents
VALUES ROW(1, 'a'), ROW(2, NULL)
SELECT /* a comment */ 1 -- to the end{newline} + 1 # and here
/*!80000 SELECT */ 4
SELECT DATABASE(), SCHEMA()
SELECT SUBSTRING_INDEX(USER(), '@', 1), CURRENT_USER(), SESSION_USER() = USER()
SELECT CHARSET(USER()), COLLATION(DATABASE()), CHARSET('x'), COERCIBILITY('x')
SELECT * FROM accounts WHERE id = 1
SELECT ST_AsText(c_point), ST_SRID(c_point), HEX(ST_AsBinary(c_geometry)) FROM types WHERE id IN (1, 5) ORDER BY id
SELECT 1 FROM numbers WHERE n = 3 INTO @ignored
DO 1
DO SLEEP(0)
{nothing}
{space}
;
{nothing}-- nothing
