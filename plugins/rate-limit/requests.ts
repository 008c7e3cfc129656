/**
 * Hooks of requests to the HTTP API: limits an app's backend, and who calls the routes of plugins. An app's
 * requests are counted once they are authenticated, so that no stranger uses up its quota.
 */
import { clientOf, type Hooks, type RequestView } from 'carillon/plugin'
import { refuse, type LimitName, type Rule, type RuleBook } from './limits'
import type { Take, TakeResult } from './store'

const LIMIT_OF: { readonly [Area in RequestView['area']]?: LimitName } = {
  trigger: 'triggers',
  read: 'reads',
  plugin: 'routes',
}

type RequestHooks = Pick<Hooks, 'request' | 'response'>

export function requestHooks(
  book: RuleBook,
  take: Take,
  isExempt: (address: string) => boolean,
): RequestHooks {
  const quotas = new WeakMap<RequestView, Readonly<Record<string, string>>>()
  const ruleOf = ({ app, area }: RequestView): Rule | undefined => {
    const name = LIMIT_OF[area]
    return name && book.of(app)[name]
  }
  return {
    request: (request) => {
      const rule = ruleOf(request)
      const { app, remoteAddress } = request
      if (!rule || (!app && isExempt(remoteAddress))) return undefined
      const taken = take(`${rule.name} ${app?.id ?? clientOf(remoteAddress)}`, rule.rate, 1)
      quotas.set(request, headersOf(rule, taken))
      return taken.waitSeconds > 0 ? refuse(rule, taken.waitSeconds) : undefined
    },
    response: (request) => quotas.get(request),
  }
}

const headersOf = (
  { rate }: Rule,
  { remaining }: TakeResult,
): Readonly<Record<string, string>> => ({
  'x-ratelimit-limit': String(Math.floor(rate.burst)),
  'x-ratelimit-remaining': String(remaining),
})
