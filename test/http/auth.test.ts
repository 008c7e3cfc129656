/** Contract 6.2: who may call the HTTP API. */
import { describe, expect, test } from 'bun:test'
import { createHash, createHmac } from 'node:crypto'
import { startCommon, start, type TestServer } from '../harness'
import { K1, REQUESTS, urlOf, type RequestVector } from '../vectors/requests'

const H1 = REQUESTS[0]!

function startFor({ app, timestamp }: RequestVector, secondsLater = 0) {
  return start({ config: app, now: (timestamp + secondsLater) * 1000 })
}

const sendVector = (server: TestServer, vector: RequestVector, url = urlOf(vector)) =>
  server.http(url, { method: vector.method, body: vector.body ?? null })

describe('published requests', () => {
  test.each(REQUESTS.filter(({ id }) => id !== 'H11'))('$id is accepted', async (vector) => {
    await using server = await startFor(vector)
    const response = await sendVector(server, vector)
    expect([response.status, await response.text()]).toEqual([
      200,
      expect.stringMatching(/^\{.*\}$/),
    ])
  })

  test('H11 is signed right, so that only its prefix can be wrong', async () => {
    const vector = REQUESTS.find(({ id }) => id === 'H11')!
    await using server = await startFor(vector)
    expect((await sendVector(server, vector)).status).toBe(200)
  })
})

describe('a signature', () => {
  const WRONG = `auth_signature=${'0'.repeat(64)}`

  test('counts the last time that it is there, wherever that is', async () => {
    await using server = await startFor(H1)
    const url = urlOf(H1)
    const [, right = ''] = /(auth_signature=\w+)/.exec(url) ?? []
    const bare = url.replace(new RegExp(`&?${right}`), '')
    const statuses = await Promise.all(
      [
        bare.replace('?', `?${right}&`),
        `${bare}&${WRONG}&${right}`,
        `${bare}&${right}&${WRONG}`,
        bare.replace('?', `?${WRONG}&`),
      ].map(async (each) => (await sendVector(server, H1, each)).status),
    )
    expect(statuses).toEqual([200, 200, 401, 401])
  })

  test('covers what is before a second question mark', async () => {
    await using server = await startFor(H1)
    expect((await sendVector(server, H1, urlOf(H1).replace('?', '?info=user_count?'))).status).toBe(
      401,
    )
  })
})

