/**
 * Processes of a play: a fresh server, and a load that talks to it. The server gets one CPU and
 * the load another (`pinning.ts`); neither outlives the play or the bench.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Subprocess } from 'bun'
import { INSTALLED } from './installed'
import type { LoadOrder } from './load'
import { pinCommand, type Role } from './pinning'
import type { Outcome } from './question'
import { removeScratch, makeScratch } from './scratch'
import { HOST, ROOT, findSide, type Launch, type Peer, type Side, type SideRow } from './sides'

type Running = Subprocess<'ignore', 'ignore' | 'pipe', 'inherit' | 'ignore'>

export type BenchServer = AsyncDisposable & { readonly peer: Peer }

const LOADS = join(import.meta.dir, '../loads')
const METERS = join(import.meta.dir, '../servers')

const READY_MS = 20_000
const POLL_MS = 10
const ANSWER_MS = 2000
/** Connecting, settling and the end of a load, on top of what it measures. */
const LOAD_GRACE_MS = 120_000

const running = new Set<Running>()
const groups = new Set<Subprocess>()

/** A terminal that is closed hangs up. */
const SIGNALS = [
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const

/** No process and no folder of the bench survives it; `reined` is for when it is killed itself. */
export function endWithBench(): void {
  process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')))
  process.on('exit', () => groups.forEach((child) => child.kill('SIGTERM')))
  process.on('exit', removeScratch)
  for (const [signal, code] of SIGNALS) process.on(signal, () => process.exit(code))
}

export type Meter = 'heap' | 'turns' | 'soak'

export type ServerOptions = {
  /** Settings on top of the side's own. */
  readonly env?: Readonly<Record<string, string>>
  /** The meter that it is started with: `servers/heap.ts`, `turns.ts` or `soak.ts`. */
  readonly meter?: Meter
  /** Where the webhooks of a server with a configuration file go. */
  readonly webhookUrl?: string
  /** True where its CPU time and memory are not measured: not every system has them. */
  readonly isUnmeasured?: true
}

/**
 * Starts what a side is: one server, or several that are one, with their Redis. Requests go to the first, which has the
 * CPU of a server; the others are beside the load, as on machines of their own: on one CPU each would wait for the
 * others' turns, milliseconds an event, and that would be measured.
 * @throws Error when one does not answer in time
 */
export async function startServer(side: Side, options: ServerOptions = {}): Promise<BenchServer> {
  const { launch: launchOf, running: peer, nodes } = findSide(side)
  if (!launchOf) return { peer: peer!, [Symbol.asyncDispose]: () => Promise.resolve() }
  if (nodes === undefined) return startNode(side, launchOf, options, { role: 'server' })
  await using stack = new AsyncDisposableStack()
  const redis = stack.use(await startRedis())
  const started: BenchServer[] = []
  for (let left = nodes; left > 0; left--) {
    const role = started.length === 0 ? 'server' : 'load'
    started.push(
      stack.use(await startNode(side, launchOf, options, { role, redisPort: redis.port })),
    )
  }
  const [first, ...others] = started.map((each) => each.peer)
  const kept = stack.move()
  return { peer: { ...first!, others }, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

async function startNode(
  side: Side,
  launchOf: NonNullable<SideRow['launch']>,
  options: ServerOptions,
  { role, redisPort }: { readonly role: Role; readonly redisPort?: number },
): Promise<BenchServer> {
  const { app, protocol, isTls, workers = 1 } = findSide(side)
  const port = findFreePort()
  const folder = makeScratch()
  const meter = side in INSTALLED ? undefined : options.meter
  const meterFile = meter && join(folder.path, meter)
  const child = launchServer(launchOf(port, { webhookUrl: options.webhookUrl, redisPort }), {
    folder: folder.path,
    role,
    meter,
    env: options.env ?? {},
  })
  await waitUntilUp(port, child, isTls)
  const [pid, ...others] = workers > 1 ? await findWorkers(child.pid, workers, port) : [child.pid]
  const peer: Peer = {
    host: HOST,
    port,
    pid: options.isUnmeasured ? undefined : pid,
    app,
    protocol,
    ...(isTls && { isTls }),
    meterFile,
  }
  return {
    peer:
      others.length > 0
        ? { ...peer, others: others.map((each) => ({ ...peer, pid: each })) }
        : peer,
    async [Symbol.asyncDispose]() {
      await end(child)
      for (const each of workers > 1 ? [pid!, ...others] : []) kill(each)
      folder[Symbol.dispose]()
    },
  }
}

/** Workers would leave by themselves, and take their time. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // ESRCH: it has ended
  }
}

/** The processes of a parent, once so many listen on its port. */
async function findWorkers(parent: number, count: number, port: number): Promise<number[]> {
  const listener = new RegExp(`:${port.toString(16).toUpperCase().padStart(4, '0')} \\S+ 0A `, 'g')
  const deadline = performance.now() + READY_MS
  while ((readFileSync('/proc/net/tcp', 'utf8').match(listener)?.length ?? 0) < count) {
    if (performance.now() > deadline) throw new Error(`no ${count} workers listen on port ${port}`)
    await Bun.sleep(POLL_MS)
  }
  const children = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8')
  return children.trim().split(' ').map(Number)
}

/** A Redis that keeps nothing, on the CPU of the load. @throws Error when it does not answer in time */
async function startRedis(): Promise<AsyncDisposable & { readonly port: number }> {
  const port = findFreePort()
  const command = ['redis-server', '--port', String(port), '--bind', HOST, '--save', '']
  const child = launch('load', command, { stdout: 'ignore', stderr: 'inherit', env: process.env })
  const deadline = performance.now() + READY_MS
  while (!(await acceptsConnections(port))) {
    if (performance.now() > deadline || child.exitCode !== null)
      throw new Error(`redis-server did not answer on port ${port}`)
    await Bun.sleep(POLL_MS)
  }
  return { port, [Symbol.asyncDispose]: () => end(child) }
}

async function acceptsConnections(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: HOST, port, socket: { data() {} } })
    socket.end()
    return true
  } catch {
    return false // ECONNREFUSED: it does not listen yet
  }
}

