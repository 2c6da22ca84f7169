// The steps of a run over time: when each could have begun, when it began and ended, and which of them the run waited for.
import type { Run, Step } from '@contract/workspace'
import { lookOf } from '@/ui/states'
import { groupBy } from '../groupBy'

/** Milliseconds of the Unix epoch. */
export type Span = { from: number; until: number }

export type Bar = {
  step: Step
  /** When nothing it depends on was left to wait for; absent while something is. */
  ready: number | undefined
  start: number | undefined
  /** When it ended, or now. Absent where it has neither ended nor begun. */
  end: number | undefined
  isLive: boolean
  /** Whether the run would have ended sooner, had it. */
  isCritical: boolean
}

export type Timeline = { bars: Bar[]; whole: Span }

const SHORTEST_MS = 1000

export function timelineOf(run: Run, steps: Step[], now: number): Timeline {
  const byId = new Map(steps.map((step) => [step.stepId, step]))
  const bars = steps.map((step) => barOf(step, byId, now))
  const critical = criticalPath(bars)
  for (const bar of bars) bar.isCritical = critical.has(bar.step.stepId)
  return { bars, whole: wholeOf(run, bars, now) }
}

function barOf(step: Step, byId: Map<string, Step>, now: number): Bar {
  const { isOver } = lookOf(step.state)
  const start = at(step.startTime)
  const end = at(step.endTime) ?? (start === undefined || isOver ? undefined : now)
  return { step, ready: readyAt(step, byId), start, end, isLive: !isOver, isCritical: false }
}

function readyAt(step: Step, byId: Map<string, Step>): number | undefined {
  let ready = at(step.createTime)
  for (const id of step.upstream) {
    const upstream = byId.get(id)
    if (!upstream) continue
    const end = at(upstream.endTime)
    if (end === undefined) return undefined
    ready = Math.max(ready ?? end, end)
  }
  return ready
}

/** From the step that ended last, back over those that the next one waited for longest. */
function criticalPath(bars: Bar[]): Set<string> {
  const byId = new Map(bars.map((bar) => [bar.step.stepId, bar]))
  const items = groupBy(bars, ({ step }) => step.mapGroup)
  const path = new Set<string>()
  let next = latest(bars.filter(({ step }) => !step.mapGroup))
  while (next && !path.has(next.step.stepId)) {
    path.add(next.step.stepId)
    // A fan-out ends with the last of its items.
    const item = latest(items.get(next.step.stepId) ?? [])
    if (item) path.add(item.step.stepId)
    next = latest(next.step.upstream.flatMap((id) => byId.get(id) ?? []))
  }
  return path
}

/** The one that ends last; of several that do, the one that takes longest. */
function latest(bars: Bar[]): Bar | undefined {
  let last: Bar | undefined
  for (const bar of bars) {
    if (bar.end === undefined) continue
    const later = bar.end - (last?.end ?? Number.NEGATIVE_INFINITY)
    if (later > 0 || (later === 0 && (bar.start ?? bar.end) < (last?.start ?? bar.end))) last = bar
  }
  return last
}

function wholeOf(run: Run, bars: Bar[], now: number): Span {
  const from = bars.reduce(
    (first, { step, start }) => Math.min(first, start ?? first, at(step.createTime) ?? first),
    at(run.createTime) ?? now,
  )
  const last = bars.reduce((until, { end }) => Math.max(until, end ?? until), at(run.endTime) ?? from)
  const until = lookOf(run.state).isOver ? last : Math.max(last, now)
  return { from, until: Math.max(until, from + SHORTEST_MS) }
}

function at(time: string | undefined): number | undefined {
  return time ? Date.parse(time) : undefined
}
