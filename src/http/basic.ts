/** Basic and Bearer authentication: headers parsed, and compared with an app's keys. */
import type { App } from '../core/app'
import { timingSafeEqual, sha256 } from '../core/signature'

/** User and password; empty where the header can't be parsed. The scheme's case does not matter. */
export function basicCredentials(header: string | null) {
  const [scheme = '', encoded = ''] = (header ?? '').split(' ')
  const credentials = Buffer.from(encoded, 'base64').toString()
  const colon = credentials.indexOf(':')
  return {
    isBasic: scheme.toLowerCase() === 'basic' && colon !== -1,
    user: credentials.slice(0, Math.max(0, colon)),
    password: credentials.slice(colon + 1),
  }
}

const NOBODY = [{ key: '', secret: crypto.randomUUID() }]

/** The token; empty for another scheme. */
export function bearerToken(header: string | null): string {
  const [scheme = '', token = ''] = (header ?? '').split(' ')
  return scheme.toLowerCase() === 'bearer' ? token : ''
}

/** True for the secret of a live pair, as a Bearer token. */
export function isSecretOf(app: App, header: string | null): boolean {
  const given = sha256(bearerToken(header))
  return app.record.keys.map(({ secret }) => timingSafeEqual(sha256(secret), given)).includes(true)
}

/** True for key and secret of a live pair. Takes as long for an app that does not exist. */
export function isKeyPairOf(app: App | undefined, header: string | null): boolean {
  const { isBasic, user, password } = basicCredentials(header)
  const given = [sha256(user), sha256(password)] as const
  let isRight = false
  for (const { key, secret } of app?.record.keys ?? NOBODY) {
    const same = [timingSafeEqual(sha256(key), given[0]), timingSafeEqual(sha256(secret), given[1])]
    isRight = !same.includes(false) || isRight
  }
  return isRight && isBasic && app !== undefined
}
