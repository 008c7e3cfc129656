/**
 * LongPollBody: what a post of long-poll carries. It is measured and its lines are counted before any of
 * it is read, since a megabyte of line ends is a million lines.
 * Spec: phoenix contract 1.9.
 */
import { textIn } from '../http/bytes'

/** Clients of 1.7 send all that they have in one request, later ones a hundred lines. */
const MAX_LINES = 1000

/** The frames of a post, empty lines as empty text; or what is wrong with it. */
export type Post =
  | { readonly frames: readonly (string | Uint8Array)[] }
  | { readonly mistake: string; readonly lines: number }

export const unread = (why: 'too_large' | 'broken_off', maxBytes: number): Post =>
  wrong(why === 'too_large' ? `The body exceeds the limit of ${maxBytes} bytes` : BROKEN_OFF)

/** A batch is one message to a line, any other post is one message. */
export function readPost(bytes: Uint8Array, isBatch: boolean): Post {
  if (!isBatch) {
    const text = textIn(bytes)
    return text === undefined ? wrong(NO_UTF8) : { frames: [text] }
  }
  const lines = linesIn(bytes)
  if (lines > MAX_LINES) return wrong(`The body exceeds the limit of ${MAX_LINES} lines`, MAX_LINES)
  const text = textIn(bytes)
  if (text === undefined) return wrong(NO_UTF8, lines)
  const frames = text.split('\n').slice(0, lines).map(frameOf)
  const broken = frames.indexOf(undefined)
  if (broken === -1) return { frames: frames as (string | Uint8Array)[] }
  return wrong(`Line ${broken + 1} is neither a message nor base64`, lines)
}

const BROKEN_OFF = 'The body did not come whole'
const NO_UTF8 = 'Expected the body to be UTF-8'

const wrong = (mistake: string, lines = 1): Post => ({ mistake, lines })

const LINE_END = 0x0a

/** What follows the last line end is a line where there is anything. Counts no further than it must. */
function linesIn(bytes: Uint8Array): number {
  let lines = 0
  for (let at = 0; at < bytes.length && lines <= MAX_LINES; lines++) {
    const end = bytes.indexOf(LINE_END, at)
    at = end === -1 ? bytes.length : end + 1
  }
  return lines
}

/** A line that is no array is a binary message in base64. Undefined where it is neither. */
function frameOf(line: string): string | Uint8Array | undefined {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line
  return text === '' || text.startsWith('[') ? text : bytesIn(text)
}

function bytesIn(base64: string): Uint8Array | undefined {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0
  try {
    const bytes = Uint8Array.fromBase64(base64)
    // The decoder skips space, and takes what is not padded.
    return bytes.length === (base64.length / 4) * 3 - padding ? bytes : undefined
  } catch {
    return undefined // SyntaxError
  }
}
