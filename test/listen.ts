/** Facts that the harness does not keep. */
import type { Fact, FactType } from '../src/core/messages'
import type { TestServer } from './harness'

type Heard<FactOfType> = FactOfType extends { readonly app: unknown }
  ? Omit<FactOfType, 'app' | 'type'> & { readonly app: string | undefined }
  : never

/** The facts of a type from now on, of all servers, each with its app's id. */
export function listen<Type extends FactType>(server: TestServer, type: Type) {
  const heard: Heard<Extract<Fact, { readonly type: Type }>>[] = []
  for (const { core } of server.servers)
    core.facts.listen({
      types: [type],
      receive: ({ type: _type, app, ...fact }) => heard.push({ ...fact, app: app?.id } as never),
    })
  return heard
}
