/**
 * What a load signs: request targets and subscriptions. Spec: contract 3.2 and 6.2. One timestamp
 * serves a whole process: it is good for ten minutes.
 */
import type { App } from './sides'

/** Seconds since 1970, as requests are signed with; another's clock may be elsewhere. */
const secondsNow = (offsetMs: number): number => Math.floor((Date.now() + offsetMs) / 1000)

/** Makes the target of a POST below the app for a body. */
export type TargetOf = (body: string) => string

/** A read below the app; `path` may have a query, whose parameters sort after `auth_`. */
export function signRead(app: App, path: string, offsetMs = 0): string {
  const [short, parameters] = path.split('?')
  const whole = `/apps/${app.id}${short}`
  const query = queryOf(app, offsetMs) + (parameters ? `&${parameters}` : '')
  const signature = hmac(app).update(`GET\n${whole}\n${query}`).digest('hex')
  return `${whole}?${query}&auth_signature=${signature}`
}

export function makeTargetSigner(app: App, path = '/events', offsetMs = 0): TargetOf {
  const whole = `/apps/${app.id}${path}`
  const query = `${queryOf(app, offsetMs)}&body_md5=`
  const keyed = hmac(app).update(`POST\n${whole}\n${query}`)
  return (body) => {
    const digest = Bun.MD5.hash(body, 'hex')
    const signature = keyed.copy().update(digest).digest('hex')
    return `${whole}?${query}${digest}&auth_signature=${signature}`
  }
}

/** `auth` of a subscription. */
export type Authorize = (socketId: string, channel: string, channelData?: string) => string

export function makeAuthorizer(app: App): Authorize {
  const keyed = hmac(app)
  return (socketId, channel, channelData) => {
    const parts = channelData === undefined ? [socketId, channel] : [socketId, channel, channelData]
    return `${app.key}:${keyed.copy().update(parts.join(':')).digest('hex')}`
  }
}

const hmac = ({ secret }: App): Bun.CryptoHasher => new Bun.CryptoHasher('sha256', secret)

const queryOf = ({ key }: App, offsetMs = 0): string =>
  `auth_key=${key}&auth_timestamp=${secondsNow(offsetMs)}&auth_version=1.0`
