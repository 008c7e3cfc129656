/** Small parts that many tests have in common; they get them from the harness. */
import { PATIENCE_MS } from '../kit/client'
import { definePlugin, type AnyPlugin, type Hooks } from '../src/plugin'
import type { TestServer } from './harness'
import type { Hold } from './two-servers/bus'

/** A Redis that servers of tests are over. */
export type MeantRedis = {
  readonly url: string
  /** Resolves once all that the servers have said has arrived. */
  readonly waitForMessages: (server: TestServer) => Promise<void>
  /** Resolves once no facts wait to be written down, of the servers that have this name together. */
  readonly waitForFacts: (cluster: string) => Promise<void>
  /** Makes what those keep there so much older. */
  readonly age: (cluster: string, ms: number) => Promise<void>
  readonly hold: () => Hold
  /** Removes what servers of this name have left there; they have stopped. */
  readonly clear: (cluster: string) => Promise<void>
}

/** While they are meant, `start` starts two servers that are one; see `overTwoServers` and `overRedis`. */
export const twoServers: { areMeant: boolean; redis: MeantRedis | undefined } = {
  areMeant: false,
  redis: undefined,
}

/** An app that is not the published one, for servers that get requests from other hosts. */
export const OWN_APP = { id: '7', key: 'k7', secret: 's7' }

/** What this process brings about itself is there within so long. */
const SOON_MS = 5
/** Between two looks at what others bring about: who looks without a pause takes the CPU that they need. */
const LOOK_MS = 2

/** Resolves when it is time to look again, or to ask again, where nothing announces what is waited for. */
export const nextLook = (): Promise<void> => Bun.sleep(LOOK_MS)

/** Waits until a condition holds that other processes or sockets bring about; rejects after PATIENCE_MS. */
export async function waitUntil(what: string, isDone: () => boolean): Promise<void> {
  const began = performance.now()
  while (!isDone()) {
    const waitedMs = performance.now() - began
    if (waitedMs > PATIENCE_MS) throw new Error(`waited ${PATIENCE_MS} ms until ${what}`)
    if (waitedMs < SOON_MS) await new Promise<void>((resolve) => setImmediate(resolve))
    else await nextLook()
  }
}

/** A plugin that is nothing but hooks. */
export const makePlugin = (name: string, hooks: Hooks): AnyPlugin =>
  definePlugin({ name, carillon: 1, setup: () => hooks })

/** A hook that fails. Its message may be in the log and nowhere else. */
export const throwSecret = (): never => {
  throw new Error('secret detail')
}
