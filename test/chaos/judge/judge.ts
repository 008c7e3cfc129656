/** The judge: all that is wrong in a journal, by the rules of its name. */
import type { Journal, Wrong } from '../journal'
import { judgeLosses, judgeOrder, judgeRepeats } from './events'
import { judgeReplicas, judgeTransitions, judgeWatchlists } from './members'
import { judgeWebhooks } from './webhooks'

/** Processes that ended, and logs that have what they must not have. */
const judgeProcesses = (journal: Journal): Wrong[] =>
  journal.flatMap((entry) =>
    entry.type === 'failed' ? [{ rule: 'processes', of: entry.node, what: entry.what }] : [],
  )

const JUDGES = [
  judgeProcesses,
  judgeReplicas,
  judgeTransitions,
  judgeWatchlists,
  judgeRepeats,
  judgeOrder,
  judgeLosses,
  judgeWebhooks,
]

export const judge = (journal: Journal): readonly Wrong[] => JUDGES.flatMap((each) => each(journal))
