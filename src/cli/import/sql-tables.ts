/**
 * Tables of apps in MySQL and PostgreSQL, read where the configuration says that they are. One connection, one SELECT.
 */
import { SQL } from 'bun'
import { messageOf } from '../../core/errors'
import { CommandError } from '../exits'
import type { Material } from './outcome'
import { MAX_APPS } from './source-file'
import { toApps, type TableRow } from './table-text'

const CONNECT_SECONDS = 10
const DRIVERS = {
  mysql: { adapter: 'mysql', port: 3306, names: 'MYSQL' },
  postgres: { adapter: 'postgres', port: 5432, names: 'POSTGRES' },
} as const

const TABLE_NAME = /^[A-Za-z_]\w{0,62}(?:\.[A-Za-z_]\w{0,62})?$/

type Place = {
  readonly driver: keyof typeof DRIVERS
  readonly table: string
  readonly hostname: string
  readonly port: number
  readonly username: string
  readonly password: string
  readonly database: string
}

/** Where the settings say that the apps are. @throws CommandError where they name no such database */
function placeOf({ settings }: Pick<Material, 'settings'>): Place {
  const valueOf = (name: string, otherwise: string): string =>
    String(settings.findLast((entry) => entry.name === `SOKETI_${name}`)?.value ?? otherwise)
  const driver = valueOf('APP_MANAGER_DRIVER', 'array')
  if (driver !== 'mysql' && driver !== 'postgres')
    throw new CommandError(
      'usage',
      `--connect: SOKETI_APP_MANAGER_DRIVER is ${driver}; expected mysql or postgres. docs/moving-from-soketi.md has the way for others`,
    )
  const { names, port } = DRIVERS[driver]
  const table = valueOf(`APP_MANAGER_${names}_TABLE`, 'apps')
  if (!TABLE_NAME.test(table))
    throw new CommandError(
      'usage',
      `--connect: SOKETI_APP_MANAGER_${names}_TABLE: expected the name of a table`,
    )
  return {
    driver,
    table,
    hostname: valueOf(`DB_${names}_HOST`, '127.0.0.1'),
    port: Number(valueOf(`DB_${names}_PORT`, String(port))),
    username: valueOf(`DB_${names}_USERNAME`, driver === 'mysql' ? 'root' : 'postgres'),
    password: valueOf(`DB_${names}_PASSWORD`, 'password'),
    database: valueOf(`DB_${names}_DATABASE`, 'main'),
  }
}

/** The apps of the table. @throws CommandError where the database cannot be reached or has no such table */
export async function readTable(material: Pick<Material, 'settings'>): Promise<Material['apps']> {
  const { driver, table, ...connection } = placeOf(material)
  const sql = new SQL({
    ...connection,
    adapter: DRIVERS[driver].adapter,
    max: 1,
    connectionTimeout: CONNECT_SECONDS,
  })
  const where = `${connection.hostname}:${connection.port}/${connection.database}`
  try {
    const rows: Record<string, unknown>[] =
      await sql`SELECT * FROM ${sql(table)} LIMIT ${MAX_APPS + 1}`
    return toApps(
      rows.map((columns, index): TableRow => ({ place: `${table}[${index}]`, columns })),
    )
  } catch (cause) {
    if (cause instanceof CommandError) throw cause
    const reason = messageOf(cause)
    throw new CommandError(
      'unreachable',
      `${where}: the table ${table} cannot be read: ${reason}`,
      { cause },
    )
  } finally {
    await sql.close({ timeout: 0 })
  }
}
