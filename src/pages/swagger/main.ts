/**
 * The page at `/swagger`: Swagger UI on this server's own document. Requests are signed in the browser, with
 * the credentials of the bar on top. No other host is contacted.
 */
import SwaggerUI from 'swagger-ui-dist/swagger-ui-es-bundle.js'
import { credentialsOf } from './credentials'
import { authorize } from './sign'
import { compareOperations, operationsPlugin } from './operations'
import { reasonOf, schemeFinder, type Document } from './schemes'

const form = document.querySelector<HTMLFormElement>('#credentials')!
const filter = document.querySelector<HTMLInputElement>('#filter')!
const domNode = document.querySelector('#reference')!
const dark = matchMedia('(prefers-color-scheme: dark)')

const applyColorScheme = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
dark.addEventListener('change', applyColorScheme)
applyColorScheme()

/** The page's path may end in a slash, and be below a proxy's prefix. */
const address = new URL(location.pathname.endsWith('/') ? 'json' : 'swagger/json', location.href)
document.querySelector<HTMLAnchorElement>('a[href="/swagger/json"]')!.href = address.href

const [spec, credentials] = await Promise.all([
  fetch(address).then((answer) => answer.json() as Promise<Document>),
  credentialsOf(form, new URL('defaults', address)),
])
for (const server of spec.servers) server.url = new URL(server.url, address).href.replace(/\/$/, '')

/** Parameters that the bar fills in, by name. */
const PREFILLED: Readonly<Record<string, 'appId' | 'key'>> = { appId: 'appId', app_key: 'key' }

/** Each of them, with its operation and its field of the bar. */
const prefilled = Object.entries(spec.paths).flatMap(([path, methods]) =>
  Object.entries(methods).flatMap(([method, { parameters = [] }]) =>
    parameters.flatMap((parameter) => {
      const field = PREFILLED[parameter.name]
      return field ? [{ operation: [path, method] as const, parameter, field }] : []
    }),
  ),
)

for (const { parameter, field } of prefilled) parameter.example = credentials()[field]

const schemeOfRequest = schemeFinder(spec, new URL(spec.servers[0].url))

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
  requestInterceptor: (request) =>
    authorize(request, schemeOfRequest(request.url), credentials(), Date.now()),
  responseInterceptor: (response) => {
    const reason = reasonOf(schemeOfRequest(response.url).scheme, response)
    return reason === undefined ? response : { ...response, statusText: reason }
  },
})

form.addEventListener('input', () => {
  for (const { operation, parameter, field } of prefilled)
    ui.specActions.changeParam(operation, parameter.name, parameter.in, credentials()[field])
})
filter.addEventListener('input', () => ui.layoutActions.updateFilter(filter.value.trim()))
if (filter.value !== '') ui.layoutActions.updateFilter(filter.value.trim()) // kept over a reload
