/** FRAMES: misdeeds by the frames of a socket. */
import type { Flood } from '../lib/stage'
import { APP_KEY, fillText, MIB, numberTexts, type Misdeed } from '../lib/misdeed'

const EMPTY_OBJECTS = `[${Array<string>(20_000).fill('{}').join()}]`
/** The runtime alone takes 5 ms to read two hundred in one turn. */
const MANY = 60
/** As many characters as a message may have. */
const FRAME_CHARS = 60_000

const PUSHER: Flood = {
  path: `/app/${APP_KEY}?protocol=7&client=bench&version=1`,
  last: '{"event":"pusher:ping","data":{}}',
  answer: 'pusher:pong',
}
const PHOENIX: Flood = {
  path: `/socket/websocket?app_key=${APP_KEY}&vsn=2.0.0`,
  last: '["1","9","phoenix","heartbeat",{}]',
  answer: '"phoenix"',
}

/** A frame, so many times in a row. */
const flood = (label: string, frame: string, times: number, way = PUSHER): Misdeed => ({
  label,
  budgetMs: 5,
  commit: (stage) => stage.flood(Array<string>(times).fill(frame), way),
})

/** One read of the runtime, and more. */
const PACKET = 2 * MIB

/** As many frames as fit into some reads, by a socket that may be closed for it. */
const torrent = (label: string, frame: string, way = PUSHER): Misdeed => ({
  label,
  budgetMs: 5,
  commit: (stage) => stage.pour(packFrames(frame, PACKET), way.path),
})

/** So many sockets, each with 50 000 frames at once: the runtime hands over half a megabyte of each in one turn. */
const torrents = (label: string, frame: string, sockets = 20): Misdeed => ({
  label,
  budgetMs: 5,
  commit: (stage) => {
    const bytes = packFrames(frame, 50_000 * (frame.length + 6))
    return Promise.all(Array.from({ length: sockets }, () => stage.pour(bytes, PUSHER.path)))
  },
  hasFloor: true,
})

/** Masked frames with a mask of zeros, of less than 126 bytes each. */
function packFrames(text: string, bytes: number): Uint8Array {
  const one = Buffer.concat([Buffer.of(0x81, 0x80 | text.length, 0, 0, 0, 0), Buffer.from(text)])
  return Buffer.alloc(bytes - (bytes % one.length), one)
}

export const FRAMES: readonly Misdeed[] = [
  flood(
    '60 KB client events from a socket in no channel',
    `{"event":"client-x","channel":"private-a","data":${EMPTY_OBJECTS}}`,
    MANY,
  ),
  flood(
    '60 KB Phoenix pushes from a socket in no channel',
    `["1","2","private-a","client-x",${EMPTY_OBJECTS}]`,
    MANY,
    PHOENIX,
  ),
  flood('60 KB that is nested all the way', fillText('[', FRAME_CHARS), MANY),
  flood(
    '60 KB of keys in a subscription',
    `{"event":"pusher:subscribe","data":{"channel":"a","${numberTexts('k', 6000).join('":1,"')}":1}}`,
    MANY,
  ),
  flood(
    'a sign-in with 60 KB of unsigned user data',
    JSON.stringify({
      event: 'pusher:signin',
      data: { auth: 'a:b', user_data: fillText('{', FRAME_CHARS - 100) },
    }),
    MANY,
  ),
  torrent('2 MB of pings', PUSHER.last),
  torrent('2 MB of empty frames', ''),
  { ...torrent('2 MB of pings past the rate limit', PUSHER.last), side: 'carillon' },
  torrents(
    '20 sockets with 50 000 refused subscriptions each',
    '{"event":"pusher:subscribe","data":{"channel":"a b"}}',
  ),
  torrent('2 MB of Phoenix pushes to no topic', '["1","1","a","x",{}]', PHOENIX),
]
