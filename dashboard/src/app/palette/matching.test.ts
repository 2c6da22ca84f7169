import { expect, test } from 'vitest'
import { type Entry, matching } from './matching'

const entry = (kind: string, label: string): Entry => ({ id: label, kind, label, act: () => undefined })
const ENTRIES = [
  entry('Page', 'Runs'),
  entry('Run', 'old-prune-3'),
  entry('Run', 'prune-now-1'),
  entry('Colours', 'Dark'),
]
const labels = (written: string) => matching(ENTRIES, written).map(({ label }) => label)

test('everything is there before something is written', () => {
  expect(labels('  ')).toEqual(ENTRIES.map(({ label }) => label))
})

test('what begins with the text comes first', () => {
  expect(labels('prune')).toEqual(['prune-now-1', 'old-prune-3'])
})

test('all words count, in any order, the kind as well', () => {
  expect(labels('dark COL')).toEqual(['Dark'])
  expect(labels('run 3')).toEqual(['old-prune-3'])
  expect(labels('nothing alike')).toEqual([])
})
