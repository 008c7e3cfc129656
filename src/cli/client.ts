/**
 * Client: requests to a server, by the admin API and by the signed API of an app; refusals in one line, with the
 * exit that each has.
 */
import { MASK } from '../apps/masks'
import type { AppResource } from '../apps/resource'
import type { Given, Surroundings } from './surroundings'
import { CommandError, usageError, type Exit } from './exits'
import {
  HOW_TO_AUTHORIZE,
  isHere,
  showPlace,
  Target,
  type AppCredentials,
  type Place,
} from './target'

type AdminRequest = {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly body?: unknown
  /** What a 404 says is not there. */
  readonly sought?: string
}

type SignedRequest = {
  readonly method?: 'GET' | 'POST'
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
}

type StreamRequest = {
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** What a 404 says is not there. */
  readonly sought: string
}

const TIMEOUT_MS = 30_000

export class Client {
  readonly target: Target
  readonly #given: Given
  readonly #surroundings: Surroundings

  constructor(given: Given, surroundings: Surroundings) {
    this.#given = given
    this.#surroundings = surroundings
    const flags = { url: given.text('url'), tokenFile: given.text('token-file') }
    this.target = new Target(flags, surroundings.env)
  }

  /** Requests a path below `/api/admin`; resolves with the JSON, undefined for 204. @throws CommandError */
  async admin(path: string, { method = 'GET', body, sought }: AdminRequest = {}): Promise<unknown> {
    const { authorization, source } = await this.target.admin(this.#surroundings.readInput)
    const headers = {
      authorization,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    }
    const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) }
    const answer = await this.fetch(this.target.adminPlace, `/api/admin${path}`, init)
    const who = { credentials: source, remedy: HOW_TO_AUTHORIZE }
    return await readAnswer(answer, { ...who, sought })
  }

  /** Requests a path below `/api/admin` whose answer goes on until `signal` ends it. @throws CommandError for a refusal */
  async adminStream(path: string, { headers, signal, sought }: StreamRequest): Promise<Response> {
    const { authorization, source } = await this.target.admin(this.#surroundings.readInput)
    const init = { headers: { ...headers, authorization }, signal }
    const answer = await this.fetch(this.target.adminPlace, `/api/admin${path}`, init)
    const who = { credentials: source, remedy: HOW_TO_AUTHORIZE }
    if (!answer.ok) await readAnswer(answer, { ...who, sought })
    return answer
  }

  /** Requests a path below `/apps/ID` with the app's signature. @throws CommandError */
  async signed(app: AppCredentials, path: string, request: SignedRequest = {}): Promise<unknown> {
    const { method = 'GET', query = {}, body } = request
    const text = body === undefined ? '' : JSON.stringify(body)
    const { place } = this.target
    const ownPath = `/apps/${encodeURIComponent(app.id)}${path}`
    const { pathname } = new URL(`${place.base}${ownPath}`)
    const parameters = {
      ...query,
      auth_key: app.key,
      auth_timestamp: String(Math.floor(Date.now() / 1000)),
      auth_version: '1.0',
      ...(text !== '' && { body_md5: new Bun.CryptoHasher('md5').update(text).digest('hex') }),
    }
    const pairs = Object.entries(parameters).toSorted(([a], [b]) => (a < b ? -1 : 1))
    const signed = pairs.map(([name, value]) => `${name}=${value}`).join('&')
    const signature = sign(app, `${method}\n${pathname}\n${signed}`)
    const search = new URLSearchParams([...pairs, ['auth_signature', signature]])
    const headers = { 'content-type': 'application/json' }
    const init = text === '' ? { method } : { method, headers, body: text }
    const answer = await this.fetch(place, `${ownPath}?${search}`, init)
    const who = { credentials: `the key ${app.key}`, remedy: 'set PUSHER_URL, or name an --app' }
    return await readAnswer(answer, { ...who, sought: `the app ${app.id}` })
  }

  /** Requests a path below `/api/apps/SLUG` with the app's key and secret, which the admin API shows. @throws CommandError */
  async ofApp(name: string, path: string): Promise<unknown> {
    const found = await this.showApp(name)
    const { key, secret } = credentialsOf(found)
    const authorization = `Basic ${Buffer.from(`${key}:${secret}`).toString('base64')}`
    const headers = { authorization, accept: 'application/json' }
    const ownPath = `/api/apps/${encodeURIComponent(found.slug)}${path}`
    const answer = await this.fetch(this.target.place, ownPath, { headers })
    const who = { credentials: `the key ${key}`, remedy: 'is the server another one?' }
    return await readAnswer(answer, { ...who, sought: `the app ${name}` })
  }

  /** Requests a path of a place; without a signal of its own it has a time limit. @throws CommandError where the server cannot be reached */
  async fetch(place: Place, path: string, init: RequestInit = {}): Promise<Response> {
    const limit = init.signal ?? AbortSignal.timeout(TIMEOUT_MS)
    const signal = AbortSignal.any([limit, this.#surroundings.signal])
    const { base, unix, tls } = place
    // Proxies of the environment are for other hosts than this one.
    const way = unix === undefined ? isHere(place) && { proxy: false as const } : { unix }
    try {
      return await fetch(`${base}${path}`, {
        ...init,
        ...way,
        ...(tls && { tls }),
        redirect: 'manual',
        signal,
      })
    } catch (cause) {
      throw unreachableError(place, cause)
    }
  }

  /**
   * The app that a command is about: the one that `--app` names, else that of the environment, else the only one
   * that the admin API shows, or that the settings bring.
   * @throws CommandError
   */
  async app(): Promise<AppCredentials> {
    const slug = this.#given.text('app')
    const known = slug === undefined ? this.target.app : undefined
    if (known) return known
    return credentialsOf(slug === undefined ? await this.onlyApp() : await this.showApp(slug))
  }

  /** Slug or id of that app, for the admin API. @throws CommandError */
  async appId(): Promise<string> {
    return this.#given.text('app') ?? this.target.app?.id ?? (await this.onlyApp()).slug
  }

  /** The only app, or the only one that the server's settings bring. @throws CommandError where that leaves none, or several */
  async onlyApp(): Promise<AppResource> {
    const apps = await this.listApps()
    const provided = apps.filter((app) => app.provided_by !== null)
    const [only] = apps.length === 1 ? apps : provided.length === 1 ? provided : []
    if (only) return only
    if (apps.length === 0)
      throw new CommandError('missing', 'there is no app yet: `carillon apps create` makes one')
    throw usageError(`--app: there are ${apps.length} apps, \`carillon apps list\` shows them`)
  }

  async listApps(): Promise<readonly AppResource[]> {
    return dataOf<readonly AppResource[]>(await this.admin('/apps', { sought: 'the admin API' }))
  }

  async showApp(slug: string): Promise<AppResource> {
    return dataOf<AppResource>(
      await this.admin(`/apps/${encodeURIComponent(slug)}`, { sought: `the app ${slug}` }),
    )
  }
}

/** A refusal of the server for people: the texts that were signed are for those who write a client. */
export const explainRefusal = (said: string): string =>
  said.replace(/^Invalid signature: .*$/s, 'invalid signature: the secret is another one')

/** HMAC-SHA256 of a text with the app's secret, as hex. */
export const sign = ({ secret }: AppCredentials, text: string): string =>
  new Bun.CryptoHasher('sha256', secret).update(text).digest('hex')

/** @throws CommandError where the credentials see no secrets */
function credentialsOf({ id, slug, key, secret }: AppResource): AppCredentials {
  if (secret !== MASK) return { id: String(id), key, secret }
  throw new CommandError(
    'unauthorized',
    `the token only reads, and sees no secret of ${slug}: set PUSHER_URL`,
  )
}

/** The error for a place where no server answers; `cause` is what `fetch` has thrown. */
export function unreachableError(place: Place, cause?: unknown): CommandError {
  const reason = REASONS[(cause as { code?: string } | undefined)?.code ?? ''] ?? 'no answer'
  return new CommandError(
    'unreachable',
    `${showPlace(place)} cannot be reached (${reason}): does a server run there? --url or CARILLON_URL names another`,
    { cause },
  )
}

/** `data` of an answer of the admin API. */
export const dataOf = <T>(answer: unknown): T => (answer as { data: T }).data

const REASONS: Readonly<Record<string, string>> = {
  ConnectionRefused: 'nothing listens on that port',
  ECONNREFUSED: 'nothing listens on that port',
  FailedToOpenSocket: 'no such host, or no way to it',
  ConnectionClosed: 'it closed the connection',
  ECONNRESET: 'it closed the connection',
  ABORT_ERR: 'ended',
}

type Expectation = {
  readonly credentials: string
  /** What to do where they are refused. */
  readonly remedy: string
  readonly sought: string | undefined
}

/** The JSON of an answer with 2xx. @throws CommandError for any other, in the words of the server */
async function readAnswer(
  answer: Response,
  { credentials, remedy, sought }: Expectation,
): Promise<unknown> {
  const text = await answer.text()
  const { status } = answer
  if (answer.ok) return text === '' ? undefined : parse(text)
  const said = explainRefusal(messageIn(text))
  if (status === 401)
    throw new CommandError(
      'unauthorized',
      `not authorised with ${credentials}${said && ` (${said})`}: ${remedy}`,
    )
  if (status === 404 && sought !== undefined)
    throw new CommandError(
      'missing',
      `${sought} is not there${said && !/^not found$/i.test(said) ? ` (${said})` : ''}`,
    )
  const elsewhere = answer.headers.get('location')
  const later = answer.headers.get('retry-after')
  const wait = later === null ? '' : `; try again in ${later} s`
  if (status >= 300 && status < 400 && elsewhere !== null)
    throw new CommandError(
      'failed',
      `the server is elsewhere: it answers ${status} with ${elsewhere}`,
    )
  const exit = EXIT_OF[status] ?? 'failed'
  throw new CommandError(exit, `refused with ${status}${said && `: ${said}`}${wait}`)
}

const EXIT_OF: Readonly<Record<number, Exit>> = { 403: 'unauthorized', 404: 'missing' }

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new CommandError('failed', 'the answer is no JSON: does --url name a Carillon server?', {
      cause,
    })
  }
}

const MAX_SAID_CHARS = 300

/** What an error body says: `{"errors":{"detail":…}}`, `{"errors":{"name":["…"]}}`, or text. */
function messageIn(text: string): string {
  const shorten = (said: string): string =>
    said.length > MAX_SAID_CHARS ? `${said.slice(0, MAX_SAID_CHARS)}…` : said
  try {
    const { errors } = JSON.parse(text) as { errors: Record<string, string | readonly string[]> }
    const lines = Object.entries(errors).map(([field, said]) =>
      typeof said === 'string' ? said : `${field} ${said.join(', ')}`,
    )
    return shorten(lines.join('; '))
  } catch {
    return text.trimStart().startsWith('<') ? '' : shorten(text.trim()) // SyntaxError: it is text
  }
}
