import { Mark } from '@/ui/Mark'
import { REFUSED } from './auditFilter'

/** Outcomes that one looks for, in words; others are shown by their code. */
const WORDS: Record<string, string> = {
  OK: 'Done',
  PERMISSION_DENIED: 'Not permitted',
  UNAUTHENTICATED: 'Not signed in',
  INVALID_ARGUMENT: 'Not valid',
  NOT_FOUND: 'Not found',
  ALREADY_EXISTS: 'There already',
  FAILED_PRECONDITION: 'Not possible',
  ABORTED: 'Changed meanwhile',
  RESOURCE_EXHAUSTED: 'Too much',
  UNAVAILABLE: 'Unavailable',
  INTERNAL: 'Failed',
  DATA_LOSS: 'History broken',
}

export const OUTCOMES: (readonly [string, string])[] = [
  ['', 'Any'],
  ['OK', 'Done'],
  [REFUSED, 'Anything but done'],
  ...Object.entries(WORDS).filter(([code]) => code !== 'OK'),
]

export function OutcomeMark({ outcome }: { outcome: string }) {
  const word = WORDS[outcome] ?? outcome
  if (outcome === 'OK') return <Mark word={word} icon="check" tone="good" />
  return <Mark word={word} icon="cross" tone="bad" />
}
