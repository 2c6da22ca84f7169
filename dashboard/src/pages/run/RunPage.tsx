import type { Run } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { useProject } from '@/app/project'
import { ErrorPage } from '@/ui/ErrorPage'
import { PageHead } from '@/ui/Page'
import { StateMark } from '@/ui/StateMark'
import { useTitle } from '@/ui/useTitle'
import { Facts } from './Facts'
import { GraphView } from './graph/GraphView'
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
  const { view } = route.useSearch()
  const { name: project } = useProject()
  const run = useRun(id)
  useTitle(run.data?.displayName || id, 'Runs')
  if (run.error && !run.data) return <ErrorPage error={run.error} onRetry={() => run.refetch()} />
  return (
    <>
      {run.data ? <Head run={run.data} /> : <p className={css.loading}>Reading the run …</p>}
      {view === 'graph' ? (
        // It does not wait for the run, which is read beside it.
        <GraphView name={`${project}/runs/${id}`} run={run.data} />
      ) : (
        run.data && <View run={run.data} />
      )}
    </>
  )
}

function Head({ run }: { run: Run }) {
  const params = route.useParams()
  return (
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
