/**
 * The origin matrix. Each list of patterns with the origins that it allows and those that it does not.
 * Spec: Phoenix contract 1.11.
 */
export type OriginVector = {
  readonly name: string
  readonly hosts: readonly string[]
  /** Of the request that asks, beside its origin. */
  readonly headers?: Readonly<Record<string, string>>
  readonly allowed?: readonly string[]
  readonly refused?: readonly string[]
}

const PATTERNS: readonly OriginVector[] = [
  {
    name: 'a host alone leaves scheme and port open',
    hosts: ['//other.com'],
    allowed: [
      'http://other.com',
      'https://other.com',
      'http://other.com:8080',
      'capacitor://other.com',
      'HTTPS://OTHER.COM',
    ],
    refused: [
      'http://www.other.com',
      'http://another.com',
      'http://other.com.evil.com',
      'http://other.co',
      'http://other.com.',
      'null',
      'file://',
      '',
    ],
  },
  {
    name: 'a port without scheme is that port, named or the scheme’s own',
    hosts: ['//another.com:888', '//plain.com:80', '//tls.com:443'],
    allowed: [
      'http://another.com:888',
      'https://another.com:888',
      'http://plain.com',
      'http://plain.com:80',
      'https://plain.com:80',
      'https://tls.com',
    ],
    refused: [
      'http://another.com',
      'http://another.com:8888',
      'https://plain.com',
      'http://tls.com',
      'app://plain.com',
    ],
  },
  {
    name: 'a scheme brings its default port',
    hosts: ['http://scheme.com', 'HTTPS://Tls.com'],
    allowed: [
      'http://scheme.com',
      'http://scheme.com:80',
      'https://tls.com',
      'https://tls.com:443',
    ],
    refused: [
      'http://scheme.com:8080',
      'https://scheme.com',
      'https://scheme.com:80',
      'http://tls.com',
      'http://tls.com:443',
    ],
  },
  {
    name: 'scheme and port together',
    hosts: ['https://port.com:8443', 'http://tls-port.com:443'],
    allowed: ['https://port.com:8443', 'http://tls-port.com:443'],
    refused: ['https://port.com', 'http://port.com:8443', 'https://tls-port.com'],
  },
  {
    name: 'a wildcard is the apex and any depth below, on label borders',
    hosts: ['//*.ex.com'],
    allowed: ['http://ex.com', 'https://sub.ex.com:8080', 'http://very.deep.sub.ex.com'],
    refused: [
      'http://prefix-ex.com',
      'http://prefixex.com',
      'http://ex.com.evil.com',
      'http://evil.com/.ex.com',
      'http://evil.com#.ex.com',
      'http://evil.com?.ex.com',
      'http://evil.com\\.ex.com',
      'http://.ex.com',
      'http://a..ex.com',
      'http://*.ex.com',
      'http://com',
      'http://sub.ex.com.',
    ],
  },
  {
    name: 'a wildcard keeps scheme and port',
    hosts: ['https://*.ex.com:8443'],
    allowed: ['https://ex.com:8443', 'https://sub.ex.com:8443'],
    refused: ['https://ex.com', 'http://sub.ex.com:8443'],
  },
  {
    name: 'a dot is a dot',
    hosts: ['//a.ex.com'],
    refused: ['http://axex.com', 'http://aXexYcom'],
  },
  {
    name: 'other schemes of pages have no port of their own',
    hosts: ['capacitor://localhost', 'chrome-extension://abcdef'],
    allowed: ['capacitor://localhost', 'chrome-extension://abcdef'],
    refused: ['http://localhost', 'chrome-extension://abcdeg', 'constructor://localhost'],
  },
  {
    name: 'names beyond ASCII are what browsers make of them',
    hosts: ['//*.bücher.example', '//STRASSE.example'],
    allowed: [
      'https://xn--bcher-kva.example',
      'https://a.XN--BCHER-KVA.example',
      'http://strasse.example',
    ],
    refused: ['https://bucher.example', 'https://xn--bcher-kva.example.evil.com'],
  },
  {
    name: 'addresses',
    hosts: ['http://[::1]:3000', '//[0:0::2]', '//127.0.0.1', '//10.1'],
    allowed: ['http://[::1]:3000', 'https://[::2]:9', 'http://127.0.0.1:5173', 'http://10.0.0.1'],
    refused: [
      'http://[::1]',
      'http://[::1',
      'http://::1:3000',
      'http://127.0.0.1.evil.com',
      'http://[::3]',
    ],
  },
  {
    name: 'a final dot is another host, until it is named',
    hosts: ['//dot.example.'],
    allowed: ['http://dot.example.'],
    refused: ['http://dot.example', 'http://dot.example..'],
  },
]

/** Every one names the host that is allowed, and none is an origin. */
const HOSTILE: OriginVector = {
  name: 'what is no origin is refused',
  hosts: ['//good.com', 'conn'],
  allowed: ['https://good.com', 'https://good.com:65535', 'https://good.com:1'],
  refused: [
    'null',
    'NULL',
    'file://',
    'file:///good.com',
    '',
    'good.com',
    '//good.com',
    'https:good.com',
    'https:/good.com',
    '://good.com',
    'https://',
    'https://:80',
    'https://good.com/',
    'https://good.com/path',
    'https://good.com?',
    'https://good.com@evil.com',
    'https://evil.com@good.com',
    'https://user:pass@good.com',
    'https://good.com:0',
    'https://good.com:65536',
    'https://good.com:99999999999999999999',
    'https://good.com:0443',
    'https://good.com:',
    'https://good.com:80:80',
    'https://good.com:+80',
    'https://good.com https://evil.com',
    'https://evil.com https://good.com',
    'https://evil.com, https://good.com',
    'https://good%2ecom',
    'https://good.com%00.evil.com',
    '__proto__',
    `https://${'a.'.repeat(3000)}good.com`,
  ],
}

