/**
 * The trial of a move: pages and a publisher are on one server, and go over to another while the publisher goes on. One
 * server is ours. No page changes anything: all know one address, and what is behind it changes.
 */
import { importApp } from './move-import'
import { Door } from './move-door'
import { MoveHooks } from './move-hooks'
import { loadHelped, MovePage } from './move-page'
import { MovePublisher } from './move-publisher'
import { startServer } from './processes'
import type { BenchCase, Outcome, Turn } from './question'
import { findSide, type App } from './sides'
import { spreadOf } from './statistics'

export type MoveCase = BenchCase & {
  readonly direction: 'to ours' | 'back'
  /**
   * Where the publisher publishes: `behind the door`, so that it goes over with it; `to both`, to the new server first;
   * or `before the pages`, to the new server alone while the pages still are on the old.
   */
  readonly publishes: 'behind the door' | 'to both' | 'before the pages'
  /** How pages leave the old server: the door cuts them off, or the server is stopped and says 4200. */
  readonly leave: 'cut' | 'told'
  /** True where channels of ours keep events, and replay them to new subscribers, while the move lasts. */
  readonly keeps: boolean
  readonly pages: number
  /** Channels of each kind; a page is in one of each. */
  readonly rooms: number
}

const KINDS = ['news', 'private-chat', 'presence-room'] as const
const POLL_MS = 2
/** One page of so many has `carillon/resume`: also while it is on a server that keeps nothing. */
const HELPED_EVERY = 4
const PATIENCE_MS = 30_000
/** Events that everybody hears before and after the move, per channel. */
const AROUND = 20
/** Members and webhooks that come later than that are not waited for. */
const LATE_MS = 1500

/** No app of its own, and a stop that does not keep the trial waiting. */
const EMPTY = {
  PUSHER_APP_ID: '',
  PUSHER_APP_KEY: '',
  PUSHER_APP_SECRET: '',
  CARILLON_DRAIN_SECONDS: '1',
}

export async function runMoveTrial({ row, side }: Turn): Promise<Outcome> {
  const how = row as MoveCase
  const { app } = findSide(side)
  await using hooks = new MoveHooks()
  await using other = await startServer(side, { webhookUrl: hooks.urlOf('other') })
  await using ours = await startServer('carillon', { env: EMPTY })
  const [otherUrl, ourUrl] = [hooks.urlOf('other'), hooks.urlOf('ours')]
  await importApp(ours.peer, app, { otherUrl, ourUrl, keeps: how.keeps })
  const [from, to] = how.direction === 'back' ? [ours.peer, other.peer] : [other.peer, ours.peer]
  using door = await Door.open(from.port)
  const publisher = new MovePublisher(app, roomsOf(how).flat())
  const pages = await openPages(how, { door, app, publisher })
  await publisher.turnTo(how.publishes === 'behind the door' ? door.port : from.port)
  publisher.begin()
  await hearMore(pages, publisher)

  if (how.publishes === 'to both') await publisher.turnTo(to.port, from.port)
  if (how.publishes === 'before the pages') {
    const last = await publisher.turnTo(to.port)
    await waitUntil(() => pages.every((page) => page.hasHeard(last)), 'the old server is silent')
  }
  const movedAt = performance.now()
  door.switchTo(to.port)
  if (how.leave === 'cut') door.shed()
  else process.kill(from.pid!, 'SIGTERM')
  await waitUntil(() => pages.every(({ isBack }) => isBack), 'a page never came back')
  const seconds = (performance.now() - movedAt) / 1000
  await publisher.turnTo(to.port)
  await hearMore(pages, publisher)
  await publisher.end()
  await hearUntil(pages, lastOf(publisher))
  await isSoon(() => countAbsent(pages, how) === 0, LATE_MS)
  const isTold = (): boolean => hooks.count('other', 'channel_vacated') >= publisher.channels.length
  if (how.direction === 'to ours' && how.leave === 'cut') await isSoon(isTold, LATE_MS)
  const outcome = { ...judge(pages, publisher, how), ...countHooks(hooks), seconds }
  for (const page of pages) page.leave()
  return outcome
}

