/**
 * Pusher: an app of theirs as the environment of an application has it. Its webhooks and switches are in their
 * dashboard, and are given as options.
 */
import { parseServerUrl } from '../target'
import { idle, kept, named, type Carried, type FieldRow, type Origin } from './field-rows'

const FIELDS: readonly FieldRow[] = [
  { names: ['id', 'app_id', 'appId'], env: 'PUSHER_APP_ID', carry: kept('id') },
  { names: ['key'], env: 'PUSHER_APP_KEY', carry: kept('key') },
  { names: ['secret'], env: 'PUSHER_APP_SECRET', carry: kept('secret') },
  { names: ['name'], carry: named },
  { names: ['url'], env: 'PUSHER_URL', carry: credentialsOfUrl },
  { names: ['cluster'], carry: idle('there are no clusters') },
]

/** `https://KEY:SECRET@HOST/apps/ID`. */
function credentialsOfUrl(value: unknown): Carried {
  if (typeof value !== 'string' || !URL.canParse(value) || !/\/apps\/[^/]+\/*$/.test(value))
    return { mistake: 'expected https://KEY:SECRET@HOST/apps/ID' }
  const { app } = parseServerUrl(value, 'PUSHER_URL')
  return { fields: { ...app }, as: 'id, key and secret' }
}

export const PUSHER: Origin = {
  name: 'pusher',
  title: 'Pusher',
  fields: FIELDS,
  hasBareNames: true, // as the dashboard shows them: app_id = "1234"
  appsIn: [],
  paths: {},
  defaults: {},
}
