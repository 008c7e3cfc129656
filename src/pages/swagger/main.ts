/**
 * The page at `/swagger`: Swagger UI on this server's own document. Requests are signed in the browser, with
 * the credentials of the bar on top. No other host is contacted.
 */
import SwaggerUI from 'swagger-ui-dist/swagger-ui-es-bundle.js'
import { authorize, type Credentials } from './sign'
import { compareOperations, operationsPlugin } from './operations'
import { reasonOf, schemeFinder, type Document } from './schemes'
import { takeServers } from './servers'

const form = document.querySelector<HTMLFormElement>('#credentials')!
const filter = document.querySelector<HTMLInputElement>('#filter')!
const domNode = document.querySelector('#reference')!
const dark = matchMedia('(prefers-color-scheme: dark)')

const applyColorScheme = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
dark.addEventListener('change', applyColorScheme)
applyColorScheme()

/** What is typed into the bar is kept for this tab. */
const STORAGE_KEY = 'carillon.swagger'
const credentials = () => Object.fromEntries(new FormData(form)) as Credentials

/** Fills the bar with what was kept, else with development credentials, published for this machine only. */
async function fillBar(defaultsAt: URL): Promise<void> {
  const defaults = await fetch(defaultsAt)
  const published: Partial<Credentials> = defaults.ok ? await defaults.json() : {}
  const remembered: Partial<Credentials> = JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? '{}')
  for (const [name, value] of Object.entries({ ...published, ...remembered })) {
    const input = form.elements.namedItem(name)
    if (input instanceof HTMLInputElement) input.value = String(value)
  }
  form.addEventListener('input', () =>
    sessionStorage.setItem(STORAGE_KEY, JSON.stringify(credentials())),
  )
  form.addEventListener('submit', (event) => event.preventDefault())
}

/** The page's path may end in a slash, and be below a proxy's prefix. */
const address = new URL(location.pathname.endsWith('/') ? 'json' : 'swagger/json', location.href)
document.querySelector<HTMLAnchorElement>('a[href="/swagger/json"]')!.href = address.href

const [spec] = await Promise.all([
  fetch(address).then((answer) => answer.json() as Promise<Document>),
  fillBar(new URL('defaults', address)),
])
for (const server of spec.servers) server.url = new URL(server.url, address).href.replace(/\/$/, '')

/** Parameters that the bar fills in, by name. */
const PREFILLED: Readonly<Record<string, 'appId' | 'key'>> = { appId: 'appId', app_key: 'key' }

/** Each of them, with its operation and its field of the bar. */
const prefilled = Object.entries(spec.paths).flatMap(([path, methods]) =>
  Object.entries(methods).flatMap(([method, { parameters = [] }]) =>
    parameters.flatMap((parameter) => {
      const field = PREFILLED[parameter.name]
      return field ? [{ operation: [path, method], parameter, field }] : []
    }),
  ),
)

/** Bodies have it, too, and a form with both does not fit a screen. */
const LEFT_OUT = 'Idempotency-Key'

for (const methods of Object.values(spec.paths))
  for (const operation of Object.values(methods))
    if (operation.parameters)
      operation.parameters = operation.parameters.filter(({ name }) => name !== LEFT_OUT)

for (const { parameter, field } of prefilled) parameter.example = credentials()[field]

const root = new URL(spec.servers[0].url)
const schemeOfRequest = schemeFinder(spec, root)
const { sendTo, madeFor } = takeServers(spec, root, address)

const ui = SwaggerUI({
  spec,
  domNode,
  presets: [SwaggerUI.presets.apis],
  plugins: [operationsPlugin(spec)],
  validatorUrl: null,
  tryItOutEnabled: true,
  deepLinking: true,
  displayRequestDuration: true,
  operationsSorter: (a, b) => compareOperations(a.toObject(), b.toObject()),
  defaultModelsExpandDepth: -1, // the schemas are shown where they are used
  requestInterceptor: (request) => {
    const { url, method } = request
    const sent = { ...request, url: sendTo(url, method) }
    return authorize(sent, schemeOfRequest(url), credentials(), Date.now())
  },
  responseInterceptor: (response) => {
    const reason = reasonOf(schemeOfRequest(madeFor(response.url)).scheme, response)
    return reason === undefined ? response : { ...response, statusText: reason }
  },
})

form.addEventListener('input', () => {
  for (const { operation, parameter, field } of prefilled)
    ui.specActions.changeParam(operation, parameter.name, parameter.in, credentials()[field])
})
filter.addEventListener('input', () => ui.layoutActions.updateFilter(filter.value.trim()))
if (filter.value !== '') ui.layoutActions.updateFilter(filter.value.trim()) // kept over a reload
