/**
 * The app of another server in ours: imported from its configuration by the command that guides name, then with
 * webhooks of a path of their own, and rules for the time of the move.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { INSTALLED } from './installed'
import { makeScratch } from './scratch'
import { HOST, ROOT, type App, type Peer } from './sides'
import { Stage } from './stage'

/** What new subscribers are sent while a move lasts, so that nothing is missed between two servers. */
export const MOVE_RULES = ['', 'private-', 'presence-'].map((prefix) => ({
  prefix,
  size: 1000,
  ttl_seconds: 600,
  rewind: 1000,
}))

type Wishes = {
  /** Where the other server sends webhooks, and where ours does. */
  readonly otherUrl: string
  readonly ourUrl: string
  /** True where what is published during the move is kept. */
  readonly keeps: boolean
}

/** Imports the app from a file of soketi's. @throws Error where the command fails, or a field is refused */
export async function importApp(ours: Peer, app: App, wishes: Wishes): Promise<void> {
  const { otherUrl: webhookUrl, ourUrl, keeps } = wishes
  using folder = makeScratch()
  const file = join(folder.path, 'soketi.json')
  writeFileSync(file, JSON.stringify(INSTALLED.soketi.config({ host: HOST, port: 1, webhookUrl })))
  const command = ['import', 'soketi', file, '--url', `http://${HOST}:${ours.port}`]
  const program = [process.execPath, '--no-env-file', join(ROOT, 'src/index.ts'), ...command]
  const { PATH, HOME } = process.env
  const child = Bun.spawn(program, { cwd: folder.path, env: { PATH, HOME }, stderr: 'pipe' })
  if ((await child.exited) !== 0)
    throw new Error(`nothing was imported: ${await new Response(child.stderr).text()}`)
  const fields = { webhooks: [{ url: ourUrl }], history: keeps ? MOVE_RULES : [] }
  const answer = await new Stage(ours).admin('PATCH', `/${app.id}`, JSON.stringify({ app: fields }))
  if (!answer.includes(app.secret)) throw new Error(`the app is another one: ${answer}`)
}
