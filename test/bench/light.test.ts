/** What it takes to try a repository: of a tiny one, whose server first says that it is not ready. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { light, LIGHT } from '../../bench/light'
import { countBytes, cloneRepository, startCheckout } from '../../bench/lib/checkout'
import { judgeAll } from '../../bench/lib/judge'
import { reinCommand } from '../../bench/lib/processes'
import { readNumber } from '../../bench/lib/question'
import type { BenchRecord } from '../../bench/lib/records'
import { TARGETS } from '../../bench/lib/targets'

const onLinux = test.skipIf(process.platform !== 'linux')
const LIB = join(import.meta.dir, '../../bench/lib')
const INSTALLED = 123_456

const FILES = {
  'package.json': '{"scripts":{"server":"bun install.ts && bun server.ts"}}',
  '.gitignore': 'node_modules',
  'install.ts': `
    import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
    mkdirSync('node_modules/some/dist', { recursive: true })
    writeFileSync('node_modules/some/dist/index.js', new Uint8Array(${INSTALLED}))
    writeFileSync('node_modules/asked', '')
    try { symlinkSync('some', 'node_modules/other') } catch {}`,
  'server.ts': `
    import { appendFileSync } from 'node:fs'
    const { PORT: port, HOST: hostname } = process.env
    const answers = [503, 200]
    const up = () => {
      const status = answers.shift() ?? 500
      appendFileSync('answers', status + ' ')
      return new Response('', { status })
    }
    Bun.serve({ port, hostname, routes: { '/up': up } })`,
}

const home = mkdtempSync(join(tmpdir(), 'bench-light-'))
const [repository, cloned] = [join(home, 'repository'), join(home, 'cloned')]
const git = (...words: readonly string[]) =>
  Bun.spawnSync(['git', '-c', 'user.name=a', '-c', 'user.email=a@b.example', ...words], {
    cwd: repository,
  })

beforeAll(async () => {
  mkdirSync(repository)
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(repository, name), text)
  git('init', '--quiet')
  git('add', '.')
  git('commit', '--quiet', '--message', 'tiny')
  writeFileSync(join(repository, 'install.ts'), 'not committed')
  await cloneRepository(repository, cloned)
})

afterAll(() => rmSync(home, { recursive: true }))

const isThere = (pid: number): boolean => existsSync(`/proc/${pid}/exe`)

onLinux('a clone, an installation and two starts are timed, weighed and gone', async () => {
  const row = { ...LIGHT, from: repository }
  const turn = { row, side: 'carillon', seconds: 0, onProgress: undefined }
  const outcome = await light.play(turn)
  const shown = [light.figure, ...light.columns].map(({ key }) => key)
  const judged = TARGETS.filter(({ place }) => place.question === 'light').map(({ key }) => key)

  expect(outcome).toMatchObject({ modulesMb: INSTALLED / 1e6, starts: 2 })
  expect(shown).toEqual(judged)
  for (const key of shown) expect([key, readNumber(outcome, key) > 0]).toEqual([key, true])
})

onLinux('who is asked and weighed is the server; it has started when /up is 200', async () => {
  const server = await startCheckout(cloned)

  expect(readFileSync(`/proc/${server.pid}/cmdline`, 'utf8')).toContain('server.ts')
  expect(readFileSync(join(cloned, 'answers'), 'utf8')).toBe('503 200 ')
  expect(countBytes(join(cloned, 'node_modules'))).toBe(INSTALLED)
  await server[Symbol.asyncDispose]()
  expect(isThere(server.pid)).toBe(false)
})

onLinux('what can not be cloned is said, and so is a server that ends', async () => {
  const broken = join(home, 'broken')
  mkdirSync(broken)
  writeFileSync(join(broken, 'package.json'), '{"scripts":{"server":"exit 7"}}')

  await expect(cloneRepository(join(home, 'nothing'), join(home, 'copy'))).rejects.toThrow(
    "can't be cloned",
  )
  await expect(startCheckout(broken)).rejects.toThrow('did not answer: it ended with 7')
})

const ENDS = ['SIGTERM', ...(reinCommand('TERM').length > 0 ? ['SIGKILL' as const] : [])] as const

onLinux.each(ENDS)('no server outlives a bench that is ended by %s', async (signal) => {
  const script = `
    import { startCheckout } from '${LIB}/checkout'
    import { endWithBench } from '${LIB}/processes'
    endWithBench()
    const { pid } = await startCheckout(process.argv.at(-1))
    console.log(pid)
    await Bun.sleep(60_000)`
  const bench = Bun.spawn([process.execPath, '-e', script, cloned], { stdout: 'pipe' })
  const { value } = await bench.stdout.getReader().read()
  const pid = Number(new TextDecoder().decode(value))
  expect(isThere(pid)).toBe(true)

  bench.kill(signal)
  await bench.exited
  while (isThere(pid)) await Bun.sleep(5)
})

test('a tenth more than it was is met, and more is not', () => {
  const verdict = (restMib: number) => {
    const place = { question: 'light', case: LIGHT.label, side: 'carillon' }
    const record = { ...place, round: 1, run: 'now', restMib } as unknown as BenchRecord
    return judgeAll([record]).find(({ target }) => target.key === 'restMib')!
  }
  const { was } = verdict(1).target

  expect(verdict(was!.figure * 1.09).verdict).toBe('met')
  expect(verdict(was!.figure * 1.11).verdict).toBe('missed')
})
