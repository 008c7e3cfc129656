/** SERVERS: the snippets that have the secret: they send events, and are for servers and terminals alone. */
import { httpUrl } from './address'
import { envText, jsonText, jsText, plainText, shellText, urlText } from './quotes'
import { CHANNEL, EVENT, HELLO, SENDS, type Snippet } from './snippet'

export const SERVERS: readonly Snippet[] = [
  {
    id: 'curl',
    name: 'curl',
    place: 'server',
    file: 'trigger.sh',
    language: 'Shell',
    does: `${SENDS} Nothing has to be installed.`,
    lines: ({ key, secret }, address) => `curl -u ${shellText(`${key}:${secret}`)} \\
  -H 'content-type: application/json' \\
  -d '{"channel":"${CHANNEL}","event":"${EVENT}","data":${HELLO}}' \\
  ${shellText(`${httpUrl(address)}/api/push`)}
`,
  },
  {
    id: 'node',
    name: 'Node.js',
    place: 'server',
    file: 'trigger.mjs',
    language: 'JavaScript',
    install: 'npm install pusher',
    does: SENDS,
    needsRoot: true,
    lines: ({ id, key, secret }, { host, port, isTls }) => `import Pusher from 'pusher'

const pusher = new Pusher({
  appId: ${jsText(id)},
  key: ${jsText(key)},
  secret: ${jsText(secret)},
  host: ${jsText(host)},
  port: '${port}',
  useTLS: ${isTls},
})
await pusher.trigger('${CHANNEL}', '${EVENT}', { hello: 'world' })
`,
  },
  {
    id: 'laravel',
    name: 'Laravel',
    place: 'server',
    file: '.env',
    language: 'Environment',
    install: 'composer require pusher/pusher-php-server',
    does: 'Broadcasts by the connection “pusher” of config/broadcasting.php, as it comes with Laravel.',
    lines: ({ id, key, secret }, { host, port, isTls, prefix }) => `BROADCAST_CONNECTION=pusher
PUSHER_APP_ID=${envText(id)}
PUSHER_APP_KEY=${envText(key)}
PUSHER_APP_SECRET=${envText(secret)}
PUSHER_APP_CLUSTER=carillon
PUSHER_HOST=${envText(host)}
PUSHER_PORT=${port}
PUSHER_SCHEME=${isTls ? 'https' : 'http'}
${prefix === '' ? '' : `# and among the options of config/broadcasting.php: 'path' => ${plainText(prefix)},\n`}
VITE_PUSHER_APP_KEY="\${PUSHER_APP_KEY}"
VITE_PUSHER_APP_CLUSTER="\${PUSHER_APP_CLUSTER}"
VITE_PUSHER_HOST="\${PUSHER_HOST}"
VITE_PUSHER_PORT="\${PUSHER_PORT}"
VITE_PUSHER_SCHEME="\${PUSHER_SCHEME}"
`,
  },
  {
    id: 'php',
    name: 'PHP',
    place: 'server',
    file: 'trigger.php',
    language: 'PHP',
    install: 'composer require pusher/pusher-php-server',
    does: SENDS,
    lines: ({ id, key, secret }, { host, port, isTls, prefix }) => `<?php
require __DIR__ . '/vendor/autoload.php';

$pusher = new Pusher\\Pusher(
    ${plainText(key)},
    ${plainText(secret)},
    ${plainText(id)},
    [
        'host' => ${plainText(host)},
        'port' => ${port},
        'scheme' => '${isTls ? 'https' : 'http'}',
        'useTLS' => ${isTls},
${prefix === '' ? '' : `        'path' => ${plainText(prefix)},\n`}    ]
);
$pusher->trigger('${CHANNEL}', '${EVENT}', ['hello' => 'world']);
`,
  },
  {
    id: 'ruby',
    name: 'Ruby',
    place: 'server',
    file: 'trigger.rb',
    language: 'Ruby',
    install: 'gem install pusher',
    does: SENDS,
    needsRoot: true,
    lines: ({ id, key, secret }, { host, port, isTls }) => `require 'pusher'

pusher = Pusher::Client.new(
  app_id: ${plainText(id)},
  key: ${plainText(key)},
  secret: ${plainText(secret)},
  host: ${plainText(host)},
  port: ${port},
  use_tls: ${isTls}
)
pusher.trigger('${CHANNEL}', '${EVENT}', { hello: 'world' })
`,
  },
  {
    id: 'python',
    name: 'Python',
    place: 'server',
    file: 'trigger.py',
    language: 'Python',
    install: 'pip install pusher',
    does: SENDS,
    needsRoot: true,
    lines: ({ id, key, secret }, { host, port, isTls }) => `import pusher

client = pusher.Pusher(
    app_id=${jsonText(id)},
    key=${jsonText(key)},
    secret=${jsonText(secret)},
    host=${jsonText(host)},
    port=${port},
    ssl=${isTls ? 'True' : 'False'},
)
client.trigger("${CHANNEL}", "${EVENT}", {"hello": "world"})
`,
  },
  {
    id: 'go',
    name: 'Go',
    place: 'server',
    file: 'main.go',
    language: 'Go',
    install: 'go get github.com/pusher/pusher-http-go',
    does: SENDS,
    needsRoot: true,
    lines: ({ id, key, secret }, { host, port, isTls }) => `package main

import "github.com/pusher/pusher-http-go"

func main() {
	client := pusher.Client{
		AppID:  ${jsonText(id)},
		Key:    ${jsonText(key)},
		Secret: ${jsonText(secret)},
		Host:   ${jsonText(`${host}:${port}`)},
		Secure: ${isTls},
	}
	data := map[string]string{"hello": "world"}
	if err := client.Trigger("${CHANNEL}", "${EVENT}", data); err != nil {
		panic(err)
	}
}
`,
  },
  {
    id: 'command-line',
    name: 'Command line',
    place: 'server',
    file: 'listen.sh',
    language: 'Shell',
    does: 'In a checkout of Carillon: prints the events of the channel as they come.',
    lines: ({ id, key, secret }, address) => {
      const [scheme = '', rest = ''] = httpUrl(address).split('://')
      const url = `${scheme}://${urlText(key)}:${urlText(secret)}@${rest}/apps/${urlText(id)}`
      return `export PUSHER_URL=${shellText(url)}
bun run carillon listen ${CHANNEL}
`
    },
  },
]
