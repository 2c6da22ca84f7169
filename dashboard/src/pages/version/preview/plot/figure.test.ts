import type { JsonValue } from '@contract/method'
import { expect, test } from 'vitest'
import { arrayOf, tableOf } from './arrays'
import { figureOf } from './figure'
import { barsOf, lineOf, pointsOf } from './marks'
import { scaleOf } from './scale'

const figure = (data: JsonValue[], layout = {}) => figureOf(data, layout)
const base64 = (numbers: Float64Array) => btoa(String.fromCharCode(...new Uint8Array(numbers.buffer)))

test('short lines have dots, long ones and those that say so have none', () => {
  const many = Array.from({ length: 30 }, (_, at) => at)
  const traces = figure([{ y: [1, 2] }, { y: many }, { y: [1], mode: 'markers' }])?.traces
  expect(traces?.map(({ mark }) => mark)).toEqual(['both', 'line', 'dots'])
  expect(traces?.[0]?.xs).toEqual([0, 1])
})

test('a figure of which one trace cannot be drawn is not drawn at all', () => {
  expect(figure([{ y: [1] }, { type: 'pie', values: [1] }])).toBeUndefined()
  expect(figure([{ type: 'bar', orientation: 'h', x: [1], y: ['a'] }])).toBeUndefined()
  expect(figure([])).toBeUndefined()
  expect(figure(['no trace'])).toBeUndefined()
})

test('values are counted, numbers in parts and words each', () => {
  const [numbers] = figure([{ type: 'histogram', x: [0, 0, 30] }])?.traces ?? []
  expect(numbers?.ys.length).toBe(30)
  expect([numbers?.ys[0], numbers?.ys[29]]).toEqual([2, 1])
  const [words] = figure([{ type: 'histogram', x: ['a', 'b', 'a'] }])?.traces ?? []
  expect([words?.xs, words?.ys]).toEqual([
    ['a', 'b'],
    [2, 1],
  ])
})

test('arrays of numpy are read out of their bytes', () => {
  const bdata = base64(new Float64Array([1.5, -2, 3, 4]))
  expect(arrayOf({ dtype: 'f8', bdata })).toEqual([1.5, -2, 3, 4])
  expect(tableOf({ dtype: 'f8', bdata, shape: '2, 2' })).toEqual([
    [1.5, -2],
    [3, 4],
  ])
  expect(arrayOf({ dtype: 'f8', bdata: 'no base64!' })).toBeUndefined()
  expect(arrayOf({ dtype: 'c16', bdata })).toBeUndefined()
})

test('of very many points some are drawn, and the others counted', () => {
  const drawn = figure([{ y: Array.from({ length: 100_000 }, (_, at) => at) }])
  expect(drawn?.traces[0]?.xs.length).toBeLessThanOrEqual(40_000)
  expect(drawn?.leftOut).toBe(100_000 - (drawn?.traces[0]?.xs.length ?? 0))
})

test('titles are texts of their own length at most', () => {
  const drawn = figure([{ y: [1], name: '<b>x</b>' }], { title: { text: 'y'.repeat(500) } })
  expect(drawn?.traces[0]?.name).toBe('<b>x</b>')
  expect(drawn?.title.length).toBe(120)
})

test.each<[(number | string)[], string]>([
  [[0, 10], ''],
  [[1e16, 1e16 + 2], ''],
  [[-1e308, 1e308], ''],
  [[7], ''],
  [[], ''],
  [[0.001, 1000], 'log'],
  [[0, -1], 'log'],
  [['2024-01-01', '2026-05-01'], ''],
  [[1e300, 2e300], 'date'],
  [['a', 'b'], ''],
])('an axis over %o has few ticks, all on it', (values, type) => {
  const { ticks } = scaleOf(values, type)
  expect(ticks.length).toBeLessThan(13)
  for (const { at } of ticks) {
    expect(at).toBeGreaterThanOrEqual(0)
    expect(at).toBeLessThanOrEqual(1)
  }
})

test('a line is broken where a value has no place', () => {
  const drawn = figure([{ y: [1, null, 2, 3] }])
  if (!drawn?.traces[0]) throw new Error('nothing is drawn')
  expect(lineOf(pointsOf(drawn.traces[0], drawn)).match(/[ML]/g)).toEqual(['M', 'M', 'L'])
})

test('bars of two traces stand side by side', () => {
  const drawn = figure([
    { type: 'bar', x: ['a', 'b'], y: [1, 2] },
    { type: 'bar', x: ['a', 'b'], y: [3, 4] },
  ])
  if (!drawn) throw new Error('nothing is drawn')
  const left = drawn.traces.map((trace, at) =>
    Number.parseFloat(barsOf(pointsOf(trace, drawn), drawn, at, 2).slice(1)),
  )
  expect(left[1]).toBeGreaterThan(left[0] ?? 0)
})
