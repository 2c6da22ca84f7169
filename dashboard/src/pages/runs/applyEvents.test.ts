import type { Event, ListRunsResponse, Run } from '@contract/workspace'
import { expect, test } from 'vitest'
import { applyEvents, mergeHead } from './applyEvents'

const run = (id: number, revision = id) =>
  ({ name: `r${id}`, revision: String(revision), createTime: new Date(id * 1000).toISOString() }) as Run
const page = (runs: Run[], nextPageToken = '') => ({ runs, nextPageToken, revision: '9' }) as ListRunsResponse
const event = (type: string, of: Run) =>
  ({
    type: `EVENT_TYPE_${type}`,
    resourceType: 'weft.dev/Run',
    name: of.name,
    revision: of.revision,
    run: of,
  }) as Event
const names = (pages: ListRunsResponse[]) => pages.map((each) => each.runs.map((one) => one.name).join(' '))

test('a change replaces what is older, and nothing else', () => {
  const before = page([run(2, 5), run(1, 8)])
  const after = applyEvents(before, [event('UPDATED', run(2, 6)), event('UPDATED', run(1, 7))], true)
  expect(after.runs.map((each) => each.revision)).toEqual(['6', '8'])
})

test('what does not concern a page leaves it as it is', () => {
  const before = page([run(1)])
  expect(applyEvents(before, [event('UPDATED', run(7))], true)).toBe(before)
  expect(applyEvents(before, [event('CREATED', run(7))], false)).toBe(before)
})

test('new runs come first, deleted ones go, and nothing is there twice', () => {
  const made = event('CREATED', run(3))
  const after = applyEvents(page([run(2), run(1)]), [made, made, event('DELETED', run(1))], true)
  expect(names([after])).toEqual(['r3 r2'])
})

test('a head that was read again keeps what is older than it', () => {
  const pages = [page([run(5), run(4), run(3)], 'x'), page([run(2), run(1)])]
  expect(names(mergeHead(pages, page([run(6), run(4)], 'y')))).toEqual(['r6 r4 r3', 'r2 r1'])
})

test('a head without a next page is all there is', () => {
  expect(names(mergeHead([page([run(5), run(4)], 'x'), page([run(2)])], page([run(5)])))).toEqual(['r5', ''])
})
