/**
 * `bun run bench soak --minutes N --seed S --connections C`: churn by six ways, a process that stands still, clocks
 * that jump, thousands of connections that come and go, `kill -9`. It has no figures: it fails when
 * a message is lost, repeated or out of order, when an app is forgotten, when somebody who has left
 * is still there, or when the heap grows.
 */
import { UsageError } from './lib/command-line'
import { makeChance } from './soaking/random'
import { Trial } from './soaking/trial'

const HOUR_MS = 3_600_000
const MIB = 1024 * 1024
/** What code that is compiled late and lists that have grown once may take. */
const GROWTH_BYTES = 4 * MIB
const SHOWN = 20

type Disturbance = { readonly name: string; readonly make: (trial: Trial) => unknown }

/** What happens to a server, one after the other, with churn between. */
const makeDisturbances = (connections: number): readonly Disturbance[] => [
  { name: 'stands still for two seconds', make: (trial) => trial.stop(2000) },
  { name: 'its clock jumps an hour ahead', make: (trial) => trial.jump(HOUR_MS) },
  { name: 'its clock jumps two hours back', make: (trial) => trial.jump(-HOUR_MS) },
  { name: 'its clock is right again', make: (trial) => trial.jump(0) },
  { name: `${connections} connections come and go`, make: (trial) => trial.cycle(connections) },
]

/** How long there is churn between two disturbances, at the most. */
const CHURN_MS = 10_000

export async function runSoak(args: readonly string[]): Promise<readonly string[]> {
  const { minutes, seed, connections } = parseOptions(args)
  const disturbances = makeDisturbances(connections)
  const endsAt = performance.now() + minutes * 60_000
  const churnMs = Math.min(CHURN_MS, (minutes * 60_000) / (3 * disturbances.length))
  await using trial = new Trial(makeChance(seed))
  console.log(`seed ${seed}`)
  let processes = 0
  await trial.start()
  do {
    const growth = await measureGrowth(trial, { churnMs, connections, disturbances })
    if (growth > GROWTH_BYTES) trial.fault('leaked', `${growth} bytes of heap`)
    trial.begin()
    await Bun.sleep((churnMs * (1 + trial.chance.below(100))) / 100)
    await trial.kill()
    await trial.start()
    const { lives, triggers, deliveries, apps, faults } = trial
    console.log(
      `process ${++processes}: ${lives} lives, ${triggers} numbers, ${deliveries} heard, ${apps} apps, ` +
        `the heap grew by ${Math.round(growth / 1024)} KiB, ${faults.length} faults`,
    )
  } while (performance.now() < endsAt && trial.faults.length === 0)
  return trial.faults.slice(0, SHOWN).map(({ kind, about }) => `${kind}: ${about}`)
}

type Plan = {
  readonly churnMs: number
  readonly connections: number
  readonly disturbances: readonly Disturbance[]
}

/** By how many bytes the heap is larger when everybody has left than when everybody had the first time. */
async function measureGrowth(trial: Trial, plan: Plan): Promise<number> {
  const { churnMs, connections, disturbances } = plan
  trial.begin()
  trial.cycle(connections)
  await Bun.sleep(churnMs)
  await trial.calm()
  const before = trial.heap()
  trial.begin()
  for (const { name, make } of disturbances) {
    await make(trial)
    await Bun.sleep(churnMs)
    if (trial.faults.length > 0) {
      trial.fault(trial.faults[0]!.kind, `the last that happened to the server: ${name}`)
      break
    }
  }
  await trial.calm()
  return trial.heap() - before
}

type SoakOptions = {
  readonly minutes: number
  readonly seed: number
  /** That come and go at once. */
  readonly connections: number
}

const NUMBERS: Readonly<Record<string, keyof SoakOptions>> = {
  '--minutes': 'minutes',
  '--seed': 'seed',
  '--connections': 'connections',
}

/** @throws UsageError */
function parseOptions(args: readonly string[]): SoakOptions {
  const options = { minutes: 5, seed: Date.now() % 1_000_000, connections: 5000 }
  for (let at = 0; at < args.length; at += 2) {
    const name = NUMBERS[args[at]!]
    const value = Number(args[at + 1])
    if (!name || !(value > 0))
      throw new UsageError('soak takes --minutes N, --seed N and --connections N')
    options[name] = value
  }
  return options
}
