/**
 * Applies apps that were translated: what is missing is made, what is there already stays, what is there with other
 * values is a conflict. A second time changes nothing.
 */
import { MASK, maskWholeUrl } from '../../apps/masks'
import type { AppResource } from '../../apps/resource'
import { isRecord } from '../../core/json'
import type { AppsDoor, Fields } from '../apps-door'
import { CommandError } from '../exits'
import type { NewApp } from './translate'

/** How an app ends; those of `isWrong` make the command fail. */
export const STATES = {
  created: { about: 'created', isWrong: false },
  missing: { about: 'would be created', isWrong: false },
  unchanged: { about: 'is there already', isWrong: false },
  replaced: { about: 'changed', isWrong: false },
  different: { about: 'would be changed', isWrong: false },
  conflict: { about: 'is there with other values', isWrong: true },
  refused: { about: 'refused', isWrong: true },
  wrong: { about: 'is not imported', isWrong: true },
} as const

export type Verdict = {
  readonly id: string
  readonly place: string
  readonly state: keyof typeof STATES
  /** Which fields differ, or why it was refused; without values. */
  readonly about: string
}

export type ApplyOptions = {
  /** Undefined in a dry run: nothing is changed. */
  readonly door: AppsDoor | undefined
  /** Overwrites fields of apps that are there; never their key and secret. */
  readonly replaces: boolean
}

/**
 * One app after the other, compared with those that are there; a refusal of one ends none of the others.
 * @throws CommandError where the server cannot be used, with how many were done before
 */
export async function applyApps(
  apps: readonly NewApp[],
  there: readonly AppResource[],
  options: ApplyOptions,
): Promise<readonly Verdict[]> {
  const before = indexOf(there)
  const verdicts: Verdict[] = []
  for (const app of apps) {
    try {
      verdicts.push(await applyOne(app, before, options))
    } catch (cause) {
      if (!(cause instanceof CommandError) || verdicts.length === 0) throw cause
      const done = `${verdicts.length} of ${apps.length} apps were done; the same command does the rest`
      throw new CommandError(cause.exit, `${cause.message} (${done})`, { cause })
    }
  }
  const { door } = options
  const isLate = ({ id, state }: Verdict): boolean => state === 'refused' && !before.byId.has(id)
  if (!door || !verdicts.some(isLate)) return verdicts
  // Somebody else may have made them meanwhile: another import, too.
  const now = indexOf(await door.list().catch(noApps))
  const retried: Verdict[] = []
  for (const [index, verdict] of verdicts.entries()) {
    const isThere = isLate(verdict) && now.byId.has(verdict.id)
    retried.push(isThere ? await applyOne(apps[index]!, now, options) : verdict)
  }
  return retried
}

/** What was refused stays so, where the server does not say any more what it has. */
function noApps(cause: unknown): readonly AppResource[] {
  if (cause instanceof CommandError) return []
  throw cause
}

type Index = {
  readonly byId: ReadonlyMap<string, AppResource>
  readonly byKey: ReadonlyMap<string, AppResource>
}

const indexOf = (there: readonly AppResource[]): Index => ({
  byId: new Map(there.map((app) => [String(app.id), app])),
  byKey: new Map(there.flatMap((app) => app.keys.map(({ key }) => [key, app] as const))),
})

/** @throws CommandError where the server cannot be used */
async function applyOne(
  app: NewApp,
  { byId, byKey }: Index,
  options: ApplyOptions,
): Promise<Verdict> {
  const { id, place } = app
  const say: Say = (state, about = '') => ({ id, place, state, about })
  const old = byId.get(id)
  const owner = byKey.get(String(app.fields['key']))
  try {
    if (old) return await change(app, old, options, say)
    if (owner) return say('conflict', `its key is that of the app ${owner.id}`)
    return await create(app, options, say)
  } catch (cause) {
    if (!(cause instanceof CommandError) || cause.exit !== 'failed') throw cause
    return say('refused', cause.message.replaceAll(/https?:\/\/[^\s"]+/g, maskWholeUrl))
  }
}

type Say = (state: Verdict['state'], about?: string) => Verdict

async function create({ fields }: NewApp, { door }: ApplyOptions, say: Say): Promise<Verdict> {
  if (!door) return say('missing')
  await door.create(fields)
  return say('created')
}

async function change(
  { id, fields }: NewApp,
  old: AppResource,
  { door, replaces }: ApplyOptions,
  say: Say,
): Promise<Verdict> {
  const { key, secret } = fields as { key: string; secret: string }
  if (old.keys.some((pair) => pair.secret === MASK))
    throw new CommandError('unauthorized', 'the token only reads, and sees no secrets')
  if (!old.keys.some((pair) => pair.key === key && pair.secret === secret))
    return say(
      'conflict',
      `has another key or secret, which are fixed; \`carillon apps delete ${id}\` makes room`,
    )
  const differing = differencesOf(fields, old)
  if (differing.length === 0) return say('unchanged')
  const names = differing.join(', ')
  if (!replaces) return say('conflict', `${names}; --replace overwrites`)
  if (!door) return say('different', names)
  await door.change(id, withoutFixed(fields))
  return say('replaced', names)
}

/** Fixed when an app is made, and names that an operator may have given it since. */
const FIXED = ['id', 'key', 'secret', 'name', 'slug']
const withoutFixed = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !FIXED.includes(name)))

/** Fields whose values the app does not have; limits that the source does not name may be any. */
function differencesOf(fields: Fields, old: AppResource): readonly string[] {
  return Object.entries(withoutFixed(fields)).flatMap(([name, value]) => {
    const there = (old as unknown as Fields)[name]
    if (isRecord(value) && isRecord(there))
      return Object.keys(value).flatMap((inner) =>
        Bun.deepEquals(value[inner], there[inner]) ? [] : `${name}.${inner}`,
      )
    return Bun.deepEquals(value, there) ? [] : name
  })
}
