/**
 * The page at `/swagger`: Swagger UI on this server's own document. What is tried out is signed in
 * the browser, with the credentials of the bar on top. Nothing is asked of any other host.
 */
import SwaggerUI from 'swagger-ui-dist/swagger-ui-es-bundle.js'
import { credentialsOf } from './credentials'
import { inOrder } from './order'
import { authorized } from './sign'
import { lookOf } from './look'
import { meaningOf, waysOf, type Document } from './ways'

const form = document.querySelector<HTMLFormElement>('#credentials')!
const filter = document.querySelector<HTMLInputElement>('#filter')!
const domNode = document.querySelector('#reference')!
const dark = matchMedia('(prefers-color-scheme: dark)')

const wearScheme = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
dark.addEventListener('change', wearScheme)
wearScheme()

/** The page is called with and without a slash at its end, and may be below a proxy's prefix. */
const address = new URL(location.pathname.endsWith('/') ? 'json' : 'swagger/json', location.href)
document.querySelector<HTMLAnchorElement>('a[href="/swagger/json"]')!.href = address.href

const [spec, credentials] = await Promise.all([
  fetch(address).then((answer) => answer.json() as Promise<Document>),
  credentialsOf(form, new URL('defaults', address)),
])
for (const server of spec.servers) server.url = new URL(server.url, address).href.replace(/\/$/, '')

/** Parameters that the bar knows better than the document, by name. */
const KNOWN: Readonly<Record<string, 'appId' | 'key'>> = { appId: 'appId', app_key: 'key' }

/** Each of them, with its operation and what it is called in the bar. */
const known = Object.entries(spec.paths).flatMap(([path, methods]) =>
  Object.entries(methods).flatMap(([method, { parameters = [] }]) =>
    parameters.flatMap((parameter) => {
      const field = KNOWN[parameter.name]
      return field ? [{ operation: [path, method] as const, parameter, field }] : []
    }),
  ),
)

for (const { parameter, field } of known) parameter.example = credentials()[field]

const askedAt = waysOf(spec, new URL(spec.servers[0].url))

const ui = SwaggerUI({
  spec,
  domNode,
  presets: [SwaggerUI.presets.apis],
  plugins: [lookOf(spec)],
  validatorUrl: null,
  tryItOutEnabled: true,
  deepLinking: true,
  displayRequestDuration: true,
  operationsSorter: (a, b) => inOrder(a.toObject(), b.toObject()),
  defaultModelsExpandDepth: -1, // the schemas are shown where they are used
  requestInterceptor: (request) =>
    authorized(request, askedAt(request.url), credentials(), Date.now()),
  responseInterceptor: (response) => {
    const meaning = meaningOf(askedAt(response.url).way, response)
    return meaning === undefined ? response : { ...response, statusText: meaning }
  },
})

form.addEventListener('input', () => {
  for (const { operation, parameter, field } of known)
    ui.specActions.changeParam(operation, parameter.name, parameter.in, credentials()[field])
})
filter.addEventListener('input', () => ui.layoutActions.updateFilter(filter.value.trim()))
if (filter.value !== '') ui.layoutActions.updateFilter(filter.value.trim()) // kept over a reload