/** H1 with one thing wrong: status and text. */
const REFUSED: readonly {
  readonly name: string
  readonly url?: (url: string) => string
  readonly body?: string
  readonly later?: number
  readonly status: number
  readonly text: string | RegExp
}[] = [
  {
    name: 'no auth_key',
    url: (url) => url.replace(/auth_key=\w+&/, ''),
    status: 401,
    text: 'Authentication key required\n',
  },
  {
    name: 'an unknown auth_key',
    url: (url) => url.replace(/auth_key=\w+/, 'auth_key=nobody'),
    status: 401,
    text: 'Invalid authentication key\n',
  },
  {
    name: 'an unknown app',
    url: (url) => url.replace('/apps/3/', '/apps/4/'),
    status: 404,
    text: 'App 4 does not exist\n',
  },
  {
    name: 'no auth_version',
    url: (url) => url.replace('auth_version=1.0&', ''),
    status: 401,
    text: 'Version required\n',
  },
  {
    name: 'another auth_version',
    url: (url) => url.replace('auth_version=1.0', 'auth_version=1.1'),
    status: 401,
    text: 'Version not supported\n',
  },
  {
    name: 'no auth_timestamp',
    url: (url) => url.replace(/auth_timestamp=\d+&/, ''),
    status: 401,
    text: 'Timestamp required\n',
  },
  {
    name: 'a timestamp of letters',
    url: (url) => url.replace(/auth_timestamp=\d+/, 'auth_timestamp=soon'),
    status: 401,
    text: 'Timestamp required\n',
  },
  {
    name: 'a timestamp 600 s old',
    later: 600,
    status: 401,
    text: 'Timestamp expired: Given timestamp (2012-11-16T17:49:39.000Z) not within 600s of server time (2012-11-16T17:59:39.000Z)\n',
  },
  { name: 'a timestamp 600 s ahead', later: -600, status: 401, text: /^Timestamp expired/ },
  {
    name: 'a timestamp beyond all calendars',
    url: (url) => url.replace(/auth_timestamp=\d+/, 'auth_timestamp=999999999999999'),
    status: 401,
    text: /^Timestamp expired/,
  },
  {
    name: 'no signature',
    url: (url) => url.replace(/&auth_signature=\w+/, ''),
    status: 401,
    text: /^Invalid signature: you should have sent HmacSHA256Hex\("POST\\n\/apps\/3\/events\\nauth_key=/,
  },
  {
    name: 'another signature',
    url: (url) => url.replace(/auth_signature=\w/, 'auth_signature=0'),
    status: 401,
    text: /^Invalid signature/,
  },
  {
    name: 'an upper-case signature',
    url: (url) =>
      url.replace(
        /auth_signature=(\w+)/,
        (_, hex: string) => `auth_signature=${hex.toUpperCase()}`,
      ),
    status: 401,
    text: /^Invalid signature/,
  },
  {
    name: 'a parameter more than was signed',
    url: (url) => `${url}&info=user_count`,
    status: 401,
    text: /^Invalid signature/,
  },
  {
    name: 'another body',
    body: H1.body!.replace('foo', 'fop'),
    status: 401,
    text: 'body_md5 does not match the request body\n',
  },
  {
    name: 'no body where one was signed',
    body: '',
    status: 401,
    text: 'body_md5 does not match the request body\n',
  },
]

describe('refused requests', () => {
  test.each(REFUSED)('$name', async ({ url = (same) => same, body, later = 0, status, text }) => {
    await using server = await startFor(H1, later)
    const response = await sendVector(
      server,
      { ...H1, ...(body === undefined ? {} : { body }) },
      url(urlOf(H1)),
    )
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    const answer = await response.text()
    if (typeof text === 'string') expect(answer).toBe(text)
    else expect(answer).toMatch(text)
    expect(answer).not.toContain(K1.appSecret)
    expect(server.totals.publications).toBe(0)
  })

  test('a timestamp 599 s away is accepted on either side', async () => {
    for (const later of [599, -599]) {
      await using server = await startFor(H1, later)
      expect((await sendVector(server, H1)).status).toBe(200)
    }
  })

  test('a body without body_md5 is refused, however it is signed', async () => {
    await using server = await start()
    const response = await post(server, { path: '/apps/1/events', body: '{}', md5: false })
    expect([response.status, await response.text()]).toEqual([
      401,
      'body_md5 does not match the request body\n',
    ])
  })

  test('the schema speaks only to those whose signature is right', async () => {
    await using server = await start()
    const unsigned = await server.http('/apps/1/events', { method: 'POST', body: 'not json' })
    expect(unsigned.status).toBe(401)
    const signed = await post(server, { path: '/apps/1/events', body: 'not json' })
    expect([signed.status, await signed.text()]).toEqual([
      400,
      'Expected the body to be a JSON object\n',
    ])
  })

  test('channel reads ask for a signature too', async () => {
    await using server = await start()
    for (const path of ['', '/room', '/presence-room/users', '/room/stats'])
      expect((await server.http(`/apps/1/channels${path}`)).status).toBe(401)
  })

  test('a key of another app is refused', async () => {
    await using server = await startFor(H1)
    const response = await server.http(urlOf(H1).replace('/apps/3/', '/apps/1/'), {
      method: 'POST',
      body: H1.body!,
    })
    expect(response.status).toBe(404)
  })
})

describe('what SDKs write differently', () => {
  const SIGNED_AS: readonly { name: string; wire: string; signed: string }[] = [
    { name: 'values are signed decoded', wire: 'name=a%20b', signed: 'name=a b' },
    { name: 'a literal plus stays one', wire: 'name=a+b', signed: 'name=a+b' },
    { name: 'a plus may stand for a space', wire: 'name=a+b', signed: 'name=a b' },
    {
      name: 'values may be signed as they are on the wire',
      wire: 'name=a%20b',
      signed: 'name=a%20b',
    },
    { name: 'a stray percent sign stands for itself', wire: 'name=100%', signed: 'name=100%' },
    { name: 'keys are signed in lower case', wire: 'Name=x', signed: 'name=x' },
  ]
  const server = startCommon()
  test.each(SIGNED_AS)('$name', async ({ wire, signed }) => {
    const response = await post(server(), {
      path: '/apps/1/channels/room/events',
      wire,
      signed,
      body: 'hello',
    })
    expect(await response.text()).toBe(
      wire.startsWith('Name') ? 'Expected name parameter to be a string\n' : '',
    )
  })

  test('a path may be signed decoded', async () => {
    await using server = await start()
    const response = await post(server, {
      path: '/apps/1/channels/a%2Cb/events',
      signedPath: '/apps/1/channels/a,b/events',
      wire: 'name=x',
      body: 'hello',
    })
    expect(response.status).toBe(202)
  })

  test('behind a prefix, the path may be signed with it or without it', async () => {
    await using server = await start({ config: { pathPrefix: '/realtime' } })
    for (const signedPath of ['/realtime/apps/1/channels/a/events', '/apps/1/channels/a/events']) {
      const path = '/realtime/apps/1/channels/a/events'
      const response = await post(server, { path, signedPath, wire: 'name=x', body: 'hello' })
      expect(response.status).toBe(202)
    }
  })
})

type Post = {
  readonly path: string
  readonly signedPath?: string
  readonly wire?: string
  readonly signed?: string
  readonly body: string
  readonly md5?: boolean
}

/** Signs by hand, as an SDK that writes its query in its own way. */
function post(
  server: TestServer,
  { path, signedPath = path, wire = '', signed = wire, body, md5 = true }: Post,
) {
  const digest = createHash('md5').update(body).digest('hex')
  const auth = [
    `auth_key=${server.app.key}`,
    `auth_timestamp=${Math.floor(server.clock.now() / 1000)}`,
    'auth_version=1.0',
    ...(md5 ? [`body_md5=${digest}`] : []),
  ]
  const text = `POST\n${signedPath}\n${[...auth, signed].filter(Boolean).join('&')}`
  const signature = createHmac('sha256', server.app.secret).update(text).digest('hex')
  const query = [...auth, wire, `auth_signature=${signature}`].filter(Boolean).join('&')
  return server.http(`${path}?${query}`, { method: 'POST', body })
}
