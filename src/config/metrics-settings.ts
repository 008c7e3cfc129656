/** METRICS_SETTINGS: the rows of SETTINGS that say who may read the metrics, and where. */
import type { ListenAddress } from '../core/addresses'
import { ADMIN_SETTINGS, overlap } from './admin-settings'
import { boolean, hostAlone, number, optional, optionalPort, setting, text } from './setting'

export const METRICS_SETTINGS = {
  metricsToken: optional(
    'CARILLON_METRICS_TOKEN',
    /^[\w.~+/=-]{16,}$/,
    'at least 16 letters, digits and _.~+/=-',
    'token for `/metrics` and `/usage`, as Bearer; the admin may read them without it',
    true,
  ),
  metricsPort: optionalPort(
    'CARILLON_METRICS_PORT',
    'port on which `/metrics` and `/usage` are alone; none if absent, 0 takes a free one',
  ),
  metricsHost: setting<string>({
    env: 'CARILLON_METRICS_HOST',
    default: '127.0.0.1',
    read: hostAlone,
    expected: 'a host name or address alone (the port goes to CARILLON_METRICS_PORT)',
    about: 'address of that port, whatever HOST is',
  }),
  metricsOpen: setting<boolean>({
    env: 'CARILLON_METRICS_OPEN',
    default: false,
    read: boolean,
    expected: 'true or false',
    about: 'that port needs no credentials: whoever reaches it reads the metrics',
  }),
  metricsMaxApps: number(
    'CARILLON_METRICS_MAX_APPS',
    { default: 100, min: 0, max: 1000 },
    'apps that have metrics of their own, the first to be active; the rest have theirs together, as `other`',
  ),
  metricsSoketiPrefix: setting<string>({
    env: 'CARILLON_METRICS_SOKETI_PREFIX',
    default: 'soketi_',
    read: text(/^[A-Za-z_:][\w:]*$/),
    expected: 'a letter or _: and letters, digits and _:',
    about: "what the metrics begin with that have soketi's names",
  }),
} as const

/** A line where the port that is to be open is not there: what else would be open is not what was meant. */
export const openMetricsMistake = ({
  metricsOpen,
  metricsPort,
}: {
  readonly metricsOpen: boolean
  readonly metricsPort: number | undefined
}): string[] => {
  const { metricsOpen: open, metricsPort: port } = METRICS_SETTINGS
  return metricsOpen && metricsPort === undefined
    ? [`${port.env} is not set: expected a value, since it goes with ${open.env}`]
    : []
}

type Places = {
  readonly host: string
  readonly port: number
  readonly adminListen: ListenAddress | undefined
  readonly metricsHost: string
  readonly metricsPort: number | undefined
}

/** What is wrong with a port of the metrics that something else has: the start would take us for another process. */
export function sharedPortMistake(places: Places): string[] {
  const { host, port, adminListen: admins, metricsHost, metricsPort } = places
  const others = [
    { host, port, settings: 'HOST and PORT' },
    ...(admins && 'host' in admins
      ? [{ ...admins, settings: ADMIN_SETTINGS.adminListen.env }]
      : []),
  ]
  return others
    .filter((other) => other.port > 0 && other.port === metricsPort)
    .filter((other) => overlap(other.host, metricsHost))
    .map(({ settings }) => `expected another port than that of ${settings}`)
}
