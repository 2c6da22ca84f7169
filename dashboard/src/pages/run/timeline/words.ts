import { shortState } from '@/ui/states'
import { duration } from '@/ui/times'
import type { Bar } from './timelineOf'

/** What a bar shows, in words: "waited 0.4 s to start, ran 1 m 4 s, 2 attempts, on the critical path". */
export function wordsOf(bar: Bar): string {
  const attempts = bar.step.attemptCount > 1 ? `${bar.step.attemptCount} attempts` : ''
  const critical = bar.isCritical ? 'on the critical path' : ''
  return [...beginning(bar), ending(bar), attempts, critical].filter(Boolean).join(', ')
}

function beginning({ ready, start, step }: Bar): string[] {
  if (ready === undefined) return ['waits for other steps']
  if (start !== undefined) return start > ready ? [`waited ${duration(start - ready)} to start`] : []
  return shortState(step.state) === 'PENDING' ? ['waits to start'] : []
}

function ending({ start, end, isLive, step }: Bar): string {
  if (start === undefined || end === undefined) {
    return { CACHED: 'was cached', SKIPPED: 'was skipped' }[shortState(step.state)] ?? ''
  }
  return `${isLive ? 'has run for' : 'ran'} ${duration(end - start)}`
}
