/** While Redis is away, what is offered is refused, and costs no memory. */
import { expect, test } from 'bun:test'
import autocannon from 'autocannon'
import Pusher from 'pusher'
import { readMemoryMib } from '../../../bench/lib/usage'
import { newScript } from '../../../src/cluster/link/script'
import { nextLook, waitFor } from '../../harness'
import { Executable } from '../../built'
import { openTestLink } from '../../redis/link'
import { startRedis } from '../../redis/redis'
import { describeWith } from '../programs'

const APP = { PUSHER_APP_ID: '7', PUSHER_APP_KEY: 'k7', PUSHER_APP_SECRET: 's7' }
const EVENTS = 10
/** 40 000 events of 1 KB, which nobody may keep. */
const REQUESTS = 4000
const DATA = 'x'.repeat(1000)
/** Requests under way, garbage that is not collected yet: as much as while all is well, and then some. */
const NOISE_MIB = 60

/** A batch of events that may be sent again and again. */
function signedBatch(port: number): { readonly url: string; readonly body: string } {
  const path = `/apps/${APP.PUSHER_APP_ID}/batch_events`
  const batch = Array.from({ length: EVENTS }, (_, index) => ({
    channel: `room-${index}`,
    name: 'e',
    data: DATA,
  }))
  const body = JSON.stringify({ batch })
  const sdk = new Pusher({
    host: '127.0.0.1',
    appId: '7',
    key: APP.PUSHER_APP_KEY,
    secret: APP.PUSHER_APP_SECRET,
  })
  const query = sdk.createSignedQueryString({ method: 'POST', path, body, params: {} })
  return { url: `http://127.0.0.1:${port}${path}?${query}`, body }
}

describeWith('redis-server', 'while Redis is away', () => {
  test('events are refused with a time to try again, and memory stays', async () => {
    await using redis = await startRedis()
    await using program = new Executable({ ...APP, CARILLON_REDIS_URL: redis.url })
    const { url, body } = signedBatch(await program.waitUntilListening())
    const offer = async () => {
      const result = await autocannon({
        url,
        method: 'POST',
        body,
        connections: 50,
        amount: REQUESTS,
      })
      const counts = Object.entries(result.statusCodeStats ?? {})
      const statuses = Object.fromEntries(counts.map(([status, { count = 0 }]) => [status, count]))
      return { statuses, mib: readMemoryMib(program.process.pid, 'VmRSS') }
    }
    const well = await offer()
    expect(well.statuses).toEqual({ 200: REQUESTS })
    await redis.stop()
    const gone = await offer()
    expect(gone.statuses).toEqual({ 503: REQUESTS })
    expect(gone.mib).toBeLessThan(well.mib + NOISE_MIB)
    const refusal = await fetch(url, { method: 'POST', body })
    expect(refusal.headers.get('retry-after')).toBe('1')
    await redis.start()
    while (!(await fetch(url, { method: 'POST', body })).ok) await nextLook()
    redis.pause()
    const hung = await offer()
    expect(hung.statuses).toEqual({ 503: REQUESTS })
    expect(hung.mib).toBeLessThan(well.mib + NOISE_MIB)
    redis.resume()
    while (!(await fetch(url, { method: 'POST', body })).ok) await nextLook()
    expect(readMemoryMib(program.process.pid, 'VmRSS')).toBeLessThan(well.mib + NOISE_MIB)
  })

  test('what a Redis that stands still was asked is bounded, and past it refused at once', async () => {
    await using redis = await startRedis()
    await using link = await openTestLink(redis.url)
    const script = newScript('note', "return redis.call('RPUSH', prefix .. 'notes', ARGV[1])")
    const count = newScript('count', "return redis.call('LLEN', prefix .. 'notes')")
    redis.pause()
    const asked = Array.from({ length: 80_000 }, () => link.run(script, '7', [DATA]))
    const refused = link.run(script, '7', [DATA]).catch((cause: unknown) => cause)
    expect(await waitFor('the refusal', refused)).toMatchObject({
      message: 'too much has no answer yet',
      maySent: false,
    })
    const outcomes = await Promise.allSettled(asked)
    const sent = outcomes.filter(
      (outcome) =>
        outcome.status === 'rejected' && (outcome.reason as { maySent: boolean }).maySent,
    )
    expect(sent.length).toBeLessThan(70_000)
    expect(sent.length).toBeGreaterThan(60_000)
    redis.resume()
    await link.waitFor('connected')
    // What Redis had not read by then is not carried out late.
    const before = await link.run(count, '7', [])
    expect(before).toBeLessThan(sent.length)
    await link.waitFor('deaf')
    expect(await link.run(count, '7', [])).toBe(before)
  })
})
