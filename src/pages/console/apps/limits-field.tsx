/** Limits of the app: a number of its own, or the server's. */
import { APP_LIMITS, LIMITS } from '../../../core/limits'
import { numberOr, Words, type SettingProps } from './parts'

/** `maxUserInfoBytes` is `max_user_info_bytes` on the wire. */
const ROWS = APP_LIMITS.map((name) => ({
  ...LIMITS[name],
  wire: name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
}))

type Limits = Readonly<Record<string, unknown>>

export function LimitsField({ setting, value, errors = [], onChange }: SettingProps<Limits>) {
  const set = (wire: string, text: string) => {
    const { [wire]: _, ...others } = value
    onChange(text === '' ? others : inOrder({ ...others, [wire]: numberOr(text) }, value))
  }
  return (
    <div class="form">
      {errors.length > 0 && (
        <p class="error" role="alert">
          {errors.join('; ')}
        </p>
      )}
      <p class="hint">{setting.hint}</p>
      <div class="limits">
        {ROWS.map(({ wire, about, unit, min, max }) => (
          <label key={wire} class="small">
            <span>
              <Words text={about} />
            </span>
            <span class="unit">
              <input
                name={wire}
                inputMode="numeric"
                autocomplete="off"
                placeholder="as the server"
                title={`${wire}, from ${min} to ${max}`}
                aria-invalid={errors.some((error) => error.includes(` ${wire} `))}
                value={value[wire] === undefined ? '' : String(value[wire])}
                onInput={({ currentTarget }) => set(wire, currentTarget.value)}
              />
              <small>{unit}</small>
            </span>
          </label>
        ))}
      </div>
    </div>
  )
}

/** As the app has them, then the new ones: a number that is typed back is no change. */
function inOrder(limits: Limits, before: Limits): Limits {
  const names = [...Object.keys(before), ...Object.keys(limits)]
  return Object.fromEntries(
    names.filter((name) => name in limits).map((name) => [name, limits[name]]),
  )
}
