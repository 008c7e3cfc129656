/**
 * Redis for tests, started by them: a single one, a cluster of masters, or a master with a replica and a Sentinel. No
 * other port than those that were found free is touched.
 */
import { findFreePort } from '../../bench/lib/processes'
import { waitUntil } from '../harness'
import {
  findRedisPrograms,
  RedisProcess,
  type ProcessOptions,
  type RedisProgram,
} from './redis-process'

export { findRedisPrograms, type RedisProgram } from './redis-process'

export type RedisOptions = {
  /** The first that is installed, if absent. */
  readonly program?: RedisProgram
  /** So many masters that share the slots. */
  readonly cluster?: number
  /** A master and a replica, watched by one Sentinel. */
  readonly sentinel?: boolean
  readonly tls?: boolean
  /** Users as `ACL SETUSER` has them: `carillon on >secret ~carillon:* ...`. */
  readonly acl?: readonly string[]
  /** Every write is on disk before it is answered; a restart with data otherwise saves them first. */
  readonly persistent?: boolean
  /** Of the default user. */
  readonly password?: string
}

/** What Sentinel calls the master. */
export const MASTER_NAME = 'carillon'

/** After so long without an answer Sentinel and the masters of a cluster take one for dead. */
const DEAD_AFTER_MS = 1000

/** Starts Redis. @throws Error where neither Redis nor Valkey is installed */
export async function startRedis(options: RedisOptions = {}): Promise<TestRedis> {
  const program = options.program ?? findRedisPrograms()[0]
  if (!program) throw new Error('redis-server is not installed: apt-get install redis-server')
  const { cluster, sentinel, acl = [], tls = false, persistent = false, password } = options
  const users = acl.map((user) => `user ${user}`)
  const common = { program, tls, persistent, password }
  if (cluster !== undefined) return startCluster({ ...common, lines: users }, cluster, options)
  const master = new RedisProcess({ ...common, lines: users })
  await master.start()
  if (!sentinel) return new TestRedis([master], undefined, options)
  const replica = new RedisProcess({
    ...common,
    lines: [...users, `replicaof 127.0.0.1 ${master.port}`],
  })
  await replica.start()
  await waitFor('the sync', replica, ['info', 'replication'], 'master_link_status:up')
  const watch = new RedisProcess({ program, isSentinel: true, lines: watchLines(master, password) })
  await watch.start()
  await watch.cli('sentinel', 'debug', 'info-period', '200')
  await waitFor('the replica', watch, ['sentinel', 'replicas', MASTER_NAME], String(replica.port))
  return new TestRedis([master, replica], watch, options)
}

const watchLines = ({ port }: RedisProcess, password: string | undefined): readonly string[] => [
  `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${port} 1`,
  `sentinel down-after-milliseconds ${MASTER_NAME} ${DEAD_AFTER_MS}`,
  `sentinel failover-timeout ${MASTER_NAME} ${DEAD_AFTER_MS * 3}`,
  ...(password === undefined ? [] : [`sentinel auth-pass ${MASTER_NAME} ${password}`]),
]

const SLOTS = 16_384

async function startCluster(
  common: ProcessOptions,
  count: number,
  options: RedisOptions,
): Promise<TestRedis> {
  const masters = Array.from({ length: count }, () => {
    const bus = findFreePort()
    const lines = ['cluster-enabled yes', `cluster-port ${bus}`]
    if (common.tls) lines.push('tls-cluster yes')
    lines.push(`cluster-node-timeout ${DEAD_AFTER_MS}`, ...(common.lines ?? []))
    return { bus, process: new RedisProcess({ ...common, lines }) }
  })
  await Promise.all(masters.map(({ process }) => process.start()))
  const [first, ...others] = masters
  const share = Math.ceil(SLOTS / count)
  for (const [index, { process }] of masters.entries()) {
    const [from, to] = [index * share, Math.min(SLOTS, (index + 1) * share) - 1]
    await process.cli('cluster', 'addslotsrange', String(from), String(to))
  }
  for (const { process, bus } of others)
    await first!.process.cli('cluster', 'meet', '127.0.0.1', String(process.port), String(bus))
  for (const { process } of masters) {
    await waitFor('the slots', process, ['cluster', 'info'], `cluster_slots_ok:${SLOTS}`)
    await waitFor('the cluster', process, ['cluster', 'info'], 'cluster_state:ok')
  }
  const processes = masters.map(({ process }) => process)
  return new TestRedis(processes, undefined, options)
}

/** Asks until the answer has a text. */
async function waitFor(
  what: string,
  process: RedisProcess,
  command: readonly string[],
  text: string,
): Promise<void> {
  let isThere = false
  let isAsking = false
  await waitUntil(`${what} of port ${process.port} is there`, () => {
    if (isAsking || isThere) return isThere
    isAsking = true
    const look = (answer: string) => (isThere = answer.includes(text))
    void process
      .cli(...command)
      .then(look, () => false)
      .finally(() => (isAsking = false))
    return false
  })
}

export type RestartOptions = { readonly keepData: boolean }

/** What was started. With more than one process, `index` says which is meant: the masters, or master and replica. */
export class TestRedis {
  constructor(
    readonly processes: readonly RedisProcess[],
    readonly sentinel: RedisProcess | undefined,
    readonly options: RedisOptions,
  ) {}

  get ports(): readonly number[] {
    return this.processes.map(({ port }) => port)
  }

  get port(): number {
    return this.processes[0]!.port
  }

  /** As CARILLON_REDIS_URL has it, with the password of the default user. */
  get url(): string {
    if (this.options.cluster !== undefined) return this.#urlOf('+cluster', this.ports)
    if (this.sentinel) return `${this.#urlOf('+sentinel', [this.sentinel.port])}/${MASTER_NAME}`
    return this.urlAt(this.port)
  }

  /** The same by way of another port, of a proxy for example. */
  urlAt(port: number): string {
    return this.#urlOf('', [port])
  }

  #urlOf(kind: string, ports: readonly number[]): string {
    const { tls, password } = this.options
    const user = password === undefined ? '' : `:${encodeURIComponent(password)}@`
    const addresses = ports.map((port) => `127.0.0.1:${port}`)
    return `redis${tls ? 's' : ''}${kind}://${user}${addresses.join(',')}`
  }

  at(index: number): RedisProcess {
    const process = this.processes[index]
    if (!process) throw new Error(`there is no Redis ${index}`)
    return process
  }

  /** Runs `redis-cli` against the first. @throws Error for what Redis refuses */
  cli(...args: string[]): Promise<string> {
    return this.at(0).cli(...args)
  }

  /** Kills it, as a crash does: what is not on disk is lost. */
  stop(index = 0): Promise<void> {
    return this.at(index).kill()
  }

  /** Starts again what was stopped, with what it has on disk. */
  start(index = 0): Promise<void> {
    return this.at(index).start()
  }

  /** Kills it and starts it again on its port, with all its data or with none. */
  async restart({ keepData }: RestartOptions, index = 0): Promise<void> {
    const process = this.at(index)
    if (keepData && !this.options.persistent) await process.cli('save')
    if (!keepData) await process.cli('flushall')
    if (!keepData && !this.options.persistent) await process.cli('save')
    await process.kill()
    await process.start()
  }

  /** Stands still until `resume`, its connections open: it answers nobody. */
  pause(index = 0): void {
    this.at(index).pause()
  }

  resume(index = 0): void {
    this.at(index).resume()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...(this.sentinel ? [this.sentinel] : []), ...this.processes]
    for (const process of all) await process[Symbol.asyncDispose]()
  }
}
