/** The pages of the console, by their addresses after the `#`. */
import { join } from 'node:path'

/** As text: the table imports the pages, which need a browser. */
const TABLE = await Bun.file(join(import.meta.dir, '../../../src/pages/console/pages.ts')).text()

/** `apps/:slug/live` */
export const PATHS = Array.from(TABLE.matchAll(/\bpath: '([^']*)'/g), ([, path]) => path!)

/** The address of a page, its parameters filled in. @throws Error for one that has no value */
export const placeOf = (path: string, values: Readonly<Record<string, string>>): string =>
  path.replace(/:(\w+)/g, (_, name: string) => {
    const value = values[name]
    if (value === undefined) throw new Error(`There is no ${name} for the page ${path}`)
    return encodeURIComponent(value)
  })
