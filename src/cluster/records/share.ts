/** Values that the nodes of a plugin share, kept in the table of apps; while that is away they are read here. */
import type { SharedCall } from '../../core/engine'
import { raise, REFUSE } from '../../core/errors'
import { parseJson } from '../../core/json'
import type { PluginStore } from '../../core/plugin-means'
import { endOf, inexact, jsonFor, noNumber, requireLimit, timeOf } from '../../core/plugin-values'
import { RedisAway } from '../link/link'
import type { Records } from './records'
import type { Shared, Table } from './table'

type Options = Parameters<PluginStore['set']>[2]
type Range = Parameters<PluginStore['entries']>[0]

/** What a method is asked of Redis with, after plugin, key and time. @throws TypeError, RangeError as the store of one node */
function argumentsOf({ method, args }: SharedCall): readonly (string | number)[] {
  const key = args[0] as string
  switch (method) {
    case 'get':
    case 'delete':
      return []
    case 'set':
      return [jsonFor(key, args[1]), timeOf((args[2] as Options)?.expiresAt) ?? '']
    case 'increment': {
      const by = (args[1] ?? 1) as number
      jsonFor(key, by) // the key, too
      if (!Number.isFinite(by)) throw inexact(key, by)
      return [String(by), timeOf((args[2] as Options)?.expiresAt) ?? '']
    }
    case 'entries':
      return rangeOf(args[0] as Range)
  }
}

/** As ZRANGE takes it; keys are in the order of their bytes. */
function rangeOf({ prefix = '', after, limit }: Range = {}): readonly (string | number)[] {
  requireLimit(limit)
  const isPast = after !== undefined && Buffer.compare(Buffer.from(after), Buffer.from(prefix)) >= 0
  const from = isPast ? `(${after}` : `[${prefix}`
  const end = endOf(prefix)
  return [from, end === undefined ? '+' : `(${end}`, limit ?? -1]
}

/** Makes a call. @throws (rejects with) what the store of one node throws, RealtimeError('engine_unavailable') */
export async function callTable(
  table: Table,
  records: Records,
  call: SharedCall,
  { local, now }: { readonly local: PluginStore; readonly now: number },
): Promise<unknown> {
  const { plugin, method, args } = call
  const isRead = method === 'get' || method === 'entries'
  const key = method === 'entries' ? '' : String(args[0])
  const rest = argumentsOf(call)
  const shared = await table
    .share(records.state, [method, plugin, key, now, ...rest])
    .catch(otherIfAway)
  if (shared.status === 'OTHER') {
    void records.catchUp()
    if (!isRead) raise(REFUSE.engineAway)
    return (local[method] as (...given: readonly unknown[]) => unknown)(...args)
  }
  const answer = answerOf(shared, key)
  if (!isRead) await records.reach(shared.status === 'OK' ? shared.rev : 0)
  return readAnswer(method, answer)
}

function answerOf(shared: Exclude<Shared, { status: 'OTHER' }>, key: string): unknown {
  if (shared.status === 'TYPE') throw noNumber(key)
  if (shared.status === 'RANGE') throw inexact(key, Number(shared.sum))
  return 'answer' in shared ? shared.answer : undefined
}

function readAnswer(method: SharedCall['method'], answer: unknown): unknown {
  if (method === 'increment') return Number(answer)
  if (method === 'get') return answer === '' ? undefined : parseJson(answer as string)
  if (method !== 'entries') return undefined
  const flat = answer as readonly string[]
  return Array.from({ length: flat.length / 2 }, (_, at) => [
    flat[at * 2],
    parseJson(flat[at * 2 + 1]!),
  ])
}

/** What was not sent may be read here; what may have been written is not said to have been refused. */
function otherIfAway(cause: unknown): { readonly status: 'OTHER' } {
  if (!(cause instanceof RedisAway)) throw cause
  if (cause.maySent) raise(REFUSE.changeSilent)
  return { status: 'OTHER' }
}
