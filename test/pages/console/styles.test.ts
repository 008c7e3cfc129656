/** The styles of all pages are one sheet: what one page calls so must not be what another one draws otherwise. */
import { Glob } from 'bun'
import { expect, test } from 'bun:test'

const FOLDER = 'src/pages/console'

/** The classes that rules at the beginning of a line begin with: `.diff .path` is `diff`'s. */
async function listClasses(file: string): Promise<Set<string>> {
  const text = await Bun.file(`${FOLDER}/${file}`).text()
  return new Set(Array.from(text.matchAll(/^\.([a-z][\w-]*)/gm), ([, name]) => name!))
}

test('every class belongs to one sheet', async () => {
  const owners = new Map<string, string[]>()
  for await (const file of new Glob('**/*.css').scan(FOLDER))
    for (const name of await listClasses(file))
      owners.getOrInsertComputed(name, () => []).push(file)
  expect(owners.size).toBeGreaterThan(50)
  expect([...owners].filter(([, files]) => files.length > 1)).toEqual([])
})
