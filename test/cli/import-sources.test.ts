/** `carillon import`: the kinds of files that it reads, and those that it refuses with their line. */
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Running, type Outcome } from './run'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = (args: string): Promise<Outcome> =>
  new Running(['import', ...args.split(' ')], { folder }).finished

const write = (name: string, text: string): void => writeFileSync(join(folder, name), text)

const TABLES: readonly (readonly [name: string, text: string])[] = [
  [
    'mysql.sql',
    "-- MySQL dump 10.13\n/*!40101 SET NAMES utf8 */;\nDROP TABLE IF EXISTS `apps`;\nCREATE TABLE `apps` (\n  `id` varchar(255) NOT NULL,\n  `key` varchar(255),\n  `secret` varchar(255),\n  `max_connections` int(10) DEFAULT '(1',\n  `webhooks` json,\n  PRIMARY KEY (`id`)\n);\nINSERT INTO `apps` VALUES ('1','key-1','s3c\\'ret;--',5,NULL),('2','key-2','x',-1,'[]');\nINSERT INTO `users` VALUES (now());\n",
  ],
  [
    'postgres.sql',
    "-- PostgreSQL database dump\n\\restrict x\nSELECT pg_catalog.set_config('search_path', '', false);\nCREATE TABLE public.apps (id text NOT NULL, key text);\nALTER TABLE public.apps OWNER TO me;\nCOPY public.apps (id, key, secret, max_connections, webhooks) FROM stdin;\n1\tkey-1\ts3c'ret;--\t5\t\\N\n2\tkey-2\tx\t-1\t[]\n\\.\n\nCREATE UNIQUE INDEX apps ON public.apps (key);\n",
  ],
  [
    'inserts.sql',
    "INSERT INTO public.apps (id, \"key\", secret, max_connections, webhooks) VALUES ('1', 'key-1', 's3c''ret;--', 5, NULL), ('2', 'key-2', 'x', -1, '[]'::json) ON CONFLICT DO NOTHING;\n",
  ],
  [
    'columns.sql', // a whole database of PostgreSQL with --inserts; a backtick in a value is no MySQL
    "-- PostgreSQL database dump\nCREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n  RETURN NEW; -- it's\nEND;\n$$;\nCREATE TABLE public.apps (id text, key text, secret text, max_connections int, created_at text[] DEFAULT ARRAY['a','b']::text[], webhooks jsonb);\nINSERT INTO public.apps VALUES ('1', 'key-1', 's3c''ret;--', 5, NULL, NULL) ON CONFLICT DO NOTHING;\nINSERT INTO public.apps (id, key, secret, max_connections, webhooks) OVERRIDING SYSTEM VALUE VALUES ('2', 'key-2', 'x', -1, E'[]');\nINSERT INTO public.x VALUES ('\n`\\');\n",
  ],
  [
    'bits.sql', // columns of BIT and VARBINARY, and introducers
    "INSERT INTO `apps` (`id`,`key`,`secret`,`max_connections`,`enabled`,`webhooks`) VALUES (_utf8mb4'1',0x6B65792D31,x'733363277265743B2D2D',5,b'1',NULL),('2','key-2',_binary 'x',-1,0x01,'[]');\n",
  ],
  [
    'apps.csv',
    'id,key,secret,max_connections,webhooks\n1,key-1,s3c\'ret;--,5,\n"2",key-2,x,-1,[]\n',
  ],
  [
    'apps.tsv',
    "id\tkey\tsecret\tmax_connections\twebhooks\n1\tkey-1\ts3c'ret;--\t5\tNULL\n2\tkey-2\tx\t-1\t[]\n",
  ],
  [
    'apps.jsonl',
    '{"id":1,"key":"key-1","secret":"s3c\'ret;--","max_connections":5,"webhooks":null}\n{"id":"2","key":"key-2","secret":"x","max_connections":-1,"webhooks":[]}\n',
  ],
]

test.each(TABLES)('the table of apps as %s', async (name, text) => {
  write(name, text)
  const database = join(folder, `${name}.sqlite`)
  const ran = await run(`soketi ${name} --database ${database}`)
  expect([ran.code, ran.err]).toEqual([0, ''])
  const listed = await new Running(
    ['apps', 'list', '--secrets', '--json', '--database', database],
    { folder },
  ).finished
  expect(JSON.parse(listed.out)).toMatchObject([
    {
      id: 1,
      key: 'key-1',
      secret: "s3c'ret;--",
      limits: { max_connections_per_app: 5 },
      client_events: false,
    },
    { id: 2, key: 'key-2', secret: 'x', limits: { max_connections_per_app: 0 }, webhooks: [] },
  ])
})