/** The channels of each room, one of each kind. */
const roomsOf = ({ rooms }: MoveCase): readonly (readonly string[])[] =>
  Array.from({ length: rooms }, (_, room) => KINDS.map((kind) => `${kind}-${room}`))

type Around = { readonly door: Door; readonly app: App; readonly publisher: MovePublisher }

async function openPages(how: MoveCase, { door, app, publisher }: Around) {
  const rooms = roomsOf(how)
  const Helped = loadHelped()
  const pages = Array.from(
    { length: how.pages },
    (_, index) =>
      new MovePage(
        door.port,
        app,
        `user-${index}`,
        publisher,
        index % HELPED_EVERY === 1 ? Helped : undefined,
      ),
  )
  await Promise.all(pages.map((page, index) => page.subscribe(rooms[index % rooms.length]!)))
  return pages
}

const lastOf = (publisher: MovePublisher): ReadonlyMap<string, number> =>
  new Map(publisher.channels.map((name) => [name, publisher.lastOf(name)]))

/** Everybody hears some more events, which are published from now on. */
async function hearMore(pages: readonly MovePage[], publisher: MovePublisher): Promise<void> {
  const more = [...lastOf(publisher)].map(([name, number]) => [name, number + AROUND] as const)
  await hearUntil(pages, new Map(more))
}

const hearUntil = (
  pages: readonly MovePage[],
  numbers: ReadonlyMap<string, number>,
): Promise<void> =>
  waitUntil(() => pages.every((page) => page.hasHeard(numbers)), 'an event was never heard')

/** Users that pages do not see in their presence channels, or see too many. */
function countAbsent(pages: readonly MovePage[], { rooms }: MoveCase): number {
  const inRoom = (room: number): number => pages.filter((_, index) => index % rooms === room).length
  return pages.reduce((sum, page, index) => {
    const room = index % rooms
    return sum + Math.abs(inRoom(room) - page.countMembers(`presence-room-${room}`))
  }, 0)
}

function judge(pages: readonly MovePage[], publisher: MovePublisher, how: MoveCase) {
  const hearings = pages.flatMap((page) => [...page.hearings])
  const counts = hearings.map(([name, hearing]) => hearing.countMissed(publisher.lastOf(name)))
  const sum = (values: readonly number[]): number => values.reduce((all, each) => all + each, 0)
  const missed = sum(counts.map((each) => each.missed))
  const gaps = spreadOf(pages.flatMap(({ gapsMs }) => gapsMs))!
  return {
    pages: pages.length,
    events: publisher.count,
    heard: sum(hearings.map(([, { numbers }]) => numbers.size)),
    gapP50Ms: gaps.median,
    gapMaxMs: gaps.max,
    latestMs: Math.max(...pages.map(({ latestMs }) => latestMs)),
    missed,
    missedPerPage: missed / pages.length,
    missedThoughKept: how.keeps ? missed : 0,
    broken: sum(counts.map((each) => each.broken)),
    repeated: sum(hearings.map(([, { repeated }]) => repeated)),
    misordered: sum(hearings.map(([, { misordered }]) => misordered)),
    absent: countAbsent(pages, how),
    failed: publisher.failed,
    failedAtOne: publisher.failedAtOne,
  }
}

const countHooks = (hooks: MoveHooks) => ({
  occupiedByOurs: hooks.count('ours', 'channel_occupied'),
  occupiedByOther: hooks.count('other', 'channel_occupied'),
  vacatedByOurs: hooks.count('ours', 'channel_vacated'),
  vacatedByOther: hooks.count('other', 'channel_vacated'),
  falselyVacated: hooks.falselyVacated,
})

async function isSoon(isDone: () => boolean, patienceMs: number): Promise<boolean> {
  const end = performance.now() + patienceMs
  while (!isDone() && performance.now() < end) await Bun.sleep(POLL_MS)
  return isDone()
}

async function waitUntil(isDone: () => boolean, otherwise: string): Promise<void> {
  if (!(await isSoon(isDone, PATIENCE_MS))) throw new Error(otherwise)
}
