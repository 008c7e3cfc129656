/** Tokens for tests, right ones and hostile ones: header and payload are signed as they are given. */
import { createHmac, sign, type KeyObject } from 'node:crypto'
import type { TestServer } from '../harness'

const HASHES = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' } as const

const encodePart = (value: object | string): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A token of any header and payload, signed with HMAC. */
export function makeHmacToken(
  secret: string | Buffer,
  payload: object | string,
  header: object | string = { alg: 'HS256', typ: 'JWT' },
): string {
  const text = `${encodePart(header)}.${encodePart(payload)}`
  const alg = (typeof header === 'object' && 'alg' in header ? header.alg : 'HS256') as 'HS256'
  const hash = HASHES[alg] ?? 'sha256'
  return `${text}.${createHmac(hash, secret).update(text).digest('base64url')}`
}

/** A token signed with a private RSA, EC (P-256) or Ed25519 key. */
export function makeKeyToken(
  key: KeyObject,
  payload: object,
  header: { alg: string; kid?: string },
) {
  const text = `${encodePart(header)}.${encodePart(payload)}`
  const hash = header.alg === 'EdDSA' ? null : `sha${header.alg.slice(2)}`
  const signature = sign(hash, Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
  return `${text}.${signature.toString('base64url')}`
}

/** Claims that are right at the server's time, for a minute; `claims` wins. */
export function makeClaims(server: TestServer, claims: object = {}) {
  const now = Math.floor(server.clock.now() / 1000)
  return { iat: now, exp: now + 60, sub: '7', listen: ['private-*', 'presence-*'], ...claims }
}

/** A right token of the server's app. */
export const tokenOf = (server: TestServer, claims: object = {}): string =>
  makeHmacToken(server.app.secret, makeClaims(server, claims))

/** The path of a connection that brings parameters. */
export const makePath = (server: TestServer, query: Record<string, string>): string =>
  `/app/${server.app.key}?protocol=7&${new URLSearchParams(query)}`
