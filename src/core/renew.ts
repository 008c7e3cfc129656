/**
 * Renew: asks plugins again about subscriptions whose authorisation has expired, and ends those that are not
 * allowed any more. In slices, and so many at a time: who waits for its turn, or for an answer, stays subscribed.
 */
import { askGates, checkSignature } from './authorization'
import type { Core } from './core'
import { dismissSubscription } from './dismiss'
import { isRefusal, REFUSE, refusal, type Refusal } from './errors'
import type { Expiry } from './expiries'
import { countFault } from './faults'
import { notifyRefused, type Verdict } from './hooks'
import { parseMember } from './member'
import type { Allowed } from './plugin-answers'
import type { Work } from './slices'

/** Questions that wait for an answer at the same time. */
const MOST_ASKED = 256

/** Returns the sweep that asks about what has expired, to be called every `EXPIRY_TICK_MS`. */
export function newExpirySweeper(core: Core): () => void {
  const asker = new Asker(core)
  return () => {
    if (core.expiries.advance(core.clock.mono())) asker.begin()
  }
}

class Asker implements Work {
  readonly part = 'expiries'
  #isRunning = false
  #waiting = 0

  constructor(readonly core: Core) {}

  begin(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    this.core.slices.add(this)
  }

  step(): boolean {
    const expiry = this.#waiting < MOST_ASKED ? this.core.expiries.takeDue() : undefined
    if (expiry) this.#ask(expiry)
    else this.#isRunning = false
    return this.#isRunning
  }

  #ask(expiry: Expiry): void {
    const { core } = this
    const { conn } = expiry.subscription
    const verdict = askGates(core, core.hooks.authorize, conn, expiry.command)
    if (verdict instanceof Promise) void this.#waitFor(expiry, verdict)
    else settle(core, expiry, verdict)
  }

  async #waitFor(expiry: Expiry, verdict: Promise<Verdict>): Promise<void> {
    const { core } = this
    this.#waiting++
    try {
      const given = await verdict
      await core.slices.runOrDefer(() => settle(core, expiry, given))
    } catch (cause) {
      countFault(core, cause, { part: this.part })
    } finally {
      this.#waiting--
      this.begin()
    }
  }
}

/** Goes on as the answer says, unless the subscription has ended meanwhile. */
function settle(core: Core, expiry: Expiry, verdict: Verdict): void {
  const { clock, expiries } = core
  const { subscription, command } = expiry
  const { conn } = subscription
  if (!expiries.has(expiry) || conn.closed) return
  expiries.end(subscription)
  const refused = isRefusal(verdict) ? verdict : checkAnswer(expiry, verdict)
  if (refused) {
    dismissSubscription(core, subscription, refused.message)
    notifyRefused(core, conn, refused, command)
  } else if (verdict && 'expiresAt' in verdict && verdict.expiresAt !== undefined) {
    const now = clock.mono()
    expiries.begin(subscription, command, now + verdict.expiresAt - clock.now(), now)
  }
}

/** Where no plugin allows it the signature decides. A member stays who they are. */
function checkAnswer(
  { subscription: { conn, channel, member }, command }: Expiry,
  allowed: Allowed | undefined,
): Refusal | undefined {
  const { kind } = channel
  if (!allowed || (kind.presence && allowed.channelData === undefined))
    return kind.auth === 'plugin' ? REFUSE.listenDenied : checkSignature(conn, command)
  if (!kind.presence) return undefined
  const now = parseMember({ ...command, channelData: allowed.channelData }, conn.user)
  if (isRefusal(now)) return now
  if (now.userId === member?.userId) return undefined
  return refusal('subscription_refused', 'The member of this subscription is another one now')
}
