/** The files of ops/ that start the server, against the settings, the commands and the image. */
import { afterAll, expect, test } from 'bun:test'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { version } from '../../../package.json'
import openapi from '../../../openapi/openapi.json'
import { COMMANDS } from '../../../src/cli/commands'
import { LIMIT_SETTINGS, readConfig, SETTINGS } from '../../../src/config/config'
import { fileVariable } from '../../../src/config/secret-files'
import { LEAVE_MS } from '../../../src/goodbye'
import { blocksOf, readPage, ROOT } from '../../docs/pages'
import { PATIENCE_MS } from '../../harness'
import { execute } from '../commands'
import { describeWith } from '../programs'
import { blocksBelow } from './deployment'
import { readDockerfile } from './dockerfile'
import type { Compose, StatefulSet } from './manifests'

const AROUND = { cwd: ROOT, timeoutMs: PATIENCE_MS }

const read = (file: string): Promise<string> => Bun.file(join(ROOT, file)).text()
const { facts } = readDockerfile(await read('Dockerfile')).at(-1)!
const { services, volumes } = Bun.YAML.parse(await read('ops/compose.yml')) as Compose
const manifests = Bun.YAML.parse(await read('ops/kubernetes.yaml')) as StatefulSet[]
const byKind = (kind: string): StatefulSet => manifests.find((each) => each.kind === kind)!
const pod = byKind('StatefulSet').spec.template.spec
const [container] = pod.containers
const unit = await read('ops/carillon.service')
const fromUnit = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)![1]!
const procfile = await read('ops/Procfile')

const SETTING_NAMES = [...Object.values(SETTINGS), ...LIMIT_SETTINGS.map((row) => row.setting)].flatMap(({ env, secret }) => (secret ? [env, fileVariable(env)] : [env])) // prettier-ignore
const strangersIn = (names: readonly string[]): string[] =>
  names.filter((name) => !SETTING_NAMES.includes(name))

const valueOf = (name: string): string | undefined =>
  container!.env.find((each) => each.name === name)?.value
const namesIn = (text: string): string[] =>
  Array.from(text.matchAll(/(?:^|\s)([A-Z][A-Z_]*)=/gm), ([, name]) => name!)

test('every setting that they set is one', async () => {
  const blocks = blocksOf(await readPage('docs/deployment.md')).map(({ code }) => code)
  const own = ['NAME'] // what compose.yml reads
  const places = {
    compose: Object.keys(services.carillon.environment),
    kubernetes: container!.env.map(({ name }) => name),
    procfile: namesIn(procfile),
    page: blocks.flatMap(namesIn).filter((name) => !own.includes(name)),
  }
  for (const [place, names] of Object.entries(places))
    expect([place, names.length > 0, strangersIn(names)]).toEqual([place, true, []])
})

test('ports and volumes are those of the image', async () => {
  const port = SETTINGS.port.default
  const [volume] = facts.volumes
  expect(services.carillon.ports).toEqual([`127.0.0.1:${port}:${port}`])
  expect(services.caddy.environment['CARILLON_AT']).toBe(`carillon:${port}`)
  expect(container!.ports).toEqual([{ name: 'http', containerPort: port }])
  expect(byKind('Service').spec.ports).toEqual([{ name: 'http', port, targetPort: 'http' }])
  for (const proxy of ['nginx.conf', 'Caddyfile', 'haproxy.cfg'])
    expect(await read(`ops/${proxy}`)).toContain(`127.0.0.1:${port}`)
  expect(services.carillon.volumes).toEqual([`data:${volume}`])
  expect(Object.keys(volumes)).toContain('data')
  expect(container!.volumeMounts.find(({ name }) => name === 'data')!.mountPath).toBe(volume!)
})

test('whoever is in front of the server in compose.yml is trusted, and has its file', () => {
  expect(services.caddy.volumes[0]).toBe('./Caddyfile:/etc/caddy/Caddyfile:ro')
  expect(existsSync(join(ROOT, 'ops/Caddyfile'))).toBe(true)
  const { CARILLON_TRUSTED_PROXIES: trusted } = services.carillon.environment
  expect(SETTINGS.trustedProxies.read(String(trusted))).toEqual(['172.30.61.0/24'])
})

/** How long each waits for the end of the process before it kills, and what the drain may take of it. */
const STOPS = [
  ['compose', services.carillon.stop_grace_period, services.carillon.environment['CARILLON_DRAIN_SECONDS'], 0],
  ['systemd', fromUnit('TimeoutStopSec'), SETTINGS.drainSeconds.default, 0],
  ['Kubernetes', pod.terminationGracePeriodSeconds, valueOf('CARILLON_DRAIN_SECONDS'), container!.lifecycle.preStop.sleep.seconds],
  ['a platform', 30, SETTINGS.drainSeconds.default, 0],
] as const // prettier-ignore

