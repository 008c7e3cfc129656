/**
 * The bytes of a request's body, at most so many. What says that it is longer is refused unread; what
 * comes in chunks is read so far and no further. A body that nobody reads is dropped by the runtime as it
 * comes, and holds no memory.
 */
import { RealtimeError, type ErrorCode } from '../core/errors'

/** What a body is refused with, in the words of the API that it was sent to. */
export type BodyCodes = { readonly tooLarge: ErrorCode; readonly brokenOff: ErrorCode }

/** @throws RealtimeError with one of `codes`: longer than `maxBytes`, or it does not come whole */
export async function bytesOf(
  request: Request,
  maxBytes: number,
  codes: BodyCodes,
): Promise<Uint8Array> {
  const { headers } = request
  const declared = headers.get('content-length')
  if (declared !== null && Number(declared) > maxBytes)
    throw tooLarge(`The body of ${declared} bytes`, maxBytes, codes)
  const isChunked = declared === null && headers.has('transfer-encoding')
  const chunks = isChunked ? chunksOf(request, maxBytes) : request.arrayBuffer()
  const bytes = await chunks.catch((cause: unknown) => {
    throw new RealtimeError(codes.brokenOff, 'The body did not come whole', { cause }) // who sends it has left
  })
  if (!bytes) throw tooLarge('The body', maxBytes, codes)
  return new Uint8Array(bytes)
}

const tooLarge = (what: string, maxBytes: number, { tooLarge: code }: BodyCodes): RealtimeError =>
  new RealtimeError(code, `${what} exceeds the limit of ${maxBytes}`)

/** Undefined where there are more. */
async function chunksOf({ body }: Request, maxBytes: number): Promise<ArrayBuffer | undefined> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.length
    if (size > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Bun.concatArrayBuffers(chunks)
}
