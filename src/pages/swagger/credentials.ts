/**
 * The bar of credentials. The form owns them; they are kept for this tab. Published development credentials
 * fill it for this machine; elsewhere it starts empty.
 */
import type { Credentials } from './sign'

const STORAGE_KEY = 'carillon.swagger'

/** Fills the form with the published credentials, keeps what is typed, and returns a function that reads it. */
export async function credentialsOf(
  form: HTMLFormElement,
  defaultsAt: URL,
): Promise<() => Credentials> {
  const read = () => Object.fromEntries(new FormData(form)) as Credentials
  const defaults = await fetch(defaultsAt)
  const published: Partial<Credentials> = defaults.ok ? await defaults.json() : {}
  const remembered: Partial<Credentials> = JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? '{}')
  for (const [name, value] of Object.entries({ ...published, ...remembered })) {
    const input = form.elements.namedItem(name)
    if (input instanceof HTMLInputElement) input.value = String(value)
  }
  form.addEventListener('input', () => sessionStorage.setItem(STORAGE_KEY, JSON.stringify(read())))
  form.addEventListener('submit', (event) => event.preventDefault())
  return read
}
