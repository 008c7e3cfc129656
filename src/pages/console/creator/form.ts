/** What the creator's form holds, what is wrong with it, and the request that it makes of it. */
import { findJsonMistake, type JsonMistake } from './json-mistake'

/** One event as it is typed. `user` stands in the place of the channel in the form of that kind. */
export type Row = { readonly channel: string; readonly event: string; readonly data: string }

export type Form = {
  readonly kind: 'channel' | 'user' | 'batch'
  /** One, but for a batch. */
  readonly rows: readonly Row[]
  readonly user: string
  /** The socket that is left out; empty for none. */
  readonly except: string
  /** The data is sent as it is typed, JSON or not. */
  readonly isText: boolean
}

export const FIRST_ROW: Row = {
  channel: 'my-channel',
  event: 'my-event',
  data: '{\n  "hello": "world"\n}',
}
export const FIRST_FORM: Form = {
  kind: 'channel',
  rows: [FIRST_ROW],
  user: '',
  except: '',
  isText: false,
}

/** What is wrong with one row; each is absent where it is right. */
export type RowMistakes = {
  readonly channel?: string
  readonly event?: string
  readonly data?: JsonMistake
}
export type Mistakes = {
  readonly rows: readonly RowMistakes[]
  readonly user?: string
  readonly except?: string
}

/** Checks what needs no server; undefined where nothing is wrong. All else is refused in the server's words. */
export function findMistakes(form: Form): Mistakes | undefined {
  const { kind, rows, user, except, isText } = form
  const mistakes: Mistakes = {
    rows: rows.map(({ channel, event, data }) => {
      const mistake = isText ? undefined : findJsonMistake(data)
      return {
        ...(kind !== 'user' && channel === '' && { channel: 'To which channel?' }),
        ...(event === '' && { event: 'What is it called?' }),
        ...(mistake && { data: mistake }),
      }
    }),
    ...(kind === 'user' && user === '' && { user: 'To which user?' }),
    ...(kind === 'channel' &&
      except !== '' &&
      !/^\d+\.\d+$/.test(except) && { except: 'Two numbers with a dot between them, as 123.456' }),
  }
  const isWrong =
    mistakes.user !== undefined ||
    mistakes.except !== undefined ||
    mistakes.rows.some((row) => Object.keys(row).length > 0)
  return isWrong ? mistakes : undefined
}

/** The channel by which an event reaches a user's connections. */
export const userChannel = (user: string): string => `#server-to-user-${user}`

/** An event as it will arrive. */
export type Target = { readonly channel: string; readonly event: string; readonly data: string }

/** The events of a form; data without the space around it. */
export const targetsOf = ({ kind, rows, user, isText }: Form): readonly Target[] =>
  rows.map(({ channel, event, data }) => ({
    channel: kind === 'user' ? userChannel(user) : channel,
    event,
    data: isText ? data : data.trim(),
  }))

export type FormRequest = { readonly path: string; readonly body: string }

/** The request that sends a form; its path is below the app's. */
export function requestOf(form: Form): FormRequest {
  const events = targetsOf(form).map(({ channel, event, data }) => ({ name: event, channel, data }))
  const [first] = events
  if (form.kind === 'batch')
    return { path: 'batch_events', body: JSON.stringify({ batch: events }) }
  const except = form.kind === 'channel' && form.except !== '' && { socket_id: form.except }
  return { path: 'events', body: JSON.stringify({ ...first, ...except }) }
}
