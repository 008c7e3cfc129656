/** @jsxImportSource react */
import Pusher from 'pusher-js'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import { PusherContext } from './hooks.ts'
import { me } from './me.ts'

/** One client for the page. Made outside of components, so that no render makes a second one. */
const pusher = new Pusher('test-app-fake-key', {
  cluster: 'carillon', // the library wants one; it means nothing here
  wsHost: '127.0.0.1',
  wsPort: 6001,
  forceTLS: false,
  enabledTransports: ['ws'],
  channelAuthorization: {
    // Signs for everybody, on this machine alone: in service this is your backend.
    endpoint: 'http://127.0.0.1:6001/pusher/auth',
    transport: 'ajax',
    params: { user_id: me.id, 'user_info[name]': me.name },
  },
})

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <PusherContext value={pusher}>
      <App />
    </PusherContext>
  </StrictMode>,
)
