/**
 * A machine: this one's system as it is installed, in namespaces of its own, with systemd as the first process and a
 * network of its own. What is written there is written to a layer that goes with it; ports are those of the pages, and
 * nobody else has them. Root alone may boot it.
 */
import { describe } from 'bun:test'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { PATIENCE_MS } from '../../harness'
import { describeWith } from '../programs'
import { firstProcessOf } from './room'

const ROOT = join(import.meta.dir, '../../..')
const SYSTEMD = '/lib/systemd/systemd'
/** What the page's commands and their test need. */
const PROGRAMS = ['systemd-analyze', 'nginx', 'openssl', 'curl', 'node'] as const
/**
 * Where groups of processes are. The machine has one of its own there, which is all that it sees: with this second
 * version of them mounted, systemd looks for no other.
 */
const GROUPS = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find((path) =>
  existsSync(join(path, 'cgroup.controllers')),
)
const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty']
/** What units of this machine ask for, without what boots a real one. */
const TARGETS = ['sysinit', 'basic', 'multi-user', 'network-online', 'shutdown', 'room']
const JOURNAL = 'systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket'
const NAMESPACES = ['--mount', '--pid', '--net', '--uts', '--ipc', '--cgroup', '--fork', '--kill-child'] // prettier-ignore

/** Folders that are empty at first. */
const EMPTY = ['run', 'tmp', 'dev', 'sys']

/** True where the machine would not see the folder, which is elsewhere than this one's system, or in an empty one. */
const isHidden = (path: string): boolean =>
  statSync(path).dev !== statSync('/').dev || EMPTY.includes(path.split('/')[1]!)

/** Why there can be no machine here, whatever is installed; undefined where there can. */
function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root boots a machine'
  return GROUPS === undefined ? 'the kernel has no groups of processes (cgroup2)' : undefined
}

/** Tests that need a machine. They are skipped where there can be none, and say why. */
export function describeOnMachine(name: string, tests: () => void): void {
  const reason = obstacle()
  if (reason === undefined) return describeWith(PROGRAMS, name, tests)
  console.warn(`skipped: ${name}: ${reason}`)
  describe.skip(name, tests)
}

type Ended = { readonly text: string; readonly exitCode: number }

export class Machine {
  readonly folder = mkdtempSync(join(tmpdir(), 'carillon-machine-'))
  readonly #group = join(GROUPS!, this.folder.split('/').at(-1)!)
  readonly #child: Bun.Subprocess<'ignore', 'ignore', 'ignore'>
  #first = 0

  /** Boots; `units` of this machine are there, not started. */
  constructor(units: readonly string[]) {
    for (const name of ['layer', 'work', 'root']) mkdirSync(join(this.folder, name))
    mkdirSync(this.#group)
    const log = join(this.folder, 'log')
    const enter = `echo $$ > ${this.#group}/cgroup.procs && exec setpriv --pdeathsig KILL unshare ${NAMESPACES.join(' ')} sh -c "$1" > ${log} 2>&1`
    this.#child = Bun.spawn(['sh', '-c', enter, 'sh', this.#script(units)], {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      stdio: ['ignore', 'ignore', 'ignore'],
    })
  }

  #script(units: readonly string[]): string {
    const { folder } = this
    const root = join(folder, 'root')
    const lent = [ROOT, dirname(process.execPath)].filter(isHidden)
    const target = '[Unit]\\nDefaultDependencies=no\\n'
    return `set -e
mount -t overlay overlay -o lowerdir=/,upperdir=${folder}/layer,workdir=${folder}/work ${root}
cd ${root}
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
for path in ${EMPTY.join(' ')}; do mount -t tmpfs -o mode=755 tmpfs $path; done
chmod 1777 tmp
for name in ${DEVICES.join(' ')}; do touch dev/$name; mount --bind /dev/$name dev/$name; done
mkdir -p dev/shm dev/pts dev/mqueue dev/hugepages sys/fs/cgroup
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t cgroup2 cgroup2 sys/fs/cgroup
${lent.map((path) => `mkdir -p .${path} && mount --bind ${path} .${path} && mount -o remount,bind,ro .${path}`).join('\n')}
rm -rf etc/systemd/system/*
for name in ${TARGETS.join(' ')}; do printf '${target}' > etc/systemd/system/$name.target; done
for name in ${JOURNAL} ${units.join(' ')}; do ln -s /lib/systemd/system/$name etc/systemd/system/$name; done
exec chroot . env -i PATH="$PATH" container=room SYSTEMD_UNIT_PATH=/etc/systemd/system ${SYSTEMD} --system --unit=room.target --show-status=no --log-target=console`
  }

  /** Resolves once systemd answers, and writes down what its services print. @throws Error where it has ended */
  async waitUntilBooted(): Promise<void> {
    const end = Date.now() + PATIENCE_MS
    for (;;) {
      if (this.#child.exitCode !== null || Date.now() > end)
        throw new Error(`no machine: ${await Bun.file(join(this.folder, 'log')).text()}`)
      this.#first ||= firstProcessOf(this.#child)
      if (this.#first && this.run('systemctl start systemd-journald.service').exitCode === 0) return
      await Bun.sleep(5) // nothing announces it
    }
  }

  /** What a service has printed. */
  logOf(unit: string): string {
    return this.run(`journalctl --no-pager --output cat --unit ${unit}`).text
  }

  /** Runs a script as root, in the folder of root, as after a login. */
  run(script: string): Ended {
    const namespaces = ['--mount', '--pid', '--net', '--uts', '--ipc', '--root', '--wdns=/root']
    const command = ['nsenter', '--target', String(this.#first), ...namespaces]
    const { stdout, stderr, exitCode } = Bun.spawnSync([...command, 'sh', '-ec', script], {
      env: {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        HOME: '/root',
        CHECKOUT: ROOT,
      },
    })
    return { text: `${stdout}${stderr}`, exitCode }
  }

  /** Writes a file there. */
  write(path: string, bytes: string | Uint8Array): void {
    writeFileSync(join(`/proc/${this.#first}/root`, path), bytes)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#child.exited
    removeGroup(this.#group)
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** The system removes the files of a group itself. Its processes may take a moment to end. */
function removeGroup(path: string): void {
  for (const { name } of readdirSync(path, { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  ))
    removeGroup(join(path, name))
  for (;;)
    try {
      return rmdirSync(path)
    } catch (cause) {
      if ((cause as { code?: string }).code !== 'EBUSY') throw cause
    }
}
