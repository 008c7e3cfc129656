/** Ten plugins that have a hook wherever a message or a request passes, and do nothing there. */
import { defineConfig, definePlugin } from 'carillon/plugin'

const nothing = (): undefined => undefined

const empty = (name: string) =>
  definePlugin({
    name,
    carillon: 1,
    setup: () => ({
      upgrade: nothing,
      connect: nothing,
      frame: nothing,
      subscribe: nothing,
      authorize: nothing,
      clientEvent: nothing,
      request: nothing,
      publish: nothing,
      response: nothing,
    }),
  })

export default defineConfig({
  plugins: Array.from({ length: 10 }, (_, index) => empty(`empty-${index}`)),
})