const TLS = { host: 'push.example.org', 'x-forwarded-proto': 'https' }

const CONN: readonly OriginVector[] = [
  {
    name: 'conn is scheme, host and port of the request',
    hosts: ['conn'],
    headers: { host: 'push.example.org:6001' },
    allowed: ['http://push.example.org:6001', 'HTTP://PUSH.example.org:6001'],
    refused: [
      'https://push.example.org:6001',
      'ws://push.example.org:6001',
      'http://push.example.org',
      'http://push.example.org:6002',
      'http://example.org:6001',
      'http://a.push.example.org:6001',
      'null',
      'file://',
    ],
  },
  {
    name: 'conn without a port means the scheme’s own',
    hosts: ['conn'],
    headers: { host: 'PUSH.example.org' },
    allowed: ['http://push.example.org', 'http://push.example.org:80'],
    refused: ['https://push.example.org', 'http://push.example.org:6001'],
  },
  {
    name: 'conn behind a proxy that ends TLS',
    hosts: ['conn'],
    headers: TLS,
    allowed: ['https://push.example.org', 'https://push.example.org:443'],
    refused: ['http://push.example.org', 'wss://push.example.org'],
  },
  {
    name: 'conn behind a proxy that names the scheme of the socket, and another behind it',
    hosts: ['conn'],
    headers: { ...TLS, 'x-forwarded-proto': 'WSS, http' },
    allowed: ['https://push.example.org'],
    refused: ['http://push.example.org', 'wss://push.example.org'],
  },
  {
    name: 'conn where the request says no usable host',
    hosts: ['conn'],
    headers: { host: 'a b' },
    refused: ['http://a', 'http://a b', 'http://', 'null', ''],
  },
  {
    name: 'conn beside patterns',
    hosts: ['https://partner.example', 'conn'],
    headers: TLS,
    allowed: ['https://partner.example', 'https://push.example.org'],
    refused: ['https://evil.example'],
  },
]

export const ORIGINS: readonly OriginVector[] = [
  {
    name: 'an empty list restricts nothing',
    hosts: [],
    allowed: ['http://any.example', 'null', 'file://', '', 'nonsense'],
  },
  ...PATTERNS,
  HOSTILE,
  ...CONN,
]

/** Patterns that are invalid, and the message about each. */
export const WRONG_PATTERNS: readonly (readonly [pattern: string, says: string])[] = [
  ['example.org', 'expected //host or scheme://host, with or without :port, or conn'],
  ['', 'expected //host or scheme://host'],
  ['*', 'expected //host or scheme://host'],
  ['null', 'expected //host or scheme://host'],
  ['CONN', 'expected //host or scheme://host'],
  ['https:example.org', 'expected //host or scheme://host'],
  ['*://example.org', 'expected //host or scheme://host'],
  [' //example.org', 'expected //host or scheme://host'],
  ['//', 'has no host'],
  ['//:80', 'has no host'],
  ['https://', 'has no host'],
  ['file://', 'has no host'],
  ['//*.', 'has no host'],
  ['//.example.org', 'has no host'],
  ['//a..b', 'has no host'],
  ['//[::1', 'expected a port from 1 to 65535'],
  ['//[1.2.3.4.5]', 'has no host'],
  ['//256.1.1.1', 'has no host'],
  ['//exa%00mple.org', 'has no host'],
  ['//a:0', 'expected a port from 1 to 65535'],
  ['//a:65536', 'expected a port from 1 to 65535'],
  ['//a:', 'expected a port from 1 to 65535'],
  ['//a:http', 'expected a port from 1 to 65535'],
  ['//a:*', 'expected a port from 1 to 65535'],
  ['//a:80:80', 'expected a port from 1 to 65535'],
  ['//*', 'a wildcard stands for whole labels at the beginning'],
  ['//*example.org', 'a wildcard stands for whole labels at the beginning'],
  ['//a.*.example.org', 'a wildcard stands for whole labels at the beginning'],
  ['//*.*.example.org', 'a wildcard stands for whole labels at the beginning'],
  ['//example.*', 'a wildcard stands for whole labels at the beginning'],
  ['//*.127.0.0.1', 'nothing is below an address'],
  ['//*.[::1]', 'nothing is below an address'],
  ['ws://example.org', 'pages have http or https where sockets have ws or wss'],
  ['WSS://example.org', 'pages have http or https where sockets have ws or wss'],
  ['https://example.org/', 'an origin is scheme, host and port, nothing else'],
  ['https://example.org/chat', 'an origin is scheme, host and port, nothing else'],
  ['https://a@b', 'an origin is scheme, host and port, nothing else'],
  ['https://u:p@b', 'an origin is scheme, host and port, nothing else'],
  ['//a b', 'an origin is scheme, host and port, nothing else'],
  ['//a\\b', 'an origin is scheme, host and port, nothing else'],
  ['//a.example\n', 'an origin is scheme, host and port, nothing else'],
]
