/** The field for a channel, which offers those that are occupied. */
import { useEffect, useId, useState } from 'preact/hooks'
import { Field } from '../ui/ui'
import { loadOccupied, type AppAccess, type Occupied } from './app-api'

/** After the last key. */
const PAUSE_MS = 250

type ChannelFieldProps = {
  readonly app: AppAccess
  readonly value: string
  readonly mistake: string | undefined
  readonly onChange: (channel: string) => void
}

export function ChannelField({ app, value, mistake, onChange }: ChannelFieldProps) {
  const id = useId()
  const [isUsed, setUsed] = useState(false)
  const occupied = useOccupied(app, value, isUsed)
  return (
    <Field
      label="Channel"
      errors={mistake ? [mistake] : []}
      hint={
        value.startsWith('private-encrypted-')
          ? 'Subscribers expect what an SDK has encrypted; the data is sent as it is typed'
          : undefined
      }
    >
      {(attributes) => (
        <>
          <input
            {...attributes}
            list={`${id}-occupied`}
            spellcheck={false}
            autocomplete="off"
            value={value}
            onFocus={() => setUsed(true)}
            onBlur={() => setUsed(false)}
            onInput={({ currentTarget }) => onChange(currentTarget.value.trim())}
          />
          <datalist id={`${id}-occupied`}>
            {occupied.map(({ name, count }) => (
              <option key={name} value={name}>
                {count === undefined ? undefined : `${count} connected`}
              </option>
            ))}
          </datalist>
        </>
      )}
    </Field>
  )
}

/** Those whose names begin as it is typed, while the field is used; all of them for one that fits exactly. */
function useOccupied(app: AppAccess, typed: string, isUsed: boolean): readonly Occupied[] {
  const [occupied, setOccupied] = useState<readonly Occupied[]>([])
  const prefix = occupied.some(({ name }) => name === typed) ? '' : typed
  useEffect(() => {
    if (!isUsed) return undefined
    let isWanted = true
    const load = async () => {
      // Nothing is offered where they cannot be had: sending will say why.
      const found = await loadOccupied(app, prefix).catch(() => [])
      if (isWanted) setOccupied(found)
    }
    const timer = setTimeout(() => void load(), PAUSE_MS)
    return () => {
      isWanted = false
      clearTimeout(timer)
    }
  }, [app.id, prefix, isUsed])
  return occupied
}
