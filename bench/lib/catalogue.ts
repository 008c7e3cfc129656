/**
 * QUESTIONS: all questions, by their names on the command line.
 */
import { cache } from '../cache'
import { clientevent } from '../clientevent'
import { connect } from '../connect'
import { fairness } from '../fairness'
import { fanout } from '../fanout'
import { historyDisk, historyFanout, historyMemory, historyTrigger } from '../history'
import { hooksFanout, hooksTrigger } from '../hooks'
import { idle } from '../idle'
import { light } from '../light'
import { liveFanout, liveTrigger } from '../live'
import { micro } from '../micro'
import { mixed } from '../mixed'
import { move } from '../move'
import { nodesFanout, nodesPresence, nodesTrigger, workersFanout } from '../nodes'
import { presence } from '../presence'
import { cuts, recovery } from '../recovery'
import { spread } from '../spread'
import { stalled } from '../stalled'
import { stalls } from '../stalls'
import { starts } from '../starts'
import { tls } from '../tls'
import { trigger } from '../trigger'
import { webhooks, webhooksFanout, webhooksTrigger } from '../webhooks'
import type { Question } from './question'

export const QUESTIONS: Readonly<Record<string, readonly Question[]>> = {
  fanout: [fanout],
  trigger: [trigger],
  connect: [connect],
  idle: [idle],
  clientevent: [clientevent],
  presence: [presence],
  spread: [spread],
  fairness: [fairness],
  stalled: [stalled],
  stalls: [stalls, starts],
  cache: [cache],
  mixed: [mixed],
  hooks: [hooksFanout, hooksTrigger],
  live: [liveFanout, liveTrigger],
  history: [historyFanout, historyTrigger, historyMemory, historyDisk],
  recovery: [recovery, cuts],
  move: [move],
  webhooks: [webhooks, webhooksFanout, webhooksTrigger],
  micro: [micro],
  tls: [tls],
  nodes: [nodesFanout, nodesPresence, nodesTrigger, workersFanout],
  light: [light],
}

/** Finds a question. @throws Error for a name that a record of another version may have */
export function findQuestion(name: string): Question {
  const question = Object.values(QUESTIONS)
    .flat()
    .find((each) => each.name === name)
  if (!question) throw new Error(`there is no question ${name}`)
  return question
}
