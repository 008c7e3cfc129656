/** Where the list is another than Swagger UI's own: a plugin of it. */
import type {
  Answered,
  System,
  SwaggerPlugin,
  TaggedOperations,
} from 'swagger-ui-dist/swagger-ui-es-bundle.js'
import { isFound } from './filter'
import { WAYS, wayOf, type Document } from './ways'

export const lookOf =
  ({ paths }: Document): SwaggerPlugin =>
  ({ React: { createElement } }) => ({
    fn: { opsFilter: filtered },
    components: {
      /** A place beside each operation that is empty otherwise; models have it, too. */
      JumpToPath: ({ path: place }) => {
        const [, path, method, ...inside] = place?.toArray() ?? []
        const operation = inside.length === 0 ? paths[path ?? '']?.[method ?? ''] : undefined
        const way = operation && wayOf(operation)
        if (way === undefined) return null
        return createElement('span', { className: 'way', title: WAYS[way].says }, WAYS[way].badge)
      },
    },
    wrapComponents: {
      /** What was not sent has no status, and is not an answer that the document forgot. */
      liveResponse: (LiveResponse) => (props: Answered) =>
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
    },
  })

function filtered(all: TaggedOperations, phrase: string): TaggedOperations {
  return all
    .map((group, tag) =>
      group.set(
        'operations',
        group.get('operations').filter((entry) => {
          const { method, path, operation } = entry.toObject()
          const { summary = '', operationId = '' } = operation.toObject()
          return isFound(phrase, { tag, method, path, summary, operationId })
        }),
      ),
    )
    .filter((group) => group.get('operations').size > 0)
}
