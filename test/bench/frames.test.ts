/** The bench's reader of frames: the same messages, wherever the reads cut the stream. */
import { expect, test } from 'bun:test'
import { formatClose, maskFrame, OPCODE, scanFrames } from '../../bench/lib/frames'

test.each([0, 1, 125, 126, 300, 65_535, 65_536])('a text of %d bytes is found whole', (length) => {
  const { texts, used } = scan(serverFrame('x'.repeat(length)))

  expect(texts).toEqual(['x'.repeat(length)])
  expect(used).toBe(serverFrame('x'.repeat(length)).length)
})

test('a stream cut at any byte gives the same texts', () => {
  const sent = ['one', 'y'.repeat(200), '', 'four']
  const stream = Buffer.concat(sent.map(serverFrame))

  for (let cut = 0; cut <= stream.length; cut++) {
    const first = scan(stream.subarray(0, cut))
    const second = scan(stream.subarray(first.used))
    expect([...first.texts, ...second.texts]).toEqual(sent)
  }
})

test('frames that are not text are told by their opcode', () => {
  expect(scan(Uint8Array.of(0x88, 2, 3, 232)).others).toEqual([[8, '1000']])
  expect(scan(Uint8Array.of(0x88, 4, 0x0f, 0xa1, 0x6e, 0x6f)).others).toEqual([[8, '4001 no']])
  expect(scan(Uint8Array.of(0x88, 0)).others).toEqual([[8, 'no code']])
})

test('what a client says is masked', () => {
  const frame = maskFrame(OPCODE.text, new TextEncoder().encode('ping'))

  expect([...frame.subarray(0, 2)]).toEqual([0x81, 0x84])
  const unmasked = frame.subarray(6).map((byte, index) => byte ^ frame[2 + (index % 4)]!)
  expect(new TextDecoder().decode(unmasked)).toBe('ping')
})

function scan(bytes: Uint8Array): { texts: string[]; others: [number, string][]; used: number } {
  const texts: string[] = []
  const others: [number, string][] = []
  const used = scanFrames(bytes, 0, bytes.length, {
    onText: (all, start, end) => texts.push(new TextDecoder().decode(all.subarray(start, end))),
    onOtherFrame: (opcode, payload) => others.push([opcode, formatClose(payload)]),
  })
  return { texts, others, used }
}

/** As a server writes it: unmasked, the length in the shortest form. */
function serverFrame(text: string): Uint8Array {
  const payload = Buffer.from(text)
  const { length } = payload
  const header = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10)
  header[0] = 0x81
  header[1] = length < 126 ? length : length < 65_536 ? 126 : 127
  if (header.length === 4) header.writeUInt16BE(length, 2)
  if (header.length === 10) header.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([header, payload])
}
