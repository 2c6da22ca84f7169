import { expect, test } from 'vitest'
import { moved, spanOf, spanText, ticksOf, within, zoomed } from './span'

const WHOLE = { from: 1000, until: 11_000 }

test('zooming keeps what is under the pointer, and shows no more than there is', () => {
  expect(zoomed(WHOLE, WHOLE, 0.5, 0)).toEqual({ from: 1000, until: 6000 })
  expect(zoomed(WHOLE, WHOLE, 0.5, 1)).toEqual({ from: 6000, until: 11_000 })
  expect(zoomed({ from: 2000, until: 4000 }, WHOLE, 100)).toEqual(WHOLE)
})

test('moving stops at both ends', () => {
  const span = { from: 2000, until: 4000 }
  expect(moved(span, WHOLE, 0.5)).toEqual({ from: 3000, until: 5000 })
  expect(moved(span, WHOLE, -9)).toEqual({ from: 1000, until: 3000 })
  expect(moved(span, WHOLE, 9)).toEqual({ from: 9000, until: 11_000 })
})

test('ticks are round from the beginning', () => {
  expect(ticksOf(WHOLE, 1000)).toEqual([1000, 3000, 5000, 7000, 9000, 11_000])
  expect(ticksOf({ from: 1500, until: 2500 }, 1000)).toEqual([1600, 1800, 2000, 2200, 2400])
})

test('ticks of weeks are days', () => {
  const ticks = ticksOf({ from: 0, until: 14 * 86_400_000 }, 0)
  expect(ticks.map((tick) => tick / 86_400_000)).toEqual([0, 3, 6, 9, 12])
})

test('an address holds it, and what is no span there is none', () => {
  const span = { from: 2000, until: 4000 }
  expect(spanOf(spanText(span))).toEqual(span)
  for (const text of [undefined, '', '5', '5-4', '-1-9000', '0-1e9', 'x-y'])
    expect(spanOf(text)).toBeUndefined()
})

test('what is written in an address is brought into the run', () => {
  expect(within({ from: 0, until: 4000 }, WHOLE)).toEqual({ from: 1000, until: 5000 })
  expect(within({ from: 0, until: 90_000 }, WHOLE)).toEqual(WHOLE)
})
