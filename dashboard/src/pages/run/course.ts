// How a run stands to the runs of its pipeline before it.
import type { Run } from '@contract/workspace'
import { shortState } from '@/ui/states'
import { duration } from '@/ui/times'

// More tell of times that are long over.
const MOST_THAT_COUNT = 10

export type Course = {
  /** The run before it, whatever became of that. */
  previous?: Run | undefined
  /** What runs that succeeded took, in the middle, and how many these were. */
  usual?: { ms: number; count: number } | undefined
}

/** Of the runs before, the latest first. */
export function courseOf(before: Run[]): Course {
  const took = before
    .filter(({ state }) => shortState(state) === 'SUCCEEDED')
    .map(tookOf)
    .filter((ms) => ms !== undefined)
    .slice(0, MOST_THAT_COUNT)
    .toSorted((a, b) => a - b)
  const ms = took[Math.floor(took.length / 2)]
  return { previous: before[0], usual: ms === undefined ? undefined : { ms, count: took.length } }
}

/** "about 3 m 10 s left", "longer than usual": of a run that began so many milliseconds ago. */
export function leftWords(passed: number, { ms }: { ms: number }): string {
  return passed < ms ? `about ${duration(ms - passed)} left` : `longer than the usual ${duration(ms)}`
}

/** "12 s faster"; nothing where either has not ended, or never began. */
export function differenceWords(run: Run, previous: Run): string {
  const [ms, before] = [tookOf(run), tookOf(previous)]
  if (ms === undefined || before === undefined) return ''
  const change = duration(Math.abs(ms - before))
  return change === '0.0 s' ? 'as fast' : `${change} ${ms < before ? 'faster' : 'slower'}`
}

function tookOf({ startTime, endTime }: Run): number | undefined {
  return startTime && endTime ? Date.parse(endTime) - Date.parse(startTime) : undefined
}
