/**
 * `bun run bench autocannon`: the commands that a sceptic would run against a server, signatures
 * included. What is printed works for ten minutes, as long as a signature does; `--run` runs it,
 * signed a moment before, against a server of its own or the one that is named.
 */
import { UsageError } from './lib/command-line'
import { makeBatchBody, makeEventBody } from './lib/events'
import { startServer } from './lib/processes'
import { parsePeer, ROOT, type Peer } from './lib/sides'
import { signRead, makeTargetSigner } from './lib/signing'

const USUAL = 'http://127.0.0.1:6001'
const DATA_BYTES = 100
const CHANNELS = Array.from({ length: 10 }, (_, index) => `bench-${index}`)
const CANNON = 'bun x --bun autocannon'
const USUAL_SHOTS = '-c 8 -d 10'

type Request = { readonly about: string; readonly path: string; readonly body?: string }

const data = 'x'.repeat(DATA_BYTES)
const REQUESTS: readonly Request[] = [
  { about: 'one event on one channel', path: '/events', body: makeEventBody(['bench'], data) },
  { about: 'one event on ten channels', path: '/events', body: makeEventBody(CHANNELS, data) },
  { about: 'ten events in a batch', path: '/batch_events', body: makeBatchBody(CHANNELS, data) },
  { about: 'the list of occupied channels', path: '/channels' },
]

type AutocannonOptions = {
  readonly run: boolean
  readonly shots: string
  readonly url: string | undefined
}

/** Runs or prints the commands. The URL may have id, key and secret, as that of `--peer`. Returns the failures. */
export async function runAutocannon(given: readonly string[]): Promise<readonly string[]> {
  const { run, shots, url } = parseOptions(given)
  if (run && url === undefined) {
    await using server = await startServer('carillon')
    return await shootAll(server.peer, shots)
  }
  const peer = parsePeer(url ?? USUAL)
  if (run) return await shootAll(peer, shots)
  console.log(REQUESTS.map((request) => commandFor(peer, request, shots)).join('\n\n'))
  return []
}

/** @throws UsageError */
function parseOptions(given: readonly string[]): AutocannonOptions {
  const at = given.indexOf('--requests')
  const count = at < 0 ? undefined : given[at + 1]
  if (at >= 0 && !/^[1-9]\d{0,6}$/.test(count ?? ''))
    throw new UsageError('--requests expects a whole number from 1 to 9999999')
  const rest = given.filter(
    (arg, index) => arg !== '--run' && (at < 0 || index < at || index > at + 1),
  )
  const [url, more] = rest
  if (more !== undefined || url?.startsWith('-'))
    throw new UsageError('autocannon expects [--run] [--requests N] [URL]')
  const shots = count === undefined ? USUAL_SHOTS : `-c 1 -a ${count}`
  return { run: given.includes('--run'), shots, url }
}

/** Runs all requests, one after the other. Returns those that were not all answered with 2xx. */
async function shootAll(peer: Peer, shots: string): Promise<readonly string[]> {
  const failures: string[] = []
  for (const request of REQUESTS) {
    const command = commandFor(peer, request, shots)
    console.log(command)
    const shell = Bun.spawn(['sh', '-c', command], { cwd: ROOT, stdout: 'inherit', stderr: 'pipe' })
    const output = await new Response(shell.stderr).text()
    console.log(output)
    if (!isWhole(await shell.exited, output))
      failures.push(`${request.about}: not all was answered with 2xx`)
  }
  return failures
}

/** True where all answers were 2xx: by the output, since autocannon exits with 0 whatever they were. */
export const isWhole = (code: number, output: string): boolean =>
  code === 0 && output.includes(' requests in ') && !/non 2xx|errors/.test(output)

/** The command, with a comment above it; it can be pasted as it is. */
function commandFor(peer: Peer, { about, path, body }: Request, shots: string): string {
  const origin = `http://${peer.host}:${peer.port}`
  const what =
    body === undefined
      ? `'${origin}${signRead(peer.app, path)}'`
      : `-m POST -H 'content-type: application/json' -b '${body}' '${origin}${makeTargetSigner(peer.app, path)(body)}'`
  return `# ${about}; signed until ${formatExpiry()}\n${CANNON} ${shots} ${what}`
}

const VALID_MS = 600_000
const formatExpiry = (): string => new Date(Date.now() + VALID_MS).toTimeString().slice(0, 8)
