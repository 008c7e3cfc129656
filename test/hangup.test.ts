/** A hang-up drains as SIGTERM does, unless who started the server did not want it to hear of one. */
import { describe, expect, test } from 'bun:test'
import { isIgnoredIn, ignoresHangups, isIgnored } from '../src/hangup'
import { Program } from './program'

const SERVER = [process.execPath, 'src/index.ts']
/** As they are started on a terminal, also where these tests run with `nohup`. */
const heard = ignoresHangups() ? ['env', '--default-signal=HUP', ...SERVER] : SERVER
const ignored = ['sh', '-c', `trap '' HUP; exec "$@"`, 'sh', ...SERVER]

/** The signals that the server has left for, and how it exits. */
async function leavingOf(program: Program): Promise<{ exit: number; signals: unknown[] }> {
  const exit = await program.waitForExit()
  const lines = (await program.errors).split('\n').filter((line) => line.includes('"leaving"'))
  return { exit, signals: lines.map((line) => (JSON.parse(line) as { signal: string }).signal) }
}

test('SIGHUP drains, as SIGTERM does', async () => {
  await using program = new Program({}, { command: heard })
  await program.waitUntilListening()
  program.process.kill('SIGHUP')
  expect(await leavingOf(program)).toEqual({ exit: 0, signals: ['SIGHUP'] })
})

test('ignored at the start (nohup) it stays ignored', async () => {
  await using program = new Program({}, { command: ignored })
  const port = await program.waitUntilListening()
  program.process.kill('SIGHUP')
  for (let attempts = 0; attempts < 3; attempts++)
    expect((await fetch(`http://127.0.0.1:${port}/ready`)).status).toBe(200)
  program.process.kill('SIGTERM')
  expect(await leavingOf(program)).toEqual({ exit: 0, signals: ['SIGTERM'] })
})

describe('whether it is ignored', () => {
  test.each([
    ['0000000001001000', false],
    ['0000000001001001', true],
    ['0000000000000001', true],
    ['8000000000000000', false],
    ['fffffffffffffffe', false],
  ])('SigIgn %p: %p', (mask, isIgnoredThen) => {
    const status = `SigBlk:\t0000000000000001\nSigIgn:\t${mask}\nSigCgt:\t0000000000000001\n`
    expect(isIgnoredIn(status)).toBe(isIgnoredThen)
  })

  test('the C library says the same', () => {
    if (process.platform === 'linux') expect(isIgnored('libc.so.6')).toBe(ignoresHangups())
  })
})
