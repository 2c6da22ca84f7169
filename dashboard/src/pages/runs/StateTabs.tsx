import { termsOf, withoutTerm, withTerm } from '@/api/terms'
import { StateShape } from '@/ui/StateMark'
import { lookOf } from '@/ui/states'
import css from './runs.module.css'
import { useRunCounts } from './useRuns'

const STATES = ['RUNNING', 'PENDING', 'PROVISIONING', 'PAUSED', 'STOPPING', 'FAILED', 'SUCCEEDED', 'STOPPED']

/** How many runs are in each state; one press shows those. */
export function StateTabs({ query, onQuery }: { query: string; onQuery: (query: string) => void }) {
  const counts = useRunCounts()
  const terms = termsOf(query)
  const chosen = STATES.find((state) => terms.includes(termOf(state)))
  const countOf = (state: string) => Number(counts[state] ?? counts[`RUN_STATE_${state}`] ?? 0)
  const total = STATES.reduce((sum, state) => sum + countOf(state), 0)
  const others = chosen ? withoutTerm(query, termOf(chosen)) : query
  return (
    <ul className={css.tabs} aria-label="States">
      <Tab isChosen={!chosen} onChoose={() => onQuery(others)} label="All" count={total} />
      {STATES.filter((state) => countOf(state) > 0 || state === chosen).map((state) => (
        <Tab
          key={state}
          state={state}
          isChosen={state === chosen}
          onChoose={() => onQuery(withTerm(others, termOf(state)))}
          label={lookOf(state).word}
          count={countOf(state)}
        />
      ))}
    </ul>
  )
}

type TabProps = { state?: string; isChosen: boolean; onChoose: () => void; label: string; count: number }

function Tab({ state, isChosen, onChoose, label, count }: TabProps) {
  return (
    <li>
      <button type="button" className={css.tab} aria-pressed={isChosen} onClick={onChoose}>
        {state && (
          <span aria-hidden="true">
            <StateShape state={state} />
          </span>
        )}
        {label}
        <span className={`numbers ${css.count}`}>{count.toLocaleString()}</span>
      </button>
    </li>
  )
}

function termOf(state: string): string {
  return `state = ${state}`
}
