/**
 * Near-misses: names in the environment that somebody meant for us. What is ours by its prefix and no
 * setting is one, and what is a letter or two from a setting; what belongs to clients, or to others, is
 * passed over in silence, since every start reads it.
 */
import { nearest, within } from './nearest'

/** Names below these prefixes are ours alone, but for FOREIGN ones. */
const OWN = /^(?:CARILLON|PUSHER)_/
/** The last letters that may be wrong: names this short are near to many. */
const SHORTEST = 8
const MOST_LETTERS = 2

const FOREIGN = new RegExp(
  [
    // What clients and SDKs of Pusher are told.
    '^PUSHER_(?:(?:APP_)?(?:HOST|PORT|PATH|SCHEME|CLUSTER)|URL|(?:USE_)?TLS|ENCRYPTED|TIMEOUT|BEAMS_.*)$',
    // A letter or two from a path, and other programs'.
    '^DATABASE_(?:PASS|PORT)$',
  ].join('|'),
)

/** One line for each near-miss among `names`, with the setting that is nearest. `known` are all names that we read. */
export function nearMisses(names: readonly string[], known: readonly string[]): string[] {
  const settings = new Set(known)
  return names.flatMap((name) => {
    if (settings.has(name) || FOREIGN.test(name)) return []
    const bare = name.replace(/_FILE$/, '')
    if (bare.length >= SHORTEST && bare !== name && settings.has(bare))
      return [`${name} is not a setting: only secrets may stand in files; set ${bare}`]
    const meant = OWN.test(name) ? nearestOf(name, known) : closeTo(name, known)
    return meant === undefined ? [] : [`${name} is not a setting; did you mean ${meant}?`]
  })
}

/** Not every setting has our prefix: CARILLON_HOST means HOST. */
function nearestOf(name: string, known: readonly string[]): string {
  const bare = name.replace(OWN, '')
  return known.find((setting) => setting === bare) ?? nearest(name, known)
}

function closeTo(name: string, known: readonly string[]): string | undefined {
  if (name.length < SHORTEST) return undefined
  const close = known.filter(
    (candidate) => candidate.length >= SHORTEST && within(name, candidate, MOST_LETTERS),
  )
  return close.length > 0 ? nearest(name, close) : undefined
}
