/** Reads a Dockerfile: the instructions that ours has, and none else. Source: the reference of Dockerfiles. */

export type Step =
  | { readonly kind: 'workdir'; readonly path: string }
  | {
      readonly kind: 'copy'
      readonly from: string | undefined
      readonly chown: string | undefined
      readonly sources: readonly string[]
      readonly to: string
    }
  | { readonly kind: 'run'; readonly script: string }

/** What the last stage says of how the image is started. */
export type Facts = {
  user?: string
  stopSignal?: string
  readonly env: Record<string, string>
  readonly ports: number[]
  readonly volumes: string[]
  entrypoint?: readonly string[]
  health?: { readonly flags: ReadonlyMap<string, string>; readonly command: readonly string[] }
}

export type Stage = {
  readonly base: string
  readonly name: string | undefined
  readonly steps: Step[]
  readonly facts: Facts
}

/** Instructions on one line each, without comments. */
function linesOf(text: string): string[] {
  const kept = text.split('\n').filter((line) => !line.startsWith('#'))
  return kept
    .join('\n')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
}

/** `["a", "b"]`: without a shell. */
function words(text: string): readonly string[] {
  const found: unknown = JSON.parse(text)
  if (Array.isArray(found) && found.every((each) => typeof each === 'string')) return found
  throw new Error(`${text} is no list of words`)
}

/** `--name=value` in front, and the rest. */
function flagsOf(text: string) {
  const flags = new Map<string, string>()
  let rest = text
  for (let found; (found = /^--([\w-]+)=(\S+)\s+/.exec(rest)); rest = rest.slice(found[0].length))
    flags.set(found[1]!, found[2]!)
  return { flags, rest }
}

type Reader = (stage: Stage, text: string) => void

const READERS: Readonly<Record<string, Reader>> = {
  WORKDIR: ({ steps }, path) => void steps.push({ kind: 'workdir', path }),
  RUN: ({ steps }, script) => void steps.push({ kind: 'run', script }),
  COPY: ({ steps }, text) => {
    const { flags, rest } = flagsOf(text)
    const paths = rest.split(/\s+/)
    const to = paths.pop()!
    const [from, chown] = [flags.get('from'), flags.get('chown')]
    steps.push({ kind: 'copy', from, chown, sources: paths, to })
  },
  USER: ({ facts }, user) => void (facts.user = user),
  ENV: ({ facts }, text) => {
    for (const pair of text.split(/\s+/)) {
      const [, name, value] = /^(\w+)=(\S*)$/.exec(pair) ?? []
      if (name === undefined || value === undefined) throw new Error(`ENV ${pair}`)
      facts.env[name] = value
    }
  },
  EXPOSE: ({ facts }, text) => void facts.ports.push(...text.split(/\s+/).map(Number)),
  VOLUME: ({ facts }, text) => void facts.volumes.push(...words(text)),
  STOPSIGNAL: ({ facts }, signal) => void (facts.stopSignal = signal),
  ENTRYPOINT: ({ facts }, text) => void (facts.entrypoint = words(text)),
  HEALTHCHECK: ({ facts }, text) => {
    const { flags, rest } = flagsOf(text)
    if (!rest.startsWith('CMD ')) throw new Error(`HEALTHCHECK ${rest}`)
    facts.health = { flags, command: words(rest.slice('CMD '.length)) }
  },
}

/** @throws Error for an instruction that it does not know */
export function readDockerfile(text: string): readonly Stage[] {
  const stages: Stage[] = []
  for (const line of linesOf(text)) {
    const [, instruction = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? []
    if (instruction === 'FROM') {
      const [, base = '', name] = /^(\S+)(?: AS (\S+))?$/.exec(rest) ?? []
      stages.push({ base, name, steps: [], facts: { env: {}, ports: [], volumes: [] } })
      continue
    }
    const [stage, read] = [stages.at(-1), READERS[instruction]]
    if (!stage || !read) throw new Error(`${line}: what is ${instruction}?`)
    read(stage, rest)
  }
  return stages
}

/** Whether a file of the checkout gets to the builder: the last line of `.dockerignore` that fits decides. */
export function isInContext(ignore: string, path: string): boolean {
  let isIn = true
  for (const line of ignore.split('\n').filter((each) => each !== '' && !each.startsWith('#'))) {
    const pattern = line.replace(/^!/, '')
    const parents = path.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'))
    if (parents.some((each) => new Bun.Glob(pattern).match(each))) isIn = line.startsWith('!')
  }
  return isIn
}
