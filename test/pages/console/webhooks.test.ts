/** How endpoints are in words, and what to do about each error that the server tells of. */
import { expect, test } from 'bun:test'
import { adviceFor } from '../../../src/pages/console/webhooks/advice'
import {
  healthOf,
  type Attempt,
  type Endpoint,
  type Health,
} from '../../../src/pages/console/webhooks/endpoint'

const NOW = 1_700_000_000_000

const FINE: Endpoint = {
  id: '0123456789abcdef',
  endpoint: 'https://example.org/hook',
  state: 'ok',
  pending: 0,
  failing: 0,
  dead: 0,
  oldest: null,
  paused_at: null,
  attempts: [],
}

/** The newest first: `1` was accepted, `0` was not; each a second before the one before it. */
const makeAttempts = (outcomes: string): Attempt[] =>
  Array.from(outcomes, (outcome, index) => ({
    number: outcomes.length - index,
    at: NOW - index * 1000,
    duration_ms: 5,
    events: 1,
    status: outcome === '1' ? 200 : 500,
    error: outcome === '1' ? null : 'answered 500',
  }))

const HEALTHS: readonly (readonly [
  Partial<Endpoint>,
  look: string,
  word: string,
  since?: number,
])[] = [
  [{}, '', 'Nothing was sent yet'],
  [{ attempts: makeAttempts('1011') }, 'good', 'Fine'],
  [{ attempts: makeAttempts('0010') }, 'bad', 'Failing', NOW - 1000],
  [{ attempts: makeAttempts('000'), state: 'probed' }, 'bad', 'Failing', NOW - 2000],
  [{ attempts: makeAttempts('101'), state: 'failing' }, 'warn', 'Refuses some events'],
  [{ attempts: makeAttempts('1'), oldest: NOW - 30_000 }, 'good', 'Fine'],
  [{ attempts: makeAttempts('1'), oldest: NOW - 31_000 }, 'warn', 'Behind', NOW - 31_000],
  [{ attempts: makeAttempts('0'), state: 'paused', paused_at: 7 }, 'warn', 'Paused', 7],
  [{ state: 'full' }, 'bad', 'Full'],
  [{ state: 'full', paused_at: 7 }, 'bad', 'Paused, and full', 7],
  [{ state: 'removed', paused_at: 7 }, 'warn', 'Removed'],
]

test('an endpoint is in words as it is', () => {
  for (const [fields, look, word, since] of HEALTHS) {
    const { about: _, ...health } = healthOf({ ...FINE, ...fields }, NOW)
    expect({ fields, health }).toEqual({ fields, health: { look, word, since } as Health })
  }
})

/** As the server words them, and a word of what to do. */
const ERRORS: readonly (readonly [error: string | null, advice: string | undefined])[] = [
  [null, undefined],
  ['answered 301', 'Redirects'],
  ['answered 401', 'signature'],
  ['answered 404', 'POST'],
  ['answered 413', 'too large'],
  ['answered 422', 'this event'],
  ['answered 503', 'its own log'],
  ['no answer within 5000 ms', 'too slow'],
  ['connect ECONNREFUSED 127.0.0.1:1', 'Nothing listens'],
  ['nobody.example: DNS query failed', 'DNS of the server'],
  ['169.254.169.254 is a link-local or metadata address', 'CARILLON_WEBHOOK_DENY'],
  ['127.0.0.1 is in a network that is denied', 'CARILLON_WEBHOOK_DENY'],
  ['10.0.0.1 is in no network that is allowed', 'CARILLON_WEBHOOK_ALLOW'],
  ['self signed certificate', 'NODE_EXTRA_CA_CERTS'],
  ['unable to verify the first certificate', 'NODE_EXTRA_CA_CERTS'],
  ['SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER', 'http or https'],
  ["Hostname/IP does not match certificate's altnames", 'another name'],
  ['Parse Error: Expected HTTP/', 'no HTTP server'],
  ['socket hang up', 'without an answer'],
  ['something that nobody knows', undefined],
]

test('each error of the server has its advice', () => {
  for (const [error, advice] of ERRORS) {
    const given = advice === undefined ? undefined : expect.stringContaining(advice)
    expect({ error, advice: adviceFor(error) }).toEqual({ error, advice: given })
  }
})
