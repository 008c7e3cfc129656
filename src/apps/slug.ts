/**
 * Slugs: the name of an app in its URLs, derived from its name. Symbols become words without spaces
 * around them (`a&b` is `aandb`, `123 hello $%^ world!` is `123-hello-dollar-world`).
 * Spec: phoenix contract 2.3.
 */
const WORDS: readonly (readonly [string, string])[] = [
  ['@', 'at'],
  ['&', 'and'],
  ['|', 'or'],
  ['<', 'less'],
  ['>', 'greater'],
  ['$', 'dollar'],
  ['€', 'euro'],
  ['£', 'pound'],
  ['¥', 'yen'],
  ['¢', 'cent'],
  ['°', '0'],
  ['©', 'copyright'],
  ['™', 'tm'],
  ['∞', 'infinity'],
  ['♥', 'love'],
  ['¹', '1'],
  ['²', '2'],
  ['³', '3'],
  ['å', 'aa'],
  ['Å', 'aa'],
  ['ø', 'oe'],
  ['Ø', 'oe'],
  ['œ', 'oe'],
  ['Œ', 'oe'],
  ['þ', 'th'],
  ['Þ', 'th'],
  ['ð', 'd'],
  ['Ð', 'd'],
]

/** Words of letters and digits that every keyboard has. */
const PLAIN = /^[a-z\d]+(?:[ -][a-z\d]+)*$/i

/** Empty where the name has no letter or digit that could be written. */
export function slugOf(name: string): string {
  if (PLAIN.test(name)) return name.toLowerCase().replaceAll(' ', '-')
  // Loaded when somebody needs it: its table of the world's letters takes 7 MB.
  const { default: slugify } =
    require('@sindresorhus/slugify') as typeof import('@sindresorhus/slugify')
  return slugify(name.replaceAll(/['’]/g, ' '), {
    decamelize: false,
    customReplacements: WORDS.map(([from, to]) => [from, to]),
  })
}
