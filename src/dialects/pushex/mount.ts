/**
 * `/push_socket`: a topic is a channel, and every event is called `msg`. PushEx knows no apps.
 * Spec: phoenix contract 3.3.
 */
import type { App } from '../../core/app'
import { findAppByKey, checkActive } from '../../core/apps'
import type { Core } from '../../core/core'
import { REFUSE, refusal, type Refusal } from '../../core/errors'
import type { Mount } from '../../protocols/phoenix'
import { nestedPayload } from '../../protocols/phoenix-payloads'
import { channelIn } from '../../protocols/phoenix-topics'

export const mount: Mount = {
  name: 'pushex',
  path: '/push_socket/websocket',
  app: (core, key) => (key === null ? findDefaultApp(core) : findAppByKey(core, key)),
  address: (_, app, topic) => channelIn(app, topic),
  joinResponse: () => '{}',
  news: (publication) => ({
    topic: publication.channel,
    event: 'msg',
    payload: nestedPayload(publication),
  }),
  presence: false,
  checkPush: () => REFUSE.pushUnsupported,
}

function findDefaultApp({ apps }: Core): App | Refusal {
  const app = apps.defaultApp()
  if (!app)
    return refusal(
      'app_not_found',
      'There is not exactly one app: connect with app_key, or set CARILLON_PUSHEX_APP',
    )
  return checkActive(app) ?? app
}