test.each(STOPS)('%s waits for the goodbyes', (_, kill, drain, pause) => {
  const needed = Number(drain) + LEAVE_MS / 1000 + pause
  expect(needed).toBeLessThan(Number.parseInt(String(kill), 10))
})

test('the pod is what the restricted standard asks for, and its user that of the image', () => {
  const { runAsUser, runAsGroup, fsGroup, ...rest } = pod.securityContext
  expect(`${runAsUser}:${runAsGroup}`).toBe(facts.user!)
  expect(fsGroup).toBe(runAsGroup)
  expect(rest).toEqual({
    runAsNonRoot: true,
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
  })
  expect(container!.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  })
  expect(container!.image).toEndWith(`/carillon:${version}`)
})

test('probes ask for what there is, by the names of ports', () => {
  for (const probe of [
    container!.startupProbe,
    container!.livenessProbe,
    container!.readinessProbe,
  ]) {
    expect(Object.keys(openapi.paths)).toContain(probe.httpGet.path)
    expect(probe.httpGet.port).toBe('http')
  }
  expect(container!.readinessProbe.httpGet.path).toBe('/ready')
})

test('the commands of the unit and of the page are commands', async () => {
  const page = await readPage('docs/deployment.md')
  const lines = [...blocksOf(page).map(({ code }) => code), unit, procfile].join('\n')
  const found = Array.from(
    lines.matchAll(/\bcarillon (?!carillon\b)([a-z][a-z-]+)(?= |$)/gm),
    ([, name]) => name!,
  )
  const known = COMMANDS.map(({ name }) => name.split(' ')[0]!)
  const others = ['carillon', 'generic'] // names of images, containers and secrets are in the same places
  expect(found).toContain('doctor')
  expect(found.filter((name) => ![...known, ...others].includes(name))).toEqual([])
})

const linesOf = async (start: RegExp): Promise<string[]> =>
  blocksOf(await readPage('docs/deployment.md'))
    .flatMap(({ code }) => code.split('\n'))
    .filter((line) => start.test(line))

describeWith('caddy', 'Caddy', () => {
  test('finds the server and its own name by what compose.yml sets', async () => {
    const name = 'chat.carillon.test'
    const { CARILLON_NAME = '', CARILLON_AT = '' } = services.caddy.environment
    const variables = {
      CARILLON_NAME: String(CARILLON_NAME).replace('${NAME:?put it into ops/.env}', name),
      CARILLON_AT: String(CARILLON_AT),
    }
    const command = ['caddy', 'adapt', '--config', 'ops/Caddyfile'] as const
    const adapted = await execute(command, { ...AROUND, variables })
    expect(adapted).toContain('"host":["chat.carillon.test"]')
    expect(adapted).toContain('"dial":"carillon:6001"')
  })
})

describeWith('kubectl', 'the secret of the page', () => {
  test('has what the pod reads', async () => {
    const [command] = await linesOf(/^kubectl create secret/)
    const dry = await execute(['sh', '-c', `${command} --dry-run=client -o json`], AROUND)
    const { data } = JSON.parse(dry) as { data: object }
    const mount = container!.volumeMounts.find(({ name }) => name === 'secrets')!.mountPath
    const used = container!.env.flatMap(({ value = '', valueFrom }) => {
      if (valueFrom) return [valueFrom.secretKeyRef.key]
      return value.startsWith(`${mount}/`) ? [value.slice(mount.length + 1)] : []
    })
    expect(Object.keys(data).toSorted()).toEqual(used.toSorted())
    expect(used.length).toBe(3)
  })
})

describeWith('docker', 'docker', () => {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  test('finds the credentials of the page where the page puts them', async () => {
    mkdirSync(join(folder, 'ops'))
    copyFileSync(join(ROOT, 'Dockerfile'), join(folder, 'Dockerfile'))
    const block = (await blocksBelow('In a container')).find(({ code }) => code.includes('umask'))
    await execute(['sh', '-c', block!.code], { ...AROUND, cwd: folder })
    const file = join(folder, 'ops/carillon.env')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const lines = (await Bun.file(file).text()).trim().split('\n')
    const config = readConfig(Object.fromEntries(lines.map((line) => line.split('='))))
    expect([config.appId, config.adminUsername]).toEqual(['1', 'admin'])
    expect(config.appSecret).toMatch(/^\w{40}$/)
    expect(namesIn(lines.join('\n')).every((name) => SETTING_NAMES.includes(name))).toBe(true)

    const nobody = { DOCKER_HOST: 'unix:///nobody', DOCKER_BUILDKIT: '0' }
    const commands = await linesOf(/^docker (build|run|exec) /)
    expect(commands.length).toBe(3)
    for (const command of commands) {
      const env = { ...process.env, ...nobody }
      const { stderr, exitCode } = Bun.spawnSync(['sh', '-c', command], { cwd: folder, env })
      expect([command, exitCode === 0]).toEqual([command, false])
      expect(stderr.toString()).toContain('unix:///nobody') // it asks the engine, so it has understood
    }
  })
})
