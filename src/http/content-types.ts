/** Content types as we write them, one name each, whoever answers: API, handshakes, transports. */
export const CONTENT_TYPES = {
  json: 'application/json; charset=utf-8',
  /** As the framework says of the objects that handlers return. */
  frameworkJson: 'application/json;charset=utf-8',
  text: 'text/plain; charset=utf-8',
  html: 'text/html; charset=utf-8',
  script: 'application/javascript; charset=utf-8',
} as const

/** What bodies come as that need not be JSON. */
export const BODY_TYPES = [
  'application/json',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
] as const
