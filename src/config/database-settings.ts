/**
 * DATABASE_SETTINGS: the rows of SETTINGS that are about the database and its backups.
 */
import { number, optional, setting, text } from './setting'

/** The runtime trims paths, and we do not. */
const PATH = /^\S(?:.*\S)?$/s

export const DATABASE_SETTINGS = {
  databasePath: setting<string>({
    env: 'DATABASE_PATH',
    default: 'data/carillon.sqlite',
    read: text(PATH),
    expected: 'a path without spaces around it, or :memory:',
    about: 'the SQLite file',
  }),
  waitForDatabaseSeconds: number(
    'CARILLON_WAIT_FOR_DATABASE_SECONDS',
    { default: 0, min: 0, max: 86_400 },
    'time that a start waits for another process to release the database, `/up` 200 and `/ready` 503 meanwhile; 0 refuses to start',
  ),
  backupPath: optional(
    'CARILLON_BACKUP_PATH',
    PATH,
    'the path of a folder, without spaces around it',
    'folder for backups of the database, of this server alone; without it none are made',
  ),
  backupEveryMinutes: number(
    'CARILLON_BACKUP_EVERY_MINUTES',
    { default: 1440, min: 1, max: 525_600 },
    'time from one backup to the next; what a server that was stopped has missed is made up for at the start',
  ),
  backupKeep: number(
    'CARILLON_BACKUP_KEEP',
    { default: 7, min: 1, max: 100_000 },
    'backups that are kept; the oldest of more are deleted',
  ),
}

/** A line where there is no file to make backups of. */
export const backupMistake = ({
  databasePath,
  backupPath,
}: {
  readonly databasePath: string
  readonly backupPath: string | undefined
}): string[] =>
  databasePath === ':memory:' && backupPath !== undefined
    ? [
        `${DATABASE_SETTINGS.backupPath.env} goes with a file: ${DATABASE_SETTINGS.databasePath.env} is :memory:`,
      ]
    : []
