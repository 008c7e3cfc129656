/** A plugin that hands its context to the test. */
import { definePlugin, type AnyPlugin, type Hooks, type PluginContext } from '../../src/plugin'
import { start, type StartOptions } from '../harness'

/** Starts a server with it; `app` is the first app. */
export async function startActing(
  hooks: (context: PluginContext) => Hooks = () => ({}),
  options: StartOptions = {},
) {
  const box: { context?: PluginContext } = {}
  const plugin: AnyPlugin = definePlugin({
    name: 'acts',
    carillon: 1,
    setup: (context) => {
      box.context ??= context
      return hooks(context)
    },
  })
  const server = await start({ ...options, plugins: [plugin] })
  const context = box.context!
  return { server, context, app: context.apps.byId('1')! }
}
