/**
 * Webhooks: is one ever lost, how many are delivered, and what do they cost whoever only publishes?
 * The first is asked with endpoints that fail at random, hang, reset and answer late, and with a
 * server that is killed with `kill -9` at random moments (`lib/webhook-trial.ts`).
 */
import { makeCrowd, makeCrowdCase } from './lib/crowds'
import type { Question } from './lib/question'
import { runWebhookTrial, type WebhookCase } from './lib/webhook-trial'
import { swarmQuestion } from './fanout'
import { ONE_CHANNEL, trigger } from './trigger'

export const CRASH_LABEL = '10 000 events, failing endpoints, 20 x kill -9'

const trialCase = (label: string, row: Omit<WebhookCase, 'label'>): WebhookCase => ({
  label,
  ...row,
})

export const webhooks: Question = {
  name: 'webhooks',
  asks: 'Is a webhook ever lost, and how many are delivered?',
  play: runWebhookTrial,
  cases: [
    trialCase('10 000 events, a healthy endpoint', { events: 10_000, kills: 0, isFailing: false }),
    trialCase(CRASH_LABEL, { events: 10_000, kills: 20, isFailing: true }),
  ],
  quickCases: [],
  smokeCases: [trialCase('100 events, 1 x kill -9', { events: 100, kills: 1, isFailing: true })],
  subjects: ['carillon'],
  yardsticks: [],
  figure: {
    title: 'events per server-CPU-second',
    key: 'eventsPerCpuSecond',
    digits: 0,
    better: 'more',
  },
  columns: [
    { title: 'per second', key: 'eventsPerSecond', digits: 0 },
    { title: 'recorded', key: 'recorded', digits: 0 },
    { title: 'requests', key: 'requests', digits: 0 },
    { title: 'repeats', key: 'repeats', digits: 0 },
    { title: 'missing', key: 'missing', digits: 0 },
  ],
  faults: ['missing', 'misordered', 'unbalanced', 'forged', 'undelivered'],
  counted: 'recorded',
}

const ON_AGAINST_OFF = { subjects: ['webhooks'], yardsticks: ['carillon'], quickCases: [] } as const

export const webhooksFanout: Question = {
  ...swarmQuestion,
  ...ON_AGAINST_OFF,
  name: 'webhooks-fanout',
  asks: 'What do webhooks cost a fan-out?',
  cases: [makeCrowdCase(makeCrowd())],
  smokeCases: [makeCrowdCase(makeCrowd({ subscribers: 50 }))],
}

export const webhooksTrigger: Question = {
  ...trigger,
  ...ON_AGAINST_OFF,
  name: 'webhooks-trigger',
  asks: 'What do webhooks cost a trigger?',
  cases: [ONE_CHANNEL],
}
