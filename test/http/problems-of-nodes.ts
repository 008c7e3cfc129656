/** What is wrong between servers that are one, caused in one that believes to have others. */
import { expect } from 'bun:test'
import { start } from '../harness'
import { pretendNodes } from '../other-nodes'
import { expectCauses, says } from './problems'

/** Each row of NODE_PROBLEMS, and what `/ready` says of them. */
export async function expectNodeProblems(): Promise<void> {
  await using server = await start()
  const differences = ['a', 'b', 'c', 'd', 'e'].map((what) => ({ what, here: '1', there: '2' }))
  const pretend = () =>
    pretendNodes(
      server,
      { lagMs: 1500, warnings: ['it forgets', 'its clock is off'] },
      { version: '0.0.9', hasNamesake: true, link: { differences } },
    )
  await expectCauses(server, [
    ['nodes_differ', pretend, { text: says(/^The node other has .*: a, b, c and 2 more things$/) }],
    [
      'nodes_of_one_name',
      () => {},
      { severity: 'warning', text: says(/^Several nodes are called other: /) },
    ],
    ['nodes_of_versions', () => {}, { severity: 'notice', text: says(/0\.0\.9, /) }],
    ['redis_may_forget', () => {}, { severity: 'critical', text: says(/^Redis: it forgets$/) }],
    ['clocks_differ', () => {}, { severity: 'critical', text: says(/^Redis: its clock is off$/) }],
    ['node_late', () => {}, { severity: 'critical' }],
  ])
  const ready = await (await server.http('/ready')).json()
  expect(ready).toMatchObject({
    ready: true,
    differences: { length: 8, 0: 'Redis: it forgets', 3: 'a is another on other' },
  })
}
