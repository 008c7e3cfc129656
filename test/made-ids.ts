/** Operations about an endpoint, whose id only a running server makes: the example finds nothing. */
export const FINDS_NOTHING: ReadonlySet<string> = new Set([
  'listDeadLetters',
  'listEndpointRequests',
  'pauseEndpoint',
  'resumeEndpoint',
  'testEndpoint',
])
