/** Plays the cases of groups, a few at a time, each for a bounded time, and gathers how they ended. */
import type { Case, Group } from './case'
import { Mismatch, show } from './mismatch'
import type { Receiver } from './clients/receiver'
import { Stage } from './stage'
import { redact, type Target } from './target'

export type Result = {
  readonly name: string
  readonly spec: string
  readonly isPassed: boolean
  /** What was expected and what came, where it has not passed. */
  readonly expected?: string
  readonly got?: string
  readonly milliseconds: number
}

export type GroupResult = {
  readonly group: Group
  /** Empty where the group was not asked for. */
  readonly results: readonly Result[]
  readonly isPlayed: boolean
}

export type Run = {
  readonly target: Target
  readonly seconds: number
  readonly receiver?: Receiver | undefined
  /** How many cases are under way at a time; a handful of connections each. */
  readonly atATime?: number
  /** True for groups that are played. */
  readonly isAsked: (group: Group) => boolean
  /** Called after each case. */
  readonly onResult?: () => unknown
}

/** So few that no server is pressed. */
const AT_A_TIME = 6
/** For what a case does after its time, before it is given up. */
const GRACE_SECONDS = 1

/** Plays what is asked for; groups stay in their order. */
export async function play(groups: readonly Group[], run: Run): Promise<readonly GroupResult[]> {
  const mark = crypto.randomUUID().slice(0, 8)
  const played = groups.filter(run.isAsked)
  const waiting = played.flatMap(({ cases }) => cases)
  const results = new Map<Case, Result>()
  let count = 0
  const playNext = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      results.set(next, await playCase(next, run, `${mark}-${count++}`))
      run.onResult?.()
    }
  }
  await Promise.all(Array.from({ length: run.atATime ?? AT_A_TIME }, playNext))
  return groups.map((group) => ({
    group,
    isPlayed: played.includes(group),
    results: group.cases.flatMap((each) => results.get(each) ?? []),
  }))
}

async function playCase(
  { name, spec, play, times = 1 }: Case,
  run: Run,
  id: string,
): Promise<Result> {
  const stage = new Stage(run.target, id, run.seconds * times, run.receiver)
  const start = performance.now()
  const done = (rest: Partial<Result> = {}): Result => ({
    name,
    spec,
    isPassed: rest.expected === undefined,
    ...rest,
    milliseconds: Math.round(performance.now() - start),
  })
  try {
    await giveUpAfter(stage.seconds + GRACE_SECONDS, play(stage))
    return done()
  } catch (error) {
    const { expected, got } = explain(error)
    return done({ expected: redact(expected, run.target), got: redact(got, run.target) })
  } finally {
    stage.end()
  }
}

const explain = (error: unknown): { expected: string; got: string } =>
  error instanceof Mismatch
    ? error
    : { expected: 'no error', got: show(error instanceof Error ? error.message : error) }

async function giveUpAfter(seconds: number, playing: Promise<void>): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => reject(new Mismatch('an end of the case', `none within ${seconds} s`)),
    seconds * 1000,
  )
  try {
    await Promise.race([playing, promise])
  } finally {
    clearTimeout(timer)
  }
}
