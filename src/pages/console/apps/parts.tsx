/** Parts of the controls of settings: words with code in them, texts of many lines, lists of things. */
import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Button, type FieldAttributes } from '../ui/ui'
import type { Setting } from './settings'

export type SettingProps<T = unknown> = {
  readonly setting: Setting
  readonly value: T
  /** In the words of the API. */
  readonly errors: readonly string[] | undefined
  readonly onChange: (value: unknown) => void
}

/** What stands between backticks is code. */
export const Words = ({ text }: { readonly text: string }) => (
  <>
    {text
      .split('`')
      .map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part))}
  </>
)

type ListTextProps = {
  readonly attributes: FieldAttributes
  readonly value: readonly string[]
  readonly onChange: (value: readonly string[]) => void
}

const linesOf = (text: string): readonly string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)

/** A list of texts, one a line. An empty line stays while it is typed, and is none of the list. */
export function ListText({ attributes, value, onChange }: ListTextProps) {
  const [text, setText] = useState(value.join('\n'))
  useEffect(() => {
    if (linesOf(text).join('\n') !== value.join('\n')) setText(value.join('\n'))
  }, [value])
  return (
    <textarea
      {...attributes}
      rows={Math.max(2, text.split('\n').length)}
      spellcheck={false}
      value={text}
      onInput={({ currentTarget }) => {
        setText(currentTarget.value)
        onChange(linesOf(currentTarget.value))
      }}
    />
  )
}

type ListProps<T> = {
  readonly label: string
  readonly items: readonly T[]
  /** Of one item with its article: `a rule`. */
  readonly noun: string
  readonly make: () => T
  readonly onChange: (items: readonly T[]) => void
  readonly errors: readonly string[] | undefined
  readonly children: (item: T, change: (item: T) => void) => ComponentChildren
}

/** Things that can be added and removed, each with its controls. */
export function ItemList<T>(props: ListProps<T>) {
  const { label, items, noun, make, onChange, errors = [], children } = props
  const bare = noun.replace(/^an? /, '')
  const replace = (index: number, item: T) => onChange(items.with(index, item))
  const remove = (index: number) => onChange(items.toSpliced(index, 1))
  return (
    <div class="form">
      <p class="list-label">{label}</p>
      {errors.length > 0 && (
        <p class="error" role="alert">
          {errors.join('; ')}
        </p>
      )}
      {items.map((item, index) => (
        <fieldset key={index} class="item" aria-label={`${bare} ${index + 1}`}>
          {children(item, (changed) => replace(index, changed))}
          <Button onClick={() => remove(index)} label={`Remove the ${bare} ${index + 1}`}>
            Remove
          </Button>
        </fieldset>
      ))}
      <div>
        <Button onClick={() => onChange([...items, make()])}>Add {noun}</Button>
      </div>
    </div>
  )
}

type SmallProps = {
  readonly label: string
  readonly value: string
  readonly onChange: (value: string) => void
  readonly placeholder?: string
  readonly isNumber?: boolean
}

/** A small input with its label; for controls of items, whose mistakes are told of the whole list. */
export const SmallInput = ({ label, value, onChange, placeholder, isNumber }: SmallProps) => (
  <label class="small">
    <span>{label}</span>
    <input
      value={value}
      placeholder={placeholder ?? ''}
      inputMode={isNumber ? 'numeric' : 'text'}
      autocomplete="off"
      spellcheck={false}
      onInput={({ currentTarget }) => onChange(currentTarget.value)}
    />
  </label>
)

/** Digits are a number; whatever else is typed is sent, and refused with the words of the API. */
export const numberOr = (text: string): number | string =>
  /^\d{1,15}$/.test(text) ? Number(text) : text
