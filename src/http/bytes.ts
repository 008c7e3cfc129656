/**
 * Reads bodies: at most so many bytes, and at least so many a second. A longer `content-length` is refused
 * unread, chunks are read up to the limit. A body that nobody reads is dropped by the runtime as it
 * arrives, and holds no memory.
 */
import { isUtf8 } from 'node:buffer'
import { RealtimeError, type ErrorCode } from '../core/errors'
import type { Upload, Uploads } from '../core/uploads'

/** Bodies up to this size are read in one piece: whole within ten seconds, or too slow. */
const SMALL_BYTES = 32 * 1024

/** The codes of the API that a body was sent to. */
export type BodyCodes = { readonly tooLarge: ErrorCode; readonly brokenOff: ErrorCode }

/** Why a body was not read. */
export type UnreadReason = 'too_large' | 'broken_off' | 'too_slow'

export const TOO_SLOW =
  'The body comes too slowly: nothing for 10 seconds, or less than 8 KB a second'

/** Undefined for bytes that are not UTF-8: repaired, they would be a text that nobody sent. */
export const decodeUtf8 = (bytes: Uint8Array): string | undefined =>
  isUtf8(bytes) ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString() : undefined

/** @throws RealtimeError('body_too_slow'), or with one of `codes` for a body that is longer than `maxBytes` or broken off */
export async function readBytes(
  uploads: Uploads,
  request: Request,
  maxBytes: number,
  codes: BodyCodes,
): Promise<Uint8Array<ArrayBuffer>> {
  uploads.ofRequests++
  const bytes = await tryReadBytes(uploads, request, maxBytes)
  uploads.ofRequests--
  if (typeof bytes !== 'string') return bytes
  if (bytes === 'too_slow') throw new RealtimeError('body_too_slow', TOO_SLOW)
  if (bytes === 'broken_off')
    throw new RealtimeError(codes.brokenOff, 'The body did not come whole')
  const declared = request.headers.get('content-length')
  const what = declared === null ? 'The body' : `The body of ${declared} bytes`
  throw new RealtimeError(codes.tooLarge, `${what} exceeds the limit of ${maxBytes}`)
}

/** The runtime's own `arrayBuffer` of a request whose body is limited. */
const UNLIMITED = Symbol('unlimited')
type Unread = Request & { readonly [UNLIMITED]?: Request['arrayBuffer'] }

export function tryReadBytes(
  uploads: Uploads,
  request: Unread,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer> | UnreadReason> {
  const { headers } = request
  const declared = headers.get('content-length')
  if (declared !== null && Number(declared) > maxBytes) return Promise.resolve('too_large')
  const inOnePiece =
    declared === null ? !headers.has('transfer-encoding') : Number(declared) <= SMALL_BYTES
  return new Promise((resolve) => {
    const upload = uploads.begin(resolve)
    const end = (outcome: unknown): void => {
      uploads.end(upload)
      resolve(resultOf(outcome))
    }
    const reading = inOnePiece
      ? (request[UNLIMITED]?.() ?? request.arrayBuffer())
      : readChunks(request, maxBytes, { upload, uploads })
    reading.then(end, end)
  })
}

/** `outcome` is bytes, a reason, or the error of a read whose sender has left. */
function resultOf(outcome: unknown): Uint8Array<ArrayBuffer> | UnreadReason {
  if (outcome instanceof ArrayBuffer) return new Uint8Array(outcome)
  return outcome === 'too_large' || outcome === 'too_slow' ? outcome : 'broken_off'
}

async function readChunks(
  { body }: Request,
  maxBytes: number,
  { upload, uploads }: { readonly upload: Upload; readonly uploads: Uploads },
): Promise<ArrayBuffer | 'too_large' | 'too_slow'> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body ?? []) {
    uploads.receive(upload, chunk.length)
    if (upload.bytes > maxBytes) return 'too_large'
    if (!uploads.has(upload)) return 'too_slow' // drops the chunks
    chunks.push(chunk)
  }
  return Bun.concatArrayBuffers(chunks)
}

const READERS = ['arrayBuffer', 'blob', 'bytes', 'formData', 'json', 'text'] as const

/** Holds to the same limits whoever reads the body by a method of the request, such as the framework. */
export function limitBody(
  uploads: Uploads,
  request: Request,
  maxBytes: number,
  codes: BodyCodes,
): void {
  const { headers, method } = request
  if (method === 'GET' || method === 'HEAD') return
  const type = headers.get('content-type') ?? ''
  const read = async (reader: (typeof READERS)[number]): Promise<unknown> => {
    const bytes = await readBytes(uploads, request, maxBytes, codes)
    return new Response(bytes, { headers: { 'content-type': type } })[reader]()
  }
  Object.defineProperty(request, UNLIMITED, { value: request.arrayBuffer.bind(request) })
  for (const reader of READERS)
    Object.defineProperty(request, reader, { value: () => read(reader) })
}
