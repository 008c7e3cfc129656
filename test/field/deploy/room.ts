/**
 * Rooms: folders that programs take for the root of the file system, with namespaces of their own for mounts and
 * processes. They stand in for what an engine of containers makes. Root alone may make them.
 */
import { describe } from 'bun:test'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** They end with who has started them. */
const NAMESPACES = [
  'setpriv',
  '--pdeathsig',
  'KILL',
  'unshare',
  '--mount',
  '--pid',
  '--fork',
  '--kill-child',
]

const canMakeRooms = (): boolean =>
  process.getuid?.() === 0 && Bun.spawnSync([...NAMESPACES, 'true']).exitCode === 0

/** Tests that need rooms. They are skipped where this user may not mount, or become another, and say so. */
export function describeInRooms(name: string, tests: () => void): void {
  if (canMakeRooms()) return void describe(name, tests)
  console.warn(`skipped: ${name}: only root may make rooms, in a kernel with namespaces`)
  describe.skip(name, tests)
}

const DEVICES = ['null', 'zero', 'full', 'random', 'urandom']

/** What containers have where nothing else is said; the tools that make the room are there, too. */
export const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

type Mount = readonly [from: string, to: string, how: 'ro' | 'rw']

type Entry = {
  /** `UID:GID`; root without. */
  readonly user?: string
  /** Folders and files of this machine, and where they are in the room. */
  readonly mounts?: readonly Mount[]
  /** The root cannot be written to; what is mounted as `rw` can. */
  readonly isReadOnly?: boolean
  readonly isOffline?: boolean
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

export class Room {
  readonly root = mkdtempSync(join(tmpdir(), 'carillon-room-'))

  constructor() {
    chmodSync(this.root, 0o755)
  }

  /** The command line that runs a program in the room, as the first process there. */
  enter(command: readonly string[], entry: Entry = {}): string[] {
    const { user, mounts = [], isReadOnly = false, isOffline = false } = entry
    const at = (path: string): string => join(this.root, path)
    for (const path of ['proc', 'dev']) mkdirSync(at(path), { recursive: true })
    const bind = ([from, to, how]: Mount): string[] => [
      `mount --bind ${quote(from)} ${quote(at(to))}`,
      ...(how === 'ro' ? [`mount -o remount,bind,ro ${quote(at(to))}`] : []),
    ]
    const devices = DEVICES.flatMap((name): string[] => [
      `touch ${quote(at(`dev/${name}`))}`,
      ...bind([`/dev/${name}`, `dev/${name}`, 'rw']),
    ])
    const who = user === undefined ? [] : [`--userspec=${user}`, '--groups=']
    const script = [
      'set -e',
      ...bind([this.root, '', 'rw']),
      `mount -t proc proc ${quote(at('proc'))}`,
      `mount -t tmpfs tmpfs ${quote(at('dev'))}`,
      ...devices,
      ...mounts.flatMap(bind),
      ...(isReadOnly ? [`mount -o remount,bind,ro ${quote(this.root)}`] : []),
      `exec ${['chroot', ...who, this.root, ...command].map(quote).join(' ')}`,
    ]
    return [...NAMESPACES, ...(isOffline ? ['--net'] : []), 'sh', '-c', script.join('\n')]
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true })
  }
}

/** The first process of a room, as this machine numbers it. */
export const firstProcessOf = (entered: { readonly pid: number }): number =>
  Number(readFileSync(`/proc/${entered.pid}/task/${entered.pid}/children`, 'utf8'))
