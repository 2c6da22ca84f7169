import type { ModelVersion } from '@contract/workspace'
import { expect, test } from 'vitest'
import { inDigits, metricsOf } from './metrics'

const version = (metadata: ModelVersion['metadata']) => ({ metadata }) as ModelVersion

test('the numbers that most versions have are columns, and words are none', () => {
  const versions = [
    version({ rare: 1, f1: 0.5, auc: 0.7, note: 'good' }),
    version({ f1: 0.6, auc: 0.8, loss: 1, rows: 9 }),
    version({ f1: 0.7, auc: 0.9, loss: 2, rows: 9 }),
  ]
  expect(metricsOf(versions)).toEqual(['f1', 'auc', 'loss', 'rows'])
  expect(metricsOf([])).toEqual([])
})

test('numbers are short, and what is none is as it was said', () => {
  expect(inDigits(0.93712345)).toBe('0.937123')
  expect(inDigits(1.3e-7)).toBe('1.30e-7')
  expect(inDigits(0)).toBe('0')
  expect(inDigits('a')).toBe('"a"')
  expect(inDigits(undefined)).toBe('')
})
