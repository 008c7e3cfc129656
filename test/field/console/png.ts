/** Makes pictures of pages smaller: 256 colours in place of all, which such a picture hardly has. Spec: PNG, 3rd edition. */
import { crc32, deflateSync, inflateSync } from 'node:zlib'

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
const COLOURS = 256
/** The most frequent colours, which stay as they are: backgrounds, lines. The rest is for the edges of letters. */
const EXACT = 128

type Image = { readonly width: number; readonly height: number; readonly colours: Uint32Array }

/** The same picture with a palette. @throws Error for what no browser makes of a page */
export function reduceColours(png: Uint8Array): Uint8Array {
  const { width, height, colours } = decode(Buffer.from(png))
  const palette = choosePalette(colours)
  const indexOf = nearestIn(palette)
  const rows = Buffer.alloc((width + 1) * height) // each row begins with its filter: none
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) rows[y * (width + 1) + 1 + x] = indexOf(colours[y * width + x]!)
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 3], 8) // 8 bits, of a palette
  const entries = Buffer.from(palette.flatMap((colour) => channelsOf(colour)))
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('PLTE', entries),
    chunk('IDAT', deflateSync(rows, { level: 9, memLevel: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data])
  const whole = Buffer.alloc(body.length + 8)
  whole.writeUInt32BE(data.length, 0)
  body.copy(whole, 4)
  whole.writeUInt32BE(crc32(body), body.length + 4)
  return whole
}

function decode(png: Buffer): Image {
  const parts: Buffer[] = []
  for (let at = SIGNATURE.length; at < png.length;) {
    const length = png.readUInt32BE(at)
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(png.subarray(at + 8, at + 8 + length))
    at += length + 12
  }
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)]
  const [depth, type, , , interlaced] = png.subarray(24, 29)
  const bytes = type === 2 ? 3 : 4
  if (depth !== 8 || (type !== 2 && type !== 6) || interlaced !== 0)
    throw new Error(`Not a picture of a page: ${depth} bits, type ${type}`)
  const data = undoFilters(inflateSync(Buffer.concat(parts)), width * bytes, bytes)
  const colours = Uint32Array.from({ length: width * height }, (_, index) =>
    data.readUIntBE(index * bytes, 3),
  )
  return { width, height, colours }
}

/** `stride` is the bytes of a row, `bytes` those of a pixel. */
function undoFilters(raw: Buffer, stride: number, bytes: number): Buffer {
  const height = raw.length / (stride + 1)
  const data = Buffer.alloc(stride * height)
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)]!
    for (let x = 0; x < stride; x++) {
      const at = y * stride + x
      const left = x < bytes ? 0 : data[at - bytes]!
      const up = y === 0 ? 0 : data[at - stride]!
      const corner = x < bytes || y === 0 ? 0 : data[at - stride - bytes]!
      const guesses = [0, left, up, (left + up) >> 1, paeth(left, up, corner)]
      data[at] = raw[y * (stride + 1) + 1 + x]! + guesses[filter]!
    }
  }
  return data
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner
  const [a, b, c] = [left, up, corner].map((each) => Math.abs(guess - each)) as [
    number,
    number,
    number,
  ]
  if (a <= b && a <= c) return left
  return b <= c ? up : corner
}

function choosePalette(colours: Uint32Array): number[] {
  const counts = new Map<number, number>()
  for (const colour of colours) counts.set(colour, (counts.get(colour) ?? 0) + 1)
  const byCount = [...counts].toSorted(([, a], [, b]) => b - a)
  const exact = byCount.slice(0, EXACT).map(([colour]) => colour)
  const groups = Map.groupBy(byCount.slice(EXACT), ([colour]) => colour & 0xf0f0f0)
  const sizeOf = (group: readonly (readonly [number, number])[]): number =>
    group.reduce((sum, [, count]) => sum + count, 0)
  const others = [...groups.values()]
    .toSorted((a, b) => sizeOf(b) - sizeOf(a))
    .slice(0, COLOURS - exact.length)
    .map(([most]) => most![0])
  return [...exact, ...others]
}

const channelsOf = (colour: number): [number, number, number] => [
  colour >> 16,
  (colour >> 8) & 255,
  colour & 255,
]

/** Finds the place of the nearest colour of a palette; each colour is looked for once. */
function nearestIn(palette: readonly number[]): (colour: number) => number {
  const known = new Map(palette.map((colour, index) => [colour, index]))
  const channels = palette.map(channelsOf)
  return (colour) =>
    known.getOrInsertComputed(colour, () => {
      const wanted = channelsOf(colour)
      const distances = channels.map((own) =>
        own.reduce((sum, value, index) => sum + (value - wanted[index]!) ** 2, 0),
      )
      return distances.indexOf(Math.min(...distances))
    })
}
