/** Dialogs, which the browser keeps the focus in, and closes with Escape. */
import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import { useAction } from '../use'
import { Button } from './controls'
import { ErrorLine } from './page'

type DialogProps = {
  readonly title: string
  readonly onClose: () => void
  readonly children: ComponentChildren
}

/** Open as long as it is rendered. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  )
}

type ConfirmProps = {
  readonly title: string
  /** Of the button that does it: `End the connection`. */
  readonly verb: string
  readonly act: () => Promise<unknown>
  readonly onClose: () => void
  /** What will happen then. */
  readonly children: ComponentChildren
  /** Off until what is asked for is there. */
  readonly isOff?: boolean
  readonly look?: 'primary' | 'danger'
}

/** Asks before something that cannot be taken back. Closes when it is done. */
export function Confirm({ title, verb, act, onClose, children, ...rest }: ConfirmProps) {
  const { run, isBusy, error } = useAction(async () => {
    await act()
    onClose()
  })
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    void run()
  }
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={submit}>
        {children}
        <ErrorLine error={error} />
        <p class="actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button
            type="submit"
            look={rest.look ?? 'danger'}
            isBusy={isBusy}
            isOff={rest.isOff ?? false}
          >
            {verb}
          </Button>
        </p>
      </form>
    </Dialog>
  )
}
