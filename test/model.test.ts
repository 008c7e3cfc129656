/**
 * A model of channels, members, users, cached events and counts as plain maps, and seeded random walks
 * over several sockets of the real server: after every walk both must agree, and so must everything
 * that was announced.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import fc from 'fast-check'
import type { UserId } from '../src/core/types'
import { PATIENCE_MS, start, twoServers, type RawClient, type TestServer } from './harness'

/** Sixty walks take seconds where the machine is busy. */
setDefaultTimeout(30_000)

const CHANNELS = ['room', 'cache-room', 'private-room', 'presence-a', 'presence-b'] as const
const USERS = ['ann', 'bob', 'cid'] as const
const SOCKETS = 5

type Step =
  | { type: 'subscribe'; socket: number; channel: string; user: string }
  | { type: 'refused'; socket: number; channel: string }
  | { type: 'unsubscribe'; socket: number; channel: string }
  | { type: 'signin'; socket: number; user: string }
  | { type: 'publish'; socket: number; channel: string }
  | { type: 'close'; socket: number }

const socket = fc.nat({ max: SOCKETS - 1 })
const channel = fc.constantFrom(...CHANNELS)
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        type: fc.constant('subscribe' as const),
        socket,
        channel,
        user: fc.constantFrom(...USERS),
      }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('refused' as const), socket, channel }) },
    {
      weight: 4,
      arbitrary: fc.record({ type: fc.constant('unsubscribe' as const), socket, channel }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        type: fc.constant('signin' as const),
        socket,
        user: fc.constantFrom(...USERS),
      }),
    },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('publish' as const), socket, channel }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('close' as const), socket }) },
  ),
  { minLength: 10, maxLength: 40 },
)

/** Who is where: socket number to user, per channel. Also predicts the facts. */
class Model {
  readonly channels = new Map<string, Map<number, string | undefined>>()
  readonly users = new Map<number, string>()
  readonly cached = new Set<string>()
  /** Cache channels that somebody has found empty since they were occupied. */
  readonly missed = new Set<string>()
  readonly facts: string[] = []

  subscribe(socket: number, channel: string, user: string): void {
    const inside = this.channels.get(channel) ?? new Map<number, string | undefined>()
    if (inside.has(socket)) return
    if (channel.startsWith('cache-') && !this.cached.has(channel) && !this.missed.has(channel))
      this.facts.push(`cache_miss ${channel}`)
    if (channel.startsWith('cache-') && !this.cached.has(channel)) this.missed.add(channel)
    if (inside.size === 0) this.facts.push(`channel_occupied ${channel}`)
    const member = channel.startsWith('presence-') ? user : undefined
    if (!member) this.facts.push(`subscription_count ${channel}`)
    if (member && ![...inside.values()].includes(member)) this.facts.push(`member_added ${channel}`)
    inside.set(socket, member)
    this.channels.set(channel, inside)
  }

  unsubscribe(socket: number, channel: string): void {
    const inside = this.channels.get(channel)
    if (!inside?.has(socket)) return
    const member = inside.get(socket)
    inside.delete(socket)
    if (member && ![...inside.values()].includes(member))
      this.facts.push(`member_removed ${channel}`)
    if (!member) this.facts.push(`subscription_count ${channel}`)
    if (inside.size > 0) return
    this.facts.push(`channel_vacated ${channel}`)
    this.channels.delete(channel)
    this.missed.delete(channel)
  }

  /** The order in which a connection's channels are left is that in which it entered them. */
  close(socket: number, entered: readonly string[]): void {
    for (const channel of entered) this.unsubscribe(socket, channel)
    this.users.delete(socket)
  }

  /** The first identity of a connection is its last. */
  signin(socket: number, user: string): void {
    if (!this.users.has(socket)) this.users.set(socket, user)
  }

  online(): Record<string, number> {
    return Object.fromEntries(
      USERS.map((user) => [user, [...this.users.values()].filter((id) => id === user).length]),
    )
  }

  summary(): Record<string, { subscriptions: number; users: string[] }> {
    return Object.fromEntries(
      [...this.channels].map(([name, inside]) => [
        name,
        {
          subscriptions: inside.size,
          users: [...new Set(inside.values())].filter((user) => user !== undefined).sort(),
        },
      ]),
    )
  }
}

/** A slot for sockets that come and go; remembers in which order it entered its channels. */
type Slot = { client: RawClient; entered: string[] }

