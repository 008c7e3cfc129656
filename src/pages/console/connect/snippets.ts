/**
 * SNIPPETS: lines that connect a client or an SDK to an app of this server, ready to paste. Each is tried by a test
 * from the very text.
 */
import { isLocalOnly, type Address } from './address'
import { CLIENTS } from './clients'
import { SERVERS } from './servers'
import type { ConnectedApp, Snippet } from './snippet'

export const SNIPPETS: readonly Snippet[] = [...CLIENTS, ...SERVERS]

/** What is shown in place of a secret that nobody has asked for, or that may not be seen. */
const COVER = 'YOUR_SECRET'

/** The text as it is shown; what is copied has the secret. */
export const coveredText = (snippet: Snippet, app: ConnectedApp, address: Address): string =>
  snippet.lines({ ...app, secret: COVER }, address)

/** How the lists of snippets are headed, and what is in them. */
export const PLACES = [
  { place: 'client', title: 'Subscribe' },
  { place: 'server', title: 'Send events' },
].map(({ place, title }) => ({
  title,
  snippets: SNIPPETS.filter((each) => each.place === place),
}))

/** The snippet of a page's address; the first for an address that names none. */
export const snippetOf = (id: string | undefined): Snippet =>
  SNIPPETS.find((each) => each.id === id) ?? SNIPPETS[0]!

/** What has to be known of a snippet at an address; undefined where it just works. */
export function noteOn(snippet: Snippet, address: Address, isTlsOnly: boolean): string | undefined {
  const { host, isTls, prefix } = address
  if (isTlsOnly && !isTls)
    return 'This app accepts TLS alone, and this address is without: write one with https below.'
  if (snippet.isDevice && isLocalOnly(address))
    return `A device does not find this server at ${host}: write the address that this machine has in its network below.`
  if (snippet.needsRoot && prefix !== '')
    return `This SDK has no option for the path ${prefix}: let your proxy pass /apps on to ${prefix}/apps.`
  return undefined
}
