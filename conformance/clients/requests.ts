/** The HTTP API: by the stock server library, and by requests that are signed by hand, also wrongly. */
import { createHash } from 'node:crypto'
import Sdk from 'pusher'
import { expectThat, Mismatch, parseJson, show } from '../mismatch'
import type { Target } from '../target'
import { FLOOD, MAX_RECEIVED_BYTES } from './inbox'
import { sign } from './wire'

/** 32 bytes for encrypted channels: they are of no use but here. */
const MASTER_KEY = Buffer.alloc(32, 'conformance').toString('base64')

/** Makes the stock server library. It has no option for a path, but what it calls port is put into addresses as it is. */
export const makeSdk = ({ appId, key, secret, isTls, host, port, prefix }: Target): Sdk =>
  new Sdk({
    appId,
    key,
    secret,
    host,
    port: `${port}${prefix}`,
    useTLS: isTls,
    encryptionMasterKeyBase64: MASTER_KEY,
  } as Sdk.Options)

export type Answer = { readonly status: number; readonly text: string }

export type Request = {
  readonly method?: 'GET' | 'POST'
  /** Behind `/apps/ID`. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  /** What is sent; an object is made JSON. */
  readonly body?: object | string
  /** Parameters of the signature in place of the right ones; undefined leaves one out. */
  readonly signed?: Readonly<Record<string, string | undefined>>
  /** What is signed in place of the app's. */
  readonly as?: { readonly appId?: string; readonly secret?: string }
  /** What is sent in place of the body that was signed. */
  readonly sent?: string
  /** Sends the parameters as they stand, and not in the order in which they are signed. */
  readonly isReversed?: boolean
}

/** @throws Error for a body that is too long to be one */
async function readText({ body }: Response): Promise<string> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of body ?? []) {
    length += part.length
    if (length > MAX_RECEIVED_BYTES) throw new Error(FLOOD) // the loop's end cancels the body
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex')

export class Requests {
  constructor(
    readonly target: Target,
    readonly signal: AbortSignal,
  ) {}

  /** Sends a signed request. @throws Mismatch where there is no answer */
  async send(request: Request): Promise<Answer> {
    const { method = request.body === undefined ? 'GET' : 'POST', sent } = request
    const { url, init } = this.#build(request, method)
    try {
      const response = await fetch(url, { ...init, ...(sent === undefined ? {} : { body: sent }) })
      return { status: response.status, text: await readText(response) }
    } catch (error) {
      throw new Mismatch(`an answer to ${method} ${request.path}`, show((error as Error).message))
    }
  }

  #build({ path, query = {}, body, signed = {}, as = {}, isReversed }: Request, method: string) {
    const text = typeof body === 'object' ? JSON.stringify(body) : body
    const { appId = this.target.appId, secret = this.target.secret } = as
    const parameters: Record<string, string | undefined> = {
      auth_key: this.target.key,
      auth_timestamp: String(Math.floor(Date.now() / 1000)),
      auth_version: '1.0',
      body_md5: text === undefined ? undefined : md5(text),
      ...query,
      ...signed,
    }
    const { auth_signature: given, ...rest } = parameters
    const named = Object.entries(rest)
      .filter((pair): pair is [string, string] => pair[1] !== undefined)
      .map(([name, value]) => ({ name, key: name.toLowerCase(), value }))
      .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    const lines = named.map(({ key, value }) => `${key}=${value}`).join('&')
    const own = sign({ secret }, `${method}\n/apps/${appId}${path}\n${lines}`)
    const signature = 'auth_signature' in signed ? given : own
    const parts = named.map(({ name, value }) => `${name}=${encodeURIComponent(value)}`)
    if (isReversed) parts.reverse()
    if (signature !== undefined) parts.push(`auth_signature=${signature}`)
    return {
      url: `${this.target.url}/apps/${appId}${path}?${parts.join('&')}`,
      init: {
        method,
        signal: this.signal,
        redirect: 'manual' as const,
        headers: { 'content-type': 'application/json' },
        ...(text === undefined ? {} : { body: text }),
      },
    }
  }

  /** Sends a request that has to be answered with 200 and JSON, and returns that. @throws Mismatch */
  async ask(request: Request): Promise<Record<string, unknown>> {
    const { status, text } = await this.send(request)
    expectThat(status === 200, `200 for ${request.path}`, `${status} ${show(text)}`)
    const body = parseJson(`the answer to ${request.path}`, text)
    const isObject = typeof body === 'object' && body !== null && !Array.isArray(body)
    expectThat(isObject, `an object for ${request.path}`, text)
    return body as Record<string, unknown>
  }

  /** Sends a request that has to be refused with one of these statuses. @throws Mismatch */
  async expectRefused(request: Request, ...statuses: readonly number[]): Promise<void> {
    const { status, text } = await this.send(request)
    expectThat(statuses.includes(status), statuses.join(' or '), `${status} ${show(text)}`)
  }
}
