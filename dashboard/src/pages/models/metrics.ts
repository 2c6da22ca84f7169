// What versions measured, as columns.
import type { ModelVersion } from '@contract/workspace'

const SHOWN = 4

/** The numbers that most of the versions have, in the order in which they first say them. */
export function metricsOf(versions: ModelVersion[]): string[] {
  const counts = new Map<string, number>()
  for (const { metadata } of versions)
    for (const [name, value] of Object.entries(metadata ?? {}))
      if (typeof value === 'number') counts.set(name, (counts.get(name) ?? 0) + 1)
  const most = [...counts].toSorted(([, one], [, other]) => other - one).slice(0, SHOWN)
  const names = new Set(most.map(([name]) => name))
  return [...counts.keys()].filter((name) => names.has(name))
}

/** A number as short as it can be read: "0.9371", "12,000", "1.3e-7". */
export function inDigits(value: unknown): string {
  if (typeof value !== 'number') return value === undefined ? '' : JSON.stringify(value)
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) return value.toExponential(2)
  return value.toLocaleString(undefined, { maximumSignificantDigits: 6 })
}
