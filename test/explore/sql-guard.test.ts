import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkSql, quoteVersions } from '../../src/explore/sql-guard.js'

describe('quoteVersions', () => {
  it.each([
    ['select * from gold@v3', 'select * from "gold@v3"'],
    ["from gold@'2026-05-01' g", 'from "gold@2026-05-01" g'],
    ['from gold@2026-05-01T10:00:00Z', 'from "gold@2026-05-01T10:00:00Z"'],
    ['from "my table"@v1', 'from "my table@v1"'],
    ["select 'gold@v3', e'it\\'s gold@v3' -- gold@v3", "select 'gold@v3', e'it\\'s gold@v3' -- gold@v3"],
    ['select $$gold@v3$$, /* gold@v3 */ 1', 'select $$gold@v3$$, /* gold@v3 */ 1'],
    ['select @ -3, a@b', 'select @ -3, a@b'],
    ["select '", "select '"],
  ])('%s', (from, to) => expect(quoteVersions(from)).toBe(to))

  it('leaves text without marks as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), text => {
        fc.pre(!text.includes('@'))
        expect(quoteVersions(text)).toBe(text)
      }),
    )
  })
})

describe('checkSql', () => {
  it.each([
    ['select * from gold g join Silver s using (tweet_id)', ['gold', 'Silver']],
    ['with a as (select * from gold) select * from a where exists (from bronze@v1)', ['gold', 'bronze@v1']],
    ['with recursive t as (select 1 as n union all select n + 1 from t where n < 3) from t', []],
    ['explain analyze select * from gold where lang = $1', ['gold']],
    ['describe gold', ['gold']],
    ['summarize gold;', ['gold']],
    ['select m from gold g, unnest(g.mentions) u(m)', ['gold']],
    ['values (1), (2)', []],
  ])('%s', async (sql, tables) => expect((await checkSql(sql)).tables).toEqual(tables))

  it.each([
    "copy (select 1) to '/tmp/x.csv'",
    "explain analyze copy (select 1) to '/tmp/x.csv'",
    "attach '/tmp/x.db'",
    'install httpfs',
    'load httpfs',
    'set threads = 1',
    'pragma database_list',
    'call enable_logging()',
    'create table x as select 1',
    'insert into gold values (1)',
    'delete from gold',
    'drop view gold',
    'begin',
    'checkpoint',
    "export database '/tmp/x'",
    'with x as (insert into gold values (1) returning *) select * from x',
  ])('refuses %s', async sql => {
    await expect(checkSql(sql)).rejects.toThrow(/^sql: (only statements that read|A CTE needs a SELECT)/)
  })

  it.each([
    "select * from read_csv('/etc/passwd')",
    "select * from READ_TEXT ('/etc/passwd')",
    'from "read_csv"/* hidden */ (\'/etc/passwd\')',
    "from main.read_parquet('x')",
    "from glob('/*')",
    "from query('select 1')",
    "from query_table('gold')",
    "from enable_logging(storage = 'file', storage_path = '/tmp/logs')",
    'from duckdb_settings()',
    'from duckdb_secrets()',
    "from json_execute_serialized_sql('{}')",
    'from arrow_scan(1, 2, 3)',
    'select sleep_ms(1000)',
    "select write_log('x')",
    "select (select max(content) from read_text('/etc/passwd')) as x from gold",
    "explain analyze select * from read_text('/etc/passwd')",
  ])('refuses %s', async sql => await expect(checkSql(sql)).rejects.toThrow(/^sql: the function \w+ is not allowed/))

  it('takes one statement and no more, whatever hides before EXPLAIN', async () => {
    await expect(checkSql('select 1; select 2')).rejects.toThrow('one statement at a time, here are 2')
    await expect(checkSql('  ')).rejects.toThrow('empty')
    // DuckDB ends a comment at a carriage return, so the text before EXPLAIN could carry a statement of its own.
    const checked = await checkSql("--a\rcopy (select 1) to '/tmp/x'; --\n explain select 1")
    expect(checked.sql).toBe('EXPLAIN  select 1')
  })

  it('says what does not parse', async () => {
    await expect(checkSql('selekt 1')).rejects.toThrow(/^sql: syntax error/)
    await expect(checkSql('from gold@')).rejects.toThrow(/^sql: syntax error/)
  })
})
