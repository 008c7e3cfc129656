/** What the page uses of Swagger UI, which brings no types. */
declare module 'swagger-ui-dist/swagger-ui-es-bundle.js' {
  export type SwaggerRequest = {
    url: string
    method: string
    headers: Record<string, string>
    body?: unknown
  }

  /** An operation in the list, as an immutable map. */
  type Entry = { toObject(): { readonly method: string; readonly path: string } }

  type Options = {
    spec: object
    domNode: Element
    presets: unknown[]
    validatorUrl: null
    tryItOutEnabled: boolean
    deepLinking: boolean
    displayRequestDuration: boolean
    operationsSorter: (a: Entry, b: Entry) => number
    defaultModelsExpandDepth: number
    requestInterceptor: (request: SwaggerRequest) => SwaggerRequest
  }

  type SwaggerUi = {
    specActions: {
      changeParam(
        operation: readonly [path: string, method: string],
        name: string,
        place: string,
        value: string,
      ): void
    }
  }

  const SwaggerUI: { (options: Options): SwaggerUi; presets: { apis: unknown } }
  export default SwaggerUI
}
