/** ADVICE: what to do about an endpoint's error, by how the server words it. */

type Row = { readonly pattern: RegExp; readonly advice: string }

const ADVICE: readonly Row[] = [
  {
    pattern: /^answered 3/,
    advice: 'Redirects are not followed: set the URL that it leads to.',
  },
  {
    pattern: /^answered (?:401|403)/,
    advice:
      'It refuses who asks. Is the signature checked with the secret of the oldest key, and over the body as it came? Are the headers right?',
  },
  {
    pattern: /^answered (?:404|405|410)/,
    advice: 'Nothing takes POST requests at this path: check the URL.',
  },
  {
    pattern: /^answered 413/,
    advice:
      'The body is too large for it: let it take a megabyte, or lower CARILLON_WEBHOOK_BATCH_EVENTS.',
  },
  {
    pattern: /^answered 4/,
    advice: 'It does not take this event. Such an event delays its own channel only.',
  },
  {
    pattern: /^answered 5/,
    advice: 'It has failed itself: its own log says why.',
  },
  {
    pattern: /^no answer within/,
    advice:
      'It is too slow: let it answer first and work later. CARILLON_WEBHOOK_TIMEOUT_MS is how long it has.',
  },
  {
    pattern: /ECONNREFUSED/,
    advice:
      'Nothing listens at this address and port. In a container, localhost is the container itself.',
  },
  {
    pattern: /ENOTFOUND|EAI_AGAIN|NXDOMAIN|DNS/i,
    advice: 'The name is not known to the DNS of the server.',
  },
  {
    pattern: /denied|not allowed|link-local|allowed networks|network/i,
    advice: 'The server may not connect there: CARILLON_WEBHOOK_ALLOW and CARILLON_WEBHOOK_DENY.',
  },
  {
    pattern: /WRONG_VERSION_NUMBER|wrong version number/,
    advice: 'What answers there speaks no TLS, or another: is it http or https?',
  },
  {
    pattern: /does not match/,
    advice: 'Its certificate is for another name: take the one that the certificate has.',
  },
  {
    pattern: /Parse Error|Content-Length|overflow/i,
    advice: 'What answers there is no HTTP server, or a broken one: check host and port.',
  },
  {
    pattern: /certificate|self.signed|unable to verify/i,
    advice: 'Its certificate is not trusted: NODE_EXTRA_CA_CERTS names an authority of your own.',
  },
  {
    pattern: /ECONNRESET|EPIPE|hang up|closed/i,
    advice: 'It has closed the connection without an answer.',
  },
]

/** Undefined where there is none. */
export const adviceFor = (error: string | null): string | undefined =>
  error === null ? undefined : ADVICE.find(({ pattern }) => pattern.test(error))?.advice
