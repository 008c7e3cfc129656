/**
 * Snippets of languages whose packages are on no registry that is reached here: what they give to their SDK, which a few
 * lines stand for, and whether the sketch for an ESP32 is C++. What the SDKs do with it is in `test/vectors`.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseAddress } from '../../../src/pages/console/connect/address'
import { snippetOf } from '../../../src/pages/console/connect/snippets'
import { execute, type Command } from '../commands'
import { describeWith, type Program } from '../programs'

const APP = { id: '7', name: 'An app', slug: 'an-app', key: 'k7', secret: `s'"$\\#{1}%<?>` }
const PLAIN = parseAddress('http://127.0.0.1:6001')
const BELOW = parseAddress('https://push.example.com:8443/ws')
/** Headers that stand for those of an ESP32. */
const ARDUINO = join(import.meta.dir, '../arduino')
const SENT = ['my-channel', 'my-event', { hello: 'world' }]

let cwd = ''
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'languages-'))
})
afterAll(() => rm(cwd, { recursive: true }))

type Language = {
  readonly program: Program
  readonly id: string
  /** What stands for its SDK, by the name of the file. */
  readonly sdk: Readonly<Record<string, string>>
  readonly run: Command
  /** Lines of JSON that it prints. */
  readonly printed: (address: typeof PLAIN) => readonly unknown[]
}

const LANGUAGES: readonly Language[] = [
  {
    program: 'php',
    id: 'php',
    sdk: {
      'vendor/autoload.php': `<?php namespace Pusher;
class Pusher {
  function __construct(...$given) { echo json_encode($given), "\\n"; }
  function trigger(...$given) { echo json_encode($given), "\\n"; }
}`,
    },
    run: ['php', 'trigger.php'],
    printed: ({ host, port, isTls, prefix }) => [
      [
        APP.key,
        APP.secret,
        APP.id,
        {
          host,
          port,
          scheme: isTls ? 'https' : 'http',
          useTLS: isTls,
          ...(prefix !== '' && { path: prefix }),
        },
      ],
      SENT,
    ],
  },
  {
    program: 'ruby',
    id: 'ruby',
    sdk: {
      'pusher.rb': `require 'json'
module Pusher
  class Client
    def initialize(given) = puts(given.to_json)
    def trigger(*given) = puts(given.to_json)
  end
end`,
    },
    run: ['ruby', '-I.', 'trigger.rb'],
    printed: ({ host, port, isTls }) => [
      { app_id: APP.id, key: APP.key, secret: APP.secret, host, port, use_tls: isTls },
      SENT,
    ],
  },
  {
    program: 'g++',
    id: 'esp32',
    sdk: { 'main.cpp': '#include "carillon.ino"\nint main() { setup(); loop(); }' },
    run: ['sh', '-c', `g++ -Wall -Werror -I'${ARDUINO}' -o sketch main.cpp && ./sketch`],
    printed: ({ host, port, prefix }) => [[host, port, `${prefix}/app/k7?protocol=7&client=esp32`]],
  },
]

for (const { program, id, sdk, run, printed } of LANGUAGES)
  describeWith(program, `the snippet ${id}`, () => {
    test.each([PLAIN, BELOW])('gives its SDK what leads to %j', async (address) => {
      const { file, lines } = snippetOf(id)
      const texts = { ...sdk, [file]: lines(APP, address) }
      for (const [name, text] of Object.entries(texts)) await Bun.write(`${cwd}/${name}`, text)
      const output = await execute(run, { cwd, timeoutMs: 60_000 })
      const values = output
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown)
      expect(values).toEqual([...printed(address)])
    })
  })
