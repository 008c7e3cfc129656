/** TLS_SETTINGS: the rows of SETTINGS that say how the public port is encrypted. */
import { optional, optionalPort, setting } from './setting'

const PLAIN_HTTP = ['allow', 'redirect', 'refuse'] as const

const FILE = /^[^\0]+$/

export const TLS_SETTINGS = {
  tlsCertFile: optional(
    'CARILLON_TLS_CERT_FILE',
    FILE,
    'a path',
    'file with the certificate of the public port, and those between it and the root (PEM); goes with the next. Both are read again when they change',
  ),
  tlsKeyFile: optional('CARILLON_TLS_KEY_FILE', FILE, 'a path', 'file with its private key (PEM)'),
  tlsPassphrase: optional(
    'CARILLON_TLS_PASSPHRASE',
    /./,
    'the passphrase of the key',
    'what the private key is encrypted with, where it is',
    true,
  ),
  plainHttp: setting<PlainHttp>({
    env: 'CARILLON_PLAIN_HTTP',
    default: 'allow',
    read: (text) => PLAIN_HTTP.find((each) => each === text),
    expected: PLAIN_HTTP.join(', '),
    about:
      'what becomes of requests without TLS, here or at a trusted proxy (`x-forwarded-proto`): `redirect` sends browsers to `https://`; it refuses the rest, and `refuse` all, but for `/up` and `/ready`',
  }),
  plainPort: optionalPort(
    'CARILLON_PLAIN_PORT',
    'second port, without TLS, where the public one has a certificate, as 80 beside 443; goes with `CARILLON_PLAIN_HTTP`',
  ),
} as const

export type PlainHttp = (typeof PLAIN_HTTP)[number]

/** Where a certificate is, as the settings have it. */
export type TlsFiles = {
  readonly certFile: string
  readonly keyFile: string
  readonly passphrase: string | undefined
}

type TlsValues = {
  readonly host: string
  readonly tlsCertFile: string | undefined
  readonly tlsKeyFile: string | undefined
  readonly tlsPassphrase: string | undefined
  readonly plainPort?: number | undefined
}

/** Undefined where the public port is not encrypted. */
export const tlsFilesOf = ({
  tlsCertFile: certFile,
  tlsKeyFile: keyFile,
  tlsPassphrase: passphrase,
}: Omit<TlsValues, 'host'>): TlsFiles | undefined =>
  certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile, passphrase }

/** A line where one of the two is missing. */
export function tlsMistake(values: TlsValues): string[] {
  if (values.host.startsWith('unix:') && values.tlsCertFile !== undefined)
    return [
      `${TLS_SETTINGS.tlsCertFile.env} is set with HOST=${values.host}: a unix socket has no TLS`,
    ]
  const { tlsCertFile: cert, tlsKeyFile: key } = TLS_SETTINGS
  const given = [values.tlsCertFile, values.tlsKeyFile].filter((each) => each !== undefined)
  if (given.length === 1) {
    const [has, lacks] = values.tlsCertFile === undefined ? [key, cert] : [cert, key]
    return [`${lacks.env} is not set: expected a path, since it goes with ${has.env}`]
  }
  if (given.length === 2) return []
  const { tlsPassphrase, plainPort } = TLS_SETTINGS
  const useless = [
    ...(values.tlsPassphrase === undefined ? [] : [tlsPassphrase.env]),
    ...(values.plainPort === undefined ? [] : [plainPort.env]),
  ]
  return useless.map((name) => `${name} is set without ${cert.env}: expected both`)
}
