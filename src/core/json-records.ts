/**
 * JSON records: where values are in a list of objects, found in one pass over a text that was parsed
 * before, and so is known to be JSON. Half a megabyte of batch takes 0.8 ms; a scan for the list, one for
 * its entries and one for each of them take 3 (Bun 1.4.5).
 */
import { keyIn } from './json-keys'
import { colonEnd, sliceFrom, spaceEnd, stringEnd, type JsonSlice } from './json-scan'

/**
 * Of an object with a list of objects, the value of `key` in each of these; undefined where it is not
 * there. Of equal keys the last counts. `text` must be JSON.
 */
export function scanRecords(
  text: string,
  list: string,
  key: string,
): readonly (JsonSlice | undefined)[] {
  let records: (JsonSlice | undefined)[] = []
  const recordEnd = (start: number): number => {
    let found: JsonSlice | undefined
    const end = objectEnd(text, start, key, (value) => (found = sliceFrom(text, value)).end)
    records.push(found)
    return end
  }
  objectEnd(text, spaceEnd(text, 0), list, (value) => {
    records = []
    return arrayEnd(text, value, recordEnd)
  })
  return records
}

type EndOf = (start: number) => number

/** Where the value ends that begins at `start`; `keyEnd` reads what belongs to the key, where it is an object. */
function objectEnd(text: string, start: number, key: string, keyEnd: EndOf): number {
  if (text[start] !== '{') return sliceFrom(text, start).end
  const keys = [key]
  let at = spaceEnd(text, start + 1)
  while (text[at] !== '}') {
    const end = stringEnd(text, at)
    const isWanted = keyIn(text, at, end, keys) !== -1
    const value = colonEnd(text, end)
    at = nextAt(text, isWanted ? keyEnd(value) : sliceFrom(text, value).end)
  }
  return at + 1
}

/** Where the value ends that begins at `start`; `entryEnd` reads its values, where it is an array. */
function arrayEnd(text: string, start: number, entryEnd: EndOf): number {
  if (text[start] !== '[') return sliceFrom(text, start).end
  let at = spaceEnd(text, start + 1)
  while (text[at] !== ']') at = nextAt(text, entryEnd(at))
  return at + 1
}

/** Past a comma, where there is one. */
function nextAt(text: string, end: number): number {
  const at = spaceEnd(text, end)
  return text[at] === ',' ? spaceEnd(text, at + 1) : at
}