type Place = {
  readonly folder: string
  readonly role: Role
  readonly meter: Meter | undefined
  readonly env: Readonly<Record<string, string>>
}

function launchServer({ command, env, config }: Launch, place: Place): Running {
  const args = [...command]
  const meter = place.meter && join(place.folder, place.meter)
  if (args[0] === process.execPath && place.meter)
    args.splice(1, 0, '--preload', join(METERS, `${place.meter}.ts`))
  if (config !== undefined) {
    const file = join(place.folder, 'config.json')
    writeFileSync(file, JSON.stringify(config))
    args.push(`--config=${file}`)
  }
  const { PATH, HOME } = process.env
  const whole = { PATH, HOME, ...env, ...place.env, ...(meter && { BENCH_METER: meter }) }
  const isOurs = args[0] === process.execPath
  return launch(place.role, args, {
    stdout: 'ignore',
    stderr: isOurs ? 'inherit' : 'ignore', // others greet and warn
    env: whole,
  })
}

/** @throws Error when the load fails or takes too long */
export async function runLoad(
  script: string,
  order: LoadOrder<unknown>,
  onProgress: ((perSecond: number) => void) | undefined,
): Promise<Outcome> {
  const timeout = (order.warmUpSeconds + order.seconds) * 1000 + LOAD_GRACE_MS
  const command = [process.execPath, '--no-env-file', join(LOADS, script), JSON.stringify(order)]
  const child = launch('load', command, {
    stdout: 'pipe',
    stderr: 'inherit',
    env: process.env,
    timeout,
  })
  const last = await readLastLine(child.stdout, onProgress)
  await child.exited
  running.delete(child)
  if (child.exitCode !== 0)
    throw new Error(`the load ended with ${child.exitCode ?? child.signalCode}`)
  return JSON.parse(last) as Outcome
}

async function readLastLine(
  output: ReadableStream<Uint8Array>,
  onProgress: ((perSecond: number) => void) | undefined,
): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of output) {
    text += decoder.decode(chunk, { stream: true })
    const lines = text.trimEnd().split('\n')
    const rate = Number(lines.at(-1))
    if (Number.isFinite(rate)) onProgress?.(rate)
  }
  return text.trimEnd().split('\n').at(-1) ?? ''
}

