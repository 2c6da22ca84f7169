import { Link, Navigate } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { EmptyState } from '@/ui/EmptyState'
import { ErrorPage } from '@/ui/ErrorPage'
import css from './home.module.css'
import { lastPlace } from './lastPlace'
import { useMayIn } from './organization'
import { useSession } from './SessionGate'
import { useProjects } from './useProjects'

/** Sends people to where they were last, or to the first place there is for them. */
export function Home() {
  const { workspaces } = useSession()
  const last = lastPlace()
  const workspace = workspaces.find((each) => idOf(each.name) === last?.workspace) ?? workspaces[0]
  if (!workspace)
    return (
      <main>
        <h1 className="unseen">Welcome to Weft</h1>
        <EmptyState icon="user" title="No workspace is shared with you here">
          <p>
            An administrator of your organization can give you a role on one. Workspaces with a gateway of
            their own are found at its address.
          </p>
          <Elsewhere />
        </EmptyState>
      </main>
    )
  return <FirstProject workspace={workspace} last={last?.project} />
}

/** What there is beside workspaces: whoever comes first has an organization to look after. */
function Elsewhere() {
  const { organization } = useSession()
  const may = useMayIn(organization?.name ?? '')
  return (
    <p className={css.ways}>
      {organization && may('members.list') && (
        <Link to="/o/$organization" params={{ organization: idOf(organization.name) }} className={css.link}>
          Look after {organization.displayName}
        </Link>
      )}
      <Link to="/account/profile" className={css.link}>
        Your account
      </Link>
    </p>
  )
}

function FirstProject({ workspace, last }: { workspace: Parameters<typeof useProjects>[0]; last?: string }) {
  const projects = useProjects(workspace)
  if (projects.error) return <ErrorPage error={projects.error} onRetry={() => projects.refetch()} />
  if (!projects.data) return null
  const ids = projects.data.map((project) => idOf(project.name))
  const id = ids.find((each) => each === last) ?? ids[0]
  if (!id)
    return (
      <main>
        <EmptyState
          icon="runs"
          title="This workspace has no project yet"
          command="weft projects create my-project"
        >
          <p>Pipelines, runs and artifacts belong to a project.</p>
        </EmptyState>
      </main>
    )
  const params = { workspace: idOf(workspace.name), project: id }
  return <Navigate to="/w/$workspace/p/$project/runs" params={params} replace />
}
