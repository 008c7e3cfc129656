/** Small parts that many tests have in common; they get them from the harness. */
import { test } from 'bun:test'
import { PATIENCE_MS } from '../kit/client'
import { definePlugin, type AnyPlugin, type Hooks } from '../src/plugin'

/** A Redis that servers of tests are over. */
export type MeantRedis = {
  readonly url: string
  /** Resolves once no facts wait to be written down, of the servers that have this name together. */
  readonly waitForFacts: (cluster: string) => Promise<void>
}

/**
 * While they are meant, `start` starts two servers that are one; see `overTwoServers` and `overRedis`. `isLoading` while
 * files are loaded whose servers are to be over Redis.
 */
export const twoServers: { areMeant: boolean; redis: MeantRedis | undefined; isLoading: boolean } =
  {
    areMeant: false,
    redis: undefined,
    isLoading: false,
  }

/** A test that moves the clock until something has expired; Redis, which has a clock of its own, is left out. */
export function testByClock(name: string, run: () => Promise<void>): void {
  if (!twoServers.isLoading) test(name, run)
}

/** An app that is not the published one, for servers that get requests from other hosts. */
export const OWN_APP = { id: '7', key: 'k7', secret: 's7' }

/** Waits until a condition holds that other processes or sockets bring about; rejects after PATIENCE_MS. */
export async function waitUntil(what: string, isDone: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!isDone()) {
    if (performance.now() > end) throw new Error(`waited ${PATIENCE_MS} ms until ${what}`)
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
}

/** A plugin that is nothing but hooks. */
export const makePlugin = (name: string, hooks: Hooks): AnyPlugin =>
  definePlugin({ name, carillon: 1, setup: () => hooks })

/** A hook that fails. Its message may be in the log and nowhere else. */
export const throwSecret = (): never => {
  throw new Error('secret detail')
}
