/**
 * The published development credentials: README.md and docs/admin-api.md show them, so that a developer
 * configures nothing. They prove nothing about a caller; `http/local.ts` checks that the request is local, too.
 */
export const PUBLISHED = {
  appId: '1',
  key: 'test-app-fake-key',
  secret: 'test-app-fake-secret',
  username: 'pusher_admin_username',
  password: 'pusher_admin_password',
} as const

/** True for an app's secret that is published, wherever the app comes from. */
export const isPublished = (secret: string): boolean => secret === PUBLISHED.secret
