/** Durable streams over a plain list of rows, for tests: what it has is all that outlives a crash. */
import type { App } from '../../src/core/app'
import { channelKind } from '../../src/core/channel'
import { RealtimeError } from '../../src/core/errors'
import { History } from '../../src/core/history'
import { HistoryLog, type HistoryStore } from '../../src/core/history-log'
import { jsonText } from '../../src/core/json'
import type { BackendPublication } from '../../src/core/messages'
import type { AppId, ChannelName, JsonText } from '../../src/core/types'

type Row = { stream: number; offset: number; name: JsonText; at: number; data: JsonText }
type StreamRow = { appId: string; channel: ChannelName; epoch: string; reserved: number }

/** Three tables: all that outlives a crash. */
export class Tables implements HistoryStore {
  readonly endedByRow = new Map<number, readonly number[]>()
  readonly byId = new Map<number, StreamRow & { isClosed: boolean }>()
  readonly rows = new Map<number, Row>()
  isDown = false
  isBroken = false
  commits = 0
  most = 0
  /** Streams that were deleted at once. */
  mostDiscarded = 0

  commit(writes: Parameters<HistoryStore['commit']>[0]): void {
    if (this.isBroken) throw new Error('a constraint')
    if (this.isDown) throw new RealtimeError('store_unavailable', 'down')
    this.commits++
    this.most = Math.max(this.most, writes.length)
    for (const write of writes) this.#write(write)
  }

  endEpochs(): void {}

  *streams() {
    for (const [id, stream] of this.byId) yield { id, ...stream }
  }

  *ended() {
    for (const [row, streams] of this.endedByRow) yield { row, streams }
  }

  *events() {
    for (const [row, event] of this.rows)
      yield { row, ...event, except: undefined, once: undefined }
  }

  #write(write: Parameters<HistoryStore['commit']>[0][number]): void {
    if (write.type === 'reserve') {
      const { id, appId, channel, epoch } = write.stream
      for (const [other, known] of this.byId)
        if (known.appId === appId && known.channel === channel) this.byId.delete(other)
      this.byId.set(id, {
        appId,
        channel,
        epoch,
        reserved: write.reserved,
        isClosed: write.isClosed,
      })
    } else if (write.type === 'append') {
      const { row, stream, at } = write
      const { offset, publication } = write.event
      const { event, data } = publication
      this.rows.set(row, { stream, offset, name: jsonText(event), data, at })
    } else if (write.type === 'end') {
      this.endedByRow.set(write.row, write.streams)
    } else {
      this.mostDiscarded = Math.max(this.mostDiscarded, write.streams.length)
      for (const id of write.streams) {
        this.byId.delete(id)
        this.endedByRow.delete(id)
      }
      for (const row of write.rows) this.rows.delete(row)
    }
  }
}

export const rule = { prefix: '', size: 20, ttl_seconds: 600, durable: true, rewind: 0 }
export const limits = { maxHistoryBytesPerChannel: 1e6, maxHistoryBytesPerApp: 1e6 }
export const app = { id: '1' as AppId, record: { history: [rule] }, limits } as unknown as App
export const CHANNELS = ['a', 'b', 'c'] as ChannelName[]

export function begin(tables: Tables): { readonly history: History; readonly log: HistoryLog } {
  const log = new HistoryLog(tables)
  const history = new History({ maxHistoryBytes: 1e9 }, channelKind, { log, clock: Date })
  history.load(
    () => app,
    0,
    () => undefined,
  )
  return { history, log }
}

export const makeEvent = (channel: ChannelName, event: string, chars = 1): BackendPublication => ({
  type: 'event',
  origin: 'backend',
  app,
  channel,
  event,
  data: JSON.stringify('x'.repeat(chars)) as JsonText,
  sender: undefined,
  except: undefined,
  once: undefined,
})

export const eventsOf = (history: History, channel: ChannelName) =>
  history.stream(app, channel, 0)!.last(Infinity, Infinity)

/** Lets the log write all that it has. */
export async function settle(log: HistoryLog): Promise<void> {
  for (let n = 0; n < 3; n++) await log.committed()
  await new Promise(setImmediate)
}
