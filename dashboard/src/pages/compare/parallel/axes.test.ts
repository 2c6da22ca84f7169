import { expect, test } from 'vitest'
import type { Cell } from '../facts'
import type { Row } from '../rows'
import { axesOf, pathOf } from './axes'

const row = (name: string, values: unknown[], section: Row['section'] = 'Parameters'): Row => ({
  section,
  name,
  cells: values.map((value) => (value === undefined ? undefined : ({ kind: 'value', value } as Cell))),
  isSame: false,
})

test('numbers that tell runs apart are axes, from the lowest to the highest', () => {
  const rows = [
    row('rate', [1, 3, 2]),
    row('name', ['a', 'b', 'c']),
    row('seed', [7, 7, 7]),
    row('rare', [undefined, 1, undefined]),
    row('accuracy', [0.5, undefined, 0.9], 'Metrics'),
    row('train: loss', [1, 2, 3], 'Steps'),
  ]
  const axes = axesOf(rows)
  expect(axes.map(({ name }) => name)).toEqual(['rate', 'accuracy'])
  expect(axes[0]).toMatchObject({ lowest: 1, highest: 3, places: [0, 1, 0.5], isLog: false })
  expect(axes[1]?.places).toEqual([0, undefined, 1])
})

test('what spans many orders of magnitude is drawn by them', () => {
  const [axis] = axesOf([row('rate', [1e-5, 1e-3, 1e-1])])
  expect(axis?.isLog).toBe(true)
  expect(axis?.places[1]).toBeCloseTo(0.5)
  expect(axesOf([row('rate', [0, 1e6])])[0]?.isLog).toBe(false)
})

test('a line is broken where a run has no number, and a dot where one stands alone', () => {
  expect(
    pathOf([
      [0, 1],
      [2, 3],
    ]),
  ).toBe('M0.0 1.0L2.0 3.0')
  expect(pathOf([[0, 1], undefined, [2, 3]])).toBe('M0.0 1.0h0.01M2.0 3.0h0.01')
  expect(pathOf([undefined, undefined])).toBe('')
})
