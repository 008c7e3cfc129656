/**
 * The bench as a command, beside peers that misbehave: what is wrong is found, named and fatal, and
 * nothing outlives a run.
 */
import { expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reinCommand } from '../../../bench/lib/processes'
import { startMisbehavingPeer, type Misdeed } from './misbehaving-peer'

const TIMEOUT_MS = 60_000
const INDEX = join(import.meta.dir, '../../../bench/index.ts')
const FANOUT = ['smoke', 'fanout', '--cases', '4/4']
const onLinux = test.skipIf(process.platform !== 'linux')

const ABOUT_THE_MACHINE =
  /Load average [\d.]+ on \d+ CPUs[^]*One round: nothing is known of its spread[^]*Median of the plays: load average [\d.]+, steal [\d.]+ %, others/

const MISDEEDS: readonly (readonly [Misdeed, string | undefined])[] = [
  ['nothing', undefined],
  ['pings', undefined],
  ['begins late', undefined],
  ['answers in chunks', undefined],
  ['loses one', '1 lost'],
  ['sends one twice', '1 reordered'],
  ['swaps two', 'reordered'],
  ['cuts one short', 'cut short'],
  ['refuses with 200', 'a trigger was answered with'],
  ['closes after the handshake', 'was closed: 4001 no such app'],
  ['closes in the middle', 'was closed: 4100 full'],
]

onLinux.each(MISDEEDS)(
  'a peer that %s',
  async (misdeed, why) => {
    using peer = startMisbehavingPeer(misdeed)
    const { output, code } = await bench(
      ...FANOUT,
      '--sides',
      'other',
      '--peer',
      `other=${peer.url}`,
    )

    expect(code).toBe(why === undefined ? 0 : 1)
    if (why === undefined) {
      expect(output).not.toContain('bench: ')
      return expect(output).toMatch(ABOUT_THE_MACHINE)
    }
    expect(output).toContain(why)
    expect(output).toContain('bench: fanout, 200 x 100 B, 4/4, other, round 1: ')
  },
  TIMEOUT_MS,
)

onLinux(
  'a peer that is absent is left out, and the others are asked',
  async () => {
    const options = ['--sides', 'other,bare', '--peer', 'other=http://127.0.0.1:1']
    const { output, code } = await bench(...FANOUT, ...options)

    expect(output).toContain('Left out: other does not answer at 127.0.0.1:1')
    expect(output).toMatch(/200 x 100 B, 4\/4 +bare/)
    expect(code).toBe(0)
  },
  TIMEOUT_MS,
)

onLinux.each([
  [['--cases', 'nothing'], 'nobody that is here is asked'],
  [['--sides', 'nobody'], 'there is no side nobody'],
])('a run that would play nothing fails: %p', async (words, why) => {
  const { output, code } = await bench('smoke', 'fanout', ...words)

  expect([output, code]).toEqual([expect.stringContaining(why), 1])
})

/** ENDS: signals that end the bench; SIGKILL where the system can signal that a parent is gone. */
const ENDS = [
  'SIGINT',
  'SIGHUP',
  ...(reinCommand().length > 0 ? ['SIGKILL' as const] : []),
] as const

onLinux.each(ENDS)(
  'nothing outlives a bench that is ended by %s',
  async (signal) => {
    const folder = mkdtempSync(join(tmpdir(), 'bench-ended-'))
    const child = start([...FANOUT, '--sides', 'bare', '--seconds', '60'], folder)
    const children = await processesBelow(child.pid, 2)
    child.kill(signal)
    await new Response(child.stderr).text() // it is theirs, too, and ends with the last of them
    await child.exited
    expect(children.filter((pid) => existsSync(`/proc/${pid}/exe`))).toEqual([])
    if (signal !== 'SIGKILL') expect(readdirSync(folder)).toEqual([])
    rmSync(folder, { recursive: true })
  },
  TIMEOUT_MS,
)

const start = (words: readonly string[], scratch = tmpdir()) =>
  Bun.spawn([process.execPath, '--no-env-file', INDEX, ...words], {
    stdout: 'pipe',
    stderr: 'pipe',
    env: { ...process.env, TMPDIR: scratch },
  })

async function bench(...words: readonly string[]): Promise<{ output: string; code: number }> {
  const child = start(words)
  const streams = [child.stdout, child.stderr]
  const [out, err] = await Promise.all(streams.map((stream) => new Response(stream).text()))
  return { output: `${out}${err}`, code: await child.exited }
}

/** A server or a load, once what reins it in has become it. */
const OURS = `^${process.execPath} .*bench/(servers|loads)/`

/** Waits until so many processes run, by `pgrep`. */
async function processesBelow(pid: number, count: number): Promise<readonly string[]> {
  for (;;) {
    const output = Bun.spawnSync(['pgrep', '-P', String(pid), '-f', OURS]).stdout.toString()
    const pids = output.split('\n').filter(Boolean)
    if (pids.length >= count) return pids
    await Bun.sleep(5)
  }
}
