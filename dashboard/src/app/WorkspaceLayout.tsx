import { Outlet, useNavigate, useParams } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { EmptyState } from '@/ui/EmptyState'
import { MayNote } from './MayNote'
import { PlaceOverlays } from './palette/PlaceOverlays'
import { useSession } from './SessionGate'
import css from './shell.module.css'
import { useGoKeys } from './useShortcuts'
import { WorkspaceSideBar } from './WorkspaceSideBar'
import { useMayInWorkspace, WorkspaceProvider } from './workspace'
import { WORKSPACE_NAV } from './workspaceNav'

/** Around every page of a workspace: what all of its projects share. */
export function WorkspaceLayout() {
  const params = useParams({ from: '/w/$workspace' })
  const { workspaces } = useSession()
  const workspace = workspaces.find((each) => idOf(each.name) === params.workspace)
  if (!workspace)
    return (
      <main>
        <EmptyState icon="stack" title="There is no such workspace, or it is not shared with you" />
      </main>
    )
  return (
    <WorkspaceProvider key={workspace.name} of={workspace}>
      <Frame />
    </WorkspaceProvider>
  )
}

function Frame() {
  const params = useParams({ from: '/w/$workspace' })
  const navigate = useNavigate()
  const may = useMayInWorkspace()
  const pages = WORKSPACE_NAV.filter(({ verb }) => !verb || may(verb)).map(({ to, label, key }) => ({
    label,
    key,
    go: () => void navigate({ to, params }),
  }))
  useGoKeys(pages, ({ go }) => go())
  return (
    <div className={css.frame}>
      <a className={css.skip} href="#content">
        Skip to the content
      </a>
      <WorkspaceSideBar />
      <main id="content" className={css.content} tabIndex={-1}>
        <MayNote may={may} />
        <Outlet />
      </main>
      <PlaceOverlays pages={pages} />
    </div>
  )
}
