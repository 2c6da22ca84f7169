import { expect, test } from 'vitest'
import { BETWEEN, filterOf, type Question, REFUSED } from './auditFilter'

test.each<[Question, string, string]>([
  [{}, '', ''],
  [{ who: 'ada@example.com' }, 'users/1', 'actor = "users/1"'],
  [{ what: 'TeamService.*', on: 'a "b"' }, '', 'action = "TeamService.*" resource = "a \\"b\\""'],
  [{ outcome: REFUSED }, '', 'outcome != OK'],
  [{ outcome: 'OK OR' }, '', 'outcome = "OK OR"'],
  [{ when: '24h', from: 'x' }, '', 'time > now()-"24h"'],
  [{ when: BETWEEN, until: '2026-01-01T00:00:00Z' }, '', 'time < "2026-01-01T00:00:00Z"'],
  [
    { when: BETWEEN, from: '2026-01-01T00:00:00Z', until: '2026-01-02T00:00:00Z', where: 'o/w' },
    '',
    'workspace = "o/w" time >= "2026-01-01T00:00:00Z" time < "2026-01-02T00:00:00Z"',
  ],
])('%j by %j is %j', (question, actor, filter) => {
  expect(filterOf(question, actor)).toBe(filter)
})
