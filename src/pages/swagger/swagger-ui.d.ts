/** What the page uses of Swagger UI, which brings no types. */
declare module 'swagger-ui-dist/swagger-ui-es-bundle.js' {
  export type SwaggerRequest = {
    url: string
    method: string
    headers: Record<string, string>
    body?: unknown
    /** Replaces the browser's `fetch`. */
    userFetch?: () => Promise<never>
  }

  export type SwaggerResponse = { url: string; status: number; statusText: string; text: string }

  type ImmutableMap<Fields> = { toObject(): Fields }

  /** An operation in the list. */
  type Entry = ImmutableMap<{
    readonly method: string
    readonly path: string
    readonly operation: ImmutableMap<{ readonly summary?: string; readonly operationId?: string }>
  }>
  type List<Item> = { readonly size: number; filter(keep: (item: Item) => boolean): List<Item> }
  type Group = {
    get(name: 'operations'): List<Entry>
    set(name: 'operations', entries: List<Entry>): Group
  }
  export type TaggedOperations = List<Group> & {
    map(change: (group: Group, tag: string) => Group): List<Group>
  }

  type Component = (props: never) => unknown
  /** What Swagger UI hands to plugins, and to components among their properties. */
  export type System = {
    readonly React: {
      createElement(kind: string | Component, props: object, ...children: string[]): unknown
    }
    readonly specSelectors: { taggedOperations(): TaggedOperations }
  }
  export type ResponseProps = {
    readonly response: { get(name: string): unknown; delete(name: string): object }
  }
  export type CodeProps = { readonly className: string; readonly children: string }
  /** A part of the document without references. */
  export type Resolved = { readonly errors: readonly object[]; readonly spec: unknown }
  export type SwaggerPlugin = (system: System) => {
    readonly fn: {
      opsFilter(all: TaggedOperations, phrase: string): object
      resolveSubtree?(document: object, path: readonly string[]): Promise<Resolved>
    }
    readonly components: {
      JumpToPath(props: { readonly path?: { toArray(): string[] } }): unknown
    }
    readonly wrapComponents: {
      operations(original: Component): (props: System) => unknown
      liveResponse(original: Component): (props: ResponseProps) => unknown
      SyntaxHighlighter(original: Component): (props: CodeProps) => unknown
    }
  }

  type Options = {
    plugins: SwaggerPlugin[]
    operationsSorter: (a: Entry, b: Entry) => number
    requestInterceptor: (request: SwaggerRequest) => SwaggerRequest
    responseInterceptor: (response: SwaggerResponse) => SwaggerResponse
    [option: string]: unknown
  }

  type SwaggerUi = {
    layoutActions: { updateFilter(phrase: string): void }
    specActions: {
      changeParam(operation: readonly string[], name: string, place: string, value: string): void
    }
  }

  const SwaggerUI: { (options: Options): SwaggerUi; presets: { apis: unknown } }
  export default SwaggerUI
}
