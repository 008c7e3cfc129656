/**
 * Faults of plugins, as log lines with a code: a plugin has failed, or has computed for so long that all
 * messages waited. The thread's CPU clock decides, since a busy machine takes the CPU away from a plugin that
 * does nothing wrong. A plugin that sleeps without an `await` looks the same and is not logged.
 *
 * What a hook computes behind an `await` runs in microtasks, which nothing of ours surrounds. While its promise
 * is pending the thread's CPU time is read every few milliseconds, and when it settles: turns of ours take a
 * few milliseconds, so a gap of many is the plugin's. Where several plugins are waited for, all are named; who
 * waits for longer than some seconds, as a stream does, is none of them any more.
 * Nobody is named for what a hook leaves running without returning its promise, nor for listeners of a signal.
 */
import { isThenable } from './plugin-answers'
import type { Clock, Log } from './types'

/** Codes of log lines. */
const CODES = { failed: 'plugin_failed', blocked: 'plugin_blocked' } as const

export const isPluginFault = (code: unknown): boolean =>
  Object.values<unknown>(CODES).includes(code)

/** The hook that caused it; a plugin's own log knows the plugin's name. */
export type FaultSource = {
  readonly plugin?: string
  readonly hook: string
  readonly requestId?: string
}

/** CPU time that is too long. */
const BLOCKED_MS = 50

/** Wall time of a call after which the CPU clock is read at its end. */
export const LONG_MS = 5

/** How old a reading of the CPU clock may be: one costs 173 ns, one of the other clock 28 (Bun 1.4.5). */
const STALE_MS = 1

const last = { atMs: -Infinity, cpuMs: 0 }

/**
 * CPU time of this thread in milliseconds; `nowMs` is `performance.now()`. At most `STALE_MS` too high, since
 * the thread counts as busy since the last reading.
 */
export function cpuMsAt(nowMs: number): number {
  if (nowMs - last.atMs > STALE_MS) {
    last.atMs = nowMs
    last.cpuMs = readCpuMs()
  }
  return last.cpuMs + nowMs - last.atMs
}

function readCpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

export function logFailure(log: Log, source: FaultSource, cause: unknown): void {
  log.error({ code: CODES.failed, ...source, err: describeError(cause) }, 'plugin failed')
}

/** For a call that took longer than `LONG_MS`; `cpuMs` is `cpuMsAt` at its begin. */
export function endLongCall(log: Log, source: FaultSource, cpuMs: number): void {
  accountedMs = readCpuMs()
  logIfBlocked(log, source, accountedMs - cpuMs)
}

function logIfBlocked(log: Log, source: object, ms: number): void {
  if (ms <= BLOCKED_MS) return
  log.warn({ code: CODES.blocked, ...source, ms: Math.round(ms) }, 'plugin blocked the event loop')
}

// ---------------------------------------------------------------- behind an await

/** Where waits are noted, and by which clock they are long. */
export type WaitContext = { readonly log: Log; readonly clock: Clock }

type Wait = WaitContext & { readonly source: FaultSource; readonly beganMs: number }

/** What is waited for, by the clock of the server that waits: the oldest of each is the first. */
const waits = new Map<Clock, Set<Wait>>()

/** After so long a wait is forgotten: whatever keeps the thread then has hardly to do with it. */
const SUSPECTED_MS = 5000

/** The CPU time until which it is known who has used it. */
let accountedMs = 0

const READ_EVERY_MS = 10

let reading: ReturnType<typeof setInterval> | undefined

/** The answer of a hook that waits; who keeps the thread meanwhile is named. */
export async function watchWait<T>(
  { log, clock }: WaitContext,
  source: FaultSource,
  answer: Promise<T>,
): Promise<T> {
  const wait = { log, clock, source, beganMs: clock.mono() }
  accountedMs = readCpuMs()
  waits.getOrInsertComputed(clock, () => new Set()).add(wait)
  reading ??= setInterval(accountForAll, READ_EVERY_MS).unref()
  try {
    return await answer
  } finally {
    if (forget(wait)) logIfBlocked(log, { ...source, after: 'await' }, takeAccount())
  }
}

/** True if it was still waited for. */
function forget(wait: Wait): boolean {
  const own = waits.get(wait.clock)
  if (!own?.delete(wait)) return false
  if (own.size === 0) waits.delete(wait.clock)
  if (waits.size === 0) {
    clearInterval(reading)
    reading = undefined
  }
  return true
}

/** CPU time that nobody was named for yet. */
function takeAccount(): number {
  const before = accountedMs
  accountedMs = readCpuMs()
  return accountedMs - before
}

/** Nothing has settled: each of those who are waited for may have been it. */
function accountForAll(): void {
  const ms = takeAccount()
  if (ms > BLOCKED_MS) nameAll(ms)
  for (const own of waits.values())
    for (const wait of own) {
      if (wait.clock.mono() - wait.beganMs <= SUSPECTED_MS) break
      forget(wait)
    }
}

function nameAll(ms: number): void {
  const suspects = new Map<string, Wait>()
  for (const own of waits.values())
    for (const wait of own) suspects.set(`${wait.source.plugin} ${wait.source.hook}`, wait)
  for (const { log, source } of suspects.values())
    logIfBlocked(log, { ...source, after: 'await', suspects: suspects.size }, ms)
}

/** Runs a function of a plugin, adds the time that it takes to `stats`, and logs it where that was too long. */
export function runWatched<Result>(
  log: Log,
  source: FaultSource,
  run: () => Result,
  stats = { busyMs: 0 },
): Result {
  const beganMs = performance.now()
  const cpuMs = cpuMsAt(beganMs)
  try {
    return run()
  } finally {
    const ms = performance.now() - beganMs
    stats.busyMs += ms
    if (ms > LONG_MS) endLongCall(log, source, cpuMs)
  }
}

/** Runs a function of a plugin that nobody waits for, such as a timer's; `log` is the plugin's own. */
export function runAlone(context: WaitContext, hook: string, run: () => unknown): void {
  const { log } = context
  const source: FaultSource = { hook }
  try {
    const answer = runWatched(log, source, run)
    if (isThenable(answer)) void surviveWait(context, source, Promise.resolve(answer))
  } catch (cause) {
    logFailure(log, source, cause)
  }
}

async function surviveWait(
  context: WaitContext,
  source: FaultSource,
  answer: Promise<unknown>,
): Promise<void> {
  try {
    await watchWait(context, source, answer)
  } catch (cause) {
    logFailure(context.log, source, cause)
  }
}

/** An error for the log, whatever was thrown. */
function describeError(cause: unknown): Pick<Error, 'message' | 'stack'> {
  try {
    const { message, stack } = cause as Error
    return cause instanceof Error ? { message, stack: String(stack) } : { message: String(cause) }
  } catch {
    return { message: 'an error that cannot be shown' } // its getters throw
  }
}
