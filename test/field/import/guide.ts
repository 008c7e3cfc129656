/** The guides for those who move here, played in a folder of their own: each block as it is printed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Server from 'pusher'
import Pusher from 'pusher-js'
import { RawClient, waitFor } from '../../harness'
import { BUILT, Executable } from '../../built'
import { blocksOf, readPage } from '../../docs/pages'
import { execute } from '../commands'

const CARILLON = `'${BUILT}'`
const TIMEOUT_MS = 20_000

export type Credentials = { readonly appId: string; readonly key: string; readonly secret: string }

export class Guide {
  readonly folder = mkdtempSync(join(tmpdir(), 'carillon-guide-'))
  readonly #blocks: readonly string[]
  readonly #variables: Record<string, string>

  private constructor(blocks: readonly string[], variables: Readonly<Record<string, string>>) {
    this.#blocks = blocks
    this.#variables = { ...variables }
  }

  /** The blocks of a page, and the files of somebody who reads it. */
  static async open(
    page: string,
    files: Readonly<Record<string, string>>,
    variables = {},
  ): Promise<Guide> {
    const blocks = blocksOf(await readPage(page)).filter(({ language }) => language === 'sh')
    const guide = new Guide(
      blocks.map(({ code }) => code),
      variables,
    )
    for (const [name, text] of Object.entries(files)) writeFileSync(join(guide.folder, name), text)
    return guide
  }

  /** Plays the only block that has all of the texts; returns what it prints. */
  async play(...texts: readonly string[]): Promise<string> {
    const found = this.#blocks.filter((code) => texts.every((text) => code.includes(text)))
    if (found.length !== 1) throw new Error(`${found.length} blocks have ${texts.join(', ')}`)
    return await this.type(found[0]!)
  }

  /** Types a command. */
  type(code: string): Promise<string> {
    const command = code.replaceAll('bun run carillon', CARILLON)
    const variables = { ...this.#variables, PATH: `${this.folder}:${process.env['PATH']}` }
    return execute(['sh', '-ec', command], { cwd: this.folder, timeoutMs: TIMEOUT_MS, variables })
  }

  /** Starts a server in the folder, with the settings of its `.env`; commands find it from then on. */
  async serve(): Promise<Executable> {
    const env = { DATABASE_PATH: 'data/carillon.sqlite', CARILLON_WEBHOOK_FLUSH_MS: '0' }
    const program = new Executable(env, { cwd: this.folder })
    this.#variables['PORT'] = String(await program.waitUntilListening())
    return program
  }

  get port(): string {
    return this.#variables['PORT']!
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Old credentials: the browser library enters a private channel, and hears what the server library sends. */
export async function hears({ appId, key, secret }: Credentials, port: string): Promise<unknown> {
  const sdk = new Server({ appId, key, secret, host: '127.0.0.1', port, useTLS: false })
  const client = new Pusher(key, {
    cluster: 'eu',
    wsHost: '127.0.0.1',
    wsPort: Number(port),
    forceTLS: false,
    enabledTransports: ['ws'],
    channelAuthorization: {
      endpoint: '',
      transport: 'ajax',
      customHandler: ({ socketId, channelName }, callback) =>
        callback(null, sdk.authorizeChannel(socketId, channelName) as never),
    },
  })
  try {
    const channel = client.subscribe('private-room')
    const heard = new Promise((resolve) => channel.bind('said', resolve))
    await waitFor(
      'the subscription',
      new Promise<void>((resolve, reject) => {
        channel.bind('pusher:subscription_succeeded', () => resolve())
        channel.bind('pusher:subscription_error', reject)
      }),
    )
    await sdk.trigger('private-room', 'said', { hello: appId })
    return await waitFor('the event', heard)
  } finally {
    client.disconnect()
  }
}

/** What a client is told first: hello, or why not. */
export async function firstMessage(key: string, port: string): Promise<string> {
  await using client = new RawClient(`ws://127.0.0.1:${port}/app/${key}?protocol=7`)
  return await client.next('the first message')
}
