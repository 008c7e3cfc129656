/** docs/deployment.md on a virtual machine: the page's own commands, from an executable to an event by TLS. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT, type Block } from '../../docs/pages'
import { execute } from '../commands'
import { blocksBelow, isRun } from './deployment'
import { describeOnMachine, Machine } from './machine'

/** The page's name, and what its reader puts in its place. */
const PRINTED = 'push.example.org'
const NAME = 'chat.carillon.test'
const CERTIFICATE = `/etc/letsencrypt/live/${NAME}/fullchain.pem`

/** What a name server and a trusted authority do. */
const TRUST = `cat ${CERTIFICATE} >> /etc/ssl/certs/ca-certificates.crt`
const NAMES = `echo '127.0.0.1 ${NAME}' >> /etc/hosts`

/** The page's client as a program, which ends when it has heard something. */
const LISTEN = `
cd client && ln -s "$CHECKOUT/node_modules" node_modules
NODE_EXTRA_CA_CERTS=${CERTIFICATE} timeout 30 node client.mjs > heard 2>&1 &
echo $! > pid
cd /etc/carillon && timeout 15 sh -c 'until carillon channels | grep -q my-channel; do sleep 0.05; done'`

const FACTS = `
systemd-analyze verify /etc/systemd/system/carillon.service
systemd-analyze security --offline=true --threshold=20 /etc/systemd/system/carillon.service > /dev/null
systemctl show carillon -p User,LimitNOFILE
grep -E 'Seccomp:|NoNewPrivs|CapBnd' /proc/$(systemctl show carillon -p MainPID --value)/status | tr -d '\\t'
mkdir -p /var/www/html/.well-known/acme-challenge
echo renewed > /var/www/html/.well-known/acme-challenge/token
curl --silent http://${NAME}/.well-known/acme-challenge/token
curl --silent --output /dev/null --write-out '%{redirect_url}\\n' http://${NAME}/console
curl --silent --resolve ${NAME}:443:[::1] https://${NAME}/up`

/** Another process is the main one then, and the one before has said its goodbyes. */
const RELOAD = `
before=$(systemctl show carillon -p MainPID --value)
systemctl reload carillon
timeout 30 sh -c "while kill -0 $before 2>&-; do sleep 0.05; done"
cd /etc/carillon && carillon ready && carillon trigger my-channel my-event '{}'`

const CRASH = `
before=$(systemctl show carillon -p MainPID --value)
kill -9 $before
timeout 15 sh -c 'until [ "$(systemctl show carillon -p NRestarts --value)" = 1 ]; do sleep 0.05; done'
cd /etc/carillon && carillon ready --wait 15`

/** Two seconds, where nothing else is going on. */
const BUILD_MS = 60_000

/** The page's own build, for this machine. */
async function buildAsPrinted(block: Block): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
  const file = join(folder, 'carillon')
  const [line] = block.code.split('\n')
  const around = { cwd: ROOT, timeoutMs: BUILD_MS }
  await execute(['sh', '-c', line!.replace('dist/carillon', file)], around)
  const bytes = readFileSync(file)
  rmSync(folder, { recursive: true })
  return bytes
}

