/** What is typed: keys of the page (Space holds the rows, Escape closes one, j and k lead into the list), and texts that grow. */
import { useEffect, useRef, useState } from 'preact/hooks'

type Keys = { readonly onPause: () => void; readonly onClose: () => void }

/** Where keys have a meaning of their own. */
const OWN_KEYS = 'input, textarea, select, button, a, dialog, [contenteditable]'

export function useKeys(keys: Keys): void {
  const latest = useRef(keys)
  latest.current = keys
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return
      if (event.key === 'Escape') return latest.current.onClose()
      if (event.target instanceof Element && event.target.matches(OWN_KEYS)) return
      if (event.key === ' ') {
        event.preventDefault()
        latest.current.onPause()
      } else if (event.key === 'j' || event.key === 'k') enterList(event)
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [])
}

/** The list has the keys itself once it has the focus. */
function enterList({ target }: KeyboardEvent): void {
  const list = document.querySelector<HTMLElement>('.live-list .body')
  if (list && list !== target) list.focus()
}

/** A value, once it has stayed for so long. */
export function useLater<T>(value: T, ms: number): T {
  const [later, setLater] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setLater(value), ms)
    return () => clearTimeout(timer)
  }, [value, ms])
  return later
}
