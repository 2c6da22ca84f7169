// When a schedule fires, in words, and what its states look like.
import type { FiringOutcome, Schedule, ScheduleState } from '@contract/workspace'
import type { Look } from '@/ui/states'
import { duration, exact } from '@/ui/times'

/** Those parts of a schedule that say when. */
export type Timing = Pick<Schedule, 'cron' | 'interval' | 'runAt' | 'timeZone'>

/** All that bounds its times: none is foretold before its start, nor after its end. */
export function timesOf({ cron, timeZone, startTime, endTime }: Schedule) {
  return { cron, timeZone, startTime, endTime }
}

/** "30 2 * * * (Europe/Berlin)", "every 1 h 0 m", "once, 3 Dec 2026 …". */
export function timingWords({ cron, interval, runAt, timeZone }: Timing): string {
  if (cron) return `${cron} (${timeZone || 'UTC'})`
  if (interval) return `every ${duration(Number.parseFloat(interval) * 1000)}`
  return runAt ? `once, ${exact(runAt)}` : '–'
}

const CLOCK = {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: 'numeric',
  minute: '2-digit',
  timeZoneName: 'short',
} as const

/** A time and its zone, as the wall clock of its schedule shows it, by which people reckon. */
export function wallClock(time: string, timeZone: string): string {
  const at = new Date(time)
  try {
    return new Intl.DateTimeFormat(undefined, { ...CLOCK, timeZone: timeZone || 'UTC' }).format(at)
  } catch {
    // Half typed, or one that servers know and browsers do not.
    return new Intl.DateTimeFormat(undefined, { ...CLOCK, timeZone: 'UTC' }).format(at)
  }
}

type Marked = Omit<Look, 'isOver'>
const NONE: Marked = { word: 'None yet', icon: 'hands', tone: 'mute' }
const STATES: Record<string, Marked> = {
  SCHEDULE_STATE_ACTIVE: { word: 'Active', icon: 'clock', tone: 'good' },
  SCHEDULE_STATE_PAUSED: { word: 'Paused', icon: 'bars', tone: 'warn' },
  SCHEDULE_STATE_FINISHED: { word: 'Finished', icon: 'check', tone: 'mute' },
}
const OUTCOMES: Record<string, Marked> = {
  FIRING_OUTCOME_STARTED: { word: 'Started', icon: 'check', tone: 'good' },
  FIRING_OUTCOME_SKIPPED: { word: 'Skipped', icon: 'skip', tone: 'mute' },
  FIRING_OUTCOME_FAILED: { word: 'Failed', icon: 'cross', tone: 'bad' },
  FIRING_OUTCOME_BUFFERED: { word: 'Waits', icon: 'hands', tone: 'warn' },
}

export function lookOfState(state: ScheduleState): Marked {
  return STATES[state] ?? NONE
}

export function lookOfOutcome(outcome: FiringOutcome): Marked {
  return OUTCOMES[outcome] ?? NONE
}

export const OVERLAPS = [
  ['OVERLAP_SKIP', 'Skip the time'],
  ['OVERLAP_ALLOW', 'Start another beside it'],
  ['OVERLAP_BUFFER_ONE', 'Let one wait for its end'],
] as const

export const CATCH_UPS = [
  ['CATCH_UP_NONE', 'Nothing'],
  ['CATCH_UP_LATEST', 'The last one fires'],
  ['CATCH_UP_ALL', 'All fire, ten at most'],
] as const

/** The words of a choice; those of the first, which is the default, where nothing was chosen. */
export function wordsOf(choices: readonly (readonly [string, string])[], value: string): string {
  return (choices.find(([each]) => each === value) ?? choices[0])?.[1] ?? ''
}
