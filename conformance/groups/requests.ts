/** What requests of several groups are made of. */
import type { Stage } from '../stage'

/** The list of channels. */
export const LIST = { path: '/channels' } as const

/** An event that is accepted, but for what is changed; undefined leaves a field out. */
export const makeEvent = (stage: Stage, rest: object = {}): object => ({
  name: 'e',
  channels: [stage.name()],
  data: '{}',
  ...rest,
})

/** What an answer says of each channel. */
export type Channels = Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined
