/** What tests of workers share. */
import { blocksOf, readPage } from '../../docs/pages'
import { BUILT, Executable } from '../../built'
import type { TestRedis } from '../../redis/redis'
import type { Place } from './takeovers'

type Line = {
  readonly msg: string
  readonly worker?: number
  readonly pids?: readonly number[]
  readonly connections?: number
}

/** The program with its log among what it prints. */
export class Workers extends Executable {
  constructor(env: Record<string, string>) {
    super(env, { command: ['sh', '-c', `exec '${BUILT}' 2>&1`] })
  }

  /** Lines of the log until now. */
  get lines(): readonly Line[] {
    const whole = this.text.slice(0, this.text.lastIndexOf('\n') + 1)
    const lines = whole.split('\n').filter((line) => line.startsWith('{'))
    return lines.map((line) => JSON.parse(line) as Line)
  }

  /** Resolves with the line once there are so many with this message. */
  async logged(msg: string, count = 1): Promise<Line> {
    const found = () => this.lines.filter((line) => line.msg === msg)
    await this.waitUntilPrinted(`the log has ${msg}`, () => found().length >= count)
    return found().at(-1)!
  }

  /** Resolves with the port, and the pids of the workers, once all listen. */
  async waitUntilAllListen() {
    const { pids = [] } = await this.logged('all workers listen')
    return { port: await this.waitUntilListening(), pids }
  }
}

const [block] = blocksOf(await readPage('docs/scaling.md')).filter(({ code }) =>
  code.startsWith('CARILLON_WORKERS='),
)
/** The settings of the page, but for their values. */
const settings = Object.fromEntries(
  Array.from(block!.code.matchAll(/(\w+)=(\S+)/g), ([, name, value]) => [name!, value!]),
)

/** Workers of a place, on a port that is free. */
export const workersOf = (place: Place, redis: TestRedis, count: number) => ({
  ...settings,
  ...place.env,
  PORT: '0',
  CARILLON_DRAIN_SECONDS: '0',
  CARILLON_WEBHOOK_SETTLE_MS: '0',
  CARILLON_WORKERS: String(count),
  CARILLON_REDIS_URL: redis.url,
})
