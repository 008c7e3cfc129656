/** Every form of an address gives the same answers, whoever reads it. */
import { expect, test } from 'bun:test'
import { clientOf, quotaKeyOf } from '../../src/core/addresses'
import { networkRules } from '../../src/core/networks'
import { Addresses } from '../../src/http/address'
import { MemoryLog } from '../../kit/clock'
import { networks } from '../../src/config/setting'
import { CLIENTS, NEVER, NOT_ADDRESSES, THEMSELVES, TUNNELS, UNCOUNTED } from '../vectors/addresses'

const CLIENT_OF = new Map([
  ...CLIENTS.flatMap(([client, forms]) => forms.map((form) => [form, client] as const)),
  ...THEMSELVES.map((form) => [form, form] as const),
])
const ADDRESSES = [...CLIENT_OF.keys()]
const FORMS = [...ADDRESSES, ...NOT_ADDRESSES]
const which = (is: (form: string) => boolean): string[] => FORMS.filter(is).sort()
/** Zones that the system does not write: no proxy and no operator is believed about them. */
const ODD_ZONES = ['1.2.3.4%eth0', '::%', 'fe80::1%', 'fe80::1%a%b', 'fe80::1%eth0/10']
const WRITTEN = ADDRESSES.filter((form) => !ODD_ZONES.includes(form)).sort()
const sortForms = (forms: readonly string[]): string[] => forms.toSorted()

test('a client is an IPv4 address or an IPv6 network, what is no address is none', () => {
  expect(FORMS.map((form) => [form, clientOf(form)])).toEqual(
    FORMS.map((form) => [form, CLIENT_OF.get(form) ?? '']),
  )
  const counted = FORMS.map((form) => [form, quotaKeyOf(form)])
  expect(counted).toEqual(
    FORMS.map((form) => [form, UNCOUNTED.includes(form) ? undefined : CLIENT_OF.get(form)]),
  )
})

test('webhooks go to the same addresses', () => {
  const { addressDenial } = networkRules([], [])
  const findForms = (words: string) =>
    which((form) => addressDenial(form)?.includes(words) ?? false)
  expect(findForms('link-local or metadata')).toEqual(sortForms([...NEVER, '0']))
  expect(findForms('through a tunnel')).toEqual(sortForms(TUNNELS))
  expect(which((form) => addressDenial(form) !== undefined).length).toBe(
    NEVER.length + TUNNELS.length + 1,
  )
})

test('a proxy is believed about the same addresses', () => {
  const proxies = new Addresses(['127.0.0.1'], new MemoryLog())
  proxies.server = {
    requestIP: () => ({ address: '127.0.0.1', family: 'IPv4', port: 1 }),
    timeout: () => undefined,
    port: 6001,
    pendingRequests: 0,
  }
  const describeDenial = (form: string): string =>
    proxies.of(new Request('http://localhost/', { headers: { 'x-forwarded-for': form } }))
  const believed = which((form) => clientOf(describeDenial(form)) === CLIENT_OF.get(form))
  expect(believed).toEqual(WRITTEN)
})

test('a setting takes the same addresses', () => {
  expect(which((form) => !form.includes('/') && networks(form) !== undefined)).toEqual(WRITTEN)
})
