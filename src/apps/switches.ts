/**
 * SWITCHES: fields of an app that are on or off, by their names in the admin API, the configuration file and
 * the database.
 */
import type { AppRecord } from '../core/app'

type Switch = {
  /** Its name in a record. */
  readonly into: string
  /** Only a dialect reads it: a record has it in `dialects`. */
  readonly ofDialect?: true
  /** For the OpenAPI document. */
  readonly about: string
}

export const SWITCHES = {
  active: { into: 'active', about: 'An app that is not refuses everybody' },
  client_events: {
    into: 'clientEvents',
    about: 'Members of private and presence channels may send events',
  },
  public_client_events: {
    into: 'publicClientEvents',
    ofDialect: true,
    about: 'Clients may push on `public:` topics of the Phoenix protocol',
  },
  tls_only: { into: 'tlsOnly', about: 'Sockets and requests without TLS are refused' },
  subscription_counts: {
    into: 'subscriptionCounts',
    about: 'Subscribers and webhooks are told how many subscribers there are',
  },
  epl_bridge: {
    into: 'eplBridge',
    ofDialect: true,
    about:
      'Events of the other APIs reach the members of `public:<slug>` and `private:<slug>`, too. Everybody may join the public one: it hears every public channel',
  },
} as const satisfies Record<string, Switch>

export type SwitchName = keyof typeof SWITCHES

const ROWS = Object.entries(SWITCHES) as readonly [SwitchName, Switch][]
const OF_DIALECTS = ROWS.flatMap(([, { into, ofDialect }]) => (ofDialect ? into : []))

type Flat = Readonly<Record<string, unknown>>

/** Maps each switch, by name. */
export const mapSwitches = <T>(of: (row: Switch) => T): Readonly<Record<SwitchName, T>> =>
  Object.fromEntries(ROWS.map(([name, row]) => [name, of(row)])) as Record<SwitchName, T>

/** Which switches are on; a dialect's that is absent from the record is off. */
export const switchesOf = ({ dialects, ...record }: AppRecord) =>
  mapSwitches(({ into, ofDialect }) => ((ofDialect ? dialects : record) as Flat)[into] === true)

/** The switches in the shape of a record; `isOn` is called for each name. */
export function recordedSwitches(isOn: (name: SwitchName) => boolean) {
  const flat = Object.fromEntries(ROWS.map(([name, { into }]) => [into, isOn(name)]))
  return asRecord(flat) as Pick<
    AppRecord,
    'active' | 'clientEvents' | 'tlsOnly' | 'subscriptionCounts' | 'dialects'
  >
}

/** Moves switches of dialects from flat fields into `dialects`. */
export function asRecord(flat: Flat): Flat & { readonly dialects: AppRecord['dialects'] } {
  const [dialects, fields]: [Record<string, boolean>, Record<string, unknown>] = [{}, {}]
  for (const [name, value] of Object.entries(flat))
    if (OF_DIALECTS.includes(name)) dialects[name] = value as boolean
    else fields[name] = value
  return { ...fields, dialects }
}
