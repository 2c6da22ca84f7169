// What changes make of the newest runs of pipelines.
import type { Event, Run } from '@contract/workspace'

/** So many runs of each pipeline are shown. */
export const LATEST_RUNS = 10

export type Latest = {
  /** The pipelines that were asked for, by name. */
  pipelines: readonly string[]
  /** The newest of each, newest first. */
  runs: Run[]
  revision: string
}

/** The newest runs with changes in them; what was deleted leaves a gap that only the server can fill. */
export function withRuns(latest: Latest, events: Event[]): Latest {
  let { runs } = latest
  for (const event of events) {
    if (event.resourceType === 'weft.dev/Run') runs = withRun(runs, event, latest.pipelines)
  }
  return runs === latest.runs ? latest : { ...latest, runs }
}

function withRun(runs: Run[], event: Event, pipelines: readonly string[]): Run[] {
  const at = runs.findIndex(({ name }) => name === event.name)
  if (event.type === 'EVENT_TYPE_DELETED') return at < 0 ? runs : runs.toSpliced(at, 1)
  const { run } = event
  if (!run || !pipelines.includes(run.pipeline)) return runs
  const known = runs[at]
  if (known) return Number(known.revision) > Number(run.revision) ? runs : runs.with(at, run)
  const place = runs.findIndex((other) => other.pipeline === run.pipeline && time(other) <= time(run))
  const added = runs.toSpliced(place < 0 ? runs.length : place, 0, run)
  const own = added.filter(({ pipeline }) => pipeline === run.pipeline)
  const last = own[LATEST_RUNS]
  return last ? added.filter((other) => other !== last) : added
}

function time(run: Run): number {
  return Date.parse(run.createTime ?? '')
}

/** Whether what is shown has to be read again, as a change does not say all. */
export function isGap({ type, resourceType, truncated }: Event): boolean {
  return resourceType === 'weft.dev/Run' && (type === 'EVENT_TYPE_DELETED' || truncated)
}

/** The newest runs by the name of their pipeline. */
export function byPipeline(all: Iterable<Latest | undefined>): Map<string, Run[]> {
  const found = new Map<string, Run[]>()
  for (const latest of all) {
    for (const name of latest?.pipelines ?? []) found.set(name, [])
    for (const run of latest?.runs ?? []) found.get(run.pipeline)?.push(run)
  }
  return found
}
