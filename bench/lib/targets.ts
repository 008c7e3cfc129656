/**
 * TARGETS: what the figures must be. Ratios of medians round by round, in one run on one machine, so
 * that the machine cancels out; absolute only where the machine does not matter. A target that was
 * changed has the date, the old bound and the reason.
 */
import { MISDEEDS } from './misdeeds'
import { against, fairness, fanout, fanoutRow, lightRow, small, type Target } from './target-rows'
import { CRASH_LABEL } from '../webhooks'
import { makeConnectCase } from '../connect'
import { BESIDE, FAIRNESS_LABEL } from '../fairness'
import { KEPT } from '../history'
import { MIXED } from '../mixed'
import { NODES, WORKERS } from '../nodes'
import { makePresenceCase } from '../presence'
import { CUT, RECOVERED } from '../recovery'
import { SPREAD_LABEL } from '../spread'
import { STALLED } from '../stalled'
import { STARTS } from '../starts'
import { ONE_CHANNEL } from '../trigger'
import { groupDigits, publishAtRate, makeCrowd, labelOf, saturate } from './crowds'
import type { BenchCase } from './question'
import type { Place } from './statistics'

const start = ({ label }: BenchCase): Place => ({ question: 'starts', case: label, side: 'plain' })
const HALF = publishAtRate(45)
const CONNECTED = makeConnectCase(10_000, 1).label
const PROBE = 'p99 of a small channel beside 8 000 busy subscribers'
const RESTING = 'RSS of the process, 10 000 idle subscribed connections'

