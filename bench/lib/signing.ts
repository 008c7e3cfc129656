/**
 * Request targets: signed, or plain for the fan-out of the bare loop, which checks what it is given.
 * Spec: contract 6.2. One timestamp serves a whole process: it is good for ten minutes.
 */
import { APP, APP_PATH, EVENTS_PATH, type Side } from './app'

export type TargetOf = (body: string) => string

export function targetsOf(side: Side): TargetOf {
  return side === 'bare' ? () => EVENTS_PATH : signedTargets()
}

/** A read below the app. */
export function signedRead(path: string): string {
  const seconds = Math.floor(Date.now() / 1000)
  const query = `auth_key=${APP.key}&auth_timestamp=${seconds}&auth_version=1.0`
  const text = `GET\n${APP_PATH}${path}\n${query}`
  const signature = new Bun.CryptoHasher('sha256', APP.secret).update(text).digest('hex')
  return `${APP_PATH}${path}?${query}&auth_signature=${signature}`
}

export function signedTargets(): TargetOf {
  const seconds = Math.floor(Date.now() / 1000)
  const query = `auth_key=${APP.key}&auth_timestamp=${seconds}&auth_version=1.0&body_md5=`
  const keyed = new Bun.CryptoHasher('sha256', APP.secret).update(`POST\n${EVENTS_PATH}\n${query}`)
  return (body) => {
    const digest = Bun.MD5.hash(body, 'hex')
    const signature = keyed.copy().update(digest).digest('hex')
    return `${EVENTS_PATH}?${query}${digest}&auth_signature=${signature}`
  }
}
