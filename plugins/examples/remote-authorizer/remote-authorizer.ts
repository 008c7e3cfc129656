/**
 * Asks a backend who may subscribe to private channels. A client sends a token in place of a signature (with
 * pusher-js from `channelAuthorization.customHandler`); the backend gets `{ app, channel, token }` and answers
 * with 200 for yes. Its answers are kept for a while; a client that leaves takes its question back.
 */
import { allow, definePlugin, reject } from 'carillon/plugin'

export type AuthorizerOptions = {
  readonly url: string
  readonly keepSeconds?: number
  /** The oldest answers are forgotten past this. */
  readonly maxKept?: number
}

type Kept = { readonly isAllowed: boolean; readonly until: number }

export const remoteAuthorizer = ({ url, keepSeconds = 60, maxKept = 10_000 }: AuthorizerOptions) =>
  definePlugin({
    name: 'remote-authorizer',
    carillon: 1,
    setup({ clock, counter, log }) {
      const asked = counter('asked', 'questions that the backend was asked')
      const failed = counter('failed', 'questions that it did not answer')
      const keptByQuestion = new Map<string, Kept>()

      function recall(question: string): boolean | undefined {
        const kept = keptByQuestion.get(question)
        return kept && kept.until > clock.mono() ? kept.isAllowed : undefined
      }

      function keep(question: string, isAllowed: boolean): void {
        keptByQuestion.delete(question) // so that it is the newest
        keptByQuestion.set(question, { isAllowed, until: clock.mono() + keepSeconds * 1000 })
        const [oldest] = keptByQuestion.keys()
        if (keptByQuestion.size > maxKept) keptByQuestion.delete(oldest!)
      }

      /** Asks the backend. Neither yes nor no is kept where it fails. */
      async function ask(question: string, signal: AbortSignal): Promise<boolean> {
        asked.count++
        const headers = { 'content-type': 'application/json' }
        const { status } = await fetch(url, { method: 'POST', headers, body: question, signal })
        if (status >= 500) throw new Error(`the backend answered with ${status}`)
        keep(question, status === 200)
        return status === 200
      }

      return {
        async authorize(_, { app, channel, auth, signal }) {
          // A signature has a colon: it decides as without this plugin.
          if (!channel.startsWith('private-') || !auth || auth.includes(':')) return
          const question = JSON.stringify({ app: app.id, channel, token: auth })
          try {
            const isAllowed = recall(question) ?? (await ask(question, signal))
            return isAllowed ? allow() : reject('The backend does not allow it')
          } catch (cause) {
            if (signal.aborted) return reject('Too late')
            failed.count++
            log.debug({ err: cause }, 'the backend cannot be asked')
            return reject('The backend cannot be asked', { retryAfterSeconds: 5 })
          }
        },
      }
    },
  })
