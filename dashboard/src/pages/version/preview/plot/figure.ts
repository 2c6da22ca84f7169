// What can be drawn of a plotly figure: lines, dots, bars, histograms and heatmaps over two axes.
//
// A figure is what somebody wrote. Its texts stay texts, and of its numbers only so many are drawn.
import type { Json, JsonValue } from '@contract/method'
import { arrayOf, tableOf } from './arrays'
import { cut, extent, type Scale, scaleOf, short, type Value } from './scale'

export type Mark = 'line' | 'dots' | 'both' | 'bars' | 'cells'

export type Trace = {
  name: string
  mark: Mark
  xs: Value[]
  ys: Value[] /** Of cells alone. */
  zs: number[]
}

export type Figure = {
  title: string
  xTitle: string
  yTitle: string
  traces: Trace[]
  x: Scale
  y: Scale
  /** Points that are there, and not drawn. */
  leftOut: number
}

const MOST_TRACES = 24
const MOST_POINTS = 40_000
const MOST_BARS = 2_000
const LONGEST = 120
// More stands beside no axis.
const LONGEST_AXIS = 48
// As plotly has it: longer lines have no dots unless they say so.
const MOST_DOTS = 20
const BINS = 30

/** A figure of which every trace can be drawn; undefined for any other. */
export function figureOf(data: JsonValue[], layout: Json): Figure | undefined {
  const read = data.map((trace, at) => (isFields(trace) ? traceOf(trace, at) : undefined))
  const found = read.filter((trace) => trace !== undefined)
  if (found.length === 0 || found.length < data.length || found.length > MOST_TRACES) return undefined
  if (found.some(({ mark, xs }) => mark === 'bars' && xs.length > MOST_BARS)) return undefined
  if (new Set(found.map(({ mark }) => mark === 'cells')).size > 1) return undefined
  const count = found.reduce((sum, { xs }) => sum + xs.length, 0)
  const traces = found.map((trace) => thinned(trace, count))
  const drawn = traces.reduce((sum, { xs }) => sum + xs.length, 0)
  const [x, y] = [fieldsOf(layout.xaxis), fieldsOf(layout.yaxis)]
  const hasBars = traces.some(({ mark }) => mark === 'bars')
  const hasCells = traces.some(({ mark }) => mark === 'cells')
  return {
    title: titleOf(layout),
    xTitle: cut(titleOf(x), LONGEST_AXIS),
    yTitle: cut(titleOf(y), LONGEST_AXIS),
    traces,
    // Bars and cells are as wide as words are apart.
    x: scaleOf(
      traces.flatMap(({ xs }) => xs),
      hasBars || hasCells ? 'category' : textOf(x.type),
    ),
    y: scaleOf(
      traces.flatMap(({ ys }) => ys),
      hasCells ? 'category' : textOf(y.type),
      hasBars,
    ),
    leftOut: count - drawn,
  }
}

function traceOf(trace: Json, at: number): Trace | undefined {
  const name = cut(textOf(trace.name) || `Trace ${at + 1}`, LONGEST)
  switch (textOf(trace.type) || 'scatter') {
    case 'scatter':
    case 'scattergl':
      return points(name, trace)
    case 'bar':
      return trace.orientation === 'h' ? undefined : ofPairs(name, 'bars', trace)
    case 'histogram':
      return histogram(name, arrayOf(trace.x))
    case 'heatmap':
      return heatmap(name, trace)
    default:
      return undefined
  }
}

function points(name: string, trace: Json): Trace | undefined {
  const found = ofPairs(name, 'line', trace)
  if (!found) return undefined
  const mode = textOf(trace.mode) || (found.xs.length > MOST_DOTS ? 'lines' : 'lines+markers')
  const [hasLines, hasDots] = [mode.includes('lines'), mode.includes('markers')]
  if (!hasLines && !hasDots) return undefined
  return { ...found, mark: hasLines && hasDots ? 'both' : hasLines ? 'line' : 'dots' }
}

function ofPairs(name: string, mark: Mark, trace: Json): Trace | undefined {
  const ys = arrayOf(trace.y)
  const xs = arrayOf(trace.x) ?? ys?.map((_, at) => at)
  if (!xs || !ys) return undefined
  const count = Math.min(xs.length, ys.length)
  return { name, mark, xs: xs.slice(0, count), ys: ys.slice(0, count), zs: [] }
}

/** How many values there are in each of thirty parts from the lowest to the highest; words are counted each. */
function histogram(name: string, values: Value[] | undefined): Trace | undefined {
  if (!values || values.length === 0) return undefined
  const counts = new Map<Value, number>()
  const add = (key: Value) => counts.set(key, (counts.get(key) ?? 0) + 1)
  if (values.some((value) => typeof value === 'string')) for (const value of values) add(String(value))
  else {
    const numbers = (values as number[]).filter(Number.isFinite)
    const [lowest, highest] = extent(numbers)
    const width = (highest - lowest || 1) / BINS
    for (let bin = 0; bin < BINS; bin += 1) counts.set(short(lowest + bin * width), 0)
    for (const value of numbers)
      add(short(lowest + Math.min(BINS - 1, Math.floor((value - lowest) / width)) * width))
  }
  return { name, mark: 'bars', xs: [...counts.keys()], ys: [...counts.values()], zs: [] }
}

function heatmap(name: string, trace: Json): Trace | undefined {
  const rows = tableOf(trace.z)
  const columns = rows?.[0]?.length ?? 0
  if (!rows || columns === 0 || rows.length * columns > MOST_POINTS) return undefined
  const across = labels(arrayOf(trace.x), columns)
  const down = labels(arrayOf(trace.y), rows.length)
  const cells = rows.flatMap((row, y) => row.map((z, x) => ({ x: across[x] ?? '', y: down[y] ?? '', z })))
  return {
    name,
    mark: 'cells',
    xs: cells.map(({ x }) => x),
    ys: cells.map(({ y }) => y),
    zs: cells.map(({ z }) => z),
  }
}

function labels(given: Value[] | undefined, count: number): string[] {
  return Array.from({ length: count }, (_, at) => String(given?.[at] ?? at))
}

/** Every second, third or fourth point where there are too many. */
function thinned(trace: Trace, count: number): Trace {
  const every = Math.ceil(count / MOST_POINTS)
  if (every <= 1 || trace.mark === 'bars') return trace
  const isKept = (_: unknown, at: number) => at % every === 0
  return { ...trace, xs: trace.xs.filter(isKept), ys: trace.ys.filter(isKept) }
}

function isFields(value: JsonValue | undefined): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function fieldsOf(value: JsonValue | undefined): Json {
  return isFields(value) ? value : {}
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : ''
}

/** The title of a layout or an axis, with or without an object around it. */
export function titleOf({ title }: Json): string {
  return cut(textOf(isFields(title) ? title.text : title), LONGEST)
}
