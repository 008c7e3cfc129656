/**
 * The app of another server in ours: the same id, key and secret, its webhooks, and rules for the time of the move.
 */
import { Stage } from './stage'
import type { App, Peer } from './sides'

/** What new subscribers are sent while a move lasts, so that nothing is missed between two servers. */
export const MOVE_RULES = ['', 'private-', 'presence-'].map((prefix) => ({
  prefix,
  size: 1000,
  ttl_seconds: 120,
  rewind: 1000,
}))

type Wishes = {
  readonly webhookUrl: string
  /** True where what is published during the move is kept. */
  readonly keeps: boolean
}

/** Creates the app. @throws Error where it is refused */
export async function importApp(
  ours: Peer,
  app: App,
  { webhookUrl, keeps }: Wishes,
): Promise<void> {
  const fields = {
    ...app,
    name: 'the app that moves',
    webhooks: [{ url: webhookUrl }],
    history: keeps ? MOVE_RULES : [],
  }
  const answer = await new Stage(ours).admin('POST', '', JSON.stringify({ app: fields }))
  if (!answer.includes(app.key)) throw new Error(`the app was not created: ${answer}`)
}
