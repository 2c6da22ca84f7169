import { Navigate } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { EmptyState } from '@/ui/EmptyState'
import { ErrorPage } from '@/ui/ErrorPage'
import { lastPlace } from './lastPlace'
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
        <EmptyState icon="user" title="No workspace is shared with you here">
          <p>
            An administrator of your organization can give you a role on one. Workspaces with a gateway of
            their own are found at its address.
          </p>
        </EmptyState>
      </main>
    )
  return <FirstProject workspace={workspace} last={last?.project} />
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
