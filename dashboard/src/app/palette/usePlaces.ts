import { useQueries } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useMemo } from 'react'
import { basePath } from '@/api/client'
import { chooseOrganization, idOf, type Organization } from '@/api/session'
import { ACCOUNT_NAV } from '../accountNav'
import { useSession } from '../SessionGate'
import { projectsOf } from '../useProjects'
import { entryOf } from './entries'
import type { Entry } from './matching'

// Of a large fleet, projects are read of so many workspaces; those of the others are found in them.
const MOST_READ = 20

/** Where else one may go: projects, workspaces, organizations, one's own account. */
export function usePlaces(): { entries: Entry[]; isPending: boolean } {
  const { workspaces, organization, organizations } = useSession()
  const navigate = useNavigate()
  const read = useQueries({ queries: workspaces.slice(0, MOST_READ).map(projectsOf) })
  const elsewhere = useMemo(() => {
    const spaces = workspaces.map(({ name, displayName }) => {
      const params = { workspace: idOf(name) }
      return entryOf(
        'Workspace',
        named(name, displayName),
        () => void navigate({ to: '/w/$workspace/stacks', params }),
      )
    })
    const others = organizations.map((each) =>
      entryOf('Organization', named(each.name, each.displayName), () => {
        if (each.name !== organization?.name) return showOrganization(each)
        void navigate({ to: '/o/$organization/members', params: { organization: idOf(each.name) } })
      }),
    )
    const account = ACCOUNT_NAV.map(({ to, label }) => entryOf('Account', label, () => void navigate({ to })))
    return [...spaces, ...others, ...account]
  }, [workspaces, organization, organizations, navigate])
  const projects = read.flatMap(({ data }, at) => {
    const workspace = idOf(workspaces[at]?.name ?? '')
    return (data ?? []).map(({ name, displayName }) => {
      const params = { workspace, project: idOf(name) }
      const label = `${named(name, displayName)} in ${workspace}`
      return entryOf('Project', label, () => void navigate({ to: '/w/$workspace/p/$project/runs', params }))
    })
  })
  // A workspace that is away keeps nobody from going to the others.
  return { entries: [...projects, ...elsewhere], isPending: read.some(({ isPending }) => isPending) }
}

/** All that was read belongs to the one that is left. */
function showOrganization({ name }: Organization): void {
  chooseOrganization(name)
  location.assign(`${basePath()}/o/${idOf(name)}/members`)
}

function named(name: string, displayName: string | undefined): string {
  const id = idOf(name)
  return displayName && displayName !== id ? `${displayName} (${id})` : id
}
