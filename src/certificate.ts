/**
 * Certificate: what the public port proves its name with. It is read again when its files change, and checked before
 * it is used: what is wrong with a pair of files is told in one line, and the pair before stays.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { statSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { readPem } from './config/pem-file'
import { TLS_SETTINGS, type TlsFiles } from './config/tls-settings'
import { messageOf, quote } from './core/errors'

/** A certificate that cannot be used, in one line. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError'
}

/** PEM texts, as the runtime takes them. */
export type Tls = {
  readonly cert: string
  readonly key: string
  readonly passphrase?: string
}

/** A certificate with its key, as both were read. */
export type Pair = {
  readonly tls: Tls
  /** Epoch milliseconds. */
  readonly endsAt: number
}

export class Certificate {
  #pair: Pair
  /** Of what was read, or could not be used: it is looked at again only when it changes. */
  #seen: string

  /** @throws CertificateError */
  constructor(readonly files: TlsFiles) {
    this.#seen = stampOf(files)
    this.#pair = readPair(files)
  }

  get pair(): Pair {
    return this.#pair
  }

  /**
   * True where there is another one than before. A pair of which one file alone is written so far is none: its
   * other file will change as well.
   * @throws CertificateError, once for each change of the files; the certificate before stays
   */
  reload(): boolean {
    const stamp = stampOf(this.files)
    if (stamp === this.#seen) return false
    this.#seen = stamp
    const pair = readPair(this.files)
    const { tls: before } = this.#pair
    if (pair.tls.cert === before.cert && pair.tls.key === before.key) return false
    this.#pair = pair
    return true
  }

  /** Goes back to one that was there before, and reads the files again next time: the newest could not be used yet. */
  keep(pair: Pair): void {
    this.#pair = pair
    this.#seen = ''
  }
}

/** Changes with the files, also where they are links that point to others from now on. */
const stampOf = ({ certFile, keyFile }: TlsFiles): string =>
  [certFile, keyFile].map(stampOfFile).join(', ')

function stampOfFile(file: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(file)
    return `${ino} ${size} ${mtimeMs}`
  } catch (cause) {
    return messageOf(cause) // told with its setting when the file is read
  }
}

const { tlsCertFile, tlsKeyFile, tlsPassphrase } = TLS_SETTINGS

const refuse = (line: string): Error => new CertificateError(line)

/** @throws CertificateError */
function readPair({ certFile, keyFile, passphrase }: TlsFiles): Pair {
  const cert = readPem(tlsCertFile.env, certFile, refuse)
  const key = readPem(tlsKeyFile.env, keyFile, refuse)
  const found = certificateIn(cert, certFile)
  const privateKey = privateKeyIn(key, keyFile, passphrase)
  if (!found.checkPrivateKey(privateKey))
    throw new CertificateError(
      `${tlsKeyFile.env}=${quote(keyFile)} is not the key of the certificate in ${quote(certFile)}`,
    )
  const tls: Tls = { cert, key, ...(passphrase !== undefined && { passphrase }) }
  requireUsable(tls, certFile)
  return { tls, endsAt: found.validToDate.getTime() }
}

/** Of a file that is being written the certificate may be there, and the chain behind it not yet. */
function requireUsable(tls: Tls, certFile: string): void {
  try {
    createSecureContext(tls)
  } catch (cause) {
    throw new CertificateError(
      `${tlsCertFile.env}=${quote(certFile)} holds a chain of certificates that cannot be used: ${messageOf(cause)}`,
    )
  }
}

function certificateIn(text: string, file: string): X509Certificate {
  try {
    return new X509Certificate(text)
  } catch {
    throw new CertificateError(
      `${tlsCertFile.env}=${quote(file)} holds no certificate: expected PEM text that begins with -----BEGIN CERTIFICATE-----`,
    )
  }
}

function privateKeyIn(key: string, file: string, passphrase: string | undefined) {
  try {
    return createPrivateKey({ key, format: 'pem', ...(passphrase !== undefined && { passphrase }) })
  } catch {
    const isEncrypted = key.includes('ENCRYPTED')
    const hint = isEncrypted
      ? `holds an encrypted key, which ${tlsPassphrase.env} does not open`
      : 'holds no private key: expected PEM text that begins with -----BEGIN PRIVATE KEY-----'
    throw new CertificateError(`${tlsKeyFile.env}=${quote(file)} ${hint}`)
  }
}
