/** CLIENTS: the snippets that subscribe: pages and devices, which everybody can read. */
import { socketUrl, type Address } from './address'
import { cText, htmlText, jsText } from './quotes'
import { CHANNEL, EVENT, HEARS, type Snippet } from './snippet'

/** `pusher-js` reads other ports where it connects by TLS. */
function pusherOptions({ host, port, isTls, prefix }: Address, indent: string): string {
  const s = isTls ? 's' : ''
  const rows = [
    `cluster: 'carillon', // the library wants one; it means nothing here`,
    `wsHost: ${jsText(host)},`,
    `ws${s}Port: ${port},`,
    `httpHost: ${jsText(host)}, // where WebSockets are blocked`,
    `http${s}Port: ${port},`,
    ...(prefix === '' ? [] : [`wsPath: ${jsText(prefix)},`, `httpPath: ${jsText(prefix)},`]),
    `forceTLS: ${isTls},`,
  ]
  return rows.map((row) => `${indent}${row}\n`).join('')
}

export const CLIENTS: readonly Snippet[] = [
  {
    id: 'html',
    name: 'Web page',
    place: 'client',
    file: 'carillon.html',
    language: 'HTML',
    does: 'Save it and open it by a double click: it shows its connection and each event.',
    lines: ({ key, name }, address) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${htmlText(name)}</title>
<!-- Without a network: dist/web/pusher.min.js of the package pusher-js, saved beside this file. -->
<script src="https://js.pusher.com/8.4.0/pusher.min.js"></script>
<h1>${htmlText(name)}</h1>
<p>The connection is <b id="state">initialized</b>. Events of <b>${CHANNEL}</b>:</p>
<pre id="events"></pre>
<script>
  if (!window.Pusher) alert('pusher-js was not loaded: is there a network?')
  const pusher = new Pusher(${jsText(key)}, {
${pusherOptions(address, '    ')}  })
  pusher.connection.bind('state_change', ({ current }) => {
    document.getElementById('state').textContent = current
  })
  pusher.subscribe('${CHANNEL}').bind('${EVENT}', (data) => {
    document.getElementById('events').append(JSON.stringify(data) + '\\n')
  })
</script>
</html>
`,
  },
  {
    id: 'pusher-js',
    name: 'pusher-js',
    place: 'client',
    file: 'client.mjs',
    language: 'JavaScript',
    install: 'npm install pusher-js',
    does: HEARS,
    lines: ({ key }, address) => `import Pusher from 'pusher-js'

const pusher = new Pusher(${jsText(key)}, {
${pusherOptions(address, '  ')}})
pusher.subscribe('${CHANNEL}').bind('${EVENT}', (data) => console.log(data))
`,
  },
  {
    id: 'echo',
    name: 'Laravel Echo',
    place: 'client',
    file: 'echo.mjs',
    language: 'JavaScript',
    install: 'npm install laravel-echo pusher-js',
    does: `${HEARS} Laravel calls an event by its class, unless a dot is in front.`,
    lines: ({ key }, address) => `import Echo from 'laravel-echo'
import Pusher from 'pusher-js'

const echo = new Echo({
  broadcaster: 'pusher',
  Pusher,
  key: ${jsText(key)},
${pusherOptions(address, '  ')}})
echo.channel('${CHANNEL}').listen('.${EVENT}', (data) => console.log(data))
`,
  },
  {
    id: 'phoenix',
    name: 'phoenix.js',
    place: 'client',
    file: 'socket.mjs',
    language: 'JavaScript',
    install: 'npm install phoenix',
    does: `${HEARS} A topic is a channel; events that any API sends arrive.`,
    lines: ({ key }, address) => `import { Socket } from 'phoenix'

const socket = new Socket(${jsText(`${socketUrl(address)}/socket`)}, {
  params: { app_key: ${jsText(key)} },
})
socket.connect()
const channel = socket.channel('${CHANNEL}')
channel.on('${EVENT}', (data) => console.log(data))
channel.join()
`,
  },
  {
    id: 'expusherlite',
    name: 'ExPusherLite',
    place: 'client',
    file: 'scope.mjs',
    language: 'JavaScript',
    install: 'npm install phoenix',
    does: 'Joins the public scope of the app, and prints what ExPusherLite’s API sends to it.',
    lines: ({ key, slug }, address) => `import { Socket } from 'phoenix'

const socket = new Socket(${jsText(`${socketUrl(address)}/socket`)}, {
  params: { app_key: ${jsText(key)} },
})
socket.connect()
const scope = socket.channel(${jsText(`public:${slug}`)})
scope.on('${CHANNEL}:${EVENT}', (data) => console.log(data))
scope.join()
`,
  },
  {
    id: 'pushex',
    name: 'PushEx',
    place: 'client',
    file: 'pushex.mjs',
    language: 'JavaScript',
    install: 'npm install pushex',
    does: `${HEARS} For a bundler: the package wants a browser.`,
    lines: ({ key }, address) => `import { Pushex } from 'pushex'

const pushex = new Pushex(${jsText(`${socketUrl(address)}/push_socket`)}, {
  getParams: () => Promise.resolve({ app_key: ${jsText(key)} }),
})
pushex.subscribe('${CHANNEL}').bind('${EVENT}', (data) => console.log(data))
pushex.connect()
`,
  },
  {
    id: 'esp32',
    name: 'ESP32 (Arduino)',
    place: 'client',
    file: 'carillon.ino',
    language: 'C++',
    isDevice: true,
    install: 'arduino-cli lib install WebSockets',
    does: `${HEARS} The server's pings are answered by the library.`,
    lines: ({ key }, { host, port, isTls, prefix }) => `#include <WiFi.h>
#include <WebSocketsClient.h> // "WebSockets" by Markus Sattler

WebSocketsClient socket;

void onEvent(WStype_t type, uint8_t *payload, size_t length) {
  if (type != WStype_TEXT) return;
  const char *text = (const char *)payload;
  Serial.println(text);
  if (strstr(text, "pusher:connection_established"))
    socket.sendTXT("{\\"event\\":\\"pusher:subscribe\\",\\"data\\":{\\"channel\\":\\"${CHANNEL}\\"}}");
}

void setup() {
  Serial.begin(115200);
  WiFi.begin("YOUR_WIFI", "ITS_PASSWORD");
  while (WiFi.status() != WL_CONNECTED) delay(500);
  socket.onEvent(onEvent);
  socket.setReconnectInterval(5000);
  socket.begin${isTls ? 'SSL' : ''}(${cText(host)}, ${port}, ${cText(`${prefix}/app/${key}?protocol=7&client=esp32`)});
}

void loop() {
  socket.loop();
}
`,
  },
]
