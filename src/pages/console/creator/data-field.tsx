/** The field for the data: JSON with the position of its mistake, or text. */
import { useRef } from 'preact/hooks'
import { formatBytes, keepNumbers } from '../format'
import { Button, Field } from '../ui/ui'
import type { JsonMistake } from './json-mistake'

type DataFieldProps = {
  readonly value: string
  readonly isText: boolean
  readonly lines: number
  readonly mistake: JsonMistake | undefined
  readonly onChange: (data: string) => void
}

export function DataField({ value, isText, lines, mistake, onChange }: DataFieldProps) {
  const area = useRef<HTMLTextAreaElement>(null)
  const show = () => {
    const { current } = area
    if (!current || !mistake) return
    current.focus()
    current.setSelectionRange(mistake.at, Math.min(mistake.at + 1, value.length))
  }
  const sent = isText ? value : value.trim()
  const size = formatBytes(new TextEncoder().encode(sent).length)
  return (
    <Field
      label={isText ? 'Data, as text' : 'Data, as JSON'}
      errors={mistake ? [`Line ${mistake.line}, column ${mistake.column}: ${mistake.reason}`] : []}
      hint={
        <span class="data-foot">
          <span>{size}</span>
          {mistake && (
            <Button look="link" onClick={show}>
              Show the mistake
            </Button>
          )}
          {!mistake && !isText && (
            <Button look="link" onClick={() => onChange(tidy(value))}>
              Tidy
            </Button>
          )}
        </span>
      }
    >
      {(attributes) => (
        <textarea
          {...attributes}
          ref={area}
          rows={lines}
          spellcheck={false}
          value={value}
          onInput={({ currentTarget }) => onChange(currentTarget.value)}
        />
      )}
    </Field>
  )
}

/** Indented; of JSON that is indented already, one line. Numbers that are too long for JavaScript stay as they are. */
function tidy(json: string): string {
  const indented = JSON.stringify(JSON.parse(json, keepNumbers), null, 2)
  return indented === json ? JSON.stringify(JSON.parse(json, keepNumbers)) : indented
}
