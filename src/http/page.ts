/**
 * The page at `/`: tells a person who opens the server's address what it is and where to go.
 */
import { CONTENT_TYPES } from './headers'

const LINKS = [
  { href: 'swagger', text: 'API reference', about: 'try requests out; they are signed here' },
  { href: 'swagger/json', text: 'OpenAPI document', about: 'the same for programs' },
  { href: 'up', text: '/up', about: 'liveness' },
  { href: 'ready', text: '/ready', about: 'readiness' },
]

/** Of every page: no other site may show it in a frame, where clicks could be stolen. */
export const PAGE_HEADERS = {
  'content-type': CONTENT_TYPES.html,
  'content-security-policy': "frame-ancestors 'none'",
  'x-frame-options': 'DENY',
} as const

/** `folder` is what addresses begin with: a proxy, or the settings, may have put a prefix in front. */
export function page(folder: string): string {
  const links = LINKS.map(
    ({ href, text, about }) => `<li><a href="${folder}${href}">${text}</a> – ${about}</li>`,
  )
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Carillon</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif }
  body { max-width: 40rem; margin: 12vh auto; padding: 0 1.5rem }
  h1 { font-size: 1.6rem; margin-bottom: 0.3rem }
  code { background: color-mix(in srgb, currentColor 10%, transparent); padding: 0.1em 0.35em; border-radius: 4px }
</style>
<h1>Carillon</h1>
<p>A self-hosted realtime push server. Pusher clients connect to <code>/app/KEY</code> on this address;
Pusher server SDKs call <code>/apps/ID/events</code>. The terminal that started the server shows the
credentials and a client snippet.</p>
<ul>
${links.join('\n')}
</ul>
</html>
`
}
