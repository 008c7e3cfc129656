/** What of a form is sent: what has changed, and of limits and plugins those that have. */
import { expect, test } from 'bun:test'
import { APP_FIELDS } from '../../../src/apps/fields'
import type { AppView } from '../../../src/pages/console/apps/app'
import {
  changesOf,
  draftOf,
  keepDraft,
  labelsOf,
  SETTINGS,
  withValue,
  type Draft,
} from '../../../src/pages/console/apps/settings'

const APP: AppView = {
  id: 7,
  name: 'my app',
  slug: 'my-app',
  key: 'k',
  secret: 's',
  active: true,
  keys: [{ key: 'k', secret: 's' }],
  provided_by: null,
  created_at: 0,
  client_events: true,
  hosts: [],
  limits: { max_presence_members: 7, max_user_info_bytes: 9 },
  plugins: { quota: { per_day: 1 }, other: { on: true } },
}

test('every field of an app that can be changed is in the form; `active` has a button', () => {
  const inForm = SETTINGS.flatMap(({ fields }) => fields.map(({ name }) => name))
  const changeable = [...APP_FIELDS].filter(([, { createOnly }]) => !createOnly)
  expect([...inForm, 'active'].toSorted()).toEqual(changeable.map(([name]) => name).toSorted())
})

test('every switch has a name for people', () => {
  const switches = SETTINGS.flatMap(({ fields }) => fields).filter(({ kind }) => kind === 'switch')
  expect(switches.filter(({ name, label }) => name === label)).toEqual([])
})

test('what is as the app has it is no change', () => {
  const changed = withValue({}, APP, 'name', 'another')
  expect(changed).toEqual({ name: 'another' })
  expect(withValue(changed, APP, 'name', 'my app')).toEqual({})
})

const SENT: readonly (readonly [draft: Draft, sent: Draft])[] = [
  [
    { name: 'another', hosts: ['a'] },
    { name: 'another', hosts: ['a'] },
  ],
  [
    { limits: { max_user_info_bytes: 10 } },
    { limits: { max_presence_members: null, max_user_info_bytes: 10 } },
  ],
  [
    { limits: { ...(APP['limits'] as object), max_cached_channels: 'x' } },
    { limits: { max_cached_channels: 'x' } },
  ],
  [
    { plugins: { quota: { per_day: 2 }, other: { on: true } } },
    { plugins: { quota: { per_day: 2 } } },
  ],
  [{ plugins: {} }, { plugins: { quota: null, other: null } }],
]
test.each(SENT)('%j is sent as %j', (draft, sent) => {
  expect(changesOf(draft, APP)).toEqual(sent)
})

test('a draft names its fields, or the section of one', () => {
  expect(labelsOf({ limits: {}, client_events: false, name: 'a' })).toEqual([
    'Name',
    'Client events',
    'Limits',
  ])
})

test('a draft is kept by app, until it is empty', () => {
  keepDraft(APP, { name: 'another' })
  expect([draftOf(APP), draftOf({ ...APP, id: 8 })]).toEqual([{ name: 'another' }, {}])
  keepDraft(APP, {})
  expect(draftOf(APP)).toEqual({})
})
