import { useNavigate } from '@tanstack/react-router'
import { chooseOrganization, idOf } from '@/api/session'
import { Button } from '@/ui/Button'
import { Icon } from '@/ui/Icon'
import { Menu, MenuChoice, MenuLabel, MenuLine } from '@/ui/Menu'
import { useProject } from './project'
import { useSession } from './SessionGate'
import css from './shell.module.css'
import { useProjects } from './useProjects'

/** Which workspace and project is shown, and the way to others. */
export function PlaceMenu() {
  const { workspaces, organization, organizations } = useSession()
  const { workspace, workspaceId, id } = useProject()
  const projects = useProjects(workspace)
  const navigate = useNavigate()
  const project = projects.data?.find((each) => idOf(each.name) === id)

  function goTo(to: { workspace: string; project: string }) {
    void navigate({ to: '/w/$workspace/p/$project/runs', params: to })
  }
  function goToWorkspace(chosen: string) {
    localStorage.setItem('weft.place', `${chosen}/-`)
    void navigate({ to: '/' })
  }

  function goToOrganization(name: string) {
    chooseOrganization(name)
    // All that was read belongs to the other one.
    location.assign(document.baseURI)
  }

  const trigger = (
    <Button className={css.place}>
      <span className={css.placeNames}>
        <span className="cut">{project?.displayName || id}</span>
        <span className={`cut ${css.placeAbove}`}>
          {organization?.displayName} / {workspace.displayName || workspaceId}
        </span>
      </span>
      <Icon name="down" />
    </Button>
  )
  return (
    <Menu trigger={trigger}>
      <MenuLabel>Projects</MenuLabel>
      <MenuChoice
        value={id}
        onChoose={(chosen) => goTo({ workspace: workspaceId, project: chosen })}
        choices={(projects.data ?? []).map(
          (each) => [idOf(each.name), each.displayName || idOf(each.name)] as const,
        )}
      />
      <MenuLine />
      <MenuLabel>Workspaces</MenuLabel>
      <MenuChoice
        value={workspaceId}
        onChoose={goToWorkspace}
        choices={workspaces.map((each) => [idOf(each.name), each.displayName || idOf(each.name)] as const)}
      />
      {organizations.length > 1 && (
        <>
          <MenuLine />
          <MenuLabel>Organizations</MenuLabel>
          <MenuChoice
            value={organization?.name ?? ''}
            onChoose={goToOrganization}
            choices={organizations.map((each) => [each.name, each.displayName || idOf(each.name)] as const)}
          />
        </>
      )}
    </Menu>
  )
}
