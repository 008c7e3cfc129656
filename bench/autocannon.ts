/**
 * `bun run bench autocannon`: what a sceptic would type against a server that runs, signatures
 * included. What is printed works for ten minutes, as long as a signature does; `--run` types it,
 * signed a moment before, against a server of its own or the one that is named.
 */
import { UsageError } from './lib/command-line'
import { batchBody, eventBody } from './lib/events'
import { startServer } from './lib/processes'
import { peerAt, ROOT, type Peer } from './lib/sides'
import { signedRead, signedTargets } from './lib/signing'

const USUAL = 'http://127.0.0.1:6001'
const DATA_BYTES = 100
const CHANNELS = Array.from({ length: 10 }, (_, index) => `bench-${index}`)
const CANNON = 'bun x --bun autocannon'
const USUAL_SHOTS = '-c 8 -d 10'

type Request = { readonly about: string; readonly path: string; readonly body?: string }

const data = 'x'.repeat(DATA_BYTES)
const REQUESTS: readonly Request[] = [
  { about: 'one event on one channel', path: '/events', body: eventBody(['bench'], data) },
  { about: 'one event on ten channels', path: '/events', body: eventBody(CHANNELS, data) },
  { about: 'ten events in a batch', path: '/batch_events', body: batchBody(CHANNELS, data) },
  { about: 'the list of occupied channels', path: '/channels' },
]

type Words = { readonly run: boolean; readonly shots: string; readonly url: string | undefined }

/** The URL may say id, key and secret, as `--peer` does. */
export async function autocannon(given: readonly string[]): Promise<readonly string[]> {
  const { run, shots, url } = readWords(given)
  if (run && url === undefined) {
    await using server = await startServer('carillon')
    return await shootAll(server.peer, shots)
  }
  const peer = peerAt(url ?? USUAL)
  if (run) return await shootAll(peer, shots)
  console.log(REQUESTS.map((request) => commandFor(peer, request, shots)).join('\n\n'))
  return []
}

/** @throws UsageError */
function readWords(given: readonly string[]): Words {
  const at = given.indexOf('--requests')
  const count = at < 0 ? undefined : given[at + 1]
  if (at >= 0 && !/^[1-9]\d{0,6}$/.test(count ?? ''))
    throw new UsageError('--requests expects a whole number from 1 to 9999999')
  const rest = given.filter(
    (word, index) => word !== '--run' && (at < 0 || index < at || index > at + 1),
  )
  const [url, more] = rest
  if (more !== undefined || url?.startsWith('-'))
    throw new UsageError('autocannon expects [--run] [--requests N] [URL]')
  const shots = count === undefined ? USUAL_SHOTS : `-c 1 -a ${count}`
  return { run: given.includes('--run'), shots, url }
}

/** One after the other; returns which were not answered with 2xx. */
async function shootAll(peer: Peer, shots: string): Promise<readonly string[]> {
  const failures: string[] = []
  for (const request of REQUESTS) {
    const command = commandFor(peer, request, shots)
    console.log(command)
    const shell = Bun.spawn(['sh', '-c', command], { cwd: ROOT, stdout: 'inherit', stderr: 'pipe' })
    const said = await new Response(shell.stderr).text()
    console.log(said)
    if (!isWhole(await shell.exited, said))
      failures.push(`${request.about}: not all was answered with 2xx`)
  }
  return failures
}

/** By what autocannon says, which ends with 0 whatever the answers were. */
export const isWhole = (code: number, said: string): boolean =>
  code === 0 && said.includes(' requests in ') && !/non 2xx|errors/.test(said)

/** With a comment above it; nothing in it needs quoting by the reader. */
function commandFor(peer: Peer, { about, path, body }: Request, shots: string): string {
  const origin = `http://${peer.host}:${peer.port}`
  const what =
    body === undefined
      ? `'${origin}${signedRead(peer.app, path)}'`
      : `-m POST -H 'content-type: application/json' -b '${body}' '${origin}${signedTargets(peer.app, path)(body)}'`
  return `# ${about}; signed until ${until()}\n${CANNON} ${shots} ${what}`
}

const VALID_MS = 600_000
const until = (): string => new Date(Date.now() + VALID_MS).toTimeString().slice(0, 8)
