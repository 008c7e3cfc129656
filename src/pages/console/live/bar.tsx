/** Above the rows: what is shown of them, whether the stream is there, and what is missing. */
import { formatNumber } from '../format'
import { Button, Time } from '../ui/ui'
import { NO_FILTER, toggleKinds, type Filter } from './filter'
import { GROUPS, KIND_NAMES, KINDS, type KindName } from './kinds'
import type { StreamState } from './stream'
import type { Gap, Live } from './use-live'

type FiltersProps = { readonly filter: Filter; readonly onChange: (filter: Filter) => void }

export function Filters({ filter, onChange }: FiltersProps) {
  const { kinds } = filter
  const isOn = (group: readonly KindName[]) =>
    kinds.size < KIND_NAMES.length && group.every((name) => kinds.has(name))
  return (
    <div class="live-filters" role="search" aria-label="Rows">
      <div class="live-kinds" role="group" aria-label="Kinds">
        <Button
          isPressed={kinds.size === KIND_NAMES.length}
          onClick={() => onChange({ ...filter, kinds: NO_FILTER.kinds })}
        >
          All
        </Button>
        {GROUPS.map(({ title, kinds: group }) => (
          <Button
            key={title}
            isPressed={isOn(group)}
            onClick={() => onChange({ ...filter, kinds: toggleKinds(kinds, group) })}
          >
            {title}
          </Button>
        ))}
      </div>
      <input
        aria-label="Channels that begin with"
        placeholder="Channel begins with"
        value={filter.channel}
        onInput={({ currentTarget: { value } }) => onChange({ ...filter, channel: value })}
      />
      <input
        type="search"
        aria-label="Text in a row"
        placeholder="Text"
        value={filter.text}
        onInput={({ currentTarget: { value } }) => onChange({ ...filter, text: value })}
      />
    </div>
  )
}

const PHASES: Readonly<Record<StreamState['phase'], { look: string; word: string }>> = {
  connecting: { look: '', word: 'Connecting …' },
  live: { look: 'good', word: 'Live' },
  cut: { look: 'warn', word: 'Cut off, coming back …' },
  ended: { look: 'bad', word: 'Ended' },
}

export function Status({ live }: { readonly live: Live }) {
  const { state, gap, log } = live
  const { look, word } = PHASES[state.phase]
  const skipped = Object.entries(log.skipped)
  const total = skipped.reduce((sum, [, count]) => sum + count, 0)
  return (
    <p class="live-status">
      <span role="status" title={'reason' in state ? state.reason : undefined}>
        <span class={`tag ${look}`}>{word}</span>{' '}
        {'reason' in state ? state.reason : gap && <Missed gap={gap} />}
      </span>
      <span class="hint num">
        {formatNumber(log.size)} rows
        {total > 0 && (
          <span title={skipped.map(([kind, count]) => `${titleOf(kind)}: ${count}`).join('\n')}>
            {' · '}
            {formatNumber(total)} not shown: busy
          </span>
        )}
        {log.dropped > 0 && ` · ${formatNumber(log.dropped)} older ones given up`}
      </span>
    </p>
  )
}

const titleOf = (kind: string): string => KINDS[kind as KindName]?.title ?? kind

function Missed({ gap: { at, missed } }: { readonly gap: Gap }) {
  if (missed === 0)
    return (
      <>
        Back at <Time at={at} />, nothing was missed
      </>
    )
  if (missed === null)
    return (
      <>
        Back at <Time at={at} />; what happened before is not known
      </>
    )
  return (
    <>
      Back at <Time at={at} />; {formatNumber(missed)} rows were lost
    </>
  )
}
