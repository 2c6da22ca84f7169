import { getRouteApi, Link } from '@tanstack/react-router'
import css from './run.module.css'

const route = getRouteApi('/w/$workspace/p/$project/runs/$run')
const VIEWS = [
  [undefined, 'Steps'],
  ['graph', 'Graph'],
  ['timeline', 'Timeline'],
  ['logs', 'Logs'],
] as const

/** The ways to look at a run; each is an address. */
export function ViewTabs() {
  return (
    <nav aria-label="Views of the run" className={css.views}>
      {VIEWS.map(([id, label]) => (
        <Link
          key={label}
          from={route.id}
          to="."
          search={(now) => ({ ...now, view: id })}
          activeOptions={{ includeSearch: true, explicitUndefined: true }}
          className={css.view}
        >
          {label}
        </Link>
      ))}
    </nav>
  )
}
