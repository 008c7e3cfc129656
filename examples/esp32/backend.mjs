// Signs for devices that it knows by their tokens. Runs on Node.js 20 and on Bun.
import { createServer } from 'node:http'
import Pusher from 'pusher'

const { HOST = '127.0.0.1', PORT = '3000' } = process.env
const { PUSHER_APP_ID: appId, PUSHER_APP_KEY: key, PUSHER_APP_SECRET: secret } = process.env
if (!appId || !key || !secret)
  throw new Error('Set PUSHER_APP_ID, PUSHER_APP_KEY and PUSHER_APP_SECRET: Carillon prints them')

/** Signing needs no connection to Carillon: only the key and the secret that it knows, too. */
const pusher = new Pusher({ appId, key, secret })

/** Which channel a device may enter, by its token. */
const CHANNELS = new Map([['Bearer token-of-the-greenhouse', 'private-greenhouse']])

createServer(async (request, response) => {
  const refuse = (status) => response.writeHead(status).end()
  const channel = CHANNELS.get(request.headers.authorization)
  if (channel === undefined) return refuse(403)
  try {
    let body = ''
    for await (const chunk of request) if ((body += chunk).length > 1000) return refuse(413)
    const { socket_id, channel_name } = JSON.parse(body)
    if (channel_name !== channel) return refuse(403)
    response.end(JSON.stringify(pusher.authorizeChannel(socket_id, channel)))
  } catch {
    refuse(400) // no JSON, or no socket id
  }
}).listen(PORT, HOST, () => console.log(`Signing on http://${HOST}:${PORT}`))
