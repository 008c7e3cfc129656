/**
 * LongPollBody: the frames in a post of long-poll. Its bytes and lines are counted before any of it is
 * decoded, since a megabyte of line ends is a million lines.
 * Spec: phoenix contract 1.9.
 */
import { decodeUtf8 } from '../http/bytes'

/** Clients of 1.7 send all that is queued in one request, later ones a hundred lines. */
const MAX_LINES = 1000

/** The frames of a post, empty lines as empty strings; or the mistake, and the lines to charge for. */
export type Post =
  | { readonly frames: readonly (string | Uint8Array)[] }
  | { readonly mistake: string; readonly lines: number }

export const unreadPost = (outcome: 'too_large' | 'broken_off', maxBytes: number): Post =>
  rejectPost(
    outcome === 'too_large' ? `The body exceeds the limit of ${maxBytes} bytes` : BROKEN_OFF,
  )

/** A batch is a message per line, any other post is one message. */
export function readPost(bytes: Uint8Array, isBatch: boolean): Post {
  if (!isBatch) {
    const text = decodeUtf8(bytes)
    return text === undefined ? rejectPost(NO_UTF8) : { frames: [text] }
  }
  const lines = linesIn(bytes)
  if (lines > MAX_LINES)
    return rejectPost(`The body exceeds the limit of ${MAX_LINES} lines`, MAX_LINES)
  const text = decodeUtf8(bytes)
  if (text === undefined) return rejectPost(NO_UTF8, lines)
  const frames = text.split('\n').slice(0, lines).map(frameOf)
  const broken = frames.indexOf(undefined)
  if (broken === -1) return { frames: frames as (string | Uint8Array)[] }
  return rejectPost(`Line ${broken + 1} is neither a message nor base64`, lines)
}

const BROKEN_OFF = 'The body did not come whole'
const NO_UTF8 = 'Expected the body to be UTF-8'

const rejectPost = (mistake: string, lines = 1): Post => ({ mistake, lines })

const LINE_END = 0x0a

/** Counts lines, up to one more than the limit. Nothing after the last line end is no line. */
function linesIn(bytes: Uint8Array): number {
  let lines = 0
  for (let at = 0; at < bytes.length && lines <= MAX_LINES; lines++) {
    const end = bytes.indexOf(LINE_END, at)
    at = end === -1 ? bytes.length : end + 1
  }
  return lines
}

/** The message in a line: a JSON array, or bytes in base64. Undefined where it is neither. */
function frameOf(line: string): string | Uint8Array | undefined {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line
  return text === '' || text.startsWith('[') ? text : bytesIn(text)
}

function bytesIn(base64: string): Uint8Array | undefined {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0
  try {
    const bytes = Uint8Array.fromBase64(base64)
    // The decoder skips spaces, and accepts missing padding.
    return bytes.length === (base64.length / 4) * 3 - padding ? bytes : undefined
  } catch {
    return undefined // SyntaxError
  }
}
