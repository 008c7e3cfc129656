/** FAULTS: what goes wrong in a server, and which alerts say so. */
import { spyOn } from 'bun:test'
import { X509Certificate } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SHARD_SIZE } from '../../../src/core/audience'
import { definePlugin } from '../../../src/plugin'
import { makeBasicAuth } from '../../credentials'
import { pretendNodes } from '../../other-nodes'
import { publish } from '../../publish'
import { bearer, makeToken } from '../../tokens'
import { StalledReader } from '../../stalled-reader'
import { passTime, waitUntil, occupy } from '../../webhooks/receiver'
import { throwSecret, type RawClient, type StartOptions, type TestServer } from '../../harness'

export type Fault = {
  readonly name: string
  readonly options?: StartOptions
  /** Its database is a file, of which backups are made every minute. */
  readonly isStored?: true
  /** The alerts that fire at the end, in alphabetical order. */
  readonly alerts: readonly string[]
  /** Begins it. */
  readonly begin?: (server: TestServer) => unknown
  /** Goes on with it, once for each minute. */
  readonly goOn?: (server: TestServer) => unknown
}

const SWEEP_MS = 5000
/** An endpoint at which nobody listens. */
const HOOK = {
  url: 'http://127.0.0.1:9/hook',
  filter: { channel_name_starts_with: 'room' },
}

const failing = definePlugin({
  name: 'failing',
  carillon: 1,
  setup: () => ({ clientEvent: throwSecret }),
})

/** A client that is in a private channel, and publishes there. */
async function publishByClient(server: TestServer): Promise<void> {
  await using client = await server.raw()
  await server.signedIn(client, 'private-room')
  client.send({ event: 'client-e', channel: 'private-room', data: {} })
  await client.next('the refusal')
}

async function connect(server: TestServer, times: number): Promise<void> {
  const path = `/app/${server.app.key}?protocol=7`
  const clients: RawClient[] = []
  for (let n = 0; n < times; n++) clients.push(await server.raw({ path, hello: false }))
  await Promise.all(clients.map((client) => client.next('an answer')))
  for (const client of clients) client.socket.close()
  await Promise.all(clients.map(({ closed }) => closed))
}

/** Clients that stay in the channel. */
async function crowdInto(server: TestServer, channel: string, count: number): Promise<void> {
  const clients = await Promise.all(Array.from({ length: count }, () => server.raw()))
  await Promise.all(clients.map((client) => client.subscribed(channel)))
}

async function stall(server: TestServer): Promise<void> {
  const { key } = server.app
  const data = { channel: 'room' }
  await StalledReader.open({ port: server.port, key, data, until: 'succeeded' })
}

async function logInWrongly(server: TestServer, times: number): Promise<void> {
  const headers = makeBasicAuth('somebody:x')
  for (let n = 0; n < times; n++) await server.http('/api/admin/apps', { headers })
}

const CERT = join(import.meta.dir, '../../tls/first.crt')
const PAIR = { tlsCertFile: CERT, tlsKeyFile: CERT.replace('.crt', '.key') }
const { validToDate } = new X509Certificate(readFileSync(CERT))

