/**
 * What `carillon doctor` tells from the settings alone: who may reach the server, by which addresses, and as whom.
 * Nothing is sent.
 */
import { formatAddress } from '../config/admin-settings'
import { exposure, isLoopback, SETTINGS, type Config } from '../config/config'
import type { Finding } from './findings'

export function checkReach(config: Config): Finding[] {
  return [
    ...checkProxies(config),
    checkCredentials(config),
    checkOutside(config),
    ...checkAdminSide(config),
  ]
}

/** Networks that are everybody. */
const EVERYBODY = /\/0$/

function checkProxies({ trustedProxies }: Config): Finding[] {
  const check = 'proxies'
  const open = trustedProxies.filter((entry) => EVERYBODY.test(entry))
  if (open.length > 0)
    return [
      {
        state: 'fail',
        check,
        about: `${SETTINGS.trustedProxies.env} has ${open.join(', ')}: every client may pretend any address, and no limit holds`,
      },
    ]
  const about =
    trustedProxies.length > 0
      ? `x-forwarded-for is believed of ${trustedProxies.join(', ')}`
      : `none is named in ${SETTINGS.trustedProxies.env}: a proxy in front would be taken for one client`
  return [{ state: 'ok', check, about }]
}

function checkCredentials(config: Config): Finding {
  const check = 'credentials'
  if (exposure(config) !== undefined)
    return { state: 'ok', check, about: 'of the settings, or made at the first start' }
  const isAppOwn = config.appId !== undefined
  const isAdminOwn = config.adminPassword !== undefined
  if (isAppOwn && isAdminOwn) return { state: 'ok', check, about: 'of the settings' }
  const whose = isAppOwn ? 'the admin has' : isAdminOwn ? 'the app has' : 'app and admin have'
  const about = `${whose} the published ones, which are good for requests of this machine only`
  return { state: 'ok', check, about }
}

const addressesOf = (host: string): string =>
  ['0.0.0.0', '::'].includes(host) ? 'every address of this machine' : host

/** Would a client on another machine get in, and how? */
function checkOutside({ host, port, pathPrefix, trustedProxies, tlsCertFile }: Config): Finding {
  const check = 'outside'
  const path = pathPrefix === '' ? '' : `, with wsPath ${pathPrefix}`
  const hasProxy = trustedProxies.length > 0
  if (host.startsWith('unix:')) {
    const isNamed = trustedProxies.includes('unix')
    const about = `clients get in through the proxy that connects to ${host}, at its own address${path}`
    return isNamed
      ? { state: 'ok', check, about }
      : {
          state: 'warn',
          check,
          about: `${about}; ${SETTINGS.trustedProxies.env} lacks unix: no client is told from another`,
        }
  }
  if (isLoopback(host) && !hasProxy) {
    const about = `no client of another machine gets in: ${SETTINGS.host.env}=${host} is this machine only. Set it to an address of this machine, or put a proxy in front and name it in ${SETTINGS.trustedProxies.env}`
    return { state: 'ok', check, about }
  }
  if (isLoopback(host)) {
    const about = `clients get in through the proxy only, at its own address${path}; it has to pass Upgrade and Connection on`
    return { state: 'ok', check, about }
  }
  const direct = `clients reach port ${port} of ${addressesOf(host)}${path}, unless a firewall is in between`
  if (hasProxy) {
    const about = `${direct}; also past the proxy, without TLS: HOST=127.0.0.1 leaves the proxy alone, if it is on this machine`
    return { state: 'warn', check, about }
  }
  if (tlsCertFile !== undefined) return { state: 'ok', check, about: `${direct}, by TLS` }
  const about = `${direct}. It has no TLS: pages of https cannot connect, and the admin's password is readable on the way; a proxy brings it`
  return { state: 'warn', check, about }
}

/** Who reaches the admin API, where clients reach the server. */
function checkAdminSide({ host, adminListen, trustedProxies }: Config): Finding[] {
  const check = 'admin'
  if (isLoopback(host) && trustedProxies.length === 0) return []
  if (!adminListen) {
    const about = `whoever reaches the server reaches the admin API, too, and needs its password; ${SETTINGS.adminListen.env} gives it an address of its own`
    return [{ state: 'ok', check, about }]
  }
  return [{ state: 'ok', check, about: `the admin API is at ${formatAddress(adminListen)} only` }]
}
