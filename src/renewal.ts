/**
 * Renewal: the public port gets a certificate that has changed. Sockets keep the one that they have; those of the
 * certificate before the last are asked to reconnect, in slices, before the next one comes.
 */
import type { Certificate } from './certificate'
import { CERTIFICATE_SOON_MS } from './core/core'
import { messageOf, REFUSE } from './core/errors'
import { listenAnew, type Port } from './listen'

/** After so many looks what has not gone of the oldest sockets is ended. */
const LOOKS = 10

const DAY_MS = 86_400_000

/** Returns what is called at each sweep: it looks at the files, and never throws. */
export function renewal(port: Port, certificate: Certificate): () => void {
  const { core, listeners } = port
  const { log, clock } = core
  let looksLeft: number | undefined
  let warnedAt = -Infinity
  let used = certificate.pair
  let reported: string | undefined

  /** Once for each reason. */
  const report = (cause: unknown): void => {
    const reason = messageOf(cause)
    if (reason !== reported)
      log.error({ reason }, 'the certificate was not renewed; the one before stays')
    reported = reason
  }
  const isAnother = (): boolean => {
    try {
      const isNew = certificate.reload()
      if (!isNew) reported = undefined
      return isNew
    } catch (cause) {
      report(cause)
      return false
    }
  }
  const retireOlder = (): void => {
    looksLeft = LOOKS
    const left = core.hub.connections()
    const step = (): boolean => {
      if (looksLeft === undefined) return false // the next one listens: others are the older now
      const { value: conn } = left.next()
      if (conn && !conn.closed && listeners.isOlder(conn.sink)) conn.refuse(REFUSE.shuttingDown)
      return conn !== undefined
    }
    core.slices.add({ part: 'certificate', step })
  }
  const listenWithIt = (): void => {
    looksLeft = undefined
    try {
      listenAnew(port)
    } catch (cause) {
      certificate.keep(used) // tried again at the next sweep: there may be no descriptor left right now
      return report(cause)
    }
    used = certificate.pair
    reported = undefined
    core.state.certificateEndsAt = used.endsAt
    log.info({ endsAt: new Date(used.endsAt).toISOString() }, 'the certificate was renewed')
  }
  const warnOfEnd = (): void => {
    if (used.endsAt - clock.now() > CERTIFICATE_SOON_MS || clock.mono() - warnedAt < DAY_MS) return
    warnedAt = clock.mono()
    log.warn({ endsAt: new Date(used.endsAt).toISOString() }, 'the certificate ends soon')
  }
  core.state.certificateEndsAt = used.endsAt
  return () => {
    warnOfEnd()
    if (isAnother() && looksLeft === undefined) {
      if (!listeners.hasOlder) return listenWithIt()
      retireOlder()
    }
    if (looksLeft === undefined) return
    if (listeners.hasOlder && --looksLeft > 0) return
    if (listeners.hasOlder) listeners.endOlder()
    listenWithIt()
  }
}