export const FAULTS: readonly Fault[] = [
  { name: 'nothing', alerts: [] },
  {
    name: 'nodes that differ, a Redis that is late, and was away',
    alerts: ['CarillonNodeDeaf', 'CarillonNodeLate', 'CarillonNodesDiffer'],
    goOn: (server) => {
      const { deafMs = 0 } = server.core.engine.nodes()[0]!.link ?? {}
      const differences = [{ what: 'plugins', here: 'none', there: 'guardian' }]
      pretendNodes(server, { busLagMs: 1500, deafMs: deafMs + 1000 }, { link: { differences } })
    },
  },
  {
    name: 'nobody renews the certificate',
    // Ten minutes before its last week.
    options: { config: PAIR, now: validToDate.getTime() - (7 * 1440 + 10) * 60_000 },
    alerts: ['CarillonCertificateEnds'],
  },
  {
    name: 'the file of the database is gone',
    isStored: true,
    begin: (server) => {
      rmSync(server.config.databasePath)
      server.advance(SWEEP_MS)
    },
    alerts: ['CarillonInTrouble', 'CarillonNotReady'],
  },
  {
    name: 'a file is in the place of the folder of backups',
    isStored: true,
    begin: ({ config: { backupPath } }) => {
      rmSync(backupPath!, { recursive: true })
      writeFileSync(backupPath!, '')
    },
    goOn: async (server) => {
      const before = server.totals.backupsFailed
      server.advance(60_000)
      await waitUntil('it fails', () => server.totals.backupsFailed > before)
    },
    alerts: ['CarillonBackupOld', 'CarillonBackupsFail'],
  },
  {
    name: 'turns of the fan-out fail',
    begin: async (server) => {
      await crowdInto(server, 'room', 2 * SHARD_SIZE.small)
      spyOn(server.core.hub.topics, 'publish').mockImplementation(throwSecret)
    },
    goOn: (server) => server.trigger({ channel: 'room', name: 'e', data: 'x' }),
    alerts: ['CarillonFaults', 'CarillonInTrouble', 'CarillonNotReady'],
  },
  {
    name: 'a hook of a plugin fails',
    options: { plugins: [failing] },
    goOn: publishByClient,
    alerts: ['CarillonPluginFaults'],
  },
  {
    name: 'more clients come than may',
    options: { limits: { maxConnectionsPerApp: 2 } },
    goOn: (server) => connect(server, 12),
    alerts: ['CarillonRefusesConnections'],
  },
  {
    name: 'somebody guesses the password',
    goOn: (server) => logInWrongly(server, 6),
    alerts: ['CarillonLoginsRefused'],
  },
  {
    name: 'a program goes on with a token that has ended',
    goOn: async (server) => {
      const { id, token } = await makeToken(server, { name: 'ended', scope: 'read' })
      await server.admin(`/api/admin/tokens/${id}`, { method: 'DELETE' })
      for (let n = 0; n < 6; n++) await server.http('/api/admin/apps', { headers: bearer(token) })
    },
    alerts: ['CarillonLoginsRefused'],
  },
  {
    name: 'clients stop reading',
    options: { limits: { maxUnreadBytes: 65_536, maxReplayBytes: 32_768 } },
    goOn: async (server) => {
      const before = server.totals.slowReadersClosed
      for (let n = 0; n < 3; n++) await stall(server)
      while (server.totals.slowReadersClosed < before + 3)
        await server.trigger({ channel: 'room', name: 'e', data: 'x'.repeat(10_000) })
    },
    alerts: ['CarillonSlowReaders'],
  },
  {
    name: 'large channels are behind',
    begin: (server) => crowdInto(server, 'room', 100),
    goOn: (server) => {
      const event = { name: 'e', data: 'x', channels: ['room'], socketId: undefined }
      const app = server.core.apps.byId(server.app.id)!
      const before = server.totals.framesQueued
      for (let n = 0; n < 64; n++) publish(server.core, app, [event])
      server.advance(2000) // before the next turn
      return waitUntil('they are served', () => server.totals.framesQueued === before + 64)
    },
    alerts: ['CarillonDeliverySlow', 'CarillonFanOutLag'],
  },
  {
    name: 'an endpoint of webhooks is dead',
    options: { config: { webhooks: [HOOK], webhookFlushMs: 0 } },
    goOn: async (server) => {
      occupy(server, `room-${server.totals.webhookEvents}`)
      await passTime(server, 60_000, 2000)
    },
    alerts: ['CarillonWebhooksFail', 'CarillonWebhooksGivenUp', 'CarillonWebhooksLate'],
  },
  {
    name: 'there is no room for more of its events',
    options: {
      config: { webhooks: [HOOK], webhookFlushMs: 0, webhookMaxStoredPerEndpoint: 2 },
    },
    goOn: async (server) => {
      const before = server.totals.webhookEventsDropped
      for (let n = 0; n < 4; n++) occupy(server, `room-${before}-${n}`)
      await waitUntil('they are dropped', () => server.totals.webhookEventsDropped > before)
    },
    alerts: ['CarillonWebhooksFail', 'CarillonWebhooksLost'],
  },
]
