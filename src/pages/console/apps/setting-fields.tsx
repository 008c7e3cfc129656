/** Controls of the settings of an app, by kind. A value that the API would refuse is sent all the same: it has the words. */
import type { ComponentType } from 'preact'
import { Field } from '../ui/ui'
import { HistoryField } from './history-field'
import { LimitsField } from './limits-field'
import { ListText, Words, type SettingProps } from './parts'
import { PluginsField } from './plugins-field'
import type { FieldKind, Setting } from './settings'
import { WebhooksField } from './webhooks-field'

const hintOf = ({ hint }: Setting) => (hint === undefined ? {} : { hint: <Words text={hint} /> })

const TextField = ({ setting, value, errors, onChange }: SettingProps<string>) => (
  <Field label={setting.label} errors={errors} {...hintOf(setting)}>
    {(attributes) => (
      <input
        {...attributes}
        name={setting.name}
        value={value}
        autocomplete="off"
        spellcheck={false}
        onInput={({ currentTarget }) => onChange(currentTarget.value)}
      />
    )}
  </Field>
)

const SwitchField = ({ setting, value, errors = [], onChange }: SettingProps<boolean>) => (
  <div class="switch">
    <label>
      <input
        type="checkbox"
        name={setting.name}
        checked={value}
        aria-invalid={errors.length > 0}
        onChange={({ currentTarget }) => onChange(currentTarget.checked)}
      />{' '}
      {setting.label}
    </label>
    {errors.length > 0 && <p class="error">{errors.join('; ')}</p>}
    <p class="hint">
      <Words text={setting.hint ?? ''} />
    </p>
  </div>
)

const HostsField = ({ setting, value, errors, onChange }: SettingProps<readonly string[]>) => (
  <Field label={setting.label} errors={errors} {...hintOf(setting)}>
    {(attributes) => <ListText attributes={attributes} value={value} onChange={onChange} />}
  </Field>
)

type AnyField = ComponentType<SettingProps>

const CONTROLS: Readonly<Record<FieldKind, AnyField>> = {
  text: TextField as AnyField,
  switch: SwitchField as AnyField,
  hosts: HostsField as AnyField,
  webhooks: WebhooksField as AnyField,
  history: HistoryField as AnyField,
  limits: LimitsField as AnyField,
  plugins: PluginsField as AnyField,
}

export function SettingField(props: SettingProps) {
  const Control = CONTROLS[props.setting.kind]
  return <Control {...props} />
}