const REFUSED: readonly (readonly [name: string, text: string | Uint8Array, message: string])[] = [
  ['broken.json', '{"port": 1,\n "debug": tru }', 'broken.json:2: expected JSON'],
  ['open.json', '[{"id": 1},\n\n', 'open.json:3: expected JSON'],
  ['deep.json', '['.repeat(200) + ']'.repeat(200), 'deep.json: the JSON is nested too deep'],
  [
    'compose.yml',
    'services:\n  soketi:\n',
    'compose.yml: YAML is not read: docs/moving-from-soketi.md says how a container prints its environment',
  ],
  [
    'reverb.php',
    '<?php\nreturn [];\n',
    'reverb.php: PHP is not executed: docs/moving-from-reverb.md says how the application prints it as JSON',
  ],
  ['empty.env', '\n', 'there was no app and no setting to import'],
  ['number.json', '7', 'number.json: expected an object or a list'],
  ['list.json', '["x"]', 'list.json[0]: expected an object'],
  ['bytes.env', new Uint8Array([65, 61, 49, 10, 255, 10]), 'bytes.env:2: expected text in UTF-8'],
  ['nul.env', 'A=1\nB=\0\n', 'nul.env:2: expected text in UTF-8'],
  [
    'large.env',
    '#'.repeat(16 * 1024 * 1024 + 1),
    'large.env: has more than 16777216 bytes, which is the limit; export the table of apps alone',
  ],
  ['many.jsonl', '{}\n'.repeat(10_001), 'there are 10001 apps; the limit is 10000'],
  [
    'update.sql',
    "\nUPDATE apps SET secret = 's3cret-1';",
    'update.sql:2: not understood: expected INSERT with constants or COPY, as mysqldump and pg_dump write them for this table alone',
  ],
  [
    'call.sql',
    "INSERT INTO apps (id) VALUES (concat('a'));",
    'call.sql:1: not understood: expected INSERT with constants or COPY, as mysqldump and pg_dump write them for this table alone',
  ],
  [
    'upsert.sql',
    "INSERT INTO apps (id) VALUES ('1') ON DUPLICATE KEY UPDATE id = 2;",
    'upsert.sql:1: not understood: expected INSERT with constants or COPY, as mysqldump and pg_dump write them for this table alone',
  ],
  [
    'names.sql',
    'INSERT INTO apps VALUES (1);',
    'names.sql:1: the INSERT names no columns, and no CREATE TABLE before it does',
  ],
  [
    'few.sql',
    'INSERT INTO apps (id, secret) VALUES\n(1);',
    'few.sql:2: has 1 values; expected 2, as it has columns',
  ],
  [
    'hex.sql',
    "INSERT INTO apps (id) VALUES (E'\\x41');",
    'hex.sql:1: not understood: expected INSERT with constants or COPY, as mysqldump and pg_dump write them for this table alone',
  ],
  ['cut.sql', "INSERT INTO apps (id) VALUES ('1'", 'cut.sql:1: the file ends amid a statement'],
  [
    'copy.sql',
    'COPY apps (id) FROM stdin;\n1\n',
    'copy.sql:1: the COPY has no end: expected a line of \\.',
  ],
  [
    'quote.csv',
    'id,key,secret\n1,"k,s',
    'quote.csv:2: a quote is not closed, or stands amid a field',
  ],
  ['fields.csv', 'id,key,secret\n1,k\n', 'fields.csv:2: has 2 fields; expected 3, as its titles'],
  ['titles.csv', 'a,b\n', 'titles.csv:1: expected the titles of columns, with id, key and secret'],
]

test.each(REFUSED)('%s is refused', async (name, text, message) => {
  writeFileSync(join(folder, name), text)
  const ran = await run(`soketi ${name} --database none.sqlite`)
  expect([ran.code, ran.out, ran.err]).toEqual([1, '', `carillon: ${message}\n`])
})

test('what is no file is refused, and links are followed', async () => {
  const pipe = join(folder, 'pipe.env')
  expect(Bun.spawnSync(['mkfifo', pipe]).exitCode).toBe(0)
  write('real.env', 'SOKETI_PORT=6005\n')
  symlinkSync('real.env', join(folder, 'link.env'))
  write('.env.production', 'push, in production\nSOKETI_PORT=6006\n')
  write('variables', '# push, in production\nSOKETI_PORT=6007\n')
  for (const file of ['pipe.env', '.', 'none.env', '/dev/zero']) {
    const ran = await run(`soketi ${file} --database none.sqlite`)
    expect([file, ran.code, ran.out]).toEqual([file, 2, ''])
  }
  for (const [file, port] of [
    ['link.env', 6005],
    ['.env.production', 6006],
    ['variables', 6007],
  ])
    expect((await run(`soketi ${file} --database none.sqlite`)).out).toContain(`PORT=${port}`)
})
