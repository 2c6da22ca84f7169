// What changes make of a list of runs.
import type { Event, ListRunsResponse, Run } from '@contract/workspace'

/** A page with changes in it; new runs only where `takesNew`, since filters are for the server to judge. */
export function applyEvents(page: ListRunsResponse, events: Event[], takesNew: boolean): ListRunsResponse {
  let runs = page.runs
  for (const event of events) {
    if (event.resourceType === 'weft.dev/Run') runs = applyEvent(runs, event, takesNew)
  }
  return runs === page.runs ? page : { ...page, runs }
}

function applyEvent(runs: Run[], event: Event, takesNew: boolean): Run[] {
  const at = runs.findIndex((run) => run.name === event.name)
  if (event.type === 'EVENT_TYPE_DELETED') return at < 0 ? runs : runs.toSpliced(at, 1)
  const known = runs[at]
  if (!event.run) return runs
  if (!known) return takesNew && event.type === 'EVENT_TYPE_CREATED' ? [event.run, ...runs] : runs
  return Number(known.revision) > Number(event.revision) ? runs : runs.with(at, event.run)
}

/** Pages whose newest runs were read again: those that ceased to match are gone, and no run is there twice. */
export function mergeHead(pages: ListRunsResponse[], head: ListRunsResponse): ListRunsResponse[] {
  const [first, ...rest] = pages
  if (!first) return [head]
  const shown = new Set(head.runs.map((run) => run.name))
  const last = head.runs.at(-1)
  // Without a next page the head is all there is.
  const isOlder = (run: Run) => !!head.nextPageToken && !!last && isBefore(run, last)
  const keep = (page: ListRunsResponse) => page.runs.filter((run) => !shown.has(run.name) && isOlder(run))
  return [
    { ...first, runs: [...head.runs, ...keep(first)] },
    ...rest.map((page) => ({ ...page, runs: keep(page) })),
  ]
}

function isBefore(run: Run, other: Run): boolean {
  return Date.parse(run.createTime ?? '') <= Date.parse(other.createTime ?? '')
}