describeOnMachine('a virtual machine', () => {
  let machine: Machine
  let [seen, heard] = ['', '']

  const run = (script: string): string => {
    const { text, exitCode } = machine.run(`export NAME=${NAME}; ${script}`)
    if (exitCode === 0) return text
    throw new Error(`${script}: ${exitCode}\n${text}\n${machine.logOf('carillon')}`)
  }

  beforeAll(async () => {
    const blocks = await blocksBelow('On a virtual machine')
    const executable = await buildAsPrinted(blocks[0]!)
    machine = new Machine(['nginx.service'])
    await machine.waitUntilBooted()
    machine.write('/root/carillon', executable)
    for (const own of ['carillon.service', 'nginx.conf'])
      machine.write(`/root/${own}`, readFileSync(join(ROOT, 'ops', own)))
    run(`${NAMES}; systemctl start nginx; mkdir client`) // as the package does
    for (const { language, code } of blocks.filter(isRun)) {
      if (language === 'js') {
        const key = run('grep -oP "APP_KEY=\\K.*" /etc/carillon/.env').trim()
        const client = code.replace('YOUR_KEY', key).replaceAll(PRINTED, NAME)
        machine.write('/root/client/client.mjs', client)
        run(LISTEN)
      } else seen += run(code)
      if (code.includes('nginx -t')) run(code) // who does the step again breaks nothing
      if (code.includes('openssl req')) run(TRUST)
    }
    heard = run(
      "timeout 15 sh -c 'until grep -m1 hello client/heard; do sleep 0.05; done'; kill $(cat client/pid)",
    )
  })
  afterAll(() => machine?.[Symbol.asyncDispose]())

  /** Restarts with more settings, and as it was after that. */
  function withSettings<T>(lines: string, then: () => T): T {
    run(`cp -p /etc/carillon/.env kept; printf '${lines}\\n' >> /etc/carillon/.env`)
    try {
      run('systemctl restart carillon')
      return then()
    } finally {
      run('cp -p kept /etc/carillon/.env; systemctl restart carillon')
    }
  }

  test('the commands of the page end with an event by TLS', () => {
    expect(seen).toContain('{"ready":true}')
    expect(seen).not.toMatch(/^(warn|fail)\b/m)
    expect(heard).toBe("{ hello: 'world' }\n")
  })

  test('the service may do little, and nginx passes on what it should', () => {
    expect(run(FACTS).trim().split('\n').toSorted()).toEqual([
      'CapBnd:0000000000000000',
      'LimitNOFILE=131072',
      'NoNewPrivs:1',
      'Seccomp:2',
      'User=carillon',
      `https://${NAME}/console`,
      'renewed',
      '{"health":"OK"}',
    ])
    expect(machine.logOf('carillon')).not.toContain('not permitted')
  })

  test('a reload is an upgrade; a crash after it is noticed, and a stop waits for the goodbyes', () => {
    expect(run(RELOAD)).toContain('http://127.0.0.1:6001 is ready')
    const state = run('systemctl show carillon -p ActiveState,NRestarts')
    expect(state).toBe('NRestarts=0\nActiveState=active\n')
    expect(run(CRASH)).toContain('is ready')

    run(RELOAD)
    const pid = run('systemctl show carillon -p MainPID --value').trim()
    const end = run('systemctl stop carillon; systemctl show carillon -p Result')
    expect(end).toBe('Result=success\n')
    const last = run(`journalctl --no-pager --output cat _PID=${pid} | tail -2`)
    expect(last).toMatch(/"leaving"[^]*"left"/)
    run('systemctl start carillon')
  })

  test('nginx may come by a unix socket, and backups are made where the page has them', () => {
    const socket = '/run/carillon/carillon.sock'
    const proxied = `HOST=unix:${socket}\\nCARILLON_TRUSTED_PROXIES=unix`
    withSettings(`${proxied}\\nCARILLON_BACKUP_PATH=/var/lib/carillon/backups`, () => {
      const file = '/etc/nginx/conf.d/carillon.conf'
      run(
        `cp ${file} nginx.kept; sed -i 's#server 127.0.0.1:6001;#server unix:${socket};#' ${file}`,
      )
      expect(run(`nginx -s reload; curl --silent --retry 5 --retry-all-errors https://${NAME}/ready`)).toContain('{"ready":true}') // prettier-ignore
      expect(run('cd /etc/carillon && carillon ready')).toBe(`unix:${socket} is ready\n`)
      run(`cp nginx.kept ${file}; nginx -s reload`)
      run("timeout 15 sh -c 'until ls /var/lib/carillon/backups/*.sqlite; do sleep 0.1; done'")
      expect(run('stat -c %U:%a /var/lib/carillon/backups/*.sqlite')).toBe('carillon:600\n')
    })
  })

  test('a mistake in the settings ends the start, is in the journal, and once it is mended the start succeeds', () => {
    expect(() => withSettings('PORT=x', () => undefined)).toThrow('Job for carillon.service failed')
    expect(machine.logOf('carillon')).toContain('carillon: PORT=x: expected an integer')
    expect(run('cd /etc/carillon && carillon ready')).toContain('is ready')

    // Five failures are systemd's own limit, after which nothing starts any more.
    run(`cp -p /etc/carillon/.env kept; echo PORT=x >> /etc/carillon/.env
systemctl kill -s KILL carillon
timeout 30 sh -c 'until [ $(systemctl show carillon -p NRestarts --value) -gt 6 ]; do sleep 0.1; done'
cp -p kept /etc/carillon/.env`)
    expect(run('carillon ready --wait 10')).toContain('is ready')
  })
})
