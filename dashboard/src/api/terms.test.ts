import { expect, test } from 'vitest'
import { termsOf, withoutTerm, withTerm } from './terms'

test.each([
  ['', []],
  ['state = FAILED', ['state = FAILED']],
  ['state=FAILED', ['state=FAILED']],
  ['state = FAILED pipeline = train', ['state = FAILED', 'pipeline = train']],
  ['state = FAILED AND pipeline = train', ['state = FAILED', 'pipeline = train']],
  ['labels.team = "a b" -trigger = SCHEDULE', ['labels.team = "a b"', '-trigger = SCHEDULE']],
  ['NOT state = FAILED', ['NOT state = FAILED']],
  ['create_time > now()-"24h" metadata.f1 >= 0.9', ['create_time > now()-"24h"', 'metadata.f1 >= 0.9']],
  [
    '(state = FAILED OR state = STOPPED) pipeline = x',
    ['(state = FAILED OR state = STOPPED)', 'pipeline = x'],
  ],
  ['state = FAILED OR state = STOPPED', ['state = FAILED OR state = STOPPED']],
  ['labels:team', ['labels:team']],
  ['labels.x = "unclosed AND (', ['labels.x = "unclosed AND (']],
])('the terms of %j', (filter, terms) => {
  expect(termsOf(filter)).toEqual(terms)
})

test('what is added can be taken away', () => {
  const filter = withTerm('pipeline = train', 'state = FAILED')
  expect(filter).toBe('pipeline = train state = FAILED')
  expect(withoutTerm(filter, 'pipeline = train')).toBe('state = FAILED')
})
