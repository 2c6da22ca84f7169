// Arrays as plotly writes them: lists, or the bytes of a numpy array in base64.
import type { JsonValue } from '@contract/method'
import type { Value } from './scale'

const MOST = 1_000_000
const READERS: Record<string, [bytes: number, (view: DataView, at: number) => number]> = {
  i1: [1, (view, at) => view.getInt8(at)],
  u1: [1, (view, at) => view.getUint8(at)],
  i2: [2, (view, at) => view.getInt16(at, true)],
  u2: [2, (view, at) => view.getUint16(at, true)],
  i4: [4, (view, at) => view.getInt32(at, true)],
  u4: [4, (view, at) => view.getUint32(at, true)],
  f4: [4, (view, at) => view.getFloat32(at, true)],
  f8: [8, (view, at) => view.getFloat64(at, true)],
}

/** Numbers and texts; what is neither is NaN. Undefined where it is no array, or a huge one. */
export function arrayOf(value: JsonValue | undefined): Value[] | undefined {
  if (Array.isArray(value)) return value.length > MOST ? undefined : value.map(entryOf)
  return numbersOf(value)
}

/** Rows of numbers. */
export function tableOf(value: JsonValue | undefined): number[][] | undefined {
  if (Array.isArray(value)) {
    const rows = value.map((row) => arrayOf(row)?.map(Number))
    return rows.every((row) => row !== undefined) ? rows : undefined
  }
  const numbers = numbersOf(value)
  const shape = isObject(value) ? String(value.shape).split(',').map(Number) : []
  const [rows = 0, columns = 0] = shape
  if (!numbers || shape.length !== 2 || rows * columns !== numbers.length) return undefined
  return Array.from({ length: rows }, (_, row) => numbers.slice(row * columns, (row + 1) * columns))
}

function entryOf(value: JsonValue): Value {
  return typeof value === 'number' || typeof value === 'string' ? value : Number.NaN
}

function numbersOf(value: JsonValue | undefined): number[] | undefined {
  if (!isObject(value) || typeof value.bdata !== 'string') return undefined
  const [size, read] = READERS[String(value.dtype)] ?? []
  if (!size || !read) return undefined
  try {
    const bytes = Uint8Array.from(atob(value.bdata), (letter) => letter.charCodeAt(0))
    const view = new DataView(bytes.buffer)
    const count = Math.floor(bytes.length / size)
    return count > MOST ? undefined : Array.from({ length: count }, (_, at) => read(view, at * size))
  } catch {
    // No base64.
    return undefined
  }
}

function isObject(value: JsonValue | undefined): value is { [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
