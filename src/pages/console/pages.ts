/** PAGES: each page of the console, by its address after the `#`. The rows are the navigation, in their order. */
import type { ComponentType } from 'preact'
import { AuditPage } from './admin/audit-page'
import { PluginsPage } from './admin/plugins-page'
import { SessionsPage } from './admin/sessions-page'
import { TokensPage } from './admin/tokens-page'
import { KeysPage } from './apps/keys-page'
import { AppsPage } from './apps/list-page'
import { SettingsPage } from './apps/settings-page'
import { ConnectPage } from './connect/page'
import { CreatorPage } from './creator/page'
import { LivePage } from './live/page'
import { ChannelPage } from './people/channel-page'
import { ChannelsPage } from './people/channels-page'
import { ConnectionPage } from './people/connection-page'
import { ConnectionsPage } from './people/connections-page'
import { UsersPage } from './people/users-page'
import { AppOverviewPage, OverviewPage } from './overview/page'
import type { PageProps } from './router'
import type { Need } from './session'
import { WebhooksPage } from './webhooks/page'

export type PageRow = {
  /** `apps/:slug/live`; each `:name` is a parameter. */
  readonly path: string
  readonly title: string
  /** Which list of links it is in: the server's, that of one app (`:slug`), or none. */
  readonly place: 'server' | 'app' | 'none'
  readonly need: Need
  readonly View: ComponentType<PageProps>
}

export const PAGES: readonly PageRow[] = [
  { path: 'apps', title: 'Apps', place: 'server', need: 'any', View: AppsPage },
  { path: 'overview', title: 'Overview', place: 'server', need: 'any', View: OverviewPage },
  { path: 'apps/:slug', title: 'Overview', place: 'app', need: 'see_app', View: AppOverviewPage },
  { path: 'tokens', title: 'Tokens', place: 'server', need: 'read', View: TokensPage },
  { path: 'sessions', title: 'Sessions', place: 'server', need: 'any', View: SessionsPage },
  { path: 'audit', title: 'Audit', place: 'server', need: 'audit', View: AuditPage },
  { path: 'plugins', title: 'Plugins', place: 'server', need: 'read', View: PluginsPage },
  {
    path: 'apps/:slug/connect',
    title: 'Connect',
    place: 'app',
    need: 'see_app',
    View: ConnectPage,
  },
  { path: 'apps/:slug/live', title: 'Live', place: 'app', need: 'see_app', View: LivePage },
  {
    path: 'apps/:slug/creator',
    title: 'Event creator',
    place: 'app',
    need: 'see_app',
    View: CreatorPage,
  },
  {
    path: 'apps/:slug/people',
    title: 'Channels & people',
    place: 'app',
    need: 'see_app',
    View: ChannelsPage,
  },
  {
    path: 'apps/:slug/people/channels/:channel',
    title: 'Channel',
    place: 'none',
    need: 'see_app',
    View: ChannelPage,
  },
  {
    path: 'apps/:slug/people/connections',
    title: 'Connections',
    place: 'none',
    need: 'see_app',
    View: ConnectionsPage,
  },
  {
    path: 'apps/:slug/people/connections/:socketId',
    title: 'Connection',
    place: 'none',
    need: 'see_app',
    View: ConnectionPage,
  },
  {
    path: 'apps/:slug/people/users',
    title: 'Signed-in users',
    place: 'none',
    need: 'see_app',
    View: UsersPage,
  },
  {
    path: 'apps/:slug/webhooks',
    title: 'Webhooks',
    place: 'app',
    need: 'see_app',
    View: WebhooksPage,
  },
  {
    path: 'apps/:slug/settings',
    title: 'Settings',
    place: 'app',
    need: 'see_app',
    View: SettingsPage,
  },
  { path: 'apps/:slug/keys', title: 'Keys', place: 'app', need: 'see_app', View: KeysPage },
]
