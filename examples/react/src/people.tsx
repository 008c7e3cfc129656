/** @jsxImportSource react */
import type { Member } from './subscription.ts'
import { textOf } from './texts.ts'

type PeopleProps = {
  readonly members: readonly Member[]
  readonly me: Member | undefined
  /** The last words of each, by their ids. */
  readonly said: ReadonlyMap<string, string>
  readonly typing: readonly string[]
  readonly isAway: boolean
}

/** Those who are here: oneself first, then as they came. */
export function People({ members, me, said, typing, isAway }: PeopleProps) {
  const others = members.filter(({ id }) => id !== me?.id)
  return (
    <ul className={isAway ? 'people away' : 'people'}>
      {(me ? [me, ...others] : others).map((member) => (
        <Person
          key={member.id}
          member={member}
          isMe={member.id === me?.id}
          said={said.get(member.id)}
          isTyping={typing.includes(member.id)}
        />
      ))}
    </ul>
  )
}

type PersonProps = {
  readonly member: Member
  readonly isMe: boolean
  readonly said: string | undefined
  readonly isTyping: boolean
}

function Person({ member, isMe, said, isTyping }: PersonProps) {
  const name = textOf(member.info, 'name') ?? 'Somebody'
  return (
    <li>
      <span className="avatar" data-colour={colourOf(member.id)} aria-hidden="true">
        {Array.from(name.trim())[0]?.toUpperCase()}
      </span>
      <span className="name">
        {name} {isMe && <small>you</small>}
      </span>
      {isTyping ? (
        <span className="words typing">
          is typing
          <i />
          <i />
          <i />
        </span>
      ) : (
        said && <span className="words">{said}</span>
      )}
    </li>
  )
}

const COLOURS = 6

/** One of the colours of the style sheet, always the same for one id. */
function colourOf(id: string): number {
  let sum = 0
  for (const letter of id) sum = (sum * 31 + letter.codePointAt(0)!) % 9973
  return sum % COLOURS
}
