"""The same aggregation in SQL: ``python adding_duckdb.py FOLDER RESULT``, with DuckDB alone; whoever calls times it.

Exact as the hub's: sums are decimals, quotients and roundings are divisions of whole numbers, half
up.
"""

import sys

import duckdb

# where a figure stands at a level, it stands before the sum of what is below
UP = """
CREATE TABLE {name} AS SELECT *, NULL::UINTEGER AS covered, NULL::UINTEGER AS expected FROM {known};
INSERT INTO {name} BY NAME
  SELECT indicator, parent AS org_unit, measure, dims, {sums},
         CASE WHEN count(*) = any_value(children) THEN min(rank) ELSE least(min(rank), 3) END AS rank,
         'sum' AS method, count(*) AS covered, any_value(children) AS expected
  FROM {name} JOIN tree ON child = org_unit AND level = 1
  GROUP BY indicator, parent, measure, dims
  HAVING NOT EXISTS (FROM {known} k WHERE k.indicator = {name}.indicator AND k.org_unit = parent
                     AND k.measure = {name}.measure AND k.dims = {name}.dims);
INSERT INTO {name} BY NAME
  SELECT indicator, parent AS org_unit, measure, dims, {sums},
         CASE WHEN count(*) = any_value(children) AND bool_and(covered IS NULL OR covered = expected)
              THEN min(rank) ELSE least(min(rank), 3) END AS rank,
         'sum' AS method, count(*) AS covered, any_value(children) AS expected
  FROM {name} JOIN tree ON child = org_unit AND level = 2
  GROUP BY indicator, parent, measure, dims;
"""
STEPS = [
    """
CREATE TABLE ind AS FROM read_parquet('{folder}/indicators.parquet');
CREATE TABLE terms AS SELECT *, count(*) OVER (PARTITION BY code) AS due FROM read_parquet('{folder}/terms.parquet');
CREATE TABLE tree AS SELECT *, (count(*) OVER (PARTITION BY parent))::UINTEGER AS children
  FROM read_parquet('{folder}/tree.parquet');
CREATE TABLE shown AS SELECT DISTINCT unnest([parent, CASE WHEN level = 2 THEN child END]) AS org_unit FROM tree;
""",
    # along the calendar: twelve months, the last one, or their sum as twelfths
    """
CREATE TABLE known AS
  SELECT indicator, org_unit, measure, dims,
         CASE WHEN time = 'last' THEN max(value) FILTER (period = '2026-M12')
              ELSE sum(value) END::DECIMAL(38,6) AS value,
         CASE WHEN time = 'last' THEN max(r) FILTER (period = '2026-M12') ELSE min(r) END AS rank,
         CASE time WHEN 'last' THEN 'last of M' WHEN 'avg' THEN 'average of M' ELSE 'sum of M' END AS method,
         CASE WHEN time = 'avg' THEN 12 ELSE 1 END AS times
  FROM (SELECT indicator, org_unit, period, measure, dims, value, time,
               (instr('MEFPA', status) - 1)::UTINYINT AS r
        FROM read_parquet('{folder}/own/*/*/*.parquet') JOIN ind ON code = indicator
        WHERE value IS NOT NULL AND calendar = 'S' AND time IN ('sum', 'last', 'avg'))
  GROUP BY indicator, org_unit, measure, dims, time
  HAVING (time = 'last' AND count(*) FILTER (period = '2026-M12') = 1) OR (time <> 'last' AND count(*) = 12);
CREATE TABLE additive AS SELECT k.* FROM known k JOIN ind ON code = indicator WHERE space IN ('sum', 'sum*');
""",
    UP.format(
        name="totals", known="additive", sums="sum(value) AS value, any_value(times) AS times"
    ),
    # numerators and denominators where an org unit has both
    """
CREATE TABLE latest AS
  SELECT indicator, org_unit, measure, dims, value, rank FROM known
  UNION ALL
  SELECT indicator, org_unit, measure, dims, value, (instr('MEFPA', status) - 1)::UTINYINT
  FROM read_parquet('{folder}/lent/*/*/*.parquet') WHERE value IS NOT NULL;
CREATE TABLE pairs AS
  SELECT i.code AS indicator, a.org_unit, a.measure, a.dims, a.value AS num, b.value AS den,
         least(a.rank, b.rank) AS rank, 'ratio' AS method
  FROM ind i JOIN latest a ON a.indicator = i.top JOIN latest b
    ON b.indicator = i.bottom AND b.org_unit = a.org_unit AND b.measure = a.measure AND b.dims = a.dims
  WHERE i.space = 'ratio';
CREATE TABLE weighed AS
  SELECT i.code AS indicator, a.org_unit, a.measure, a.dims,
         a.value::DECIMAL(19,6) * b.value::DECIMAL(19,6) AS num, b.value AS den,
         least(a.rank, b.rank) AS rank, 'weighted average' AS method
  FROM ind i JOIN latest a ON a.indicator = i.code JOIN latest b
    ON b.indicator = i.bottom AND b.org_unit = a.org_unit AND b.measure = a.measure AND b.dims = a.dims
  WHERE i.space LIKE 'weighted%';
""",
    UP.format(name="ratios", known="pairs", sums="sum(num) AS num, sum(den) AS den"),
    UP.format(
        name="averages", known="weighed", sums="sum(num)::DECIMAL(38,12) AS num, sum(den) AS den"
    ),
    # everything in whole numbers of the indicator's last decimal
    """
CREATE MACRO half_up(num, den) AS
  (CASE WHEN num < 0 THEN -((2 * -num + den) // (2 * den)) ELSE (2 * num + den) // (2 * den) END)::HUGEINT;
CREATE MACRO micro(value) AS (value * 1000000)::HUGEINT;
CREATE TABLE found AS
  SELECT indicator, org_unit, measure, dims, rank, covered, expected, method, decimals, value AS exact, times,
         half_up(micro(value) * (10 ** decimals)::HUGEINT, 1000000::HUGEINT * times) AS whole
  FROM (SELECT * FROM totals UNION ALL BY NAME SELECT k.*, NULL AS covered, NULL AS expected
        FROM known k JOIN ind ON code = indicator WHERE space NOT IN ('sum', 'sum*')) JOIN ind ON code = indicator
  WHERE org_unit IN (FROM shown);
UPDATE found SET rank = least(rank, 1)
  WHERE indicator IN (SELECT code FROM ind WHERE space = 'sum*') AND method = 'sum';
INSERT INTO found BY NAME
  SELECT indicator, org_unit, measure, dims, rank, covered, expected, 'ratio' AS method, decimals, 1 AS times,
         half_up(micro(num) * per * (10 ** decimals)::HUGEINT * times, micro(den)) AS whole
  FROM ratios JOIN ind ON code = indicator, (SELECT 1 AS times)
  WHERE den <> 0 AND org_unit IN (FROM shown);
INSERT INTO found BY NAME
  SELECT indicator, org_unit, measure, dims, least(rank, 1) AS rank, covered, expected, 'weighted average' AS method,
         decimals, 1 AS times,
         half_up((num * 1000000000000)::HUGEINT * (10 ** decimals)::HUGEINT, micro(den) * 12000000) AS whole
  FROM averages a JOIN ind ON code = indicator
  WHERE den <> 0 AND org_unit IN (FROM shown)
    AND NOT EXISTS (FROM found f WHERE f.indicator = a.indicator AND f.org_unit = a.org_unit
                    AND f.measure = a.measure AND f.dims = a.dims);
""",
    # formulas of what stands there, and ranks in them
    """
INSERT INTO found BY NAME
  SELECT t.code AS indicator, org_unit, measure, dims, min(rank) AS rank, 'formula' AS method, ind.decimals, 1 AS times,
         half_up(sum(micro(exact) * thousandths)::HUGEINT * (10 ** ind.decimals)::HUGEINT, 1000000000::HUGEINT) AS whole
  FROM found JOIN terms t ON term = indicator JOIN ind ON ind.code = t.code
  GROUP BY t.code, org_unit, measure, dims, ind.decimals
  HAVING count(*) = any_value(due);
INSERT INTO found BY NAME
  SELECT ind.code AS indicator, org_unit, measure, dims, rank, 'rank' AS method, ind.decimals, 1 AS times,
         place AS whole
  FROM (SELECT *, rank() OVER (PARTITION BY indicator, measure, dims ORDER BY whole DESC) AS place,
               count(*) OVER (PARTITION BY indicator, measure, dims) AS n
        FROM found WHERE org_unit IN (SELECT child FROM tree WHERE parent = 'vn')) JOIN ind ON ranks = indicator
  WHERE n = (SELECT count(*) FROM tree WHERE parent = 'vn');
COPY (SELECT indicator, org_unit, '2026' AS period, 'S' AS calendar, measure, dims,
             (whole * (10 ** (6 - decimals))::HUGEINT)::VARCHAR AS micro,
             ['M', 'E', 'F', 'P', 'A'][rank + 1] AS status, covered, expected, method
      FROM found ORDER BY ALL) TO '{result}' (FORMAT parquet);
""",
]


def add(folder: str, result: str) -> int:
    """Add the year up into a Parquet file, values in millionths; how many figures there are."""
    database = duckdb.connect()
    for step in STEPS:
        database.execute(step.replace("{folder}", folder).replace("{result}", result))
    return database.execute("SELECT count(*) FROM found").fetchone()[0]


if __name__ == "__main__":
    print(add(sys.argv[1], sys.argv[2]))
