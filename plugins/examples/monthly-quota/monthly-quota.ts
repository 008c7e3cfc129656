/**
 * A monthly quota of triggers for each app. Past it they are refused with 429 until the next month begins (UTC);
 * answers say how many are left, and `GET /plugins/monthly-quota` lists what was used.
 *
 * A trigger counts once it was answered with 200, so that refused ones are free: those that are on their way
 * at the end of the quota may pass it by as many.
 */
import { definePlugin, reject, type AppView } from 'carillon/plugin'

export type QuotaOptions = { readonly triggersPerMonth: number }

export const monthlyQuota = ({ triggersPerMonth }: QuotaOptions) =>
  definePlugin({
    name: 'monthly-quota',
    carillon: 1,
    setup({ store, clock, counter, routes, adminOnly }) {
      const refused = counter('refused', 'triggers past the quota')
      /** The key of an app's count in the store, which has those of one month in a row. */
      const keyOf = ({ id }: AppView): string => `${monthOf(clock.now())}/${id}`
      const usedBy = (app: AppView): number => Number(store.get(keyOf(app)) ?? 0)
      const detail = { summary: 'Triggers of this month, by app' }
      routes.get(
        '/',
        () => {
          const prefix = `${monthOf(clock.now())}/`
          const counts = store.entries({ prefix, limit: 1000 })
          return counts.map(([key, used]) => ({ app: key.slice(prefix.length), used }))
        },
        { beforeHandle: adminOnly, detail },
      )
      return {
        request({ area, app }) {
          if (area !== 'trigger' || !app || usedBy(app) < triggersPerMonth) return
          refused.count++
          const now = clock.now()
          const retryAfterSeconds = Math.ceil((nextMonthAfter(now) - now) / 1000)
          return reject(`All ${triggersPerMonth} triggers of this month are used`, {
            retryAfterSeconds,
          })
        },
        response({ area, app }, { status }) {
          if (area !== 'trigger' || !app) return
          const expiresAt = nextMonthAfter(clock.now())
          const used = status === 200 ? store.increment(keyOf(app), 1, { expiresAt }) : usedBy(app)
          return { 'x-quota-remaining': String(Math.max(0, triggersPerMonth - used)) }
        },
      }
    },
  })

/** `2026-11` */
const monthOf = (now: number): string => new Date(now).toISOString().slice(0, 7)

function nextMonthAfter(now: number): number {
  const date = new Date(now)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1)
}
