import { lookOf, shortState, type Tone } from '@/ui/states'
import css from './runs.module.css'

const ORDER: Tone[] = ['good', 'kept', 'bad', 'busy', 'warn', 'mute']

/** How far the steps are: a number, and a bar of their states. */
export function StepBar({ counts }: { counts: { [state: string]: number } }) {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
  if (total === 0) return <span className="quiet">–</span>
  const isOver = ([state]: [string, number]) => lookOf(state).isOver
  const over = Object.entries(counts)
    .filter(isOver)
    .reduce((sum, [, count]) => sum + count, 0)
  return (
    <span className={css.steps} title={inWords(counts)}>
      <svg className={css.bar} viewBox={`0 0 ${total} 1`} preserveAspectRatio="none" aria-hidden="true">
        {segments(counts).map(({ tone, from, count }) => (
          <rect key={tone} x={from} width={count} height={1} className={css[tone]} />
        ))}
      </svg>
      <span className="numbers">
        {over}/{total}
      </span>
    </span>
  )
}

function segments(counts: { [state: string]: number }) {
  let from = 0
  return ORDER.flatMap((tone) => {
    const own = Object.entries(counts).filter(([state]) => lookOf(state).tone === tone)
    const count = own.reduce((sum, [, each]) => sum + each, 0)
    const segment = { tone, from, count }
    from += count
    return count > 0 ? [segment] : []
  })
}

function inWords(counts: { [state: string]: number }): string {
  return Object.entries(counts)
    .map(([state, count]) => `${count} ${lookOf(shortState(state)).word.toLowerCase()}`)
    .join(', ')
}
