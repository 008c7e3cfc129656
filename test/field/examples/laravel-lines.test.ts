/**
 * The lines of examples/laravel-echo for an application of one's own, without Laravel: its PHP reads the `.env`, what
 * comes out is what the SDK sends by; its JavaScript connects a page by the same file.
 */
import { expect, test } from 'bun:test'
import Server from 'pusher'
import { start } from '../../harness'
import { execute, LineReader } from '../commands'
import { describeWith } from '../programs'
import { openExample } from './example'

/** Laravel's `env()` and what loads the file; then the configuration, as JSON. */
const READ_CONFIG = `<?php
$env = parse_ini_file('.env');
function env(string $name, mixed $default = null): mixed {
    global $env;
    return $env[$name] ?? $default;
}
echo json_encode(require 'broadcasting.php');
`

/** What a page of the application does, once a bundler has put the file's values into it. */
const PAGE = `
globalThis.window = globalThis
await import('./echo.js')
window.Echo.channel('orders')
  .subscribed(() => console.log('subscribed'))
  .listen('OrderShipped', ({ order }) => console.log(order.item))
`

type Broadcasting = {
  readonly default: string
  readonly connections: {
    readonly pusher: {
      readonly key: string
      readonly secret: string
      readonly app_id: string
      readonly options: { readonly host: string; readonly port: string; readonly useTLS: boolean }
    }
  }
}

describeWith('php', 'the lines of examples/laravel-echo for an application', () => {
  test('its configuration sends to where its pages listen', async () => {
    await using server = await start()
    using example = openExample('laravel-echo', { 6001: server.port })
    const { folder, block } = example
    await Bun.write(`${folder}/.env`, block('ini', 'PUSHER_HOST'))
    await Bun.write(`${folder}/broadcasting.php`, block('php', 'PUSHER_HOST'))
    await Bun.write(`${folder}/echo.js`, block('js', 'VITE_PUSHER_HOST'))
    await Bun.write(`${folder}/config.php`, READ_CONFIG)
    await Bun.write(`${folder}/application.js`, PAGE)
    const around = { cwd: folder, timeoutMs: 30_000 }

    await using page = new LineReader([process.execPath, 'application.js'], around)
    expect(await page.next()).toEqual(['subscribed'])

    const broadcasting = JSON.parse(await execute(['php', 'config.php'], around)) as Broadcasting
    expect(broadcasting.default).toBe('pusher')
    const { key, secret, app_id: appId, options } = broadcasting.connections.pusher
    const sdk = new Server({ appId, key, secret, ...options })
    await sdk.trigger('orders', 'App\\Events\\OrderShipped', { order: { item: 'A lamp' } })
    expect(await page.next()).toEqual(['A lamp'])
  })
})
