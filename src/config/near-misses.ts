/**
 * Near-misses: names in the environment that somebody meant for us. What is ours by its prefix and no
 * setting is one, and what is a letter or two from a setting; what belongs to clients, or to others, is
 * passed over in silence, since every start reads it.
 */

/** Names below these prefixes are ours alone, but for FOREIGN ones. */
const OWN = /^(?:CARILLON|PUSHER)_/
/** The last letters that may be wrong: names this short are near to many. */
const SHORTEST = 8
const MOST_LETTERS = 2
/** What is ours is no setting, however far from one it is; so far something else was meant. */
const MOST_LETTERS_OF_OURS = 4

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
    const isOurs = OWN.test(name)
    const meant = isOurs ? meantByOurs(name, known) : closeTo(name, known, MOST_LETTERS)
    if (meant !== undefined) return [`${name} is not a setting; did you mean ${meant}?`]
    return isOurs ? [`${name} is not a setting`] : []
  })
}

/** Not every setting has our prefix: CARILLON_HOST means HOST. */
function meantByOurs(name: string, known: readonly string[]): string | undefined {
  const bare = name.replace(OWN, '')
  return known.includes(bare) ? bare : closeTo(name, known, MOST_LETTERS_OF_OURS)
}

function closeTo(name: string, known: readonly string[], most: number): string | undefined {
  if (name.length < SHORTEST) return undefined
  const close = known.filter(
    (candidate) => candidate.length >= SHORTEST && within(name, candidate, most),
  )
  return close.length > 0 ? nearest(name, close) : undefined
}

/** The candidate that is the fewest letters away. */
function nearest(name: string, candidates: readonly string[]): string {
  const ranked = candidates.map((candidate) => ({ candidate, far: distance(name, candidate) }))
  return ranked.reduce((best, next) => (next.far < best.far ? next : best)).candidate
}

/** True where at most so many letters are between the two; cheap where their lengths tell. */
const within = (a: string, b: string, most: number): boolean =>
  Math.abs(a.length - b.length) <= most && distance(a, b) <= most

/** Levenshtein's: how many letters to add, drop or change. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, change))
    }
    row = next
  }
  return row[b.length]!
}
