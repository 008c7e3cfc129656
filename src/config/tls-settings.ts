/** TLS_SETTINGS: the rows of SETTINGS that say how the public port is encrypted. */
import { optional } from './setting'

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
} as const

/** Where a certificate is, as the settings have it. */
export type TlsFiles = {
  readonly certFile: string
  readonly keyFile: string
  readonly passphrase: string | undefined
}

type TlsValues = {
  readonly tlsCertFile: string | undefined
  readonly tlsKeyFile: string | undefined
  readonly tlsPassphrase: string | undefined
}

/** Undefined where the public port is not encrypted. */
export const tlsFilesOf = ({
  tlsCertFile: certFile,
  tlsKeyFile: keyFile,
  tlsPassphrase: passphrase,
}: TlsValues): TlsFiles | undefined =>
  certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile, passphrase }

/** A line where one of the two is missing. */
export function tlsMistake(values: TlsValues): string[] {
  const { tlsCertFile: cert, tlsKeyFile: key } = TLS_SETTINGS
  const given = [values.tlsCertFile, values.tlsKeyFile].filter((each) => each !== undefined)
  if (given.length === 1) {
    const [has, lacks] = values.tlsCertFile === undefined ? [key, cert] : [cert, key]
    return [`${lacks.env} is not set: expected a path, since it goes with ${has.env}`]
  }
  if (given.length === 2 || values.tlsPassphrase === undefined) return []
  return [`${TLS_SETTINGS.tlsPassphrase.env} is set without ${key.env}: expected both`]
}
