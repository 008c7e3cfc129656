/** The version wherever it stands, and the changelog, whose `Unreleased` becomes a section of its own. */
import { join } from 'node:path'

/** PLACES: files that name the version, and the text around it, in which VERSION stands for it. */
export const PLACES: readonly (readonly [file: string, text: string])[] = [
  ['package.json', '"version": "VERSION"'],
  ['src/http/openapi-text.ts', "version: 'VERSION'"],
  ['openapi/openapi.json', '"version": "VERSION"'],
  ['plugins/README.md', 'carillon-VERSION.tgz'],
  ['ops/kubernetes.yaml', 'carillon:VERSION'],
]

export const CHANGELOG = 'CHANGELOG.md'

/** Numbers have no leading zeros, those of a pre-release neither: registries refuse them. */
const VERSION =
  /^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}(?:-(?:0|[1-9]\d*|\d*[a-z][\da-z]*)(?:\.(?:0|[1-9]\d*|\d*[a-z][\da-z]*))*)?$/

/** A changelog with the section of a version, what that says, and the day that it names. */
export type Section = { readonly changelog: string; readonly text: string; readonly date: string }

/** What is wrong with a version that is to follow another one; undefined for none. */
export function versionMistake(version: string, current: string): string | undefined {
  if (!VERSION.test(version)) return `${version} is no version like 1.2.3 or 1.2.3-rc.1`
  if (Bun.semver.order(version, current) > 0) return undefined
  return `${version} is not greater than ${current}, which package.json has`
}

/** The section of a version that was written before; undefined where there is none. */
export function findSection(changelog: string, version: string): Section | undefined {
  const heading = new RegExp(`^## ${version.replaceAll('.', String.raw`\.`)} \\((\\S+)\\)\\n`, 'm')
  const [found, date = ''] = heading.exec(changelog) ?? []
  if (found === undefined) return undefined
  return { changelog, text: textAfter(changelog, found), date }
}

/** Makes `Unreleased` the section of a version; undefined where it has no entry. */
export function cutSection(changelog: string, version: string, date: string): Section | undefined {
  const text = textAfter(changelog, '## Unreleased\n')
  if (!/^- /m.test(text)) return undefined
  const heading = `## Unreleased\n\n## ${version} (${date})\n`
  return { changelog: changelog.replace('## Unreleased\n', () => heading), text, date }
}

/** What stands between a heading and the next one of its level. */
function textAfter(changelog: string, heading: string): string {
  const start = changelog.indexOf(heading)
  if (start === -1) return ''
  const [text = ''] = changelog.slice(start + heading.length).split(/^## /m)
  return text.trim()
}

/** Writes a version wherever it stands below a folder. @throws Error for a place that has it no more */
export async function writeVersion(folder: string, from: string, to: string): Promise<void> {
  for (const [file, around] of PLACES) {
    const path = join(folder, file)
    const text = await Bun.file(path).text()
    const [before, after] = [from, to].map((version) => around.replace('VERSION', version))
    if (!text.includes(before!)) throw new Error(`${file} has no ${before}: see PLACES`)
    await Bun.write(path, text.replaceAll(before!, after!))
  }
}
