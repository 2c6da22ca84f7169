import { Outlet, useParams } from '@tanstack/react-router'
import { useEffect } from 'react'
import { idOf } from '@/api/session'
import { EmptyState } from '@/ui/EmptyState'
import { rememberPlace } from './lastPlace'
import { MayNote } from './MayNote'
import { ProjectOverlays } from './palette/ProjectOverlays'
import { ProjectProvider, useMay } from './project'
import { useSession } from './SessionGate'
import { SideBar } from './SideBar'
import css from './shell.module.css'
import { useShortcuts } from './useShortcuts'

export function ProjectLayout() {
  const params = useParams({ from: '/w/$workspace/p/$project' })
  const { workspaces } = useSession()
  const workspace = workspaces.find((each) => idOf(each.name) === params.workspace)
  useEffect(() => rememberPlace(params), [params])
  if (!workspace)
    return (
      <main>
        <EmptyState icon="user" title="There is no such workspace, or it is not shared with you" />
      </main>
    )
  return (
    <ProjectProvider key={`${params.workspace}/${params.project}`} workspace={workspace} id={params.project}>
      <Frame />
    </ProjectProvider>
  )
}

function Frame() {
  useShortcuts()
  return (
    <div className={css.frame}>
      <a className={css.skip} href="#content">
        Skip to the content
      </a>
      <SideBar />
      <main id="content" className={css.content} tabIndex={-1}>
        <MayNote may={useMay()} />
        <Outlet />
      </main>
      <ProjectOverlays />
    </div>
  )
}
