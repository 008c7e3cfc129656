/** The page of docs/nothing-missed.md, as somebody tries it in two terminals: the plug is pulled and put back. */
import { afterAll, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execute } from '../field/commands'
import { Inbox, PATIENCE_MS, start, waitFor, type TestServer } from '../harness'
import { blocksOf, readPage, ROOT } from './pages'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const page = blocksOf(await readPage('docs/nothing-missed.md'))
const findBlock = (mark: string): string => page.find(({ code }) => code.includes(mark))!.code

async function run(server: TestServer, mark: string): Promise<void> {
  const command = findBlock(mark).replaceAll('6001', String(server.port))
  const strict = command.replace('curl ', 'curl --silent --show-error --fail-with-body ')
  await execute(['sh', '-c', strict], { cwd: folder, timeoutMs: PATIENCE_MS })
}

/** The program of the page; its lines, and its Enter key. */
function open(server: TestServer) {
  mkdirSync(join(folder, 'node_modules'), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules/pusher-js'), join(folder, 'node_modules/pusher-js'))
  symlinkSync(ROOT, join(folder, 'node_modules/carillon'))
  const code = findBlock('carillon/resume').replaceAll('6001', String(server.port))
  writeFileSync(join(folder, 'page.mjs'), code)
  const child = Bun.spawn([process.execPath, 'page.mjs'], {
    cwd: folder,
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const lines = new Inbox<string>()
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder()
    for await (const bytes of child.stdout)
      for (const line of decoder.decode(bytes, { stream: true }).split(/[\s{},]+/))
        if (line) lines.push(line)
  }
  void read()
  return {
    /** Reads words until the last of these, which must come in this order. */
    async expectWords(...words: string[]): Promise<void> {
      for (const word of words) while ((await lines.next(word)) !== word);
    },
    pressEnter: (): void => {
      void child.stdin.write('\n')
      void child.stdin.flush()
    },
    [Symbol.asyncDispose]: async (): Promise<void> => {
      child.kill('SIGKILL')
      await child.exited
    },
  }
}

test('what was missed while the plug was pulled arrives when it is put back', async () => {
  await using server = await start()
  await run(server, '-X PATCH')
  await using terminal = open(server)
  await terminal.expectWords('connected')
  const subscribed = async (): Promise<void> => {
    while (server.countsOf('my-channel').subscriptions === 0) await server.http('/up')
  }
  await waitFor('the subscription', subscribed())
  await run(server, 'event=my-event')
  await terminal.expectWords('hello:')
  terminal.pressEnter()
  await terminal.expectWords('disconnected')
  for (let n = 0; n < 2; n++) await run(server, 'event=my-event')
  terminal.pressEnter()
  await terminal.expectWords('my-channel', 'recovered:', 'true', 'missed:', '2', 'hello:', 'hello:')
  await run(server, '/history')
  expect(page.length).toBeGreaterThan(3)
})
