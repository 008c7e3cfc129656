/**
 * Slugs: the name of an app in its URLs, derived from its name. Symbols become words without spaces
 * around them (`a&b` is `aandb`, `123 hello $%^ world!` is `123-hello-dollar-world`).
 * Spec: phoenix contract 2.3.
 */
const SYMBOLS: readonly (readonly [string, string])[] = [
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
]

/** Words of a-z and digits, which need no table. */
const PLAIN = /^[a-z\d]+(?:[ -][a-z\d]+)*$/i

/** The slug of a name; empty where the name has no letter or digit that a-z and 0-9 can write. */
export function slugOf(name: string): string {
  if (PLAIN.test(name)) return name.toLowerCase().replaceAll(' ', '-')
  // Loaded at first use: its table of the world's letters takes 7 MB.
  const { default: slugify } =
    require('@sindresorhus/slugify') as typeof import('@sindresorhus/slugify')
  return slugify(name.replaceAll(/['’]/g, ' '), {
    decamelize: false,
    locale: 'da', // å is aa, ø is oe
    customReplacements: SYMBOLS.map(([from, to]) => [from, to]),
  })
}
