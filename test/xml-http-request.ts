/** `XMLHttpRequest` as far as phoenix.js up to 1.7 uses it, on `fetch`; browsers have it, the test runner not. */
class FetchedRequest {
  readyState = 0
  status = 0
  responseText = ''
  timeout = 0
  onreadystatechange: () => void = () => undefined
  onerror: () => void = () => undefined
  readonly #abort = new AbortController()
  readonly #headers: Record<string, string> = {}
  #method = ''
  #url = ''

  open(method: string, url: string): void {
    this.#method = method
    this.#url = url
  }

  setRequestHeader(name: string, value: string): void {
    this.#headers[name] = value
  }

  send(body: string | null): void {
    const init = { method: this.#method, headers: this.#headers, signal: this.#abort.signal }
    fetch(this.#url, this.#method === 'GET' ? init : { ...init, body })
      .then(async (response) => {
        this.responseText = await response.text()
        this.status = response.status
        this.readyState = 4
        this.onreadystatechange()
      })
      .catch(() => this.onerror())
  }

  abort(): void {
    this.#abort.abort()
  }
}

/** There until the end of the scope (`using`). */
export function provideXmlHttpRequest(): Disposable {
  const scope = globalThis as { XMLHttpRequest?: unknown }
  scope.XMLHttpRequest = FetchedRequest
  return { [Symbol.dispose]: () => void delete scope.XMLHttpRequest }
}