async function perform(server: TestServer, slots: Slot[], model: Model, step: Step): Promise<void> {
  const slot = slots[step.socket]!
  const { client } = slot
  switch (step.type) {
    case 'subscribe': {
      const { channel, user } = step
      const data = channel.startsWith('presence-') ? JSON.stringify({ user_id: user }) : undefined
      client.subscribe(
        channel,
        channel.endsWith('room') && channel !== 'private-room'
          ? undefined
          : server.sign(client, channel, data),
        data,
      )
      if (!slot.entered.includes(channel)) slot.entered.push(channel)
      return model.subscribe(step.socket, channel, user)
    }
    case 'refused':
      if (!/^(private|presence)-/.test(step.channel)) return
      return client.subscribe(step.channel, `${server.app.key}:00`, '{"user_id":"eve"}')
    case 'unsubscribe':
      client.send({ event: 'pusher:unsubscribe', data: { channel: step.channel } })
      slot.entered = slot.entered.filter((name) => name !== step.channel)
      return model.unsubscribe(step.socket, step.channel)
    case 'signin':
      server.signin(client, JSON.stringify({ id: step.user }))
      return model.signin(step.socket, step.user)
    case 'publish':
      await server.trigger({ channel: step.channel, name: 'e', data: 'x' })
      if (step.channel.startsWith('cache-')) model.cached.add(step.channel)
      return
    case 'close':
      await waitUntilSettled(client)
      await client[Symbol.asyncDispose]()
      await server.waitForConnections(SOCKETS - 1)
      model.close(step.socket, slot.entered)
      slots[step.socket] = { client: await server.raw(), entered: [] }
  }
}

/** All that the client sent has been acted upon once its ping is answered. */
async function waitUntilSettled(client: RawClient): Promise<void> {
  client.send({ event: 'pusher:ping' })
  while ((await client.nextJson()).event !== 'pusher:pong');
}

async function summaryOf(server: TestServer) {
  const { engine, apps } = server.core
  const app = apps.byId('1')!
  const { names, countsOf } = await engine.channels(app)
  const summaries = Array.from(names, async (name) => {
    const users = (await engine.members(app, name)).map(({ userId }) => userId as string)
    const { subscriptions } = countsOf(name)
    return [name, { subscriptions, users: users.sort() }] as const
  })
  return Object.fromEntries(await Promise.all(summaries))
}

/** Numbers of subscriptions may be a tenth of a second behind. */
async function waitForCounts(server: TestServer, model: Model): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!Bun.deepEquals(await summaryOf(server), model.summary()) && performance.now() < end);
}

function onlineOf({ servers }: TestServer): Record<string, number> {
  const connectionsOf = (user: string) =>
    servers.flatMap(({ core }) => [
      ...core.users.connectionsOf(core.apps.byId('1')!, user as UserId),
    ])
  return Object.fromEntries(USERS.map((user) => [user, connectionsOf(user).length]))
}

test('random walks end where the model does', async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
  console.log(`seed ${seed}`)
  const walk = fc.asyncProperty(steps, async (path) => {
    await using server = await start()
    await server.change({ subscriptionCounts: true })
    const slots: Slot[] = []
    for (let n = 0; n < SOCKETS; n++) slots.push({ client: await server.raw(), entered: [] })
    const model = new Model()
    for (const step of path) {
      await perform(server, slots, model, step)
      await waitUntilSettled(slots[step.socket]!.client)
      await server.settle('messages') // sockets race each other; the model has one order
    }
    await server.settle()
    if (twoServers.redis) await waitForCounts(server, model)
    expect(await summaryOf(server)).toEqual(model.summary())
    expect(onlineOf(server)).toEqual(model.online())
    const facts = server.listFactNames().filter((name) => name.includes(' '))
    expect(inOrder(facts)).toEqual(inOrder(model.facts))
    for (const { client } of slots) await client[Symbol.asyncDispose]()
  })
  const numRuns = twoServers.redis ? 10 : twoServers.areMeant ? 20 : 60
  await fc.assert(walk, { seed, numRuns })
})

/** Facts that the node emits which has caused them; others are written down where Redis is the judge. */
const OWN = new Set(['subscription_count', 'cache_miss'])

/** Over Redis facts of two channels have no order, and none with those that the nodes emit themselves. */
const inOrder = (facts: readonly string[]): unknown =>
  twoServers.redis
    ? Object.groupBy(facts, (name) => {
        const [type = '', channel = ''] = name.split(' ')
        return OWN.has(type) ? name : channel
      })
    : facts
