/** The real clock, and the program that rests on it, where the time of day is set back. */
import { expect, spyOn, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../src/clock'
import { RawClient } from './harness'
import { Program } from './program'

const HOUR_MS = 3_600_000

test('the real clock counts on when the time of day is set back', () => {
  const before = [systemClock.now(), systemClock.mono()] as const
  using dateNow = spyOn(Date, 'now').mockReturnValue(before[0] - HOUR_MS)
  expect(systemClock.now()).toBe(before[0] - HOUR_MS)
  expect(systemClock.mono()).toBeGreaterThanOrEqual(before[1])
  expect(dateNow).toHaveBeenCalled()
})

/** Told to leave, the process finds that its time of day was set back an hour. */
const SET_BACK = `process.on('SIGTERM', () => {
  const now = Date.now()
  Date.now = () => now - 3_600_000
})`

test('the program leaves though the time of day is set back, and at once at a second signal', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-clock-'))
  const preload = join(folder, 'set-back.ts')
  writeFileSync(preload, SET_BACK)
  const command = [process.execPath, '--preload', preload, 'src/index.ts']
  await using program = new Program({ CARILLON_DRAIN_SECONDS: '3600' }, { command })
  const port = await program.waitUntilListening()
  await using clients = new AsyncDisposableStack()
  for (let n = 0; n < 2; n++)
    await clients.use(new RawClient(`ws://127.0.0.1:${port}/app/test-app-fake-key`)).hello()
  while (program.process.exitCode === null) {
    program.process.kill('SIGTERM')
    await fetch(`http://127.0.0.1:${port}/up`).catch(() => undefined)
  }
  expect(program.process.exitCode).toBe(1)
  rmSync(folder, { recursive: true })
})
