/** Opens the door of a server, and has it begin where it takes the place of another one. */
import { realpathSync } from 'node:fs'
import type { Config } from '../config/config'
import type { Entrance } from '../entrance'
import type { Addresses } from '../http/address'
import type { Ports } from '../ports'
import { isFile } from '../store/files'
import type { Webhooks } from '../webhooks/webhooks'
import { Door, type Successor } from './door'
import { estateOf, type EstateParts } from './estate'
import { forwardTo, receiveForwarded } from './forward'
import { steerHere } from './steering'
import type { Succession } from './succession'

export type DoorOptions = Omit<EstateParts, 'path'> & {
  readonly config: Config
  readonly entrance: Entrance
  readonly addresses: Addresses
  readonly ports: Ports
  readonly succession: Succession | undefined
  readonly onMoved: (successor: Successor) => void
}

/**
 * Lets requests in; a server that takes over waits for the other one's word. Returns the door.
 * @throws StoreError where the other one goes on
 */
export async function openDoor(options: DoorOptions): Promise<Pick<Door, 'leave' | 'close'>> {
  const { core, config, entrance, addresses, ports, webhooks, succession } = options
  const begin = async (): Promise<void> => {
    const receive: Webhooks['receive'] = (entries) => webhooks.receive(entries)
    await succession?.begin(steerHere(ports.numbers), { core, receive })
    entrance.reopen()
  }
  const { databasePath: path } = config
  if (!isFile(path)) {
    await begin()
    return { leave: (goodbye) => goodbye(), close: () => undefined }
  }
  const door = new Door({
    ...options,
    path: realpathSync(path),
    drainMs: config.drainSeconds * 1000,
    spots: ports.spots,
    estate: estateOf({ ...options, path }),
    forwardTo: (socket) => forwardTo(() => socket, addresses),
    respond: (request) => {
      const way = receiveForwarded(request, addresses)
      return way ? ports.respondTo(way, request) : new Response(null, { status: 400 })
    },
  })
  door.open()
  try {
    await begin()
  } catch (cause) {
    door.close()
    throw cause
  }
  return door
}
