// From values of an axis to places on it: numbers, their logarithms, times, or words one beside the other.

export type Value = number | string

export type Tick = { at: number; label: string }

/** Places are from 0 to 1; what has none, as a logarithm of zero has not, is NaN. */
export type Scale = {
  placeOf: (value: Value) => number
  ticks: Tick[]
  /** What each value has for itself, where they stand one beside the other; else 0. */
  band: number
}

const TICKS = 6
const MOST_WORDS = 12
const LONGEST = 14
const DATE = /^\d{4}-\d\d(-\d\d([T ]\d\d:\d\d.*)?)?$/

/** The scale that fits all values of an axis; `type` is what the figure asks for, if anything. */
export function scaleOf(values: readonly Value[], type: string, isFromZero = false): Scale {
  const first = values[0]
  if (type === 'date' || (!type && typeof first === 'string' && DATE.test(first))) return dates(values)
  if (type === 'category' || values.some((value) => typeof value === 'string')) return words(values)
  const numbers = values as readonly number[]
  if (type === 'log') return powers(numbers)
  return linear(isFromZero ? [0, ...numbers] : numbers)
}

function linear(values: readonly number[], labelOf = short): Scale {
  let [lowest, highest] = extent(values)
  if (lowest === highest) [lowest, highest] = [lowest - 0.5, highest + 0.5]
  const step = stepOf((highest - lowest) / TICKS)
  const placeOf = (value: Value) => (Number(value) - lowest) / (highest - lowest)
  const first = Math.ceil(lowest / step)
  const ticks = Array.from({ length: TICKS + 1 }, (_, at) => (first + at) * step)
    .filter((value) => value <= highest)
    .map((value) => ({ at: placeOf(value), label: labelOf(value) }))
  return { placeOf, ticks, band: 0 }
}

function powers(values: readonly number[]): Scale {
  const known = values.filter((value) => value > 0).map(Math.log10)
  const { placeOf, ticks } = linear(known.length > 0 ? known : [0], (power) => short(10 ** power))
  return {
    placeOf: (value) => (Number(value) > 0 ? placeOf(Math.log10(Number(value))) : Number.NaN),
    ticks,
    band: 0,
  }
}

function dates(values: readonly Value[]): Scale {
  const timeOf = (value: Value) => (typeof value === 'number' ? value : Date.parse(value))
  const times = values.map(timeOf).filter(Number.isFinite)
  const [lowest, highest] = extent(times)
  const isShort = highest - lowest < 2 * 86_400_000
  const labelOf = (time: number) => dateText(time).slice(isShort ? 5 : 0, isShort ? 16 : 10)
  const { placeOf, ticks } = linear(times, labelOf)
  return { placeOf: (value) => placeOf(timeOf(value)), ticks, band: 0 }
}

function words(values: readonly Value[]): Scale {
  const known = new Map<string, number>()
  for (const value of values) if (!known.has(String(value))) known.set(String(value), known.size)
  const band = 1 / known.size
  const placeOf = (value: Value) => ((known.get(String(value)) ?? Number.NaN) + 0.5) * band
  const every = Math.ceil(known.size / MOST_WORDS)
  const shown = [...known.keys()].filter((_, at) => at % every === 0)
  return { placeOf, ticks: shown.map((word) => ({ at: placeOf(word), label: cut(word, LONGEST) })), band }
}

export function extent(values: readonly number[]): [number, number] {
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const value of values) {
    if (!Number.isFinite(value)) continue
    lowest = Math.min(lowest, value)
    highest = Math.max(highest, value)
  }
  return lowest <= highest ? [lowest, highest] : [0, 1]
}

/** Beyond the calendar of browsers a time is a number. */
function dateText(time: number): string {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? short(time) : date.toISOString().replace('T', ' ')
}

/** The round number nearest above: 1, 2 or 5 times a power of ten. */
function stepOf(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  return power * ([1, 2, 5, 10].find((each) => each * power >= least) ?? 10)
}

/** A number in few digits. */
export function short(value: number): string {
  const size = Math.abs(value)
  if (size !== 0 && (size >= 1e6 || size < 1e-4)) return value.toExponential(1).replace('.0e', 'e')
  return String(Number(value.toPrecision(6)))
}

export function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text
}
