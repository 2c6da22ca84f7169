import type { Run } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { ErrorPage } from '@/ui/ErrorPage'
import { PageHead } from '@/ui/Page'
import { StateMark } from '@/ui/StateMark'
import { useTitle } from '@/ui/useTitle'
import { Facts } from './Facts'
import { RunLogs } from './logs/RunLogs'
import { Reason } from './Reason'
import { RunActions } from './RunActions'
import css from './run.module.css'
import { Steps } from './Steps'
import { useRun } from './useRun'
import { ViewTabs } from './ViewTabs'

const route = getRouteApi('/w/$workspace/p/$project/runs/$run')

export function RunPage() {
  const { run: id } = route.useParams()
  const run = useRun(id)
  useTitle(run.data?.displayName || id, 'Runs')
  if (run.error && !run.data) return <ErrorPage error={run.error} onRetry={() => run.refetch()} />
  if (!run.data) return <p className={css.loading}>Reading the run …</p>
  return <Loaded run={run.data} />
}

function Loaded({ run }: { run: Run }) {
  const params = route.useParams()
  return (
    <>
      <PageHead title={<Title run={run} />} actions={<RunActions run={run} />}>
        <nav aria-label="Breadcrumbs" className={css.crumbs}>
          <Link to="/w/$workspace/p/$project/runs" params={params}>
            Runs
          </Link>
          <span aria-hidden="true">/</span>
          <span className="mono">{idOf(run.name)}</span>
        </nav>
        <Reason run={run} />
        <Facts run={run} />
        <ViewTabs />
      </PageHead>
      <View run={run} />
    </>
  )
}

function Title({ run }: { run: Run }) {
  return (
    <span className={css.title}>
      <span className={css.titleText}>{run.displayName || idOf(run.name)}</span>
      <StateMark state={run.state} isLarge />
    </span>
  )
}

function View({ run }: { run: Run }) {
  const { view } = route.useSearch()
  return view === 'logs' ? <RunLogs run={run} /> : <Steps run={run} />
}
