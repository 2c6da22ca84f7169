import type { Event, ListRunsResponse, Run } from '@contract/workspace'
import { expect, test } from 'vitest'
import type { Feed } from '@/api/feed'
import { applyEvents } from '@/pages/runs/applyEvents'
import { settled } from './project'

const run = (id: number, revision: number) => ({ name: `r${id}`, revision: String(revision) }) as Run
const event = (type: string, of: Run) =>
  ({ type, resourceType: 'weft.dev/Run', name: of.name, revision: of.revision, run: of }) as Event

/** A feed that knows all after revision 3. */
function feedOf(...all: Event[]): Feed {
  const since = (revision: string) =>
    Number(revision) < 3 ? undefined : all.filter((each) => Number(each.revision) > Number(revision))
  return { since } as Feed
}

function reading(...answers: [number, Run[]][]) {
  return async () => {
    const [revision, runs] = answers.shift() ?? [0, []]
    return { revision: String(revision), runs, nextPageToken: '' } as unknown as ListRunsResponse
  }
}

const shown = async (feed: Feed, read: ReturnType<typeof reading>, takesNew: boolean) =>
  (await settled(feed, read, (page, events) => applyEvents(page, events, takesNew))).runs.map(
    (each) => `${each.name}@${each.revision}`,
  )

test('an answer that was overtaken on its way does not put back what was', async () => {
  const feed = feedOf(event('EVENT_TYPE_UPDATED', run(1, 5)), event('EVENT_TYPE_DELETED', run(2, 6)))
  expect(await shown(feed, reading([4, [run(2, 2), run(1, 1)]]), false)).toEqual(['r1@5'])
})

test('what is made while the first page is on its way is there', async () => {
  const feed = feedOf(event('EVENT_TYPE_CREATED', run(2, 5)))
  expect(await shown(feed, reading([4, [run(1, 1)]]), true)).toEqual(['r2@5', 'r1@1'])
})

test('an answer that is older than what the feed knows is asked for again', async () => {
  const feed = feedOf(event('EVENT_TYPE_UPDATED', run(1, 5)))
  expect(await shown(feed, reading([2, [run(1, 1)]], [4, [run(1, 4)]]), true)).toEqual(['r1@5'])
})
