/** testPlugin() finds a plugin that reaches for what is not its own: what it does, and how it is named. */
import { expect, test } from 'bun:test'
import { allow, definePlugin, type Hooks, type PluginContext } from 'carillon/plugin'
import { testPlugin } from 'carillon/plugin-kit'
import { makePlugin, throwSecret } from '../harness'
import { compute } from './compute'
import { mine } from './mine'

const TOO_LONG_MS = 60

/** Only the first time: the contract calls hooks often. */
function once(run: () => void): () => void {
  let isDone = false
  return () => {
    if (!isDone) run()
    isDone = true
  }
}

const block = () => once(() => compute(TOO_LONG_MS))

/** Blocks behind an `await`, the first time. */
function blockLater(): () => Promise<undefined> {
  const run = block()
  return async () => {
    await Promise.resolve()
    run()
    return undefined
  }
}

const heavy = (locals: () => object) =>
  definePlugin({
    name: 'bad',
    carillon: 1,
    locals,
    setup: () => ({ connected: (conn) => void conn.locals }),
  })

function makeHeavyLocals() {
  const run = block()
  return heavy(() => {
    run()
    return {}
  })
}

const READ_ONLY = 'readonly property'
const BLOCKED = 'plugin blocked the event loop'

type Row = readonly [does: string, hooks: Hooks, says: string]

const HOOKS_THAT_REACH: readonly Row[] = [
  [
    'changes the body of a push',
    { authorizePush: (_, params) => void ((params as { channel: string }).channel = 'other') },
    `authorizePush: plugin failed: Attempted to assign to ${READ_ONLY}`,
  ],
  [
    'lets everybody push',
    { authorizePush: () => allow() },
    'a stranger triggered an event with Bearer x',
  ],
  [
    'vouches for everybody',
    { authenticate: () => allow() },
    'a stranger triggered an event with nothing',
  ],
  [
    'changes a secret',
    { connected: ({ app }) => void ((app!.keys[0] as { secret: string }).secret = 'mine') },
    `connected: plugin failed: Attempted to assign to ${READ_ONLY}`,
  ],
  [
    'changes who signs in',
    { signin: (_, { userData }) => void ((userData as { id: string }).id = 'admin') },
    `signin: plugin failed: Attempted to assign to ${READ_ONLY}`,
  ],
  [
    'changes what a client sends',
    { clientEvent: (_, event) => void ((event as { data: string }).data = '1') },
    `clientEvent: plugin failed: Attempted to assign to ${READ_ONLY}`,
  ],
  [
    'writes headers with a borrowed method',
    { connect: (_, { headers }) => Headers.prototype.set.call(headers, 'a', 'b') as undefined },
    'connect: plugin failed: Can only call Headers.set on instances of Headers',
  ],
  [
    'writes a query with a borrowed method',
    {
      upgrade: (_, { query }) => URLSearchParams.prototype.set.call(query, 'a', 'b') as undefined,
    },
    'upgrade: plugin failed: Can only call URLSearchParams.set on instances of URLSearchParams',
  ],
  [
    'answers with a response where headers are wanted',
    { response: () => new Response() as never },
    'response: plugin failed: answered what is neither an object of headers nor pairs',
  ],
  ['fails for webhooks', { webhook: throwSecret }, 'webhook: plugin failed: secret detail'],
  [
    'fails when an app changes',
    { appChanged: throwSecret },
    'appChanged: plugin failed: secret detail',
  ],
  ['blocks behind an await', { connect: blockLater() }, `connect: ${BLOCKED}`],
  [
    'never starts',
    { start: () => new Promise<void>(() => undefined) },
    'plugin bad: could not start: no answer within 30000 ms',
  ],
  [
    'adds to a class of everybody',
    { start: () => void Object.assign(Array.prototype, { mine: 1 }) },
    'it changed Array.prototype.mine, which everybody in the process uses',
  ],
  [
    'takes the place of a function of everybody',
    { start: () => void (globalThis.fetch = fetch.bind(undefined) as typeof fetch) },
    'it changed globalThis.fetch',
  ],
  [
    'changes a method of everybody',
    { start: () => void (JSON.stringify = String) },
    'it changed JSON.stringify',
  ],
  [
    'changes the environment',
    { start: () => void (process.env['CARILLON_MINE'] = '1') },
    'it changed process.env.CARILLON_MINE',
  ],
  [
    'listens to the process and never stops',
    { start: () => void process.on('SIGUSR2', () => undefined) },
    'it changed the listeners of process for SIGUSR2',
  ],
]

const reasonOf = (testing: Promise<void>): Promise<string> =>
  testing.then(
    () => 'kept',
    (error: Error) => error.message,
  )

test.each(HOOKS_THAT_REACH)('one that %s', async (_, hooks, says) => {
  expect(await reasonOf(testPlugin(makePlugin('bad', hooks)))).toContain(says)
})

type Setup = readonly [does: string, add: (context: PluginContext) => unknown, says: string]

const SETUPS_THAT_REACH: readonly Setup[] = [
  [
    'counts what is no number',
    ({ counter, clock }) => {
      const counted = counter('a', 'b')
      clock.after(0, () => (counted.count += Number.NaN))
    },
    'counter: plugin failed: a cannot be NaN',
  ],
  ['blocks in a timer', ({ clock }) => clock.after(0, block()), `timer: ${BLOCKED}`],
  [
    'blocks in a timer behind an await',
    ({ clock }) => clock.every(1000, blockLater()),
    `timer: ${BLOCKED}`,
  ],
  ['blocks in a route', ({ routes }) => routes.get('/', blockLater()), `routes: ${BLOCKED}`],
]

test.each(SETUPS_THAT_REACH)('one that %s', async (_, add, says) => {
  expect(await reasonOf(testPlugin(mine(add)))).toContain(says)
})

test('one that blocks in its locals', async () => {
  expect(await reasonOf(testPlugin(makeHeavyLocals()))).toContain(`connected: ${BLOCKED}`)
})

test('one that changes what all share, and changes it back, keeps the contract', async () => {
  const { stringify } = JSON
  const noop = (): void => undefined
  const tidy = makePlugin('tidy', {
    start: () => {
      JSON.stringify = stringify.bind(JSON) as typeof JSON.stringify
      process.env['CARILLON_MINE'] = '1'
      process.on('SIGUSR2', noop)
    },
    stop: () => {
      JSON.stringify = stringify
      delete process.env['CARILLON_MINE']
      process.off('SIGUSR2', noop)
    },
  })
  await testPlugin(tidy)
})
