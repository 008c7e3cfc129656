/**
 * Target: which server a command talks to, and as whom. Flags count first, then `CARILLON_URL` and `CARILLON_TOKEN`,
 * then `PUSHER_URL`, then the settings that a server of this folder is started with.
 */
import { readFileSync } from 'node:fs'
import { formatAddress, publicAddress } from '../config/admin-settings'
import { exposure, isLoopback, readConfig, SETTINGS, type Config } from '../config/config'
import type { Environment } from '../config/setting'
import { messageOf, percentDecode } from '../core/errors'
import { PUBLISHED } from '../core/published-credentials'
import { CommandError, usageError } from './exits'

export type AppCredentials = { readonly id: string; readonly key: string; readonly secret: string }

export type AdminCredentials = {
  /** The header that proves them. */
  readonly authorization: string
  /** Where they are from, for messages; without any secret. */
  readonly source: string
}

/** Where requests go. */
export type Place = {
  /** Scheme, host, port and path prefix, without a slash at the end. */
  readonly base: string
  /** The path of a socket, in place of host and port. */
  readonly unix?: string | undefined
  /** How its certificate is checked, where not as any other. */
  readonly tls?: { readonly rejectUnauthorized: boolean }
}

/** What an URL says: where, and perhaps as whom. */
export type ServerUrl = Place & {
  /** Of an URL that ends with `/apps/ID`, as `PUSHER_URL` does. */
  readonly app: AppCredentials | undefined
  /** `name:password` of any other URL. */
  readonly admin: string | undefined
}

const UNIX = 'unix:'
/** The host means nothing there, and is a local one. */
const placeOfSocket = (unix: string): Place => ({ base: 'http://localhost', unix })

