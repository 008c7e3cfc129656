/** Event creator: sends events as a backend would, and shows them arrive at a client. */
import './creator.css'
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api'
import { adminPath } from '../place'
import type { PageProps } from '../router'
import { may, useSession } from '../session'
import { useLoaded } from '../use'
import { Page, Show } from '../ui/ui'
import { accessOf, sendForm, type AppAccess } from './app-api'
import { FIRST_FORM, FIRST_ROW, targetsOf, type Form } from './form'
import { FormCard } from './form-card'
import { addSent, readSent, writeSent, type Sent } from './history'
import { PaneCard } from './pane-card'
import { SentCard, type Result } from './sent-card'
import { usePane, type Pane } from './use-client'

type AppAnswer = { readonly data: Parameters<typeof accessOf>[0] }

export function CreatorPage({ params, query }: PageProps) {
  const slug = params['slug']!
  const app = useLoaded(() => api<AppAnswer>('GET', adminPath(slug)), [slug])
  return (
    <Page title="Event creator" name={`Event creator · ${slug}`}>
      <Show of={app}>{({ data }) => <Creator app={accessOf(data)} first={formOf(query)} />}</Show>
    </Page>
  )
}

/** Links to the page may name what to send: `?channel=room`, `?user=u-1`, with `event` and `data`. */
function formOf(query: URLSearchParams): Form {
  const { channel, event, data } = FIRST_ROW
  const user = query.get('user') ?? ''
  const row = {
    channel: query.get('channel') ?? channel,
    event: query.get('event') ?? event,
    data: query.get('data') ?? data,
  }
  return { ...FIRST_FORM, kind: user === '' ? 'channel' : 'user', user, rows: [row] }
}

type CreatorProps = { readonly app: AppAccess; readonly first: Form }

function Creator({ app, first }: CreatorProps) {
  const maySend = may(useSession(), 'change_app')
  const pane = usePane(app)
  const [form, setForm] = useState(first)
  const [result, setResult] = useState<Result>()
  const [sent, setSent] = useState(() => readSent(sessionStorage, app.slug))
  const keep = (list: readonly Sent[]) => {
    setSent(list)
    writeSent(sessionStorage, app.slug, list)
  }
  useEffect(() => pane.client()?.subscribe(first.rows[0]!.channel), [])
  const send = async () => {
    setResult(undefined)
    const id = crypto.getRandomValues(new Uint32Array(2)).join('-')
    const time = Date.now()
    const outcome = await sendAndWatch(app, pane, form, id)
    setResult({ ...outcome, id })
    const { status, answer } = outcome
    keep(addSent(sent, { id, time, form, status, answer }))
  }
  return (
    <div class="creator">
      <FormCard
        app={app}
        form={form}
        onChange={setForm}
        onSend={maySend ? send : undefined}
        socketId={pane.state.socketId}
        result={result}
        own={pane.own}
      />
      <PaneCard pane={pane} hasSecret={app.secret !== undefined} />
      {maySend && <SentCard sent={sent} onFill={setForm} onClear={() => keep([])} />}
    </div>
  )
}

/** How long a sending waits for the pane to be where its events go. */
const PATIENCE_MS = 3000

async function sendAndWatch(app: AppAccess, pane: Pane, form: Form, id: string) {
  const targets = targetsOf(form)
  const heardBy = await Promise.all(targets.map(({ channel }) => listen(pane, form, channel)))
  const isLeftOut = form.kind === 'channel' && form.except === pane.state.socketId
  const awaited = isLeftOut ? [] : targets.filter((_, index) => heardBy[index])
  pane.arrivals.expect(id, awaited, performance.now())
  const outcome = await sendForm(app, form)
  if (outcome.status !== 200) pane.arrivals.forget(id)
  return { ...outcome, awaited: outcome.status === 200 ? awaited.length : 0 }
}

/** Resolves to whether the pane hears what is sent there. */
async function listen(pane: Pane, { kind, user }: Form, channel: string): Promise<boolean> {
  const client = pane.client()
  if (!client || client.state.phase === 'ended') return false
  if (kind === 'user') {
    client.signIn(user)
    return client.whenSignedIn(user, PATIENCE_MS)
  }
  client.subscribe(channel)
  return client.whenSubscribed(channel, PATIENCE_MS)
}
