/** A cache channel that has a stream, too, sends its last event once, without sockets. */
import { readPusher, testLasts, type Wire } from '../protocols/last-events'
import { XhrClient } from './xhr-client'

const overStream: Wire = async (server, asked) => {
  const client = new XhrClient(server)
  const stream = await client.openStream()
  const names = await readPusher(
    server,
    (frame) => client.send(frame),
    () => stream.nextMessage(),
    asked,
  )
  stream.abort.abort()
  return names
}

const overPolls: Wire = async (server, asked) => {
  const client = await new XhrClient(server).open()
  const waiting: string[] = []
  const next = async (): Promise<string> => {
    if (waiting.length === 0) waiting.push(...(await client.messages(1)))
    return waiting.shift()!
  }
  return readPusher(server, (frame) => client.send(frame), next, asked)
}

testLasts([
  ['xhr_streaming', overStream],
  ['xhr_polling', overPolls],
])
