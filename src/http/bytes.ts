/**
 * The bytes of a request's body, at most so many, and at least so many a second. What says that it is
 * longer is refused unread; what comes in chunks is read so far and no further. A body that nobody reads
 * is dropped by the runtime as it comes, and holds no memory.
 */
import { isUtf8 } from 'node:buffer'
import { RealtimeError, type ErrorCode } from '../core/errors'
import type { Upload, Uploads } from '../core/uploads'

/** So short a body is read in one piece: it is whole within ten seconds, or too slow. */
const SMALL_BYTES = 32 * 1024

/** What a body is refused with, in the words of the API that it was sent to. */
export type BodyCodes = { readonly tooLarge: ErrorCode; readonly brokenOff: ErrorCode }

/** Why a body was not read; its rest is not to be waited for where it is too slow. */
export type Unread = 'too_large' | 'broken_off' | 'too_slow'

export const TOO_SLOW =
  'The body comes too slowly: nothing for 10 seconds, or less than 8 KB a second'

/** Undefined for what is no UTF-8: repaired, it would be what nobody said. */
export const textIn = (bytes: Uint8Array): string | undefined =>
  isUtf8(bytes) ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString() : undefined

/** @throws RealtimeError('body_too_slow'), or with one of `codes`: longer than `maxBytes`, or it does not come whole */
export async function bytesOf(
  uploads: Uploads,
  request: Request,
  maxBytes: number,
  codes: BodyCodes,
): Promise<Uint8Array> {
  const bytes = await readBytes(uploads, request, maxBytes)
  if (typeof bytes !== 'string') return bytes
  if (bytes === 'too_slow') throw new RealtimeError('body_too_slow', TOO_SLOW)
  if (bytes === 'broken_off')
    throw new RealtimeError(codes.brokenOff, 'The body did not come whole')
  const declared = request.headers.get('content-length')
  const what = declared === null ? 'The body' : `The body of ${declared} bytes`
  throw new RealtimeError(codes.tooLarge, `${what} exceeds the limit of ${maxBytes}`)
}

export function readBytes(
  uploads: Uploads,
  request: Request,
  maxBytes: number,
): Promise<Uint8Array | Unread> {
  const { headers } = request
  const declared = headers.get('content-length')
  if (declared !== null && Number(declared) > maxBytes) return Promise.resolve('too_large')
  const inOnePiece =
    declared === null ? !headers.has('transfer-encoding') : Number(declared) <= SMALL_BYTES
  return new Promise((resolve) => {
    const upload = uploads.begin(resolve)
    const end = (came: unknown): void => {
      uploads.end(upload)
      resolve(bytesIn(came))
    }
    const reading = inOnePiece
      ? request.arrayBuffer()
      : chunksOf(request, maxBytes, { upload, uploads })
    reading.then(end, end)
  })
}

/** What came is bytes, why there are none, or the error of a reading whose sender has left. */
function bytesIn(came: unknown): Uint8Array | Unread {
  if (came instanceof ArrayBuffer) return new Uint8Array(came)
  return came === 'too_large' || came === 'too_slow' ? came : 'broken_off'
}

type Progress = { readonly upload: Upload; readonly uploads: Uploads }

async function chunksOf(
  { body }: Request,
  maxBytes: number,
  { upload, uploads }: Progress,
): Promise<ArrayBuffer | 'too_large' | 'too_slow'> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body ?? []) {
    uploads.receive(upload, chunk.length)
    if (upload.bytes > maxBytes) return 'too_large'
    if (!uploads.has(upload)) return 'too_slow' // and lets go of what has come
    chunks.push(chunk)
  }
  return Bun.concatArrayBuffers(chunks)
}