type LaunchOptions<Output> = {
  readonly stdout: Output
  readonly stderr: 'inherit' | 'ignore'
  readonly env: Record<string, string | undefined>
  readonly timeout?: number
}

function launch<Output extends 'ignore' | 'pipe'>(
  role: Role,
  command: readonly string[],
  options: LaunchOptions<Output>,
): Subprocess<'ignore', Output, 'inherit' | 'ignore'> {
  const child = Bun.spawn([...reinCommand(), ...pinCommand(role), ...command], {
    cwd: ROOT,
    stdin: 'ignore',
    killSignal: 'SIGKILL',
    ...options,
  })
  running.add(child)
  return child
}

/** No command of a group takes longer than that. */
const GROUP_SECONDS = 300

/**
 * A command that starts others, which no signal to itself would end: `timeout` makes a group of them
 * and hands on to all of it what ends itself, also when the bench is killed.
 */
export function launchGroup(
  command: readonly string[],
  options: { readonly cwd: string; readonly env: Record<string, string | undefined> },
): Subprocess {
  const watch = ['timeout', String(GROUP_SECONDS)]
  const child = Bun.spawn([...reinCommand('TERM'), ...pinCommand('both'), ...watch, ...command], {
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'ignore',
    ...options,
  })
  groups.add(child)
  void child.exited.then(() => groups.delete(child))
  return child
}

async function end(child: Running): Promise<void> {
  child.kill('SIGKILL') // nothing is kept, so nothing needs a goodbye
  await child.exited
  running.delete(child)
}

let canRein: boolean | undefined

/** Tried once, because not every `setpriv` can let the kernel end what has lost its parent. */
export function reinCommand(signal: 'KILL' | 'TERM' = 'KILL'): readonly string[] {
  const rein = ['setpriv', '--pdeathsig', signal]
  canRein ??= Bun.which('setpriv') !== null && Bun.spawnSync([...rein, 'true']).success
  return canRein ? rein : []
}

/**
 * Below the ports that the system gives to those who ask for any: one of these would be free now, and somebody
 * else's before our server has it, who then answers in its place.
 */
const PORTS = { first: 20_000, count: 12_000 }

/** Ports that this process was given; it lets go of none before it ends. */
const claimed = new Set<number>()

/**
 * A port that nobody listens on, and that nobody else who asks here is given while this process runs: between the answer
 * and the server's start is a second in which many processes ask.
 * @throws Error where none is free
 */
export function findFreePort(): number {
  for (let tries = 0; tries < 100; tries++) {
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count)
    if (claimed.has(port) || !isFree(port)) continue
    if (!claimPort(port)) continue
    claimed.add(port)
    return port
  }
  throw new Error('no port is free')
}

/** A name that only one process can have, and that ends with it; other systems than Linux have none such. */
function claimPort(port: number): boolean {
  if (process.platform !== 'linux') return true
  try {
    Bun.listen({ unix: `\0carillon-port-${port}`, socket: { data() {} } }).unref()
    return true
  } catch {
    return false // EADDRINUSE: another process was given it
  }
}

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: HOST, port, socket: { data() {} } }).stop(true)
    return true
  } catch {
    return false // EADDRINUSE
  }
}

async function waitUntilUp(port: number, child: Running, isTls?: true): Promise<void> {
  const deadline = performance.now() + READY_MS
  while (performance.now() < deadline && child.exitCode === null) {
    if (await isUp(port, HOST, isTls)) return
    await Bun.sleep(POLL_MS)
  }
  await end(child)
  throw new Error(`a server did not answer on port ${port}`)
}

/** Any answer will do: not every server has `/up`. */
export async function isUp(port: number, host: string = HOST, isTls?: true): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(ANSWER_MS)
    const tls = { rejectUnauthorized: false } // its authority is a file of the tests
    const scheme = isTls ? 'https' : 'http'
    await fetch(`${scheme}://${host}:${port}/up`, { keepalive: false, signal, tls })
    return true
  } catch {
    return false // ConnectionRefused, or a TimeoutError: it does not listen yet
  }
}
