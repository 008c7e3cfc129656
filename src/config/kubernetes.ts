/**
 * Variables that Kubernetes and links of Docker set for each service. For a service called `soketi` they are
 * `SOKETI_PORT=tcp://10.0.0.143:6001`, `SOKETI_SERVICE_HOST` and their like. They are no settings.
 */
import type { Environment } from './setting'

const NAMES =
  /_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/
const ADDRESS = /^(?:tcp|udp|sctp):\/\//
/** Prefixes of settings that we read. */
const LIKE_OURS = /^(?:CARILLON|PUSHER|SOKETI|REVERB)_/

function isOfService(name: string, value = ''): boolean {
  return NAMES.test(name) || (name.endsWith('_PORT') && ADDRESS.test(value))
}

/** The environment without the variables of services. */
export function withoutServices(env: Environment): Environment {
  return Object.fromEntries(
    Object.entries(env).filter(([name, value]) => !isOfService(name, value)),
  )
}

/** One line where a service has our name, or that of a server whose settings we read. */
export function serviceVariables(env: Environment): string[] {
  const names = Object.keys(env)
    .filter((name) => LIKE_OURS.test(name) && isOfService(name, env[name]))
    .toSorted()
  if (names.length === 0) return []
  return [
    `${names.join(', ')}: set by Kubernetes for a service of that name, and no settings (enableServiceLinks: false leaves them out)`,
  ]
}
