/** A scope as lists show it: an app by its name, with a link to it. */
import type { AppView } from '../apps/app'
import { href } from '../router'
import { SCOPES } from './tokens'

const APP = 'app:'

type ScopeProps = { readonly scope: string; readonly apps: readonly AppView[] }

/** An app that is not there any more is its id. */
export function Scope({ scope, apps }: ScopeProps) {
  if (!scope.startsWith(APP)) {
    const row = SCOPES.find((each) => each.scope === scope)
    return <span title={row?.about}>{row?.title ?? scope}</span>
  }
  return <AppLink id={scope.slice(APP.length)} apps={apps} />
}

type AppLinkProps = { readonly id: string; readonly apps: readonly AppView[] }

export function AppLink({ id, apps }: AppLinkProps) {
  const app = apps.find((each) => String(each.id) === id)
  if (!app)
    return (
      <code class="hint" title={`There is no app ${id}`}>
        {id}
      </code>
    )
  return (
    <a href={href(['apps', app.slug, 'settings'])} title={`Id ${id}`}>
      {app.name}
    </a>
  )
}

/** Finds an app by what an address may have of it: its slug, or its id. */
export const findApp = (apps: readonly AppView[], name: string): AppView | undefined =>
  apps.find(({ slug, id }) => slug === name || String(id) === name)
