/** Plugins that are wrong stop the start with one line. */
import { describe, expect, test } from 'bun:test'
import type { AnyPlugin, Hooks } from '../../src/plugin'
import { makePlugin, start } from '../harness'

describe('at the start', () => {
  const good = makePlugin('a', {})
  const MISTAKES: readonly (readonly [name: string, plugins: readonly unknown[], says: string])[] =
    [
      [
        'a hook that does not exist',
        [makePlugin('a', { onConnect: () => undefined } as Hooks)],
        'plugin a: there is no hook onConnect; there are start, upgrade, connect',
      ],
      [
        'a hook that is no function',
        [makePlugin('a', { connect: 'no' } as unknown as Hooks)],
        'plugin a: hook connect is no function',
      ],
      ['a plugin that is listed twice', [good, good], 'plugin a: is listed twice'],
      [
        'one for another version',
        [{ ...good, carillon: 2 }],
        'plugin a: made for version 2 of the plugin interface; this server has 1',
      ],
      [
        'one that does not say for which',
        [{ name: 'a', setup: () => ({}) }],
        'plugin a: made for version undefined',
      ],
      [
        'one without a name',
        [{ ...good, name: undefined }],
        'plugin (without a name): its name must be',
      ],
      ['a name that is no path', [{ ...good, name: '../etc' }], 'plugin ../etc: its name must be'],
      ['one without setup', [{ name: 'a', carillon: 1 }], 'plugin a: it has no setup function'],
      [
        'a setup that throws',
        [{ ...good, setup: () => JSON.parse('{') }],
        'plugin a: JSON Parse error',
      ],
      ['a function that was not called', [() => good], 'plugin (without a name)'],
      [
        'a start that fails',
        [makePlugin('a', { start: () => Promise.reject(new Error('no database')) })],
        'plugin a: could not start: no database',
      ],
    ]
  test.each(MISTAKES)('%s is told in one line', async (_, plugins, says) => {
    const starting = start({ plugins: plugins as AnyPlugin[] })
    const reason = await starting.then(
      () => 'it started',
      (error: Error) => error.message,
    )
    expect(reason).toStartWith(says)
    expect(reason).not.toContain('\n')
  })
})
