/** The list of operations: a plugin of Swagger UI that filters and marks them, and their order. */
import type {
  CodeProps,
  Resolved,
  ResponseProps,
  System,
  SwaggerPlugin,
  TaggedOperations,
} from 'swagger-ui-dist/swagger-ui-es-bundle.js'
import { SCHEMES, schemeOf, type Document } from './schemes'

/** An answer of more characters is shown without colors: this server's own document took seconds. */
const MAX_COLORED = 65_536

export const operationsPlugin =
  (document: Document): SwaggerPlugin =>
  ({ React: { createElement } }) => ({
    fn: { opsFilter: filterOperations, ...(hasReferences(document) ? {} : { resolveSubtree }) },
    components: {
      /** An empty place beside each operation; models have it, too. */
      JumpToPath: ({ path: place }) => {
        const [, path, method, ...inside] = place?.toArray() ?? []
        const operation =
          inside.length === 0 ? document.paths[path ?? '']?.[method ?? ''] : undefined
        const scheme = operation && schemeOf(operation)
        if (scheme === undefined) return null
        return createElement(
          'span',
          { className: 'auth-scheme', title: SCHEMES[scheme].description },
          SCHEMES[scheme].badge,
        )
      },
    },
    wrapComponents: {
      /** A request that was not sent has no status, and no answer that the document lacks. */
      liveResponse: (LiveResponse) => (props: ResponseProps) =>
        createElement(
          LiveResponse,
          props.response.get('status') === undefined
            ? { ...props, response: props.response.delete('notDocumented') }
            : props,
        ),
      operations: (Operations) => (props: System) =>
        props.specSelectors.taggedOperations().size === 0
          ? createElement('p', { className: 'nothing-found' }, 'No operation has all these words.')
          : createElement(Operations, props),
      SyntaxHighlighter: (SyntaxHighlighter) => (props: CodeProps) =>
        props.children.length > MAX_COLORED
          ? createElement('pre', { className: props.className }, props.children)
          : createElement(SyntaxHighlighter, props),
    },
  })

/** Routes of plugins may bring some. */
const hasReferences = (document: Document): boolean => JSON.stringify(document).includes('"$ref":')

/**
 * Takes a part of a document as it is. Swagger UI would read the whole document whenever an operation is opened, to
 * put what is referred to in the place of references: half a second, for nothing where there are none.
 */
async function resolveSubtree(document: object, path: readonly string[]): Promise<Resolved> {
  let at: unknown = document
  for (const key of path) at = (at as Readonly<Record<string, unknown>> | undefined)?.[key]
  return { errors: [], spec: at }
}

function filterOperations(all: TaggedOperations, phrase: string): object {
  return all
    .map((group, tag) =>
      group.set(
        'operations',
        group.get('operations').filter((entry) => {
          const { method, path, operation } = entry.toObject()
          const { summary = '', operationId = '' } = operation.toObject()
          return matchesFilter(phrase, [tag, method, path, summary, operationId].join(' '))
        }),
      ),
    )
    .filter((group) => group.get('operations').size > 0)
}

/** True for an operation in whose text each word of the filter box occurs somewhere. */
export function matchesFilter(phrase: string, text: string): boolean {
  const words = phrase.toLowerCase().split(/\s+/)
  return words.every((word) => text.toLowerCase().includes(word))
}

type Listed = { readonly method: string; readonly path: string }

/**
 * Keeps the order of the routes, except that deletions come last, and those below an app before the app's:
 * tried from top to bottom, each operation finds what those above it have made.
 */
export const compareOperations = (a: Listed, b: Listed): number => orderOf(a) - orderOf(b)

const orderOf = ({ method, path }: Listed): number =>
  method === 'delete' ? 1 / path.split('/').length : 0
