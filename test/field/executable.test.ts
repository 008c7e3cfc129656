/** The executable: everything in one file, in a folder where nothing else is. */
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RawClient } from '../../kit/client'
import { BUILT, Executable } from '../built'

const CONFIG = `import { defineConfig, definePlugin } from 'carillon/plugin'
import { guardian } from 'carillon/plugins/guardian'
export default defineConfig({
  plugins: [guardian(), definePlugin({ name: 'mine', carillon: 1, setup: () => ({}) })],
})
`

describe('the executable', () => {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-executable-'))
  const empty = mkdtempSync(join(folder, 'empty-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const startIn = async (cwd: string): Promise<Executable> => {
    const program = new Executable({ DATABASE_PATH: 'data.sqlite' }, { cwd })
    await program.waitUntilListening()
    return program
  }
  const run = (args: readonly string[], env: Record<string, string> = {}) => {
    const { stdout, exitCode } = Bun.spawnSync([BUILT, ...args], { cwd: empty, env })
    return { text: stdout.toString(), exitCode }
  }

  test('serves sockets, API and pages with the plugins of ours, and its commands talk to it', async () => {
    await using program = await startIn(empty)
    const port = await program.waitUntilListening()
    const base = `http://127.0.0.1:${port}`
    for (const page of ['console', 'swagger']) {
      const html = await (await fetch(`${base}/${page}`)).text()
      const assets = [...html.matchAll(/(?:src|href)="([a-z]+\/[^"]+\.(?:js|css))"/g)]
      expect(assets.length).toBeGreaterThanOrEqual(2)
      for (const [, asset] of assets) expect((await fetch(`${base}/${asset}`)).status).toBe(200)
    }
    expect((await fetch(`${base}/swagger/json`)).status).toBe(200)
    await using client = new RawClient(`ws://127.0.0.1:${port}/app/test-app-fake-key`)
    await client.hello()
    await client.subscribed('room')
    const env = { CARILLON_URL: base }
    expect(run(['trigger', 'room', 'event', '{"a":1}'], env).exitCode).toBe(0)
    expect(await client.nextJson()).toMatchObject({ event: 'event', data: '{"a":1}' })
    const settings = { PORT: String(port) }
    expect(run(['ready'], settings)).toEqual({ text: `${base} is ready\n`, exitCode: 0 })
    expect(run(['apps', 'list'], env).text).toContain('test-app-fake-key')
    const backup = run(['backup', 'copy.sqlite'], { ...env, DATABASE_PATH: 'data.sqlite' })
    expect(backup.exitCode).toBe(0)
    expect(readdirSync(empty)).toContain('copy.sqlite')
    program.process.kill('SIGTERM')
    await program.waitForExit()
    expect(await program.output).toContain('origin-check, rate-limit, guardian')
    expect(run(['restore', 'copy.sqlite'], { DATABASE_PATH: 'data.sqlite' }).exitCode).toBe(0)
  })

  test('loads a configuration file beside it, and what plugins import of the package', async () => {
    const own = mkdtempSync(join(folder, 'own-'))
    writeFileSync(join(own, 'carillon.config.ts'), CONFIG)
    await using program = await startIn(own)
    program.process.kill('SIGTERM')
    await program.waitForExit()
    expect(await program.output).toContain('plugins     guardian, mine')
  })

  test('says its version, and what it can', () => {
    expect(run(['--version']).text).toMatch(/^\d+\.\d+\.\d+\n$/)
    expect(run(['--help']).text).toContain('carillon --version')
    expect(run(['doctor', '--help']).exitCode).toBe(0)
    expect(run(['nothing']).exitCode).toBe(2)
  })
})
