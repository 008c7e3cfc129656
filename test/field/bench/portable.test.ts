/** What anybody can check with a tool of others, on any system. */
import { expect, test } from 'bun:test'
import { join } from 'node:path'

const TIMEOUT_MS = 60_000
const INDEX = join(import.meta.dir, '../../../bench/index.ts')

async function bench(...words: readonly string[]): Promise<{ said: string; code: number }> {
  const child = Bun.spawn([process.execPath, '--no-env-file', INDEX, ...words], {
    stdout: 'pipe',
    stderr: 'pipe',
    env: {
      ...process.env,
      PATH: `${process.execPath.replace(/\/[^/]+$/, '')}:${process.env['PATH']}`,
    },
  })
  const streams = [child.stdout, child.stderr]
  const [out, err] = await Promise.all(streams.map((stream) => new Response(stream).text()))
  return { said: `${out}${err}`, code: await child.exited }
}

test(
  '`autocannon --run` starts a server, signs, and types what it prints',
  async () => {
    const { said, code } = await bench('autocannon', '--run', '--requests', '5')

    expect([said, code]).toEqual([expect.not.stringMatching(/non 2xx|errors/), 0])
    expect(said.match(/^# .*; signed until \d\d:\d\d:\d\d$/gm)).toHaveLength(4)
    expect(said.match(/^bun x --bun autocannon -c 1 -a 5 .*auth_signature=/gm)).toHaveLength(4)
    expect(said.match(/^5 requests in /gm)).toHaveLength(4)
  },
  TIMEOUT_MS,
)

test(
  'a portable run has figures by the clock, and none that need the system’s accounts',
  async () => {
    const { said, code } = await bench('smoke', '--portable', '--sides', 'carillon,bare')

    expect([said, code]).toEqual([expect.stringContaining('Left out, since it needs Linux'), 0])
    expect(said).toMatch(/^case +side +2xx per second +compared +p50 ms +p99 ms +load CPU %$/m)
    expect(said).toMatch(/^1 channel +carillon +[\d ]+\d/m)
    expect(said).not.toMatch(/NaN|per server-CPU-second| - /)
  },
  TIMEOUT_MS,
)
