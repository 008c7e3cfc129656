/** @jsxImportSource react */
import { useEffect, useRef, useState, type FormEvent } from 'react'
import { useClientEvent, useConnection, useEvent, usePresence } from './hooks.ts'
import { People } from './people.tsx'
import { textOf } from './texts.ts'

const ROOMS = ['Kitchen', 'Garden'] as const

const channelOf = (room: string) => `presence-${room.toLowerCase()}` as const

export function App() {
  const [room, setRoom] = useState<string | undefined>(ROOMS[0])
  return (
    <>
      <header>
        <h1>Who is here</h1>
        <Connection />
        <nav aria-label="Rooms">
          {ROOMS.map((name) => (
            <button key={name} aria-pressed={name === room} onClick={() => setRoom(name)}>
              {name}
            </button>
          ))}
          <button aria-pressed={room === undefined} onClick={() => setRoom(undefined)}>
            Outside
          </button>
        </nav>
      </header>
      <main>
        {room === undefined ? (
          <p className="note">You have left. Nobody sees you, and you hear nobody.</p>
        ) : (
          <>
            <Title room={room} />
            {/* With another key this is another room, where nobody has said anything yet. */}
            <Conversation key={room} channel={channelOf(room)} />
          </>
        )}
      </main>
    </>
  )
}

function Connection() {
  const state = useConnection()
  const text = { connected: 'Connected', connecting: 'Connecting …' }[state]
  return (
    <p role="status" data-state={state}>
      {text ?? 'Not connected. Trying again …'}
    </p>
  )
}

/** Asks for the same channel as `Conversation` does: that is no second subscription. */
function Title({ room }: { readonly room: string }) {
  const { status, members } = usePresence(channelOf(room))
  const count = members.length === 1 ? '1 person' : `${members.length} people`
  return (
    <h2>
      {room} {status === 'joined' && <small>{count}</small>}
    </h2>
  )
}

const NOTES = {
  joining: 'Going in …',
  away: 'You are cut off. This is who was here; the page goes back in by itself.',
  refused: 'You may not enter. Does the backend know you?',
  alone: 'You are alone. Open this page in a second window.',
}

function Conversation({ channel }: { readonly channel: `presence-${string}` }) {
  const { status, members, me } = usePresence(channel)
  const said = useSaid(channel)
  const typing = useTyping(channel)
  const note = status === 'joined' ? members.length === 1 && NOTES.alone : NOTES[status]

  return (
    <>
      <People
        members={members}
        me={me}
        said={said.texts}
        typing={typing.ids}
        isAway={status === 'away'}
      />
      {note && <p className="note">{note}</p>}
      <Composer
        isOpen={status === 'joined'}
        onType={typing.tell}
        onSay={(text) => {
          typing.reset()
          said.say(text, me?.id)
        }}
      />
    </>
  )
}

/** The last words of everybody, by their ids. */
function useSaid(channel: string) {
  const [texts, setTexts] = useState<ReadonlyMap<string, string>>(new Map())
  const send = useClientEvent(channel)
  const keep = (id: string, text: string) => setTexts((all) => new Map(all).set(id, text))

  useEvent(channel, 'client-said', (data, from) => {
    const text = textOf(data, 'text')
    if (from && text) keep(from, text)
  })
  return {
    texts,
    /** An event of one's own does not come back: it is shown at once. */
    say(text: string, id: string | undefined) {
      if (id && send('client-said', { text })) keep(id, text)
    },
  }
}

/** Told at most so often; whoever has not told it for longer has stopped. */
const [TELL_MS, FORGET_MS] = [1000, 3000]

/** The ids of those who are typing. */
function useTyping(channel: string) {
  const [ids, setIds] = useState<readonly string[]>([])
  const timers = useRef(new Map<string, ReturnType<typeof setTimeout>>())
  const toldAt = useRef(0)
  const send = useClientEvent(channel)

  const stop = (id: string): void => {
    clearTimeout(timers.current.get(id))
    timers.current.delete(id)
    setIds((all) => all.filter((each) => each !== id))
  }
  useEvent(channel, 'client-typing', (_, from) => {
    if (!from) return
    clearTimeout(timers.current.get(from))
    timers.current.set(from, setTimeout(stop, FORGET_MS, from))
    setIds((all) => (all.includes(from) ? all : [...all, from]))
  })
  useEvent(channel, 'client-said', (_, from) => from && stop(from))
  useEffect(() => {
    const running = timers.current
    return () => running.forEach((timer) => clearTimeout(timer))
  }, [])

  return {
    ids,
    tell() {
      const now = Date.now()
      if (now - toldAt.current >= TELL_MS && send('client-typing', {})) toldAt.current = now
    },
    /** What is typed next is told at once. */
    reset() {
      toldAt.current = 0
    },
  }
}

type ComposerProps = {
  readonly isOpen: boolean
  readonly onType: () => void
  readonly onSay: (text: string) => void
}

function Composer({ isOpen, onType, onSay }: ComposerProps) {
  const [text, setText] = useState('')
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    if (text.trim() === '') return
    onSay(text.trim())
    setText('')
  }
  return (
    <form onSubmit={submit}>
      <label htmlFor="text">Say something</label>
      <input
        id="text"
        value={text}
        maxLength={200}
        autoComplete="off"
        onChange={(event) => {
          setText(event.target.value)
          if (event.target.value !== '') onType()
        }}
      />
      <button disabled={!isOpen}>Say</button>
    </form>
  )
}
