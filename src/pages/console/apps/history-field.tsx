/** The rules by which channels keep their last events. */
import { HISTORY_NUMBERS } from '../../../apps/history'
import { ItemList, numberOr, SmallInput, type SettingProps } from './parts'

type Rule = {
  readonly prefix: string
  readonly durable: boolean
  readonly [number: string]: unknown
}

const NUMBERS = Object.entries(HISTORY_NUMBERS)

const LABELS: Readonly<Record<string, string>> = {
  size: 'Events at most',
  ttl_seconds: 'Seconds at most',
  rewind: 'Events for new subscribers',
}

const newRule = (): Rule => ({
  prefix: '',
  durable: false,
  ...Object.fromEntries(NUMBERS.map(([name, { default: usual }]) => [name, usual])),
})

export const HistoryField = ({
  setting,
  value,
  errors,
  onChange,
}: SettingProps<readonly Rule[]>) => (
  <ItemList
    label={setting.label}
    noun="a rule"
    items={value}
    errors={errors}
    make={newRule}
    onChange={onChange}
  >
    {(rule, change) => (
      <>
        <SmallInput
          label="Channels that begin with"
          placeholder="all public channels"
          value={rule.prefix}
          onChange={(prefix) => change({ ...rule, prefix })}
        />
        {NUMBERS.map(([name]) => (
          <SmallInput
            key={name}
            label={LABELS[name] ?? name}
            isNumber
            value={String(rule[name])}
            onChange={(text) => change({ ...rule, [name]: numberOr(text) })}
          />
        ))}
        <label class="small check">
          <input
            type="checkbox"
            checked={rule.durable}
            onChange={({ currentTarget }) => change({ ...rule, durable: currentTarget.checked })}
          />{' '}
          survive a restart
        </label>
      </>
    )}
  </ItemList>
)
