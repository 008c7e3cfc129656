/** Reads files of certificates and keys. */
import { readFileSync, statSync } from 'node:fs'
import { messageOf, quote } from '../core/errors'

const MAX_BYTES = 1_048_576

/** The text of a file that a setting names. Calls `refuse` with the line that says what is wrong with it. */
export function readPem(setting: string, file: string, refuse: (line: string) => Error): string {
  const found = lookAt(file)
  const reason =
    typeof found === 'string'
      ? `cannot be read: ${found}`
      : !found.isFile()
        ? 'is not a file' // a pipe could make us wait without end
        : found.size > MAX_BYTES
          ? `has more than ${MAX_BYTES} bytes`
          : undefined
  if (reason !== undefined) throw refuse(`${setting}=${quote(file)} ${reason}`)
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw refuse(`${setting}=${quote(file)} cannot be read: ${messageOf(cause)}`)
  }
}

function lookAt(file: string) {
  try {
    return statSync(file)
  } catch (cause) {
    return messageOf(cause)
  }
}