export const TARGETS: readonly Target[] = [
  ...fanoutRow('fan-out, 1 000 subscribers, 100 B, 16/16', saturate(16), {
    bare: { atLeast: 1.45 },
    soketi: { atLeast: 19.5, from: 30 },
  }),
  ...fanoutRow('fan-out, 1 000 subscribers, 100 B, 4/4', saturate(4), {
    bare: { atLeast: 1.6 },
    soketi: { atLeast: 6.4, from: 12 },
  }),
  ...fanoutRow(
    'fan-out, 1 000 subscribers, 1 KiB, 4/4',
    { payloadBytes: 1024 },
    { bare: { atLeast: 1.6 }, soketi: { atLeast: 10.9, from: 16 } },
  ),
  ...fanoutRow(
    'fan-out, 10 000 subscribers, 100 B, 4/4',
    { subscribers: 10_000 },
    { bare: { atLeast: 1.85 }, soketi: { atLeast: 10 } },
  ),
  ...fanoutRow(
    'fan-out, 1 000 subscribers, 10 KiB, 4/4',
    { payloadBytes: 10_240 },
    { soketi: { atLeast: 11.9, from: 14 } },
  ),
  ...fanoutRow('one publish at a time, 1 000 subscribers, 100 B', saturate(1), {
    bare: { atLeast: 0.95 },
    soketi: { atLeast: 1.62, from: 2.3 },
  }),
  ...[100, 250].flatMap((subscribers) => [4, 16].flatMap((depth) => small(subscribers, depth))),
  against({
    figure: 'signed trigger, nobody listens: requests per server-CPU-second',
    question: 'trigger',
    label: ONE_CHANNEL.label,
    side: 'soketi',
    key: 'requestsPerCpuSecond',
    bound: { atLeast: 2.73 },
    from: 4.5,
  }),
  against({
    figure: "signed trigger: CPU of each, times a hand-written handler's",
    question: 'trigger',
    label: ONE_CHANNEL.label,
    side: 'bare',
    key: 'cpuMicrosPerRequest',
    bound: { atMost: 1.2 },
  }),
  against({
    figure: 'triggers per server-CPU-second, 5 000 connections over 1 000 channels',
    question: 'spread',
    label: SPREAD_LABEL,
    side: 'soketi',
    key: 'publishesPerCpuSecond',
    bound: { atLeast: 2.84 },
    from: 3.5,
  }),
  ...(
    [
      ['bare', 0.1],
      ['soketi', 0.05],
    ] as const
  ).map(([side, atMost]) =>
    against({
      figure: PROBE,
      question: 'fairness',
      label: FAIRNESS_LABEL,
      side,
      key: 'p99Ms',
      bound: { atMost },
    }),
  ),
  ...[BESIDE.fourLarge, BESIDE.oneHuge].map(({ label }): Target => ({
    figure: `p99 of a channel of ${label}`,
    place: fairness(label),
    key: 'p99Ms',
    bound: { atMost: 4 },
    unit: 'ms',
  })),
  {
    figure: `p99 of a channel of ${BESIDE.manySmall.label}, times alone`,
    place: fairness(BESIDE.manySmall.label),
    through: fairness(BESIDE.alone.label),
    key: 'p99Ms',
    bound: { atMost: 3 },
  },
  against({
    figure: 'accept and subscribe to one channel, 10 000, per server-CPU-second',
    question: 'connect',
    label: CONNECTED,
    side: 'soketi',
    key: 'connectionsPerCpuSecond',
    bound: { atLeast: 6 },
  }),
  against({
    figure: 'presence join storm, 1 000 members: joins per server-CPU-second',
    question: 'presence',
    label: makePresenceCase(1000).label,
    side: 'soketi',
    key: 'joinsPerCpuSecond',
    bound: { atLeast: 8 },
  }),
  against({
    figure: RESTING,
    question: 'connect',
    label: CONNECTED,
    side: 'soketi',
    key: 'restingRssMib',
    bound: { atMost: 0.55 },
  }),
  {
    figure: 'RSS per idle subscribed connection, 19 000',
    place: { question: 'connect', case: makeConnectCase(19_000, 1).label, side: 'carillon' },
    key: 'rssBytesEach',
    bound: { atMost: 3072 },
    unit: 'B',
  },
  {
    figure: 'p99 at half of what soketi can, 1 000 subscribers',
    place: fanout(HALF, 'carillon'),
    through: fanout(HALF, 'soketi'),
    key: 'p99Ms',
    bound: { atMost: 0.65 },
  },
  ...[
    ['100 stalled readers among 1 000, 10 KiB x 300/s: RSS', STALLED.many.label],
    ['100 stalled readers among 110, 10 KiB x 300/s: RSS', STALLED.few.label],
  ].map(([figure, label]) =>
    against({
      figure: figure!,
      question: 'stalled',
      label: label!,
      side: 'soketi',
      key: 'serverRssMib',
      bound: { atMost: 0.25 },
    }),
  ),
  {
    figure: 'the other 900 readers: p99 with 100 stalled ones beside them, times with none',
    place: { question: 'stalled', case: STALLED.calm.label, side: 'carillon' },
    through: { question: 'stalled', case: STALLED.without.label, side: 'carillon' },
    key: 'p99Ms',
    bound: { atMost: 1.1 },
  },
  {
    figure: "fan-out to 1 000 on a cache channel, times a plain one's",
    place: { question: 'cache', case: 'cache, 1000 subscribers', side: 'carillon' },
    through: { question: 'cache', case: 'plain, 1000 subscribers', side: 'carillon' },
    key: 'deliveriesPerCpuSecond',
    bound: { atLeast: 0.95 },
  },
  {
    figure: 'fan-out to 1 000 of Pusher, Phoenix V1 and V2, times as many of Pusher',
    place: { question: 'mixed', case: MIXED.all.label, side: 'carillon' },
    through: { question: 'mixed', case: MIXED.pusher.label, side: 'carillon' },
    key: 'deliveriesPerCpuSecond',
    bound: { atLeast: 0.9 },
  },
  against({
    figure: 'fan-out with webhooks on, times off',
    question: 'webhooks-fanout',
    label: labelOf(makeCrowd()),
    of: 'webhooks',
    side: 'carillon',
    key: 'deliveriesPerCpuSecond',
    bound: { atLeast: 0.95 },
  }),
  against({
    figure: 'triggers with webhooks on, times off',
    question: 'webhooks-trigger',
    label: ONE_CHANNEL.label,
    of: 'webhooks',
    side: 'carillon',
    key: 'requestsPerCpuSecond',
    bound: { atLeast: 0.95 },
  }),
  ...(
    [
      ['history', 'in memory', 0.9],
      ['durable', 'in the database', 0.8],
    ] as const
  ).flatMap(([of, where, atLeast]) => [
    against({
      figure: `fan-out with events kept ${where}, times not kept`,
      question: 'history-fanout',
      label: labelOf(makeCrowd()),
      of,
      side: 'carillon',
      key: 'deliveriesPerCpuSecond',
      bound: { atLeast },
    }),
    against({
      figure: `triggers with events kept ${where}, times not kept`,
      question: 'history-trigger',
      label: ONE_CHANNEL.label,
      of,
      side: 'carillon',
      key: 'requestsPerCpuSecond',
      bound: { atLeast },
    }),
  ]),
  {
    figure: 'memory of a kept event of 100 B',
    place: { question: 'history-memory', case: KEPT.label, side: 'history' },
    key: 'heapBytesEach',
    bound: { atMost: 320 },
    unit: 'B',
  },
  {
    figure: '10 000 clients that were cut have what they missed, times connecting',
    place: { question: 'recovery', case: RECOVERED.label, side: 'history' },
    key: 'timesConnecting',
    bound: { atMost: 2 },
    unit: 'times',
  },
  {
    figure:
      'events missed, repeated or out of order over 1 000 cuts of stock pusher-js and phoenix.js',
    place: { question: 'cuts', case: CUT.label, side: 'history' },
    key: 'wrong',
    bound: { atMost: 0 },
    unit: 'events',
  },
  against({
    figure: 'fan-out with the shipped plugins, times none',
    question: 'hooks-fanout',
    label: labelOf(makeCrowd()),
    side: 'none',
    key: 'deliveriesPerCpuSecond',
    bound: { atLeast: 0.95 },
  }),
  against({
    figure: 'triggers with the shipped plugins, times none',
    question: 'hooks-trigger',
    label: ONE_CHANNEL.label,
    side: 'none',
    key: 'requestsPerCpuSecond',
    bound: { atLeast: 0.85 },
  }),
  ...[makeCrowd(), makeCrowd({ subscribers: 100 })].map((crowd) =>
    against({
      figure: `fan-out to ${groupDigits(crowd.subscribers)} while one page watches, times nobody`,
      question: 'live-fanout',
      label: labelOf(crowd),
      of: 'watched',
      side: 'carillon',
      key: 'deliveriesPerCpuSecond',
      bound: { atLeast: 0.97 },
    }),
  ),
  {
    figure: 'a hook that nobody has, per call',
    place: { question: 'micro', case: 'empty hook', side: 'carillon' },
    key: 'nanosEach',
    bound: { atMost: 1.5 },
    unit: 'ns',
  },
  {
    figure: 'a gate that does nothing, its view included, per call',
    place: { question: 'micro', case: 'hook subscribe', side: 'carillon' },
    key: 'nanosEach',
    bound: { atMost: 150 },
    unit: 'ns',
  },
  {
    figure: 'webhooks lost over 10 000 events, endpoints that fail and kill -9',
    place: { question: 'webhooks', case: CRASH_LABEL, side: 'carillon' },
    key: 'missing',
    bound: { atMost: 0 },
    unit: 'events',
  },
  ...[
    ...[STARTS.configured, STARTS.stored].map(([less, more]) => [less, more, 4] as const),
    [STARTS.empty, STARTS.webhooks, 2.5] as const,
  ].map(([less, more, atMost]): Target => ({
    figure: `CPU of a start with ${more.label}, times that of one with ${less.label}`,
    place: start(more),
    through: start(less),
    key: 'startMs',
    bound: { atMost },
  })),
  lightRow('clone to the first 200 of `/up`', { key: 'firstMs', was: 270, unit: 'ms' }),
  lightRow('`node_modules` of a server', { key: 'modulesMb', was: 38.3, unit: 'MB' }),
  lightRow('`bun run server` to ready, installed', { key: 'readyMs', was: 165, unit: 'ms' }),
  lightRow('RSS at rest, without a connection', { key: 'restMib', was: 65.1, unit: 'MiB' }),
  ...Object.values(NODES).map((label): Target => {
    const place = { question: 'nodes-fanout', case: label }
    return {
      figure: `deliveries per server-CPU-second of two nodes over one Redis, ${label}, times one alone`,
      place: { ...place, side: 'nodes' },
      through: { ...place, side: 'carillon' },
      key: 'deliveriesPerCpuSecond',
      bound: { atLeast: 0.85 },
    }
  }),
  {
    figure: 'deliveries per server-CPU-second of two workers on one port, times one of them',
    place: { question: 'workers-fanout', case: WORKERS.each, side: 'workers' },
    through: { question: 'workers-fanout', case: WORKERS.each, side: 'over-redis' },
    key: 'deliveriesPerCpuSecond',
    bound: { atLeast: 0.85 },
  },
  ...MISDEEDS.map(({ label, side, budgetMs }): Target => ({
    figure: `the longest turn: ${label}`,
    place: { question: 'stalls', case: label, side: side ?? 'plain' },
    key: 'turnMs',
    bound: { atMost: budgetMs },
    unit: 'ms',
  })),
]

/** The places of a target's figures. */
export const placesOf = ({ place, through }: Target): readonly Place[] => [
  place,
  ...(through ? [through] : []),
]

/** True where some target has this side of this case. */
export const isTargeted = (place: Place): boolean =>
  TARGETS.some((target) =>
    placesOf(target).some(
      (own) =>
        own.question === place.question && own.case === place.case && own.side === place.side,
    ),
  )
