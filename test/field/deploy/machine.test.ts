/** docs/deployment.md on a virtual machine: the page's own commands, from an executable to an event by TLS. */
import { expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../../docs/pages'
import { PATIENCE_MS } from '../../harness'
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
NODE_EXTRA_CA_CERTS=${CERTIFICATE} timeout 15 node client.mjs > heard 2>&1 &
cd /etc/carillon && timeout 15 sh -c 'until carillon channels | grep -q my-channel; do :; done'`

const FACTS = `
systemd-analyze verify /etc/systemd/system/carillon.service
systemd-analyze security --offline=true --threshold=20 /etc/systemd/system/carillon.service > /dev/null
systemctl show carillon -p User,LimitNOFILE,NRestarts
grep -E 'Seccomp:|NoNewPrivs|CapBnd' /proc/$(systemctl show carillon -p MainPID --value)/status | tr -d '\\t'
mkdir -p /var/www/html/.well-known/acme-challenge
echo renewed > /var/www/html/.well-known/acme-challenge/token
curl --silent http://${NAME}/.well-known/acme-challenge/token
curl --silent --output /dev/null --write-out '%{redirect_url}\\n' http://${NAME}/console
curl --silent --resolve ${NAME}:443:[::1] https://${NAME}/up`

/** As after an upgrade: the main process is another one, and nothing was restarted. */
const RELOAD = `
before=$(systemctl show carillon -p MainPID --value)
systemctl reload carillon
timeout 15 sh -c "while [ \\$(systemctl show carillon -p MainPID --value) = $before ]; do :; done"
cd /etc/carillon && carillon ready && carillon trigger my-channel my-event '{}'`

describeOnMachine('a virtual machine', () => {
  test('serves by TLS behind nginx after the commands of the page, and stops as it should', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
    const file = join(folder, 'carillon')
    const [building] = await blocksBelow('On a virtual machine')
    const [command] = building!.code.split('\n')
    await execute(['sh', '-c', command!.replace('dist/carillon', file)], {
      cwd: ROOT,
      timeoutMs: PATIENCE_MS,
    })
    await using machine = new Machine(['nginx.service'])
    await machine.waitUntilBooted()
    const run = async (script: string): Promise<string> => {
      const { text, exitCode } = machine.run(`export NAME=${NAME}; ${script}`)
      if (exitCode !== 0)
        throw new Error(`${script}: ${exitCode}\n${text}\n${machine.logOf('carillon')}`)
      return text
    }
    machine.write('/root/carillon', readFileSync(file))
    rmSync(folder, { recursive: true })
    for (const own of ['carillon.service', 'nginx.conf'])
      machine.write(`/root/${own}`, readFileSync(join(ROOT, 'ops', own)))
    await run(`${NAMES}; systemctl start nginx`) // as the package does

    let seen = ''
    for (const block of (await blocksBelow('On a virtual machine')).filter(isRun))
      if (block.language === 'js') {
        const key = (await run('grep -oP "APP_KEY=\\K.*" /etc/carillon/.env')).trim()
        await run('mkdir client')
        machine.write(
          '/root/client/client.mjs',
          block.code.replace('YOUR_KEY', key).replaceAll(PRINTED, NAME),
        )
        await run(LISTEN)
      } else {
        seen += await run(block.code)
        if (block.code.includes('openssl req')) await run(TRUST)
      }
    expect(seen).toContain('{"ready":true}')
    expect(seen).not.toMatch(/^(warn|fail)\b/m)
    expect(await run("timeout 15 sh -c 'until grep -m1 hello client/heard; do :; done'")).toContain("{ hello: 'world' }") // prettier-ignore

    expect((await run(FACTS)).trim().split('\n').toSorted()).toEqual([
      'CapBnd:0000000000000000',
      'LimitNOFILE=131072',
      'NRestarts=0',
      'NoNewPrivs:1',
      'Seccomp:2',
      'User=carillon',
      `https://${NAME}/console`,
      'renewed',
      '{"health":"OK"}',
    ])
    expect(await run(RELOAD)).toContain('http://127.0.0.1:6001 is ready')
    expect(await run('systemctl show carillon -p ActiveState,NRestarts')).toBe(
      'NRestarts=0\nActiveState=active\n',
    )
    await run('systemctl restart carillon && systemctl stop carillon')
    expect(await run('systemctl show carillon -p Result,ExecMainStatus')).toBe(
      'Result=success\nExecMainStatus=0\n',
    )
    const log = machine.logOf('carillon')
    expect(log).toContain('a new process starts, to take the place of this one')
    expect(log).not.toMatch(/not permitted/)

    const mistaken = machine.run('echo PORT=x >> /etc/carillon/.env; systemctl start carillon')
    expect([mistaken.exitCode, mistaken.text]).toEqual([
      1,
      expect.stringContaining('Job for carillon.service failed'),
    ])
    expect(machine.logOf('carillon')).toContain('carillon: PORT=x: expected an integer')
  })
})
