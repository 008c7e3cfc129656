/**
 * The published credentials: README.md and docs/admin-api.md have them, so that a developer types nothing. Whoever presents
 * one has shown that he can read, and nothing else; `http/local.ts` says what is asked of him besides.
 */
export const PUBLISHED = {
  appId: '1',
  key: 'test-app-fake-key',
  secret: 'test-app-fake-secret',
  username: 'pusher_admin_username',
  password: 'pusher_admin_password',
} as const

/** True for an app's secret that everybody knows, wherever it comes from. */
export const isPublished = (secret: string): boolean => secret === PUBLISHED.secret
