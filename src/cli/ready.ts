/**
 * `carillon ready`: the health check of a container or a unit, which asks the server that the settings describe. It
 * runs every few seconds beside that server, so the entry runs it by itself: without the parser, and without what
 * other commands need.
 */
import { ConfigError, readConfig } from '../config/config'
import type { Environment } from '../config/setting'
import { parseRecord } from '../core/json'
import { messageOf } from '../core/errors'
import type { CommandRow } from './command'
import { CommandError } from './exits'
import { placeOfPort, showPlace, type Place } from './target'

/** Less than the ten seconds between two checks, and more than a busy server needs. */
const TIMEOUT_MS = 3000
const MAX_WAIT_SECONDS = 3600
/** Between two questions of one that waits. */
const PAUSE_MS = 50

export const READY: CommandRow = {
  name: 'ready',
  about: 'say whether the server of these settings is ready: a health check',
  details:
    'It asks /ready of the server that HOST, PORT and the certificate of the environment describe, and exits with 0 or 1. No other name of a server counts.',
  options: [['--wait <seconds>', 'ask again until it is ready, for so long']],
  examples: [
    ['ready', 'as HEALTHCHECK of a container'],
    ['ready --wait 60', 'after a start, before what needs the server'],
  ],
  run: async (given, { env, terminal, signal }) => {
    const end = Date.now() + (given.number('wait', 0, MAX_WAIT_SECONDS) ?? 0) * 1000
    let answer = await askReady(env)
    while (!answer.isReady && !answer.isMistaken && Date.now() < end && !signal.aborted) {
      await Bun.sleep(PAUSE_MS)
      answer = await askReady(env)
    }
    if (!answer.isReady) throw new CommandError('failed', answer.line)
    terminal.lines(answer.line)
  },
}

export type Readiness = {
  readonly isReady: boolean
  /** The settings are wrong, so that it never will be. */
  readonly isMistaken?: true
  /** One line, without a secret. */
  readonly line: string
}

/** Asks the server of some settings; never rejects. */
export async function askReady(env: Environment): Promise<Readiness> {
  try {
    const place = placeOfPort(readConfig(env))
    return await ask(place)
  } catch (cause) {
    const line = cause instanceof ConfigError ? cause.mistakes.join('; ') : messageOf(cause)
    return { isReady: false, isMistaken: true, line }
  }
}

async function ask(place: Place): Promise<Readiness> {
  const { base, unix } = place
  // The certificate has the public name, and not that of this address; nothing secret is sent.
  const tls = { rejectUnauthorized: false }
  // Proxies of the environment are for other machines than this one, whatever its address.
  const way = unix === undefined ? { proxy: false as const } : { unix }
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const where = showPlace(place)
  const fetched = fetch(`${base}/ready`, { ...way, tls, signal, redirect: 'manual' })
  const answer = await fetched
    .then(async ({ status, body }) => ({ status, text: await readStart(body) }))
    .catch((cause: unknown) => describeSilence(cause))
  if (typeof answer === 'string') return { isReady: false, line: `${where}: ${answer}` }
  const { status, text } = answer
  const { ready, reason } = parseRecord(text) ?? {}
  if (status === 200 && ready === true) return { isReady: true, line: `${where} is ready` }
  // Another program may have the port, and answer to anything.
  const stranger = status === 200 ? 'what answers there is another program' : `it answers ${status}`
  const why = typeof reason === 'string' ? reason : stranger
  return { isReady: false, line: `${where} is not ready: ${why}` }
}

/** What our own answer takes is less; another program may send without end. */
const MAX_BYTES = 65_536

async function readStart(body: ReadableStream<Uint8Array> | null): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const bytes of body ?? []) {
    text += decoder.decode(bytes, { stream: true })
    if (text.length > MAX_BYTES) break
  }
  return text
}

/** Why `fetch` has no answer. */
const describeSilence = (cause: unknown): string =>
  cause instanceof DOMException && cause.name === 'TimeoutError'
    ? `no answer within ${TIMEOUT_MS / 1000} s`
    : 'nothing answers there'