/** @throws CommandError that does not quote the URL, since it may hold a secret */
export function parseServerUrl(text: string, source: string): ServerUrl {
  const expected = 'an URL like http://127.0.0.1:6001'
  if (text.startsWith(UNIX))
    return { ...placeOfSocket(text.slice(UNIX.length)), app: undefined, admin: undefined }
  if (!URL.canParse(text)) throw usageError(`${source}: expected ${expected}`)
  const { protocol, host, pathname, username, password } = new URL(text)
  if (protocol !== 'http:' && protocol !== 'https:')
    throw usageError(`${source}: expected ${expected}, and not one that begins with ${protocol}//`)
  const [, prefix = '', id] = /^(.*?)(?:\/apps\/([^/]+))?\/*$/.exec(pathname) ?? []
  const [user, secret] = [username, password].map((part) => percentDecode(part)) as [string, string]
  const app = id === undefined ? undefined : { id: percentDecode(id), key: user, secret }
  if (app && (user === '' || secret === ''))
    throw usageError(`${source}: expected http://KEY:SECRET@HOST:PORT/apps/ID`)
  const admin = app || user === '' ? undefined : `${user}:${secret}`
  return { base: `${protocol}//${host}${prefix.replace(/\/+$/, '')}`, app, admin }
}

export class Target {
  readonly #env: Environment
  readonly #flags: TargetFlags
  #settings: Config | undefined

  constructor(flags: TargetFlags, env: Environment) {
    this.#flags = flags
    this.#env = env
  }

  /** The settings of a server that is started here. @throws ConfigError */
  get settings(): Config {
    return (this.#settings ??= readConfig(this.#env))
  }

  /** What names the server; undefined where that are the settings. */
  get #named(): (ServerUrl & { readonly source: string }) | undefined {
    for (const [source, text] of [
      ['--url', this.#flags.url],
      ['CARILLON_URL', this.#env['CARILLON_URL']],
      ['PUSHER_URL', this.#env['PUSHER_URL']],
    ] as const)
      if (text) return { ...parseServerUrl(text, source), source }
    return undefined
  }

  /** Where the APIs of apps are. @throws CommandError, ConfigError */
  get place(): Place {
    const named = this.#named
    return named && named.unix === undefined ? named : placeOfPort(this.settings)
  }

  /** Where the admin API is: at the address that was named for it, else where the settings say. @throws CommandError, ConfigError */
  get adminPlace(): Place {
    const named = this.#named
    if (named && named.source !== 'PUSHER_URL') return named
    const { adminListen } = this.settings
    if (!adminListen) return this.place
    if ('path' in adminListen) return placeOfSocket(adminListen.path)
    return { base: `http://${addressOf(SETTINGS.adminListen.env, adminListen)}` }
  }

  /** @throws CommandError where there are none */
  async admin(readInput: () => Promise<string>): Promise<AdminCredentials> {
    const { tokenFile } = this.#flags
    if (tokenFile !== undefined) {
      const token = tokenFile === '-' ? await readInput() : readSecretFile(tokenFile)
      return bearer(token, '--token-file')
    }
    const token = this.#env['CARILLON_TOKEN']
    if (token) return bearer(token, 'CARILLON_TOKEN')
    const named = this.#named
    if (named?.admin) return basic(named.admin, named.source)
    const { adminUsername: name, adminPassword: password } = this.settings
    if (name !== undefined && password !== undefined)
      return basic(
        `${name}:${password}`,
        `${SETTINGS.adminUsername.env} and ${SETTINGS.adminPassword.env}`,
      )
    if (isHere(this.adminPlace) && exposure(this.settings) === undefined)
      return basic(`${PUBLISHED.username}:${PUBLISHED.password}`, 'the published credentials')
    throw new CommandError(
      'unauthorized',
      `no credentials for ${showPlace(this.adminPlace)}: ${HOW_TO_AUTHORIZE}`,
    )
  }

  /** The app that the environment names; undefined where it names none. */
  get app(): AppCredentials | undefined {
    const named = this.#named
    if (named?.app) return named.app
    const url = this.#env['PUSHER_URL']
    if (url) return parseServerUrl(url, 'PUSHER_URL').app
    const { appId: id, appKey: key, appSecret: secret } = this.settings
    return id !== undefined && key !== undefined && secret !== undefined
      ? { id, key, secret }
      : undefined
  }
}

export type TargetFlags = {
  readonly url: string | undefined
  readonly tokenFile: string | undefined
}

export const HOW_TO_AUTHORIZE =
  'set CARILLON_TOKEN, or PUSHER_ADMIN_USERNAME and PUSHER_ADMIN_PASSWORD'

const basic = (pair: string, source: string): AdminCredentials => ({
  authorization: `Basic ${Buffer.from(pair).toString('base64')}`,
  source,
})

function bearer(text: string, source: string): AdminCredentials {
  const token = text.trim()
  if (!/^[\w.~+/=-]+$/.test(token))
    throw usageError(`${source} holds no token: expected one line of letters, digits and -._~+/=`)
  return { authorization: `Bearer ${token}`, source }
}

function readSecretFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw usageError(`--token-file: ${messageOf(cause)}`)
  }
}

/** True where a place is on this machine, by its name. */
export const isHere = ({ base, unix }: Place): boolean =>
  unix !== undefined || isLoopback(new URL(base).hostname.replace(/^\[|\]$/g, ''))

export const showPlace = ({ base, unix }: Place): string =>
  unix === undefined ? base : `${UNIX}${unix}`

/** Where a server of some settings is. @throws CommandError for a port that the system chooses */
export function placeOfPort(config: Config): Place {
  const { pathPrefix, tlsCertFile } = config
  const address = publicAddress(config)
  if ('path' in address) return { base: `http://localhost${pathPrefix}`, unix: address.path }
  const scheme = tlsCertFile === undefined ? 'http' : 'https'
  const place = { base: `${scheme}://${addressOf(SETTINGS.port.env, address)}${pathPrefix}` }
  if (tlsCertFile === undefined || !isHere(place)) return place
  // The certificate has the public name, and not that of this address; it is this machine that is asked.
  return { ...place, tls: { rejectUnauthorized: false } }
}

/** An address to connect to. @throws CommandError for a port that the system chooses */
function addressOf(
  setting: string,
  { host, port }: { readonly host: string; readonly port: number },
): string {
  if (port === 0)
    throw usageError(
      `${setting} has port 0: the server chose one of its own; --url or CARILLON_URL names it`,
    )
  return formatAddress({ host: CONNECTABLE[host] ?? host, port })
}

/** An address of this machine for those that are all of them. */
const CONNECTABLE: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
