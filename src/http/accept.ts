/** What a caller takes as an answer. Spec: phoenix contract 2.1. */
import { RealtimeError } from '../core/errors'

const JSON_RANGES = ['*/*', 'application/*', 'application/json']

/** @throws RealtimeError('not_acceptable') where JSON is excluded */
export function mustTakeJson({ headers }: Request): void {
  const accept = headers.get('accept')
  if (!accept) return
  const ranges = accept.split(',').map((range) => range.split(';')[0]!.trim().toLowerCase())
  if (!ranges.some((range) => JSON_RANGES.includes(range)))
    throw new RealtimeError('not_acceptable', 'Not Acceptable')
}
