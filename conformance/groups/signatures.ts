/** Signatures of the HTTP API. */
import type { Case, Group } from '../case'
import type { Request } from '../clients/requests'
import { expectThat, parseJson } from '../mismatch'
import type { Stage } from '../stage'
import { LIST, makeEvent } from './requests'

const seconds = (offset: number): string => String(Math.floor(Date.now() / 1000) + offset)

/** A list that is short, whatever there is on the server. */
const listOwn = (stage: Stage) => ({ ...LIST, query: { filter_by_prefix: stage.name() } })

const FORGED: readonly (readonly [what: string, make: (stage: Stage) => Request])[] = [
  [
    'the signature of another secret',
    (stage) => ({ ...listOwn(stage), as: { secret: 'no secret' } }),
  ],
  [
    'an unknown key',
    (stage) => ({ ...listOwn(stage), signed: { auth_key: 'conformance-no-such-key' } }),
  ],
  ['no signature', (stage) => ({ ...listOwn(stage), signed: { auth_signature: undefined } })],
  ['no key', (stage) => ({ ...listOwn(stage), signed: { auth_key: undefined } })],
  ['no timestamp', (stage) => ({ ...listOwn(stage), signed: { auth_timestamp: undefined } })],
  ['no version', (stage) => ({ ...listOwn(stage), signed: { auth_version: undefined } })],
  ['another version', (stage) => ({ ...listOwn(stage), signed: { auth_version: '2.0' } })],
  [
    'a timestamp of ten minutes ago',
    (stage) => ({ ...listOwn(stage), signed: { auth_timestamp: seconds(-660) } }),
  ],
  [
    'a timestamp in ten minutes',
    (stage) => ({ ...listOwn(stage), signed: { auth_timestamp: seconds(660) } }),
  ],
  [
    'a body other than the signed one',
    (stage) => ({
      path: '/events',
      body: makeEvent(stage),
      sent: JSON.stringify(makeEvent(stage)),
    }),
  ],
  [
    'the MD5 of another body',
    (stage) => ({ path: '/events', body: makeEvent(stage), signed: { body_md5: '0'.repeat(32) } }),
  ],
  [
    'no MD5 of a body',
    (stage) => ({ path: '/events', body: makeEvent(stage), signed: { body_md5: undefined } }),
  ],
]

const ACCEPTED: readonly (readonly [what: string, make: (stage: Stage) => Request])[] = [
  ['parameters in any order are accepted', (stage) => ({ ...listOwn(stage), isReversed: true })],
  [
    'a clock that is five minutes slow is accepted',
    (stage) => ({ ...listOwn(stage), signed: { auth_timestamp: seconds(-300) } }),
  ],
  [
    'values are signed as they were before they were encoded',
    () => ({ ...LIST, query: { filter_by_prefix: 'presence-a b&c=ü+' } }),
  ],
  [
    'names of parameters are signed in lower case',
    (stage) => ({ ...LIST, query: { ...listOwn(stage).query, Conformance: '1' } }),
  ],
  [
    'the MD5 of nothing is accepted on a GET, as the Python SDK sends it',
    (stage) => ({ ...listOwn(stage), signed: { body_md5: 'd41d8cd98f00b204e9800998ecf8427e' } }),
  ],
]

/** Fails unless it is a list of no channels: an error may come with 200, too. @throws Mismatch */
function expectNone(answer: unknown): void {
  const { channels } = answer as { channels?: unknown }
  expectThat(Bun.deepEquals(channels, {}), 'channels without any', answer)
}

export const SIGNATURES: Group = {
  name: 'http-signatures',
  about: 'who may use the HTTP API',
  cases: [
    {
      name: 'the server library is accepted',
      spec: 'HTTP API, Authentication',
      async play(stage) {
        const answer = stage.sdk.get({ path: '/channels', params: listOwn(stage).query })
        const text = await (await stage.accepted('GET /channels', answer)).text()
        expectNone(parseJson('the answer', text))
      },
    },
    ...ACCEPTED.map(([name, make]): Case => ({
      name,
      spec: 'HTTP API, Generating authentication signatures',
      async play(stage) {
        expectNone(await stage.requests.ask(make(stage)))
      },
    })),
    ...FORGED.map(([what, make]): Case => ({
      name: `${what} is answered with 401`,
      spec: 'HTTP API, Authentication',
      play: (stage) => stage.requests.expectRefused(make(stage), 401),
    })),
    {
      name: 'another app is not reached with these credentials',
      spec: 'HTTP API, Authentication',
      play: (stage) =>
        stage.requests.expectRefused({ ...LIST, as: { appId: '987654321' } }, 401, 403, 404),
    },
  ],
}
