/**
 * Near-misses: names in the environment that are probably misspelt settings. They have our prefix and are no
 * setting, or are a letter or two from one. Names of clients and of other programs are none.
 */

/** Prefixes of our settings; of names with them only FOREIGN ones are others'. */
const OWN = /^(?:CARILLON|PUSHER)_/
/** Shorter names are near to too many. */
const MIN_LETTERS = 8
const MAX_DISTANCE = 2
/** Of a name with our prefix; one that is farther from every setting is reported without a guess. */
const MAX_DISTANCE_OF_OURS = 4

const FOREIGN = new RegExp(
  [
    // Settings of Pusher's clients and SDKs.
    '^PUSHER_(?:(?:APP_)?(?:HOST|PORT|PATH|SCHEME|CLUSTER)|URL|(?:USE_)?TLS|ENCRYPTED|TIMEOUT|BEAMS_.*)$',
    // The command line's.
    '^CARILLON_(?:URL|TOKEN)$',
    // Other programs', a letter or two from DATABASE_PATH.
    '^DATABASE_(?:PASS|PORT)$',
  ].join('|'),
)

/** One line for each near-miss among `names`, with the setting that is nearest. `known` are all names that we read. */
export function nearMisses(names: readonly string[], known: readonly string[]): string[] {
  const settings = new Set(known)
  return names.flatMap((name) => {
    if (settings.has(name) || FOREIGN.test(name)) return []
    const bare = name.replace(/_FILE$/, '')
    if (bare.length >= MIN_LETTERS && bare !== name && settings.has(bare))
      return [`${name} is not a setting: only secrets may stand in files; set ${bare}`]
    const isOurs = OWN.test(name)
    const meant = isOurs ? findMeant(name, known) : findNear(name, known, MAX_DISTANCE)
    if (meant !== undefined) return [`${name} is not a setting; did you mean ${meant}?`]
    return isOurs ? [`${name} is not a setting`] : []
  })
}

/** The setting that a name with our prefix means. CARILLON_HOST means HOST, which has no prefix. */
function findMeant(name: string, known: readonly string[]): string | undefined {
  const bare = name.replace(OWN, '')
  return known.includes(bare) ? bare : findNear(name, known, MAX_DISTANCE_OF_OURS)
}

/** The name that is the fewest letters away, `most` of them at most; short names are near to none. */
export function findNear(name: string, known: readonly string[], most: number): string | undefined {
  if (name.length < MIN_LETTERS) return undefined
  const [nearest] = known
    .filter(({ length }) => length >= MIN_LETTERS && Math.abs(length - name.length) <= most)
    .map((candidate) => ({ candidate, far: distance(name, candidate) }))
    .sort((a, b) => a.far - b.far)
  return nearest && nearest.far <= most ? nearest.candidate : undefined
}

/** The Levenshtein distance: how many letters to add, drop or change. */
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
