/** Buttons, fields, secrets. */
import type { ComponentChildren } from 'preact'
import { useEffect, useId, useState } from 'preact/hooks'

type ButtonProps = {
  readonly children: ComponentChildren
  readonly onClick?: () => unknown
  /** `primary`: what one came for. `danger`: what cannot be taken back. */
  readonly look?: 'plain' | 'primary' | 'danger' | 'link'
  readonly type?: 'button' | 'submit'
  readonly isBusy?: boolean
  readonly isOff?: boolean
  readonly isPressed?: boolean
  readonly label?: string
  readonly title?: string
}

export const Button = ({
  children,
  onClick,
  look = 'plain',
  type = 'button',
  ...rest
}: ButtonProps) => (
  <button
    type={type}
    class={`button ${look}`}
    onClick={onClick && (() => void onClick())}
    disabled={rest.isOff || rest.isBusy}
    aria-busy={rest.isBusy}
    aria-pressed={rest.isPressed}
    aria-label={rest.label}
    title={rest.title}
  >
    {children}
  </button>
)

/** Announced by screen readers, and gone after a while. */
const COPIED_MS = 2000

type CopyProps = {
  readonly text: string
  readonly label?: string
  readonly children?: ComponentChildren
}

/** A button that copies; `label` names what, for whoever does not see it. */
export function Copy({ text, label = 'Copy', children = 'Copy' }: CopyProps) {
  const [state, setState] = useState<'Copied' | 'Not copied'>()
  useEffect(() => {
    if (state === undefined) return undefined
    const timer = setTimeout(() => setState(undefined), COPIED_MS)
    return () => clearTimeout(timer)
  }, [state])
  const copy = async () => setState((await copyText(text)) ? 'Copied' : 'Not copied')
  return (
    <button type="button" class="button copy" aria-label={label} onClick={() => void copy()}>
      <span aria-hidden={state !== undefined}>{children}</span>
      <span role="status">{state}</span>
    </button>
  )
}

/** Without HTTPS there is no clipboard but on this machine: a selected text is copied instead. */
async function copyText(text: string): Promise<boolean> {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text)
      return true
    } catch {
      return false
    }
  }
  const area = document.createElement('textarea')
  area.value = text
  document.body.append(area)
  area.select()
  const isCopied = document.execCommand('copy')
  area.remove()
  return isCopied
}

type SecretProps = { readonly value: string; readonly name: string }

/** Covered until it is asked for. */
export function Secret({ value, name }: SecretProps) {
  const [isShown, setShown] = useState(false)
  return (
    <span class="secret">
      <code>{isShown ? value : '•'.repeat(16)}</code>
      <Button onClick={() => setShown(!isShown)} isPressed={isShown} label={`Show ${name}`}>
        {isShown ? 'Hide' : 'Show'}
      </Button>
      <Copy text={value} label={`Copy ${name}`} />
    </span>
  )
}

type FieldProps = {
  readonly label: string
  /** Gets the attributes that tie the control to label, hint and error. */
  readonly children: (attributes: FieldAttributes) => ComponentChildren
  readonly hint?: ComponentChildren
  readonly errors?: readonly string[] | undefined
}
export type FieldAttributes = {
  readonly id: string
  readonly 'aria-describedby': string | undefined
  readonly 'aria-invalid': boolean
}

/** A label, its control, a hint, and what the server says is wrong with the value. */
export function Field({ label, children, hint, errors = [] }: FieldProps) {
  const id = useId()
  const isWrong = errors.length > 0
  const described = [isWrong && `${id}-error`, hint !== undefined && `${id}-hint`].filter(Boolean)
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({
        id,
        'aria-describedby': described.join(' ') || undefined,
        'aria-invalid': isWrong,
      })}
      {isWrong && (
        <p class="error" id={`${id}-error`}>
          {errors.join('; ')}
        </p>
      )}
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  )
}
