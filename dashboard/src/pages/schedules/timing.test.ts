import { expect, test } from 'vitest'
import { CATCH_UPS, lookOfOutcome, OVERLAPS, timingWords, wallClock, wordsOf } from './timing'

test.each([
  [{ cron: '30 2 * * *', timeZone: 'Europe/Berlin' }, '30 2 * * * (Europe/Berlin)'],
  [{ cron: '0 7 * * *', timeZone: '' }, '0 7 * * * (UTC)'],
  [{ interval: '3600s', timeZone: '' }, 'every 1 h 0 m'],
])('%o is told as %s', (timing, words) => {
  expect(timingWords(timing)).toBe(words)
})

test('times are told by the wall clock of the schedule', () => {
  expect(wallClock('2026-07-01T00:30:00Z', 'Europe/Berlin')).toMatch(/2:30.* GMT\+2$/)
  expect(wallClock('2026-07-01T03:30:00Z', '')).toMatch(/3:30.* UTC$/)
})

test('what was not chosen is the default', () => {
  expect(wordsOf(OVERLAPS, 'OVERLAP_UNSPECIFIED')).toBe('Skip the time')
  expect(wordsOf(CATCH_UPS, 'CATCH_UP_ALL')).toBe('All fire, ten at most')
  expect(lookOfOutcome('FIRING_OUTCOME_UNSPECIFIED').word).toBe('None yet')
})
