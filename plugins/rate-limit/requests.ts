/**
 * Requests to the HTTP API: what an app's backend may ask, which is known once it is authenticated, so
 * that no stranger uses up its quota; and how often an address may fail to log in as admin.
 */
import type { Hooks, RequestView } from 'carillon/plugin'
import { countedAs } from './addresses'
import { refuse, type LimitName, type Rule, type RuleBook } from './limits'
import type { Take, Taken } from './store'

const LIMIT_OF = {
  trigger: 'triggers',
  read: 'reads',
  admin: 'failedLogins',
} as const satisfies Record<RequestView['area'], LimitName>

type RequestHooks = Pick<Hooks, 'request' | 'response'>

export function requestHooks(book: RuleBook, take: Take): RequestHooks {
  const quotas = new WeakMap<RequestView, Readonly<Record<string, string>>>()
  const ruleOf = ({ app, area }: RequestView): Rule | undefined => book.of(app)[LIMIT_OF[area]]
  const spend = (request: RequestView, rule: Rule, cost: number): Taken => {
    const taken = take(keyOf(request, rule), rule.rate, cost)
    quotas.set(request, headersOf(rule, taken))
    return taken
  }
  return {
    request: (request) => {
      const rule = ruleOf(request)
      if (!rule) return undefined
      const { waitSeconds } = spend(request, rule, request.area === 'admin' ? 0 : 1)
      return waitSeconds > 0 ? refuse(rule, waitSeconds) : undefined
    },
    // A login costs once it has failed. It is counted before the next request is looked at, so that
    // many at once have no more tries than one after the other.
    response: (request, { status }) => {
      if (request.area !== 'admin') return quotas.get(request)
      const rule = ruleOf(request)
      if (rule && status === 401) spend(request, rule, 1)
      return status === 401 || status === 429 ? quotas.get(request) : undefined
    },
  }
}

const keyOf = ({ app, remoteAddress }: RequestView, { name }: Rule): string =>
  name === 'failedLogins' ? `${name} ${countedAs(remoteAddress)}` : `${name} ${app?.id}`

const headersOf = ({ rate }: Rule, { remaining }: Taken): Readonly<Record<string, string>> => ({
  'x-ratelimit-limit': String(Math.floor(rate.burst)),
  'x-ratelimit-remaining': String(remaining),
})
